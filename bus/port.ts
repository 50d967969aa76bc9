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
}

/** Some messages of one topic, in order per key. */
export type Batch = {
  readonly topic: Topic
  readonly messages: readonly Message[]
  /** Names this batch for deduplication: `topic:partition:first-last`; equal again when the same batch is redelivered. Absent on the memory bus, which never redelivers. */
  readonly token?: string
}

/**
 * Called with one batch at a time per partition. Resolving means: the effect is durable. Throwing a retryable error
 * makes the bus deliver the same batch again (with back-off); any other error stops the subscription and
 * fails the publishers that wait for it.
 */
export type Handler = (batch: Batch) => Promise<void>

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
  subscribe(group: string, topics: readonly Topic[], handler: Handler): Promise<Subscription>
  /** Share of the bound that is in use, 0 to 1. Push endpoints answer 429 near 1. */
  pressure(): number
  start(): Promise<void>
  /** Waits for messages in flight, then closes. */
  stop(): Promise<void>
}
