import { setTimeout as sleep } from 'node:timers/promises'
import type { EachBatchPayload, KafkaMessage, PartitionAssigner } from 'kafkajs'
import { messageOf, WeirError } from '../core/errors.js'
import { createTurns } from '../core/turns.js'
import { stickyAssigner } from './kafka-assigner.js'
import { type ReadBatch, readBatch } from './kafka-batch.js'
import type { KafkaSubscriptionOptions } from './kafka-consumer.js'
import { isRebalance } from './kafka-errors.js'
import type { Assignment, Topic } from './port.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
const COMMIT_TRIES = 4
/** The client gives a request up after 30 s; one that it has lost with a connection it never gives up. */
const COMMIT_WITHIN_MS = 35_000
const HEARTBEATS_PER_SESSION = 5
const ROOM_WITHIN_MS = 500
const LOOK_EVERY_MS = 100
/** Text that is parsed at once: as objects it is five times as much. */
const MOST_BYTES_AT_ONCE = 4 * 2 ** 20

/** What one member of a group knows of its partitions, over all clients it has had. */
export type Partitions = {
  readonly assigner: PartitionAssigner
  /** The group gave us these. */
  assigned(member: string, assignment: Readonly<Record<string, readonly number[]>>): void
  /** The client is gone, and with it every claim. */
  lost(): void
  /** Hands what was fetched to the handler and commits it; returns early where it must not go on. */
  handle(payload: EachBatchPayload): Promise<void>
  close(): void
}

