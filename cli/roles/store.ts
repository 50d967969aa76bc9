import { type Assignment, type Batch, type Bus, type Subscription, TOPICS } from '../../bus/port.js'
import type { HealthBoard } from '../../core/health.js'
import type { Service } from '../../core/lifecycle.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import type { Store } from '../../lake/store.js'
import { deadLetter } from '../../ocsf/dead-letter.js'
import { untilDone, valuesOf } from './role.js'

type Options = {
  bus: Bus
  store: Store
  /** Whether several processes share the work. */
  shared: boolean
  health: HealthBoard
  metrics: Metrics
  log: Log
  /** Subscriptions of this process: on the memory bus, while one waits for its block, the others fill the next. */
  subscriptions: number
}

/** The role that puts everything on the bus into the lake. */
export function createStoreRole({ bus, store, shared, health, metrics, log, subscriptions }: Options): Service {
  const storing: Subscription[] = []
  const plain = (batch: Batch) => storeBatch(store, metrics, log, batch)
  const handler = shared ? untilDone(plain, { role: 'store', health, log }) : plain
  // What another process stored and did not commit comes again: it must be known before.
  const on_assigned = async (gained: readonly Assignment[]) => {
    if (gained.length > 0) await store.refill(() => receivedFrom(bus, gained))
  }
  return {
    name: 'store',
    async start() {
      for (let n = 0; n < subscriptions; n++) {
        storing.push(await bus.subscribe('store', TOPICS, handler, { on_assigned }))
      }
    },
    async stop() {
      for (const subscription of storing.splice(0)) await subscription.stop()
      await store.stop()
    },
  }
}

/** Stores a batch; what the lake refuses is dead-lettered there and then, because this subscriber is the one who stores. */
async function storeBatch(store: Store, metrics: Metrics, log: Log, batch: Batch) {
  const events = valuesOf(batch)
  // Of the bus, not of the clock: the same batch, delivered again, gives the same letters.
  const received_time = batch.messages[0]?.timestamp ?? Date.now()
  batch.release?.()
  const receipt = await store.handle(batch.topic, events, batch.token)
  if (receipt.rejected.length === 0) return
  for (const { reason } of receipt.rejected) {
    metrics.count('records_rejected', { collector: 'lake', format: 'ocsf', reason })
  }
  const letters = receipt.rejected.map(({ event, reason, detail }) => {
    const position = event.metadata?.uid
    return deadLetter({
      reason,
      detail,
      source: { instance: 'lake', format: 'ocsf', ...(position ? { position } : {}) },
      raw: JSON.stringify(event),
      received_time,
    })
  })
  const second = await store.handle('weir.dead_letters', letters)
  for (const { reason, detail } of second.rejected) log.error({ reason, detail }, 'a dead letter could not be stored')
}

/** When the oldest message of these partitions that nobody has committed was received, ms since 1970. */
async function receivedFrom(bus: Bus, gained: readonly Assignment[]): Promise<number> {
  const topics = gained.map(({ topic }) => topic)
  const committed = await bus.positions('store', topics)
  const positions = gained.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => {
      const found = committed.find((position) => position.topic === topic && position.partition === partition)
      return found ?? { topic, partition, offset: 0n }
    }),
  )
  return bus.receivedFrom(positions)
}
