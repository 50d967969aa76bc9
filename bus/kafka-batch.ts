import type { KafkaMessage } from 'kafkajs'
import { messageOf } from '../core/errors.js'
import type { Metrics } from '../core/metrics.js'
import { deadLetter } from '../ocsf/dead-letter.js'
import type { OcsfEvent } from '../ocsf/event.js'
import type { Batch, Message, Topic } from './port.js'

/** A batch as a handler gets it, and the offsets it covers. */
export type ReadBatch = {
  readonly batch: Batch
  /** What could not be read, as dead letters. */
  readonly unread: readonly Message[]
  readonly first: bigint
  readonly last: bigint
}

/** Parses some messages of one partition, each once. What is not an event becomes a dead letter, and is counted. */
export function readBatch(
  topic: Topic,
  partition: number,
  messages: readonly KafkaMessage[],
  metrics: Metrics,
): ReadBatch {
  const read: Message[] = []
  const unread: Message[] = []
  for (const message of messages) {
    const timestamp = Number(message.timestamp)
    const outcome = parse(message.value)
    if ('value' in outcome) {
      const trace = message.headers?.traceparent
      const key = String(message.key ?? '')
      read.push(
        trace === undefined
          ? { key, value: outcome.value, timestamp }
          : { key, value: outcome.value, timestamp, trace: String(trace) },
      )
      continue
    }
    const position = `${topic}:${partition}:${message.offset}`
    metrics.count('bus_unreadable', { topic, reason: outcome.reason })
    // Every group that reads the topic writes this letter; time and position make it the same one.
    const value = deadLetter({
      reason: outcome.reason,
      detail: `${position}: ${outcome.detail}`,
      source: { instance: 'bus', format: 'ocsf', position },
      raw: String(message.value ?? ''),
      received_time: timestamp,
    })
    unread.push({ key: 'bus', value, timestamp })
  }
  const first = BigInt(messages[0]?.offset ?? 0)
  const last = BigInt(messages.at(-1)?.offset ?? 0)
  return { batch: { topic, messages: read, token: `${topic}:${partition}:${first}-${last}` }, unread, first, last }
}

function parse(bytes: Buffer | null): { value: OcsfEvent } | { reason: string; detail: string } {
  if (bytes === null || bytes.length === 0) return { reason: 'empty_value', detail: 'the message has no value' }
  try {
    const value = JSON.parse(bytes.toString()) as OcsfEvent
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return { value }
    return { reason: 'not_an_event', detail: 'the value is not a JSON object' }
  } catch (error) {
    return { reason: 'invalid_json', detail: messageOf(error) }
  }
}
