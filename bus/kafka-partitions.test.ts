import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { kafkaConfig } from './kafka-config.js'
import type { KafkaSubscriptionOptions } from './kafka-consumer.js'
import { createPartitions } from './kafka-partitions.js'
import { testMessage } from './kafka-rig.js'
import type { Assignment, Batch } from './port.js'

/** The brokers and the client: what it fetches next, what is committed. */
function client(names: readonly string[], text = '') {
  const log = names.map((name, offset) => {
    const { key, value } = testMessage(name, offset)
    const bytes = Buffer.from(JSON.stringify({ ...value, raw_data: text }))
    return { offset: String(offset), key: Buffer.from(key), value: bytes, timestamp: '1' }
  })
  const state = { next: 0, committed: 0, is_away: false }
  const fetched = () =>
    ({
      batch: {
        topic: 't.weir.events',
        partition: 0,
        highWatermark: String(log.length),
        messages: log.slice(state.next) as unknown as KafkaMessage[],
      },
      resolveOffset(offset) {
        state.next = Number(offset) + 1
      },
      async commitOffsetsIfNecessary(offsets) {
        if (state.is_away) throw new Error('Connection error')
        state.committed = Number(offsets?.topics[0]?.partitions[0]?.offset)
      },
      heartbeat: async () => {},
      isRunning: () => true,
      isStale: () => false,
    }) as Partial<EachBatchPayload> as EachBatchPayload
  return { state, fetched }
}

function partitionsOf(options: Partial<KafkaSubscriptionOptions>, signal = new AbortController().signal) {
  const all = {
    config: kafkaConfig.parse({ brokers: ['localhost:1'], session_timeout_ms: 1_000 }),
    group: 'g',
    topics: new Map([['t.weir.events', 'weir.events']]),
    log: createLog('silent'),
    metrics: createMetrics(),
    ...options,
  } as Partial<KafkaSubscriptionOptions> as KafkaSubscriptionOptions
  const partitions = createPartitions(all, signal, (error) => assert.fail(String(error)))
  partitions.assigned('me', { 't.weir.events': [0] })
  return partitions
}

test('what is done and could not be committed is committed when it is fetched again, and not done twice', async () => {
  const done: string[] = []
  const partitions = partitionsOf({
    handler: async ({ messages }) => void done.push(...messages.map(({ value }) => value.metadata.uid ?? '')),
  })
  const { state, fetched } = client(['a', 'b', 'c'])
  state.is_away = true
  await assert.rejects(partitions.handle(fetched()), /Connection error/)
  assert.equal(done.length, 3)
  state.is_away = false
  // As long as the client has something to fetch, it does; nothing new comes.
  while (state.next < 3) await partitions.handle(fetched())
  assert.deepEqual({ committed: state.committed, done: done.length }, { committed: 3, done: 3 })
})

test('what was fetched waits where there is no memory for it, and ends with its subscription', async () => {
  let has_room = false
  let asked = 0
  const memory = {
    max_rss_bytes: 1,
    isFull: () => !has_room,
    async room() {
      asked += 1
      await sleep(5)
      return has_room
    },
  }
  let done = 0
  const handler = async ({ messages }: Batch) => {
    done += messages.length
  }
  const { fetched } = client(['a', 'b', 'c'])
  const handled = partitionsOf({ handler, memory }).handle(fetched())
  await sleep(100)
  assert.ok(asked > 3)
  assert.equal(done, 0)
  has_room = true
  await handled
  assert.equal(done, 3)

  has_room = false
  const stopping = new AbortController()
  const ended = partitionsOf({ handler, memory }, stopping.signal).handle(fetched())
  stopping.abort()
  await ended
  assert.equal(done, 3)
})

test('of large messages fewer are parsed at once', async () => {
  const sizes: number[] = []
  const names = Array.from({ length: 12 }, (_, n) => `w${n}`)
  const { fetched } = client(names, 'x'.repeat(2 ** 20))
  await partitionsOf({ handler: async ({ messages }) => void sizes.push(messages.length) }).handle(fetched())
  assert.deepEqual(sizes, [4, 4, 4])
})

test('whoever waits for the state of its partitions lets others have them, and builds it for those of then', async () => {
  const built: { gained: readonly Assignment[]; held: readonly Assignment[] }[] = []
  let finish = () => {}
  const partitions = partitionsOf({
    handler: async () => assert.fail('nothing may be handled before its state is there'),
    async on_assigned(gained, held) {
      built.push({ gained, held })
      await new Promise<void>((resolve) => {
        finish = resolve
      })
    },
  })
  const { fetched } = client(['a', 'b', 'c'])
  const rebalancing = Object.assign(new Error('The group is rebalancing'), { type: 'REBALANCE_IN_PROGRESS' })
  const payload = { ...fetched(), heartbeat: () => Promise.reject(rebalancing) } as EachBatchPayload
  const waited = partitions.handle(payload).then(() => 'returned')
  assert.equal(await Promise.race([waited, sleep(10_000, 'waits', { ref: false })]), 'returned')

  partitions.assigned('me', { 't.weir.events': [1, 2] })
  partitions.assigned('me', { 't.weir.events': [2, 3] })
  finish()
  while (built.length < 2) await sleep(5)
  finish()
  await sleep(50)
  const of = (list: readonly number[]) => [{ topic: 'weir.events', partitions: list }]
  assert.deepEqual(built[0], { gained: of([0]), held: of([0]) })
  assert.deepEqual(
    built.slice(1).map(({ gained, held }) => ({ gained: gained.flatMap((one) => one.partitions), held })),
    [{ gained: [2, 3], held: of([2, 3]) }],
  )
})
