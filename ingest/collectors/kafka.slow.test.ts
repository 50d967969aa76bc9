import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Kafka as Client, logLevel, type Producer } from 'kafkajs'
import { type Kafka, startKafka, whyNoKafka } from '../../test/stack/kafka.js'
import { recordingDeps } from '../recording-deps.js'
import { kafka } from './kafka.js'

const skip = whyNoKafka() ?? false
let broker: Kafka
let producer: Producer
if (!skip) {
  before(async () => {
    broker = await startKafka({ own: true })
    producer = client().producer()
    await producer.connect()
  })
  after(async () => {
    await producer.disconnect()
    await broker.stop()
  })
}
const client = () => new Client({ brokers: broker.brokers, logLevel: logLevel.NOTHING })

/** With a codec, the broker compresses what it is given with it, as it does for other clients. */
async function makeTopic(codec?: string): Promise<string> {
  const topic = `foreign-${randomUUID()}`
  const admin = client().admin()
  await admin.connect()
  const configEntries = codec === undefined ? [] : [{ name: 'compression.type', value: codec }]
  await admin.createTopics({ topics: [{ topic, numPartitions: 2, configEntries }], waitForLeaders: true })
  await admin.disconnect()
  return topic
}

const create = (fields: object, recording = recordingDeps()) => {
  const config = kafka.config.parse({ brokers: broker.brokers, format: 'falco', session_timeout_ms: 3_000, ...fields })
  return { recording, collector: kafka.create(config, recording.deps) }
}

test('messages come with their position, and only what the pipeline took is committed', { skip }, async (t) => {
  const topic = await makeTopic()
  await producer.send({ topic, messages: [{ value: '{"n":1}', partition: 0 }] })
  const { collector, recording } = create({ topics: [topic] })
  t.after(() => collector.stop())
  await collector.start()
  const first = await recording.until(() => recording.emitted[0], 'the first message')
  assert.deepEqual(first, { format: 'falco', record: { data: '{"n":1}', position: `${topic}:0:0` } })

  const takes = recording.emit
  recording.emit = async () => {
    throw new Error('the lake is full')
  }
  await producer.send({ topic, messages: [{ value: '{"n":2}', partition: 0 }] })
  await recording.until(() => recording.coverage.some(({ part }) => part === 'delivery'), 'that it has to wait')
  await collector.stop()
  recording.emit = takes
  const again = create({ topics: [topic] }, recording)
  t.after(() => again.collector.stop())
  await again.collector.start()
  await recording.until(() => recording.emitted.length > 1, 'the second message')
  assert.deepEqual(
    recording.emitted.map(({ record }) => record.position),
    [`${topic}:0:0`, `${topic}:0:1`],
  )
})

test('lines of a message, compressed batches, tombstones and bytes that are no text', { skip }, async (t) => {
  const topic = await makeTopic()
  const { collector, recording } = create({ topics: [topic], lines: true, group: 'lines' })
  t.after(() => collector.stop())
  await collector.start()
  await producer.send({
    topic,
    compression: 1,
    messages: [
      { value: 'one\n\ntwo\n', partition: 1 },
      { key: 'k', value: null, partition: 1 },
      { value: Buffer.from([0xff, 0xfe]), partition: 1 },
    ],
  })
  await recording.until(() => recording.emitted.length === 3, 'three records')
  const records = recording.emitted.map(({ record }) => record)
  assert.deepEqual(
    records.map(({ data, position }) => `${position} ${data}`),
    [`${topic}:1:0:0 one`, `${topic}:1:0:1 two`, `${topic}:1:2 //4=`],
  )
  assert.equal(records[2]?.fault?.reason, 'invalid_utf8')
})

test('a message that is a file of flow logs: its header stands before each of its lines, and in no other message', {
  skip,
}, async (t) => {
  const topic = await makeTopic()
  const { collector, recording } = create({ topics: [topic], lines: true, group: 'header', format: 'vpc_flow' })
  t.after(() => collector.stop())
  await collector.start()
  const values = ['srcaddr action\n10.0.0.1 ACCEPT\n10.0.0.2 REJECT\n', '10.0.0.3 ACCEPT']
  await producer.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
  await recording.until(() => recording.emitted.length === 3, 'three records')
  assert.deepEqual(
    recording.emitted.map(({ record }) => record.data),
    ['srcaddr action\n10.0.0.1 ACCEPT', 'srcaddr action\n10.0.0.2 REJECT', '10.0.0.3 ACCEPT'],
  )
})

for (const codec of ['zstd', 'lz4', 'gzip']) {
  test(`batches that others compressed with ${codec} are read`, { skip }, async (t) => {
    const topic = await makeTopic(codec)
    const lines = Array.from({ length: 4_000 }, (_, n) => JSON.stringify({ n, text: `line ${n % 7} `.repeat(n % 50) }))
    await producer.send({ topic, messages: lines.map((value) => ({ value, partition: 0 })) })
    await producer.send({ topic, messages: [{ value: 'a short one', partition: 0 }] })
    const { collector, recording } = create({ topics: [topic], group: codec })
    t.after(() => collector.stop())
    await collector.start()
    await recording.until(() => recording.emitted.length > lines.length, 'all')
    assert.deepEqual(
      recording.emitted.map(({ record }) => record.data),
      [...lines, 'a short one'],
    )
  })
}

test('a batch compressed with Snappy is told with what to do, at start and later', { skip }, async (t) => {
  const topic = await makeTopic('snappy')
  const later = create({ topics: [topic], group: 'snappy' })
  t.after(() => later.collector.stop())
  await later.collector.start()
  await producer.send({ topic, messages: [{ value: 'a line that is long enough', partition: 0 }] })
  const told = await later.recording.until(
    () => later.recording.coverage.find(({ status }) => status === 'unavailable'),
    'that it cannot be read',
  )
  assert.match(told.message ?? '', /Snappy.*lz4, zstd, gzip/)
  const { collector } = create({ topics: [topic], group: 'snappy-2' })
  await assert.rejects(collector.start(), { code: 'unsupported', message: /Snappy/ })
})

test('an outage is told, and reading goes on after it', { skip }, async (t) => {
  const topic = await makeTopic()
  const { collector, recording } = create({ topics: [topic], group: 'outage' })
  t.after(() => collector.stop())
  await collector.start()
  await broker.kill()
  const states = () => recording.coverage.filter(({ part }) => part === 'brokers').map(({ status }) => status)
  await recording.until(() => states().includes('unavailable'), 'the outage', 60_000)
  await broker.start()
  await recording.until(() => states().includes('ok'), 'its end', 60_000)
  await producer.send({ topic, messages: [{ value: 'after' }] })
  await recording.until(() => recording.emitted.length === 1, 'a message after the outage', 30_000)
})

test('a wrong address and a missing topic are named at start', { skip }, async () => {
  const wrong = create({ topics: ['t'], brokers: ['127.0.0.1:1'] })
  await assert.rejects(wrong.collector.start(), /collectors\.under_test\.brokers.*127\.0\.0\.1:1/)
  const missing = create({ topics: [`missing-${randomUUID()}`] })
  await assert.rejects(missing.collector.start(), /missing-/)
})
