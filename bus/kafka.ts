import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../core/log.js'
import type { MemoryBound } from '../core/memory.js'
import type { Metrics } from '../core/metrics.js'
import { deadLetter } from '../ocsf/dead-letter.js'
import { createKafkaAdmin } from './kafka-admin.js'
import type { KafkaConfig } from './kafka-config.js'
import { openKafka } from './kafka-connection.js'
import { subscribeKafka } from './kafka-consumer.js'
import { kafkaError } from './kafka-errors.js'
import { createPartitioner } from './kafka-partition.js'
import { createKafkaProducer } from './kafka-producer.js'
import { createStatus } from './kafka-status.js'
import { type Bus, type Message, type Subscription, TOPICS, type Topic } from './port.js'

const LOOK_EVERY_MS = 5_000
const START_RETRY_MS = 500
/** Characters of a record that fit into any topic. */
const SHORT_LETTER = 10_000
/** What a start may take once the brokers answer. */
const CONNECTED_WITHIN_MS = 4_000
/** Brokers that answer may still be busy with making topics. */
const ANSWERED_WITHIN_MS = 9_000

export type KafkaBusOptions = {
  readonly config: KafkaConfig
  readonly log: Log
  readonly metrics: Metrics
  /** Where in the configuration `config` is, for messages; `bus.kafka` by default. */
  readonly setting?: string
  /** What is read waits until there is room. */
  readonly memory?: MemoryBound
}

/**
 * The bus of many processes: Apache Kafka. `publish` resolves when all in-sync replicas have the messages; a group's
 * offset moves when its handler has resolved. An outage at run time is waited out, and shows in `health`.
 */
export function createKafkaBus(options: KafkaBusOptions): Bus {
  const { config, log, metrics } = options
  const setting = options.setting ?? 'bus.kafka'
  const name = (plain: string) => `${config.topic_prefix}${plain}`
  const plain = new Map(TOPICS.map((topic) => [name(topic), topic]))
  const kafka = openKafka(config, {
    log,
    setting,
    memory: options.memory,
  })
  const fault = (error: unknown, what: string) => kafkaError(error, setting, config.brokers, what)
  const status = createStatus({ log, metrics })
  const admin = createKafkaAdmin(kafka, config, TOPICS, name)
  const partition = createPartitioner()
  const partitionsOf = (topic: string) => admin.partitions(plain.get(topic) as Topic)
  const producer = createKafkaProducer({
    kafka,
    config,
    partitions: partitionsOf,
    partition,
    status,
    metrics,
    fault: (error) => fault(error, 'publish'),
    plain: (topic) => plain.get(topic) ?? topic,
    refused(topic, message, why) {
      metrics.count('bus_refused', { topic: plain.get(topic) ?? topic, reason: 'too_large' })
      log.error({ topic, uid: message.value.metadata?.uid, why }, 'Kafka refused a message')
      const letters = name('weir.dead_letters')
      if (topic !== letters) return { topic: letters, message: letterOf(message, why, Number.POSITIVE_INFINITY) }
      // Even the letter was too large: once more, with the beginning only.
      const raw = message.value.raw_data ?? ''
      return raw.length > SHORT_LETTER ? { topic, message: letterOf(message, why, SHORT_LETTER) } : undefined
    },
  })
  const subscriptions = new Set<Subscription>()
  /** Groups of this process, and what they read: their lag is looked at. */
  const groups = new Map<string, Set<Topic>>()
  let looking: Promise<void> | undefined
  let stopping = new AbortController()

  /** Everything that needs the brokers at start, again and again while they are out of reach, or topics are still made. */
  async function connect(answered: () => void) {
    const began = Date.now()
    let within_ms = config.start_timeout_ms
    for (;;) {
      try {
        await admin.connect()
        within_ms = Math.max(within_ms, ANSWERED_WITHIN_MS)
        answered()
        await admin.createTopics()
        return await producer.start()
      } catch (error) {
        const problem = fault(error, 'create topics or publish')
        if (!problem.retryable || Date.now() + START_RETRY_MS > began + within_ms) throw problem
        await sleep(START_RETRY_MS)
      }
    }
  }

  async function look() {
    const { signal } = stopping
    while (!signal.aborted) {
      try {
        if (groups.size === 0) await admin.ends(['weir.coverage'])
        for (const [group, topics] of groups) {
          for (const [topic, lag] of await admin.lag(group, [...topics]))
            metrics.gauge('bus_lag', { group, topic }, lag)
        }
        status.up('brokers')
      } catch (error) {
        if (!signal.aborted) status.down('brokers', fault(error, 'ask for offsets'))
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
    }
  }

  /** What is asked for while the brokers are away fails with their setting's name. */
  function asked<Args extends unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) {
    return (...args: Args) =>
      ask(...args).catch((error: unknown): never => {
        throw fault(error, 'ask for offsets')
      })
  }

  return {
    publish: (topic, messages) => (messages.length === 0 ? Promise.resolve() : producer.send(name(topic), messages)),
    async subscribe(group, topics, handler, { on_assigned } = {}) {
      const subscription = await subscribeKafka({
        kafka,
        config,
        group: name(group),
        topics: new Map(topics.map((topic) => [name(topic), topic])),
        handler,
        on_assigned,
        dead_letters: (messages) => producer.send(name('weir.dead_letters'), messages),
        fault,
        status,
        memory: options.memory,
        log,
        metrics,
      })
      groups.set(group, new Set([...(groups.get(group) ?? []), ...topics]))
      const mine: Subscription = {
        async stop() {
          if (subscriptions.delete(mine)) await subscription.stop()
        },
      }
      subscriptions.add(mine)
      return mine
    },
    partitionsOf: admin.partitions,
    partitionOf: (topic, key) => partition(key, admin.partitions(topic)),
    positions: asked(admin.positions),
    receivedFrom: asked(admin.receivedFrom),
    caughtUp: asked(admin.caughtUp),
    lag: asked(admin.lag),
    health: status.health,
    pressure: producer.pressure,
    async start() {
      stopping = new AbortController()
      let within_ms = config.start_timeout_ms
      const connecting = connect(() => {
        within_ms = Math.max(within_ms, ANSWERED_WITHIN_MS)
      })
      const began = Date.now()
      const late = (async () => {
        while (Date.now() < began + within_ms + CONNECTED_WITHIN_MS) await sleep(100, undefined, { ref: false })
        return 'late' as const
      })()
      const first = await Promise.race([connecting, late]).catch(async (error) => {
        await admin.disconnect().catch(() => {})
        throw error
      })
      if (first === 'late') {
        connecting.catch(() => {})
        // Not waited for: whoever does not answer does not answer this either.
        admin.disconnect().catch(() => {})
        throw fault(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }), 'connect')
      }
      metrics.gauge('bus_up', {}, 1)
      looking = look()
    },
    async stop() {
      // What is in a handler may lead to findings: it is published before the producer goes.
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()))
      await producer.stop()
      stopping.abort()
      await admin.disconnect().catch(() => {})
      await looking
      looking = undefined
      groups.clear()
    },
  }
}

/** The dead letter of a message; of a dead letter: the same one with less of its record. */
function letterOf({ key, value, timestamp }: Message, why: string, length: number): Message {
  const position = value.metadata?.uid
  const letter = deadLetter({
    reason: 'event_too_large',
    detail: why,
    source: { instance: 'bus', format: 'ocsf', ...(position ? { position } : {}) },
    raw: (value.raw_data ?? JSON.stringify(value)).slice(0, length),
    received_time: timestamp,
  })
  return { key, value: letter, timestamp }
}
