import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { OcsfEvent } from '../ocsf/event.js'
import { type Kafka, startKafka, whyNoKafka } from '../test/stack/kafka.js'
import { busConformance } from './conformance.js'
import { testBus, testMessage, until } from './kafka-rig.js'
import type { Batch } from './port.js'

const skip = whyNoKafka()
let kafka: Kafka
if (skip === undefined) {
  before(async () => {
    kafka = await startKafka()
  })
  after(() => kafka.stop())
}

busConformance(
  'kafka bus',
  async () => {
    const { bus } = testBus(kafka.brokers)
    await bus.start()
    return bus
  },
  skip,
)

test('a name of a batch says which offsets it covers, and an event too large for Kafka becomes a dead letter', {
  skip: skip ?? false,
}, async () => {
  const { bus, metrics } = testBus(kafka.brokers, { partitions: 1, max_message_bytes: 200_000, compression: 'none' })
  await bus.start()
  const batches: Batch[] = []
  const subscription = await bus.subscribe(
    'g',
    ['weir.events', 'weir.dead_letters'],
    async (batch) => void batches.push(batch),
  )
  const large = testMessage('vm/1', 2)
  const value = { ...large.value, message: 'x'.repeat(300_000) } as OcsfEvent
  await bus.publish('weir.events', [testMessage('vm/1', 1), { ...large, value }, testMessage('vm/1', 3)])
  await until('all arrive', () => batches.flatMap((batch) => batch.messages).length === 3)
  const events = batches.filter(({ topic }) => topic === 'weir.events')
  assert.match(events[0]?.token ?? '', /^weir\.events:0:0-[01]$/)
  assert.deepEqual(
    events.flatMap(({ messages }) => messages.map(({ value }) => value.metadata.uid)),
    ['vm/1-1', 'vm/1-3'],
  )
  const letter = batches.find(({ topic }) => topic === 'weir.dead_letters')?.messages[0]?.value
  assert.equal(letter?.reason, 'event_too_large')
  assert.equal(metrics.total('bus_refused', { topic: 'weir.events' }), 1)
  await subscription.stop()
  await bus.stop()
})

test('when the oldest message that a group has not handled was received is found by its position', {
  skip: skip ?? false,
}, async () => {
  const { bus } = testBus(kafka.brokers, { partitions: 2 })
  await bus.start()
  try {
    const first = Date.now() - 60_000
    const at = (n: number, timestamp: number) => ({ ...testMessage('vm/1', n), timestamp })
    await bus.publish('weir.events', [at(1, first), at(2, first + 20_000), at(3, first + 40_000)])
    const topic = 'weir.events' as const
    const partition = bus.partitionOf(topic, 'vm/1')
    const found = (offset: bigint) => bus.receivedFrom([{ topic, partition, offset }])
    for (const [offset, time] of [
      [0n, first],
      [1n, first + 20_000],
      [2n, first + 40_000],
      [3n, Date.now()],
    ] as const) {
      assert.ok(Math.abs((await found(offset)) - time) < 2_000, `offset ${offset}`)
    }
  } finally {
    await bus.stop()
  }
})
