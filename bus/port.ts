import type { OcsfEvent } from '../ocsf/event.js'

/** What travels where. Every value is an OCSF event; the dead-letter topic carries our extension class. */
export const TOPICS = ['weir.events', 'weir.findings', 'weir.responses', 'weir.dead_letters', 'weir.coverage'] as const
export type Topic = (typeof TOPICS)[number]

export type Message = {
  /** Partition key: the workload uid, so that one workload's events stay in order. */
  readonly key: string
  readonly value: OcsfEvent
  /** When Weir received it, ms since 1970 (Kafka's message timestamp): where latency is measured from. */
  readonly timestamp: number
  /** W3C trace context of the work that published it, where that is traced: not on every message of a publication. */
  readonly trace?: string
}

/** Some messages of one topic, in order per key. */
export type Batch = {
  readonly topic: Topic
  readonly messages: readonly Message[]
  /** Names this batch for deduplication: `topic:partition:first-last`; equal again when the same batch is redelivered. Absent on the memory bus, which never redelivers. */
  readonly token?: string
  /**
   * The handler has taken what it needs and cares for it until it is durable: the bus lets go of the messages and does not
   * deliver the batch again; a failure then fails the publishers. Absent where the messages are kept outside of the process.
   */
  release?(): void
}

/**
 * Called with one batch at a time per partition. Resolving means: the effect is durable. Throwing a retryable error
 * makes the bus deliver the same batch again (with back-off); any other error stops the subscription and
 * fails the publishers that wait for it.
 */
export type Handler = (batch: Batch) => Promise<void>

/** Partitions of one topic. */
export type Assignment = { readonly topic: Topic; readonly partitions: readonly number[] }

/** Where a group stands: `offset` is the first message it has not handled. */
export type Position = { readonly topic: Topic; readonly partition: number; readonly offset: bigint }

export type SubscribeOptions = {
  /**
   * Called when what this subscription has changes: with what it was given and did not have just before, and with all that
   * it has now. Awaited before the next batch is handed out. State that belongs to those partitions is rebuilt here. An
   * error makes the bus try again with back-off. Never called on the memory bus, where one process has everything.
   */
  on_assigned?: (gained: readonly Assignment[], held: readonly Assignment[]) => Promise<void>
}

/** Whether the bus works now; `message` says what does not, and names the setting. */
export type BusHealth = { readonly ok: boolean; readonly message: string }

export type Subscription = {
  /** Takes no new batches, waits for the running ones. */
  stop(): Promise<void>
}

export type Bus = {
  /**
   * Resolves when the messages are durable: Kafka has them on all in-sync replicas; the memory bus has seen every
   * subscriber's handler resolve. Waits (back-pressure) while the bus is full. Rejects with `overloaded` (retryable) when stopped.
   */
  publish(topic: Topic, messages: readonly Message[]): Promise<void>
  /** Each group sees every message once; subscribers of one group share them. */
  subscribe(
    group: string,
    topics: readonly Topic[],
    handler: Handler,
    options?: SubscribeOptions,
  ): Promise<Subscription>
  /** Partitions of a topic; 1 where there are none. */
  partitionsOf(topic: Topic): number
  /** The partition that messages with this key go to; 0 where there are none. */
  partitionOf(topic: Topic, key: string): number
  /** Where a group stands, of every partition it has handled something of. Empty on the memory bus. */
  positions(group: string, topics: readonly Topic[]): Promise<Position[]>
  /** When the oldest message at or behind these positions was received, ms since 1970; now if there is none. */
  receivedFrom(positions: readonly Position[]): Promise<number>
  /**
   * Resolves when the group has handled everything up to `up_to`, or without it everything that was published before the
   * call. Rejects with `timeout`, or `unreachable` (retryable) during an outage. Resolves at once on the memory bus, which acknowledges nothing that was not handled.
   */
  caughtUp(
    group: string,
    topics: readonly Topic[],
    options: { timeout_ms: number; up_to?: readonly Position[] },
  ): Promise<void>
  /** Messages the group has not handled yet, by topic. Also the gauge `weir_bus_lag`. Rejects with `unreachable` during an outage. */
  lag(group: string, topics: readonly Topic[]): Promise<ReadonlyMap<Topic, number>>
  health(): BusHealth
  /** Share of the bound that is in use, 0 to 1. Push endpoints answer 429 near 1. */
  pressure(): number
  start(): Promise<void>
  /** Waits for messages in flight, then closes. */
  stop(): Promise<void>
}
