import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WeirError } from '../core/errors.js'
import { createLog } from '../core/log.js'
import { createTurns } from '../core/turns.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { busConformance } from './conformance.js'
import { createMemoryBus } from './memory.js'

const log = createLog('silent')
const event = (n: number): OcsfEvent => ({
  class_uid: 1007,
  category_uid: 1,
  activity_id: 1,
  type_uid: 100701,
  time: n,
  severity_id: 1,
  metadata: { version: '1.8.0', product: {}, uid: `e${n}` },
})
const messages = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ key: 'vm/1', value: event(n), timestamp: 1 }))

busConformance('memory bus', async () => {
  const bus = createMemoryBus({ max_messages: 1_000, max_batch: 500, log })
  await bus.start()
  return bus
})

test('publish resolves only after every subscriber has handled the messages', async () => {
  const bus = createMemoryBus({ max_messages: 1_000, max_batch: 500, log })
  const order: string[] = []
  const slow = await bus.subscribe('slow', ['weir.events'], async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    order.push('slow handled')
  })
  const fast = await bus.subscribe('fast', ['weir.events'], async () => void order.push('fast handled'))
  await bus.publish('weir.events', messages(3))
  order.push('published')
  assert.deepEqual(order, ['fast handled', 'slow handled', 'published'])
  await slow.stop()
  await fast.stop()
  await bus.stop()
})

test('publish waits while the bus is full', async () => {
  const bus = createMemoryBus({ max_messages: 100, max_batch: 100, log })
  let letGo: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const subscription = await bus.subscribe('g', ['weir.events'], () => held)
  const first = bus.publish('weir.events', messages(90))
  let second = 'waiting'
  const next = bus.publish('weir.events', messages(20)).then(() => {
    second = 'published'
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(second, 'waiting')
  assert.equal(bus.pressure(), 0.9)
  letGo()
  await Promise.all([first, next])
  assert.equal(second, 'published')
  assert.equal(bus.pressure(), 0)
  await subscription.stop()
  await bus.stop()
})

test('a failure that no retry can mend reaches the publisher, and the next publication still works', async () => {
  const bus = createMemoryBus({ max_messages: 100, max_batch: 100, log })
  let broken = true
  const subscription = await bus.subscribe('g', ['weir.events'], async () => {
    if (broken) throw new WeirError('lake_failed', 'the disk is gone')
  })
  await assert.rejects(bus.publish('weir.events', messages(1)), /the disk is gone/)
  broken = false
  await bus.publish('weir.events', messages(1))
  await subscription.stop()
  await bus.stop()
})

test('a handler that has released its batch is not asked again: its failure reaches the publisher', async () => {
  const bus = createMemoryBus({ max_messages: 100, max_batch: 100, log })
  const calls: number[] = []
  const held: number[] = []
  const store = await bus.subscribe('store', ['weir.events'], async (batch) => {
    calls.push(batch.messages.length)
    batch.release?.()
    held.push(batch.messages.length)
    throw new WeirError('lake_failed', 'it stops', { retryable: true })
  })
  // Another group sees everything, whenever the first one lets go.
  let seen = 0
  const detect = await bus.subscribe('detect', ['weir.events'], async (batch) => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    seen += batch.messages.length
  })
  await assert.rejects(bus.publish('weir.events', messages(3)), { code: 'lake_failed', retryable: true })
  assert.deepEqual(calls, [3])
  assert.deepEqual(held, [0])
  assert.equal(seen, 3)
  await store.stop()
  await detect.stop()
  await bus.stop()
})

test('a subscriber that holds a full topic can publish on another one', async () => {
  const bus = createMemoryBus({ max_messages: 10, max_batch: 10, log })
  const findings: number[] = []
  const detect = await bus.subscribe('detect', ['weir.events'], (batch) => bus.publish('weir.findings', batch.messages))
  const store = await bus.subscribe(
    'store',
    ['weir.findings'],
    async (batch) => void findings.push(batch.messages.length),
  )
  await Promise.all([bus.publish('weir.events', messages(10)), bus.publish('weir.events', messages(10))])
  assert.equal(
    findings.reduce((sum, n) => sum + n, 0),
    20,
  )
  await detect.stop()
  await store.stop()
  await bus.stop()
})

test('a subscriber that is stopped while it waits for its turn ends', async () => {
  const turns = createTurns(0)
  const bus = createMemoryBus({ max_messages: 10, max_batch: 10, log, turns })
  const subscription = await bus.subscribe('g', ['weir.events'], async () => {
    turns.due()
    for (const end = performance.now() + 2; performance.now() < end; );
  })
  await bus.publish('weir.events', messages(1))
  // The turn is over: its loop waits for the next one.
  assert.equal(turns.due(), true)
  await subscription.stop()
  await bus.stop()
})

test('subscribers of one group work side by side, each message once', async () => {
  const bus = createMemoryBus({ max_messages: 100, max_batch: 1, log })
  let running = 0
  let most = 0
  let seen = 0
  const handler = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setTimeout(resolve, 20))
    running -= 1
    seen += 1
  }
  const subscriptions = [
    await bus.subscribe('g', ['weir.events'], handler),
    await bus.subscribe('g', ['weir.events'], handler),
    await bus.subscribe('g', ['weir.events'], handler),
  ]
  // All of them sleep before the first message comes.
  await new Promise((resolve) => setTimeout(resolve, 5))
  await Promise.all(Array.from({ length: 6 }, () => bus.publish('weir.events', messages(1))))
  assert.equal(seen, 6)
  assert.equal(most, 3)
  for (const subscription of subscriptions) await subscription.stop()
  await bus.stop()
})
