import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka as Client, logLevel } from 'kafkajs'
import { WeirError } from '../core/errors.js'
import { packageRoot } from '../core/paths.js'
import { type Kafka, startKafka, whyNoKafka } from '../test/stack/kafka.js'
import { testBus as rig, testMessage, until } from './kafka-rig.js'
import type { Assignment, Batch, Bus } from './port.js'

const skip = whyNoKafka() ?? false
let kafka: Kafka
if (!skip) {
  before(async () => {
    kafka = await startKafka({ own: true })
  })
  after(() => kafka.stop())
}

const buses: Bus[] = []
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.stop()
})
function testBus(...args: Parameters<typeof rig>) {
  const made = rig(...args)
  buses.push(made.bus)
  return made
}

const uidsOf = (batch: Batch) => batch.messages.map(({ value }) => value.metadata.uid ?? '')
const some = (count: number, from = 0) => Array.from({ length: count }, (_, n) => testMessage(`vm/${n % 50}`, from + n))

test('a broker that is killed and restarted while events flow loses none of them, and health tells', {
  skip,
}, async () => {
  const { bus, metrics } = testBus(kafka.brokers)
  await bus.start()
  const seen = new Set<string>()
  const subscription = await bus.subscribe('g', ['weir.events'], async (batch) => {
    for (const uid of uidsOf(batch)) seen.add(uid)
  })
  let published = 0
  let flowing = true
  const flow = (async () => {
    while (flowing) {
      await bus.publish('weir.events', some(200, published))
      published += 200
      await sleep(20)
    }
  })()
  await until('events flow', () => seen.size > 1_000)
  await kafka.kill()
  await until('health tells of the outage', () => !bus.health().ok)
  assert.match(bus.health().message, /bus\.kafka\.brokers/)
  assert.match(await metrics.text(), /weir_bus_up 0/)
  const named = { name: 'WeirError', code: 'unreachable', retryable: true, message: /bus\.kafka\.brokers/ }
  await Promise.all([
    assert.rejects(bus.lag('g', ['weir.events']), named),
    assert.rejects(bus.positions('g', ['weir.events']), named),
    assert.rejects(bus.caughtUp('g', ['weir.events'], { timeout_ms: 60_000 }), named),
    assert.rejects(bus.receivedFrom([{ topic: 'weir.events', partition: 0, offset: 0n }]), named),
  ])
  await kafka.start()
  const before = published
  await until('events flow again', () => published > before + 1_000)
  await kafka.restart()
  const again = published
  await until('events flow again', () => published > again + 1_000)
  flowing = false
  await flow
  await until('everything arrives', () => seen.size === published)
  await until('health is well again', () => bus.health().ok)
  await bus.caughtUp('g', ['weir.events'], { timeout_ms: 30_000 })
  await subscription.stop()
  await bus.stop()
})