/** `fail` is called when a handler fails for good. */
export function createPartitions(
  options: KafkaSubscriptionOptions,
  signal: AbortSignal,
  fail: (error: unknown) => void,
): Partitions {
  const { config, metrics, log, group } = options
  const turns = createTurns()
  /** Last offset of each partition whose effect is durable, committed or not. */
  const done = new Map<string, bigint>()
  /** The offset that must come next, where nobody else can have read in between. */
  const expected = new Map<string, bigint>()
  const held = new Map<string, { read: ReadBatch; tries: number }>()
  const timers = new Set<NodeJS.Timeout>()
  let current: Readonly<Record<string, readonly number[]>> = {}
  let claim = current
  let member = ''
  let joins = 0
  let generation = 0
  /** Resolves when the state of all partitions is built. */
  let ready: Promise<void> = Promise.resolve()
  /** What was gained since it was; undefined if nothing changed. */
  let unprepared: readonly Assignment[] | undefined

  /** For the partitions of now, however often they change meanwhile. */
  async function prepare() {
    for (let wait_ms = FIRST_RETRY_MS; unprepared && !signal.aborted; wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)) {
      const begun = unprepared
      try {
        await options.on_assigned?.(begun.map(stillHeld).filter(isSome), named(current))
        if (unprepared === begun) unprepared = undefined
      } catch (error) {
        log.warn({ group, error: messageOf(error) }, 'the state of new partitions could not be built, trying again')
        await sleep(wait_ms, undefined, { signal }).catch(() => {})
      }
    }
  }

  async function attempt({ batch, unread }: ReadBatch) {
    if (unread.length > 0) await options.dead_letters(unread)
    if (batch.messages.length > 0) await options.handler(batch)
  }

  /** Tells kafkajs to come back to the same offset later, and keeps the batch for then. */
  function postpone(key: string, read: ReadBatch, resume: () => void, error: WeirError) {
    const tries = (held.get(key)?.tries ?? 0) + 1
    held.set(key, { read, tries })
    metrics.count('bus_retries', { group, topic: read.batch.topic })
    if (tries === 1) log.warn({ group, batch: read.batch.token, error: error.message }, 'handler failed, trying again')
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        resume()
      },
      Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), LAST_RETRY_MS),
    )
    timers.add(timer)
  }

  /**
   * Commits everything up to this offset, and lets the client go on behind it. In this order: where a commit fails, the client
   * fetches the same messages again, and what is done is committed then. Nothing else may come for a long time.
   */
  async function commit(payload: EachBatchPayload, last: bigint) {
    const { topic, partition } = payload.batch
    const offsets = { topics: [{ topic, partitions: [{ partition, offset: String(last + 1n) }] }] }
    for (let tries = 1; ; tries++) {
      try {
        await timeLimited(payload.commitOffsetsIfNecessary(offsets), COMMIT_WITHIN_MS)
        return payload.resolveOffset(String(last))
      } catch (error) {
        // The group went on without us: whoever has the partition now reads it again.
        if (isRebalance(error)) return payload.resolveOffset(String(last))
        if (tries === COMMIT_TRIES || signal.aborted) throw error
        await sleep(FIRST_RETRY_MS * 2 ** tries)
      }
    }
  }

  function noteGap(key: string, topic: Topic, first: bigint) {
    const next = expected.get(key)
    if (next === undefined || first <= next) return
    metrics.count('bus_skipped', { group, topic }, Number(first - next))
    log.error({ group, topic, key, skipped: Number(first - next) }, 'Kafka deleted messages before they were read')
  }

  /** Chunk by chunk, while this member may. */
  async function work(payload: EachBatchPayload, topic: Topic, key: string, mayGoOn: () => boolean) {
    const { partition, messages, highWatermark } = payload.batch
    // The topic was made anew.
    if (BigInt(highWatermark) <= (done.get(key) ?? -1n)) done.delete(key)
    let at = indexAfter(messages, done.get(key) ?? -1n)
    if (at > 0) await commit(payload, BigInt(messages[at - 1]?.offset ?? 0))
    for (let turn = performance.now(); at < messages.length && mayGoOn(); ) {
      const first = BigInt(messages[at]?.offset ?? 0)
      const kept = held.get(key)
      const is_kept = kept?.read.first === first
      if (!is_kept && options.memory && !(await options.memory.room('fetched', ROOM_WITHIN_MS))) continue
      if (!mayGoOn()) return
      const read = is_kept ? kept.read : readBatch(topic, partition, pieceFrom(messages, at, config.max_batch), metrics)
      noteGap(key, topic, first)
      try {
        await attempt(read)
      } catch (error) {
        if (error instanceof WeirError && error.retryable) return postpone(key, read, payload.pause(), error)
        return fail(error)
      }
      held.delete(key)
      done.set(key, read.last)
      expected.set(key, read.last + 1n)
      metrics.count('bus_consumed', { group, topic }, read.batch.messages.length)
      // Another member has it: its commits must not be taken back.
      if (!holds(payload.batch.topic, partition)) return
      await commit(payload, read.last)
      at = indexAfter(messages, read.last)
      if (performance.now() - turn > 5) {
        await turns.next()
        turn = performance.now()
      }
    }
  }

  /** False where this must not go on: whoever waits here for state to be built keeps the others from a new share of the partitions. */
  async function isReady(mayGoOn: () => boolean): Promise<boolean> {
    const built = ready.then(() => true)
    while (mayGoOn()) {
      const looked = new AbortController()
      const again = sleep(LOOK_EVERY_MS, false, { signal: looked.signal }).catch(() => false)
      const is_ready = await Promise.race([built, again])
      looked.abort()
      if (is_ready) return mayGoOn()
    }
    return false
  }

  function named(assignment: Readonly<Record<string, readonly number[]>>): Assignment[] {
    return Object.entries(assignment).flatMap(([name, partitions]) => {
      const topic = options.topics.get(name)
      return topic ? [{ topic, partitions }] : []
    })
  }

  function stillHeld({ topic, partitions }: Assignment): Assignment {
    const held = named(current).find((one) => one.topic === topic)?.partitions ?? []
    return { topic, partitions: partitions.filter((partition) => held.includes(partition)) }
  }

  const holds = (topic: string, partition: number) => current[topic]?.includes(partition) === true

  return {
    assigner: stickyAssigner({ owned: () => claim, on_join: () => void joins++ }),
    assigned(id, assignment) {
      // Asked more than once: an assignment in between never reached us, and others may have had our partitions.
      const kept = id === member && joins <= 1 ? current : {}
      joins = 0
      member = id
      generation += 1
      const before = current
      current = assignment
      claim = assignment
      const gained: Assignment[] = []
      for (const [name, partitions] of Object.entries(assignment)) {
        const topic = options.topics.get(name)
        const fresh = partitions.filter((partition) => kept[name]?.includes(partition) !== true)
        for (const partition of fresh) expected.delete(`${name}:${partition}`)
        if (topic && fresh.length > 0) gained.push({ topic, partitions: fresh })
      }
      for (const key of held.keys()) {
        const [name = '', partition] = splitKey(key)
        if (!holds(name, partition)) held.delete(key)
      }
      const isSmaller = Object.entries(before).some(([name, partitions]) => partitions.some((one) => !holds(name, one)))
      if (!options.on_assigned || (gained.length === 0 && !isSmaller)) return
      unprepared = [...(unprepared ?? []), ...gained]
      ready = ready.then(prepare)
    },
    lost() {
      member = ''
      current = {}
      // What comes next is gained anew.
      unprepared = undefined
      generation += 1
      expected.clear()
    },
    async handle(payload) {
      const { topic: name, partition } = payload.batch
      const topic = options.topics.get(name)
      if (!topic) return
      const mine = generation
      let rebalancing = false
      const beat = setInterval(() => {
        payload.heartbeat().catch((error) => {
          if (isRebalance(error)) rebalancing = true
        })
      }, config.session_timeout_ms / HEARTBEATS_PER_SESSION)
      const mayGoOn = () =>
        !signal.aborted && !rebalancing && generation === mine && payload.isRunning() && !payload.isStale()
      try {
        if (await isReady(mayGoOn)) await work(payload, topic, `${name}:${partition}`, mayGoOn)
      } finally {
        clearInterval(beat)
      }
    },
    close() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      held.clear()
    },
  }
}

const isSome = ({ partitions }: Assignment) => partitions.length > 0

async function timeLimited(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a commit was not answered within ${ms} ms`)), ms)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function splitKey(key: string): [string, number] {
  const colon = key.lastIndexOf(':')
  return [key.slice(0, colon), Number(key.slice(colon + 1))]
}

/** As many messages as are handed to a handler at once: one at least, at most so many. */
function pieceFrom(messages: readonly KafkaMessage[], at: number, max_batch: number): readonly KafkaMessage[] {
  let end = at
  for (let bytes = 0; end < messages.length && end - at < max_batch && bytes < MOST_BYTES_AT_ONCE; end++) {
    bytes += messages[end]?.value?.length ?? 0
  }
  return messages.slice(at, end)
}

/** Index of the first message behind this offset. */
function indexAfter(messages: readonly KafkaMessage[], offset: bigint): number {
  if (messages.length > 0 && BigInt(messages[0]?.offset ?? 0) > offset) return 0
  const index = messages.findIndex((message) => BigInt(message.offset) > offset)
  return index === -1 ? messages.length : index
}
