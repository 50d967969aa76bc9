import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Kafka, type Producer } from 'kafkajs'
import { WeirError } from '../core/errors.js'
import type { Metrics } from '../core/metrics.js'
import { createTurns } from '../core/turns.js'
import type { KafkaConfig } from './kafka-config.js'
import { faultType } from './kafka-errors.js'
import { createOutbox, type Entry, type Request } from './kafka-outbox.js'
import type { KafkaStatus } from './kafka-status.js'
import type { Message } from './port.js'

const { CompressionTypes } = kafkajs
const COMPRESSION = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, lz4: CompressionTypes.LZ4 }
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** Messages in flight are waited for so long when the bus stops. */
const DRAIN_WITHIN_MS = 10_000
/** Faults after which the broker takes nothing more from this producer id. */
const LOST_SEQUENCE = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'DUPLICATE_SEQUENCE_NUMBER',
]
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']

export type KafkaProducerOptions = {
  readonly kafka: Kafka
  readonly config: KafkaConfig
  /** Partitions of a topic. */
  readonly partitions: (topic: string) => number
  readonly partition: (key: string, partitions: number) => number
  /** A topic's name without its prefix. */
  readonly plain: (topic: string) => string
  /** What to publish in place of a message that no broker will ever take; undefined: nothing. */
  readonly refused: (topic: string, message: Message, why: string) => { topic: string; message: Message } | undefined
  /** Turns a fault of the client into an error that names the setting. */
  readonly fault: (error: unknown) => WeirError
  readonly status: KafkaStatus
  readonly metrics: Metrics
}

/** Publishes with as few, large record batches as it can. */
export type KafkaProducer = {
  start(): Promise<void>
  /** Resolves when all in-sync replicas have the messages; waits while too many others do. */
  send(topic: string, messages: readonly Message[]): Promise<void>
  pressure(): number
  stop(): Promise<void>
}

/**
 * One request is under way at a time (the idempotent producer of kafkajs allows no more for a broker); what is published meanwhile
 * shares the next one, in one record batch for each partition. A request is tried again, unchanged, until it
 * succeeds: the brokers recognise its sequence numbers.
 */
export function createKafkaProducer(options: KafkaProducerOptions): KafkaProducer {
  const { kafka, config, status, metrics } = options
  const outbox = createOutbox({ ...config, turns: createTurns() })
  let producer: Producer | undefined
  let open = false
  let wake: (() => void) | undefined
  let pumping: Promise<void> | undefined
  const stopping = new AbortController()

  async function connect() {
    const fresh = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      retry: { retries: 4, initialRetryTime: 100, maxRetryTime: 2_000 },
      // Every message says its partition.
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    })
    try {
      await fresh.connect()
    } catch (error) {
      await fresh.disconnect().catch(() => {})
      throw error
    }
    producer = fresh
  }

  async function renew() {
    const old = producer
    producer = undefined
    await old?.disconnect().catch(() => {})
    await connect()
  }

  async function transmit(request: Request) {
    const started = performance.now()
    await producer?.sendBatch({
      acks: -1,
      compression: COMPRESSION[config.compression],
      topicMessages: [...request.topics].map(([topic, entries]) => ({
        topic,
        messages: entries.map(recordOf),
      })),
    })
    metrics.observe('bus_publish', {}, performance.now() - started)
    for (const [topic, entries] of request.topics)
      metrics.count('bus_published', { topic: options.plain(topic) }, entries.length)
  }

  /** Until it is done, or the bus stops. */
  async function deliver(request: Request) {
    for (let wait_ms = FIRST_RETRY_MS; ; wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)) {
      try {
        if (!producer) await connect()
        await transmit(request)
        status.up('publish')
        return outbox.settle(request)
      } catch (error) {
        const type = faultType(error)
        if (TOO_LARGE.includes(type)) return divide(request)
        status.down('publish', options.fault(error))
        if (stopping.signal.aborted) throw error
        await sleep(wait_ms, undefined, { signal: stopping.signal })
        // What the broker has of it may come twice then; readers know events by their uid.
        if (LOST_SEQUENCE.includes(type) || (error as { retriable?: boolean }).retriable === false)
          await renew().catch(() => {})
      }
    }
  }

  /** Which message was too large is not said: halves, down to the one. */
  async function divide(request: Request) {
    const entries = [...request.topics].flatMap(([topic, list]) => list.map((entry) => ({ topic, entry })))
    const [first] = entries
    if (entries.length === 1 && first) {
      const why = `${first.entry.bytes?.length} bytes are more than the topic takes`
      const letter = options.refused(first.topic, first.entry.message, why)
      if (!letter) return outbox.settle(request)
      const partition = options.partition(letter.message.key, options.partitions(letter.topic))
      return outbox.replace(first.entry, letter.topic, letter.message, partition)
    }
    const half = entries.length >> 1
    for (const part of [entries.slice(0, half), entries.slice(half)]) await deliver(requestOf(part))
  }

  async function pump() {
    while (open || !outbox.isEmpty()) {
      if (outbox.isEmpty()) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if (open && config.linger_ms > 0 && !outbox.isFull()) await sleep(config.linger_ms)
      const request = await outbox.next()
      try {
        await deliver(request)
      } catch (error) {
        return outbox.fail(error, request)
      }
    }
  }

  return {
    async start() {
      await connect()
      open = true
      pumping = pump()
    },
    async send(topic, messages) {
      const stopped = () => new WeirError('overloaded', 'the bus is stopped', { retryable: true })
      if (!open) throw stopped()
      await outbox.room(messages.length)
      if (!open) throw stopped()
      const count = options.partitions(topic)
      const done = outbox.add(topic, messages, (key) => options.partition(key, count))
      wake?.()
      return done
    },
    pressure: outbox.pressure,
    async stop() {
      if (!open) return
      open = false
      wake?.()
      outbox.wakeWaiting()
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, DRAIN_WITHIN_MS)
      })
      await Promise.race([pumping, late])
      clearTimeout(timer)
      stopping.abort()
      outbox.fail(new Error('it does not answer'))
      await producer?.disconnect().catch(() => {})
    },
  }
}

function recordOf({ message, partition, bytes }: Entry) {
  const { key, trace } = message
  const record = { key, value: bytes as Buffer, timestamp: String(message.timestamp), partition }
  return trace === undefined ? record : { ...record, headers: { traceparent: trace } }
}

function requestOf(entries: readonly { topic: string; entry: Entry }[]): Request {
  const topics = new Map<string, Entry[]>()
  for (const { topic, entry } of entries) {
    const list = topics.get(topic)
    if (list) list.push(entry)
    else topics.set(topic, [entry])
  }
  return { topics }
}
