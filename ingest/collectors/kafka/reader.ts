import type { EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import { isRebalance } from '../../../bus/kafka-errors.js'
import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { formats } from '../../formats/index.js'
import { createHeader } from '../../header.js'
import type { KafkaCollectorConfig } from './config.js'

const HEARTBEATS_PER_SESSION = 5
const STUCK_AFTER_SESSIONS = 4

/**
 * Reads with one client until the signal aborts or the client fails; resolves with why it failed. `onReading` is called
 * when it reads. A message is committed when the pipeline has taken it.
 */
export async function readTopics(
  kafka: Kafka,
  config: KafkaCollectorConfig,
  deps: CollectorDeps,
  signal: AbortSignal,
  onReading: () => void,
): Promise<unknown> {
  const consumer = kafka.consumer({
    groupId: config.group,
    sessionTimeout: config.session_timeout_ms,
    heartbeatInterval: Math.floor(config.session_timeout_ms / 4),
    maxBytes: config.fetch_bytes,
    maxBytesPerPartition: Math.min(config.fetch_bytes, 1_048_576),
    maxWaitTimeInMs: 250,
    retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 2_000, restartOnFailure: async () => false },
  })
  let last_sign = Date.now()
  const { CRASH, FETCH, HEARTBEAT } = consumer.events
  consumer.on(HEARTBEAT, () => {
    last_sign = Date.now()
  })
  let reads = false
  consumer.on(FETCH, () => {
    last_sign = Date.now()
    if (!reads) onReading()
    reads = true
  })
  const crashed = new Promise<unknown>((resolve) => void consumer.on(CRASH, ({ payload }) => resolve(payload.error)))
  let watch: NodeJS.Timeout | undefined
  let onAbort = () => {}
  const ended = new Promise<unknown>((resolve) => {
    onAbort = () => resolve(undefined)
    signal.addEventListener('abort', onAbort, { once: true })
    const stuck_after_ms = config.session_timeout_ms * STUCK_AFTER_SESSIONS
    watch = setInterval(() => {
      if (Date.now() - last_sign > stuck_after_ms) resolve(new Error(`no sign of life for ${stuck_after_ms} ms`))
    }, 1_000)
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: config.topics, fromBeginning: config.from === 'earliest' })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: config.concurrency,
      eachBatch: (payload) => handOn(payload, config, deps, signal),
    })
    return await Promise.race([crashed, ended])
  } catch (error) {
    return error
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', onAbort)
    await consumer.disconnect().catch(() => {})
  }
}

/** Emits a fetched batch piece by piece, and commits each piece. */
async function handOn(
  payload: EachBatchPayload,
  config: KafkaCollectorConfig,
  deps: CollectorDeps,
  signal: AbortSignal,
) {
  const { topic, partition, messages } = payload.batch
  let rebalancing = false
  const beat = setInterval(() => {
    payload.heartbeat().catch((error) => {
      if (isRebalance(error)) rebalancing = true
    })
  }, config.session_timeout_ms / HEARTBEATS_PER_SESSION)
  try {
    for (let at = 0; at < messages.length; at += config.max_records) {
      if (signal.aborted || rebalancing || !payload.isRunning() || payload.isStale()) return
      const piece = messages.slice(at, at + config.max_records)
      const records = piece.flatMap((message) => recordsOf(topic, partition, message, config))
      try {
        if (records.length > 0) await emitUntilTaken(deps, config.format, records, signal)
      } catch (error) {
        if (signal.aborted) return
        throw error
      }
      const last = piece.at(-1)?.offset ?? '0'
      payload.resolveOffset(last)
      const offset = String(BigInt(last) + 1n)
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] })
    }
  } finally {
    clearInterval(beat)
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The records of a message: one, or one a line. The position is where it stands in its topic. */
function recordsOf(topic: string, partition: number, message: KafkaMessage, config: KafkaCollectorConfig): RawRecord[] {
  const position = `${topic}:${partition}:${message.offset}`
  // A tombstone of a compacted topic: there is no record.
  if (message.value === null || message.value.length === 0) return []
  let text: string
  try {
    text = decoder.decode(message.value)
  } catch {
    const detail = `${position}: not UTF-8; kept as base64`
    return [{ data: message.value.toString('base64'), position, fault: { reason: 'invalid_utf8', detail } }]
  }
  if (!config.lines) return [{ data: text, position }]
  const header = createHeader(formats.find(config.format))
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((data, index) => header.place({ data, position: `${position}:${index}` }) ?? [])
}
