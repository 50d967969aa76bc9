import { messageOf, WeirError } from '../core/errors.js'
import type { Turns } from '../core/turns.js'
import type { Message } from './port.js'

/** A message on its way, with the publication that waits for it. */
export type Entry = {
  readonly message: Message
  readonly partition: number
  readonly publication: Publication
  /** The event as JSON: made when its turn comes, and kept for repetitions. */
  bytes?: Buffer
}
type Publication = { pending: number; resolve(): void; reject(error: unknown): void }

/** What goes out together: of each partition consecutive messages. */
export type Request = { readonly topics: ReadonlyMap<string, readonly Entry[]> }

type Queue = { readonly topic: string; entries: Entry[]; at: number }

/** Encoding gives the event loop back after so long, ms. */
const HOLD_MS = 5
const RECORD_OVERHEAD_BYTES = 64

type OutboxOptions = {
  readonly batch_bytes: number
  readonly request_bytes: number
  readonly max_buffered_messages: number
  readonly turns: Turns
}

/** Messages that wait to be published, a queue for each partition, with a bound on all of them. */
export function createOutbox({ batch_bytes, request_bytes, max_buffered_messages, turns }: OutboxOptions) {
  const queues = new Map<string, Queue>()
  let waiting: (() => void)[] = []
  let count = 0
  let queued = 0
  let stopped = false

  function wakeWaiting() {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }

  function take(queue: Queue, entries: Entry[]): number {
    let bytes = 0
    while (queue.at < queue.entries.length) {
      const entry = queue.entries[queue.at] as Entry
      entry.bytes ??= Buffer.from(JSON.stringify(entry.message.value))
      const size = entry.bytes.length + entry.message.key.length + RECORD_OVERHEAD_BYTES
      if (bytes > 0 && bytes + size > batch_bytes) break
      bytes += size
      entries.push(entry)
      queue.at += 1
    }
    if (queue.at === queue.entries.length) {
      queue.entries = []
      queue.at = 0
    } else if (queue.at > 10_000) {
      queue.entries = queue.entries.slice(queue.at)
      queue.at = 0
    }
    return bytes
  }

  function enqueue(topic: string, entry: Entry) {
    const name = `${topic}:${entry.partition}`
    let queue = queues.get(name)
    if (!queue) {
      queue = { topic, entries: [], at: 0 }
      queues.set(name, queue)
    }
    queue.entries.push(entry)
    queued += 1
  }

  return {
    isEmpty: () => queued === 0,
    /** True if waiting for more would not make the next request larger. */
    isFull: () => queued * 500 > request_bytes,
    pressure: () => Math.min(1, count / max_buffered_messages),
    wakeWaiting,
    /** Waits until so many more may be added; more than the bound are let in alone. */
    async room(wanted: number) {
      while (!stopped && count > 0 && count + wanted > max_buffered_messages) {
        await new Promise<void>((wake) => waiting.push(wake))
      }
    },
    /** Resolves when every message of the call is settled. */
    add(topic: string, messages: readonly Message[], partitionOf: (key: string) => number): Promise<void> {
      return new Promise((resolve, reject) => {
        const publication = { pending: messages.length, resolve, reject }
        for (const message of messages) {
          enqueue(topic, { message, partition: partitionOf(message.key), publication })
        }
        count += messages.length
      })
    },
    /** The next request: of every partition as much as fits, the queue first that had to wait. */
    async next(): Promise<Request> {
      const topics = new Map<string, Entry[]>()
      let bytes = 0
      let turn = performance.now()
      for (const [name, queue] of [...queues]) {
        if (bytes >= request_bytes) break
        if (queue.entries.length === 0) continue
        let entries = topics.get(queue.topic)
        if (!entries) {
          entries = []
          topics.set(queue.topic, entries)
        }
        const before = entries.length
        bytes += take(queue, entries)
        queued -= entries.length - before
        // To the end of the order: nobody waits for ever.
        queues.delete(name)
        queues.set(name, queue)
        if (performance.now() - turn > HOLD_MS) {
          await turns.next()
          turn = performance.now()
        }
      }
      return { topics }
    },
    /** Another message goes out in place of one that cannot; the same publication waits for it. */
    replace(entry: Entry, topic: string, message: Message, partition: number) {
      enqueue(topic, { message, partition, publication: entry.publication })
    },
    /** The messages of a request need nobody's attention any more. */
    settle({ topics }: Request) {
      for (const entries of topics.values()) {
        count -= entries.length
        for (const { publication } of entries) {
          publication.pending -= 1
          if (publication.pending === 0) publication.resolve()
        }
      }
      wakeWaiting()
    },
    /** Gives up: whoever waits is told to publish again later. */
    fail(cause: unknown, request?: Request) {
      stopped = true
      const error = new WeirError('overloaded', `the bus stopped before Kafka took the messages: ${messageOf(cause)}`, {
        retryable: true,
        cause,
      })
      const entries = [...queues.values()].flatMap((queue) => queue.entries.slice(queue.at))
      for (const sent of request?.topics.values() ?? []) entries.push(...sent)
      for (const { publication } of entries) publication.reject(error)
      queues.clear()
      queued = 0
      count = 0
      wakeWaiting()
    },
  }
}
