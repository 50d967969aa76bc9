import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer, Kafka, PartitionAssigner } from 'kafkajs'
import { messageOf, type WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { MemoryBound } from '../core/memory.js'
import type { Metrics } from '../core/metrics.js'
import type { KafkaConfig } from './kafka-config.js'
import { createPartitions } from './kafka-partitions.js'
import type { KafkaStatus } from './kafka-status.js'
import type { Handler, Message, SubscribeOptions, Subscription, Topic } from './port.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** A consumer that shows no sign of life for so many session times is replaced. */
const STUCK_AFTER_SESSIONS = 4
/** A group that waits for another member's handlers is not an error: the subscription exists. */
const JOIN_WITHIN_MS = 10_000
/** A coordinator that is not found at first may be starting; after so long it is the right to use it that is missing. */
const REFUSED_AFTER_MS = 4_000

export type KafkaSubscriptionOptions = {
  readonly kafka: Kafka
  readonly config: KafkaConfig
  /** With its prefix, as Kafka knows it. */
  readonly group: string
  /** Names in Kafka to names of ours. */
  readonly topics: ReadonlyMap<string, Topic>
  readonly handler: Handler
  readonly on_assigned: SubscribeOptions['on_assigned']
  /** Publishes what could not be read. */
  readonly dead_letters: (messages: readonly Message[]) => Promise<void>
  /** Turns a fault of the client into an error that names the setting. */
  readonly fault: (error: unknown, what: string) => WeirError
  readonly status: KafkaStatus
  readonly memory: MemoryBound | undefined
  readonly log: Log
  readonly metrics: Metrics
}

/**
 * One member of a consumer group, for as long as it is wanted: a client that crashed or is stuck is replaced. Offsets are
 * committed after the handler has resolved, and a handler that runs holds the rebalance up until it has.
 */
export async function subscribeKafka(options: KafkaSubscriptionOptions): Promise<Subscription> {
  const { config, status, group } = options
  const part = `subscription ${group}`
  const stopping = new AbortController()
  const partitions = createPartitions(options, stopping.signal, fail)
  let started: { resolve(): void; reject(error: WeirError): void } | undefined
  const first = new Promise<void>((resolve, reject) => {
    started = { resolve, reject }
  })
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  // Nobody may be listening any more.
  first.catch(() => {})

  function fail(error: unknown) {
    status.down(part, error)
    options.log.error({ group, error: messageOf(error) }, 'the subscription has stopped: no retry can mend this')
    stopping.abort()
  }

  /** Resolves when this client has ended, for whatever reason. */
  async function live(): Promise<unknown> {
    const consumer = createConsumer(options, partitions.assigner)
    const { CRASH, GROUP_JOIN, FETCH, HEARTBEAT } = consumer.events
    let last_sign = Date.now()
    const sign = () => {
      last_sign = Date.now()
    }
    consumer.on(HEARTBEAT, sign)
    consumer.on(GROUP_JOIN, ({ payload }) => {
      sign()
      partitions.assigned(payload.memberId, payload.memberAssignment)
    })
    consumer.on(FETCH, () => {
      sign()
      if (stopping.signal.aborted) return
      status.up(part)
      started?.resolve()
    })
    const crashed = new Promise<unknown>((resolve) => void consumer.on(CRASH, ({ payload }) => resolve(payload.error)))
    const stuck_after_ms = config.session_timeout_ms * STUCK_AFTER_SESSIONS
    let watch: NodeJS.Timeout | undefined
    const stuck = new Promise<unknown>((resolve) => {
      watch = setInterval(() => {
        if (Date.now() - last_sign > stuck_after_ms) resolve(new Error(`no sign of life for ${stuck_after_ms} ms`))
      }, 1_000)
    })
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [...options.topics.keys()], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: config.concurrency,
        eachBatch: (payload) => partitions.handle(payload),
      })
      return await Promise.race([crashed, stopped, stuck])
    } catch (error) {
      return error
    } finally {
      clearInterval(watch)
      await consumer.disconnect().catch(() => {})
      partitions.lost()
    }
  }

  async function supervise() {
    const created = Date.now()
    for (let wait_ms = FIRST_RETRY_MS; !stopping.signal.aborted; wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)) {
      const began = Date.now()
      const error = await live()
      if (stopping.signal.aborted) return
      const fault = options.fault(error, `read ${[...options.topics.keys()].join(', ')} as group ${group}`)
      status.down(part, fault)
      const is_refused = fault.code === 'forbidden' && Date.now() - created > REFUSED_AFTER_MS
      if (!fault.retryable || is_refused) started?.reject(fault)
      options.metrics.count('bus_reconnects', { group })
      if (Date.now() - began > 30_000) wait_ms = FIRST_RETRY_MS
      await sleep(wait_ms, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const running = supervise()
  const stop = async () => {
    stopping.abort()
    await running
    partitions.close()
    status.up(part)
  }
  const slow = sleep(JOIN_WITHIN_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
  await Promise.race([first, slow]).catch(async (error) => {
    await stop()
    throw error
  })
  return { stop }
}

function createConsumer({ kafka, config, group }: KafkaSubscriptionOptions, assigner: PartitionAssigner): Consumer {
  return kafka.consumer({
    groupId: group,
    partitionAssigners: [assigner],
    sessionTimeout: config.session_timeout_ms,
    heartbeatInterval: Math.floor(config.session_timeout_ms / 4),
    rebalanceTimeout: config.rebalance_timeout_ms,
    maxBytes: config.fetch_bytes,
    maxBytesPerPartition: config.fetch_partition_bytes,
    maxWaitTimeInMs: config.fetch_wait_ms,
    // The loop above replaces a client that crashed; two of them would not know of each other.
    retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 2_000, restartOnFailure: async () => false },
  })
}
