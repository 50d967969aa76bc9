import { WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import { createTurns, type Turns } from '../core/turns.js'
import type { Bus, Handler, Message, Subscription, Topic } from './port.js'

export type MemoryBusConfig = {
  /**
   * Messages of one topic that may wait for subscribers before `publish` blocks. Topics do not share it: a detector that
   * publishes a finding while it holds events must not wait for those events.
   */
  max_messages: number
  /** Largest batch handed to a handler. */
  max_batch: number
  log: Log
  /** Shared with the other parts of the process that work long at a stretch: handlers that never wait would keep everybody else from the event loop. */
  turns?: Turns
}

type Publication = {
  readonly topic: Topic
  readonly count: number
  /** Until every group has taken them: what nobody refers to any more is collected young, which costs almost nothing. */
  messages: readonly Message[]
  /** Groups that have not taken them, */
  waiting: number
  /** or have not handled them. */
  pending: number
  done(error?: unknown): void
}
type Queue = { readonly publications: Publication[]; readonly sleepers: (() => void)[] }
type Group = {
  readonly name: string
  readonly topics: ReadonlySet<Topic>
  readonly queue: Queue
  loops: Set<Promise<void>>
}

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

/**
 * The bus of one process. A publication is acknowledged when every group that subscribes to its topic has handled it,
 * so it needs no storage of its own: what is acknowledged is in the lake.
 */
export function createMemoryBus(config: MemoryBusConfig): Bus {
  const groups = new Map<string, Group>()
  const waiting: (() => void)[] = []
  const inFlight = new Set<Promise<void>>()
  const used = new Map<Topic, number>()
  const turns = config.turns ?? createTurns()
  let open = true

  async function room(topic: Topic, count: number) {
    // A publication larger than the bound is let in alone, otherwise it would wait for ever.
    const isFull = () => (used.get(topic) ?? 0) > 0 && (used.get(topic) ?? 0) + count > config.max_messages
    while (open && isFull()) await new Promise<void>((wake) => waiting.push(wake))
    if (!open) throw new WeirError('overloaded', 'the bus is stopping', { retryable: true })
    used.set(topic, (used.get(topic) ?? 0) + count)
  }

  function release(topic: Topic, count: number) {
    used.set(topic, (used.get(topic) ?? 0) - count)
    for (const wake of waiting.splice(0)) wake()
  }

  /** Empties the parcel: the frame of an async function keeps its arguments until it ends. */
  async function deliver(parcel: { topic: Topic; messages: readonly Message[] }) {
    const { topic } = parcel
    const count = parcel.messages.length
    await room(topic, count)
    try {
      const receivers = [...groups.values()].filter((group) => group.topics.has(topic))
      if (receivers.length === 0) return
      await new Promise<void>((resolve, reject) => {
        let failure: unknown
        const publication: Publication = {
          topic,
          count,
          messages: parcel.messages,
          waiting: receivers.length,
          pending: receivers.length,
          done(error) {
            failure ??= error
            publication.pending -= 1
            if (publication.pending === 0) failure === undefined ? resolve() : reject(failure)
          },
        }
        parcel.messages = []
        for (const { queue } of receivers) {
          queue.publications.push(publication)
          queue.sleepers.shift()?.()
        }
      })
    } finally {
      release(topic, count)
    }
  }

  return {
    publish(topic, messages) {
      if (messages.length === 0) return Promise.resolve()
      if (!open) return Promise.reject(new WeirError('overloaded', 'the bus is stopped', { retryable: true }))
      const delivery = deliver({ topic, messages }).finally(() => inFlight.delete(delivery))
      inFlight.add(delivery)
      return delivery
    },
    async subscribe(name, topics, handler) {
      let group = groups.get(name)
      if (!group) {
        group = { name, topics: new Set(topics), queue: { publications: [], sleepers: [] }, loops: new Set() }
        groups.set(name, group)
      } else if (topics.length !== group.topics.size || topics.some((topic) => !group?.topics.has(topic))) {
        throw new WeirError('conflict', `group "${name}" is already subscribed to other topics`)
      }
      return consume(group, handler, config, turns, () => groups.delete(name))
    },
    partitionsOf: () => 1,
    partitionOf: () => 0,
    positions: async () => [],
    receivedFrom: async () => Date.now(),
    caughtUp: async () => {},
    async lag(name, topics) {
      const waiting = groups.get(name)?.queue.publications ?? []
      const of = (topic: Topic) =>
        waiting.reduce((sum, publication) => sum + (publication.topic === topic ? publication.count : 0), 0)
      return new Map(topics.map((topic) => [topic, of(topic)]))
    },
    health: () => ({ ok: true, message: 'in process' }),
    pressure: () => Math.min(1, Math.max(0, ...used.values()) / config.max_messages),
    async start() {
      open = true
    },
    async stop() {
      // Still open: what is in flight may lead to findings and responses, which belong to it.
      while (inFlight.size > 0) await Promise.allSettled([...inFlight])
      open = false
      for (const wake of waiting.splice(0)) wake()
    },
  }
}

function consume(
  group: Group,
  handler: Handler,
  config: MemoryBusConfig,
  turns: Turns,
  onLast: () => void,
): Subscription {
  let running = true
  let wakeMe: (() => void) | undefined

  async function loop() {
    while (running) {
      if (turns.due()) {
        await turns.next()
        // It may have been stopped meanwhile, and nobody wakes it any more.
        continue
      }
      const publications = takeBatch(group.queue, config.max_batch)
      const first = publications[0]
      if (!first) {
        await new Promise<void>((wake) => {
          wakeMe = wake
          group.queue.sleepers.push(wake)
        })
        continue
      }
      const failure = await handle(handler, publications, () => running, config.log)
      for (const publication of publications) publication.done(failure?.error)
    }
  }

  const promise = loop()
  group.loops.add(promise)
  return {
    async stop() {
      running = false
      wakeMe?.()
      await promise
      group.loops.delete(promise)
      if (group.loops.size > 0) return
      onLast()
      const stopped = new WeirError('overloaded', `subscriber "${group.name}" has stopped`, { retryable: true })
      for (const publication of group.queue.publications.splice(0)) publication.done(stopped)
    },
  }
}

function takeMessages(publication: Publication): readonly Message[] {
  const { messages } = publication
  if (--publication.waiting === 0) publication.messages = []
  return messages
}

/** Publications of one topic that together fit a batch; at least one if there is any. */
function takeBatch(queue: Queue, max: number): Publication[] {
  const first = queue.publications[0]
  if (!first) return []
  let count = first.count
  let end = 1
  for (; end < queue.publications.length; end++) {
    const next = queue.publications[end]
    if (!next || next.topic !== first.topic || count + next.count > max) break
    count += next.count
  }
  return queue.publications.splice(0, end)
}

/** In a frame of its own, because a loop that waits for the next batch would hold on to the last one. */
async function handle(
  handler: Handler,
  publications: readonly Publication[],
  running: () => boolean,
  log: Log,
): Promise<{ error: unknown } | undefined> {
  const topic = (publications[0] as Publication).topic
  const messages: Message[] = []
  for (const publication of publications) for (const message of takeMessages(publication)) messages.push(message)
  const count = messages.length
  let is_released = false
  const release = () => {
    is_released = true
    messages.length = 0
  }
  for (let delay = FIRST_RETRY_MS; ; delay = Math.min(delay * 2, LAST_RETRY_MS)) {
    try {
      await handler({ topic, messages, release })
      return undefined
    } catch (error) {
      const retryable = error instanceof WeirError && error.retryable
      if (!retryable || is_released || !running()) return { error }
      log.warn({ topic, messages: count, error }, 'handler failed, trying again')
      await new Promise((resolve) => setTimeout(resolve, delay))
    }
  }
}