test('what a killed process had not finished is delivered to another one', { skip }, async () => {
  const { bus, prefix } = testBus(kafka.brokers)
  await bus.start()
  await bus.publish('weir.events', some(400))
  const victim = spawn(
    process.execPath,
    [join(packageRoot, 'dist', 'bus', 'kafka-victim.js'), kafka.brokers.join(), prefix],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const finished = new Set<string>()
  let begun = 0
  createInterface(victim.stdout).on('line', (line) => {
    const { state, uids } = JSON.parse(line) as { state: string; uids: string[] }
    if (state === 'begun') begun += uids.length
    else for (const uid of uids) finished.add(uid)
  })
  await until('it has finished some and works on others', () => finished.size >= 50 && begun > finished.size)
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  const redelivered = new Set<string>()
  const subscription = await bus.subscribe('g', ['weir.events'], async (batch) => {
    for (const uid of uidsOf(batch)) redelivered.add(uid)
  })
  await bus.caughtUp('g', ['weir.events'], { timeout_ms: 30_000 })
  assert.equal(new Set([...finished, ...redelivered]).size, 400)
  const twice = [...finished].filter((uid) => redelivered.has(uid))
  assert.ok(twice.length < finished.size, 'what was finished and committed does not come again')
  await subscription.stop()
  await bus.stop()
})

test('a second process takes half of the partitions, after their handlers have ended', { skip }, async () => {
  const { bus: one, prefix } = testBus(kafka.brokers, { partitions: 12 })
  const { bus: two } = testBus(kafka.brokers, { partitions: 12, topic_prefix: prefix })
  await one.start()
  await two.start()
  const running = new Map<string, number>()
  const counts = new Map<string, number>()
  const gained: Record<'one' | 'two', Assignment[][]> = { one: [], two: [] }
  const subscribe = (who: 'one' | 'two', bus: typeof one) => {
    let prepared = false
    return bus.subscribe(
      'g',
      ['weir.events'],
      async (batch) => {
        assert.ok(prepared, 'not before the state is built')
        const partition = batch.token?.split(':')[1] ?? ''
        assert.equal(running.get(partition), undefined, `partition ${partition} has one handler at a time`)
        running.set(partition, 1)
        await sleep(30)
        running.delete(partition)
        for (const uid of uidsOf(batch)) counts.set(uid, (counts.get(uid) ?? 0) + 1)
      },
      {
        on_assigned: async (partitions) => {
          if (partitions.length > 0) gained[who].push([...partitions])
          await sleep(50)
          prepared = true
        },
      },
    )
  }
  const first = await subscribe('one', one)
  let published = 0
  let flowing = true
  const flow = (async () => {
    while (flowing) {
      await one.publish('weir.events', some(100, published))
      published += 100
      await sleep(10)
    }
  })()
  await until('the first one works', () => counts.size > 500)
  const second = await subscribe('two', two)
  await until('the second one has its part', () => gained.two.length > 0)
  const moved = gained.two.flat().flatMap(({ partitions }) => partitions)
  assert.equal(moved.length, 6)
  assert.equal(gained.one.length, 1, 'nothing is new to the first one')
  await until('both work on', () => published > 3_000)
  flowing = false
  await flow
  await one.caughtUp('g', ['weir.events'], { timeout_ms: 30_000 })
  assert.equal(counts.size, published)
  assert.deepEqual(
    [...counts.values()].filter((count) => count !== 1),
    [],
    'each message once',
  )
  await second.stop()
  await until('the first one has everything again', () => gained.one.length === 2)
  assert.deepEqual(
    gained.one[1]?.flatMap(({ partitions }) => partitions),
    moved,
  )
  await first.stop()
  await one.stop()
  await two.stop()
})

test('a handler that fails holds back its partition, not the others', { skip }, async () => {
  const { bus } = testBus(kafka.brokers, { session_timeout_ms: 1_500 })
  await bus.start()
  const seen: Batch[] = []
  let broken = true
  const bad = bus.partitionOf('weir.events', 'vm/bad')
  const tokens = new Set<string>()
  const subscription = await bus.subscribe('g', ['weir.events'], async (batch) => {
    if (broken && batch.token?.startsWith(`weir.events:${bad}:`)) {
      tokens.add(batch.token)
      throw new WeirError('lake_failed', 'not now', { retryable: true })
    }
    seen.push(batch)
  })
  await bus.publish('weir.events', [testMessage('vm/bad', 1)])
  await until('it fails', () => tokens.size > 0)
  await bus.publish('weir.events', some(50))
  const others = some(50).filter(({ key }) => bus.partitionOf('weir.events', key) !== bad).length
  await until('the others arrive', () => seen.flatMap(uidsOf).length === others)
  // Longer than a session: the member stays in its group.
  await sleep(2_500)
  assert.equal(tokens.size, 1, 'the same batch each time')
  broken = false
  await until('it arrives', () => seen.flatMap(uidsOf).length === 51)
  assert.equal(new Set(seen.flatMap(uidsOf)).size, 51)
  await subscription.stop()
  await bus.stop()
})

test('a value that is not JSON becomes a dead letter and blocks nobody', { skip }, async () => {
  const { bus, prefix, metrics } = testBus(kafka.brokers, { partitions: 1 })
  await bus.start()
  const producer = new Client({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  const values = ['{"broken', '[]', '', JSON.stringify(testMessage('vm/1', 1).value)]
  await producer.send({ topic: `${prefix}weir.events`, messages: values.map((value) => ({ key: 'vm/1', value })) })
  const events: Batch[] = []
  const letters: Batch[] = []
  await bus.subscribe('store', ['weir.events'], async (batch) => void events.push(batch))
  await bus.subscribe('letters', ['weir.dead_letters'], async (batch) => void letters.push(batch))
  await until('the event arrives', () => events.flatMap(uidsOf).includes('vm/1-1'))
  const found = () => letters.flatMap(({ messages }) => messages.map(({ value }) => value))
  await until('the letters arrive', () => found().length === 3)
  assert.deepEqual(
    found().map(({ reason }) => reason),
    ['invalid_json', 'not_an_event', 'empty_value'],
  )
  assert.equal(found()[0]?.raw_data, '{"broken')
  assert.equal(metrics.total('bus_unreadable', { reason: 'invalid_json' }), 1)
  await producer.disconnect()
  await bus.stop()
})

test('a failure that no retry can mend stops the subscription, and health says so', { skip }, async () => {
  const { bus } = testBus(kafka.brokers)
  await bus.start()
  let calls = 0
  await bus.subscribe('g', ['weir.events'], async () => {
    calls += 1
    throw new WeirError('lake_failed', 'the disk is gone')
  })
  await bus.publish('weir.events', [testMessage('vm/1', 1)])
  await until('health says so', () => /the disk is gone/.test(bus.health().message))
  await sleep(500)
  assert.equal(calls, 1)
  assert.equal((await bus.lag('g', ['weir.events'])).get('weir.events'), 1, 'it is not committed')
  await bus.stop()
})

test('nobody waits for messages that retention has deleted', { skip }, async () => {
  const { bus, prefix } = testBus(kafka.brokers)
  await bus.start()
  await bus.publish('weir.events', some(50))
  assert.equal((await bus.lag('nobody', ['weir.events'])).get('weir.events'), 50)
  const admin = new Client({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topic = `${prefix}weir.events`
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({
    topic,
    partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
  })
  await admin.disconnect()
  await bus.caughtUp('nobody', ['weir.events'], { timeout_ms: 10_000 })
  assert.equal((await bus.lag('nobody', ['weir.events'])).get('weir.events'), 0)
})
