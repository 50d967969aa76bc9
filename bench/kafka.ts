// npm run bench:kafka [-- --json] [--events N] [--rounds N] [--partitions N] [--only TEXT]
// kafkajs alone (produce, then consume with no work) and our bus (publish to subscribe), interleaved; medians of the rounds.
// What is measured end to end, with the lake and Redis, belongs into `cases` below as further lines of the same rounds.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import kafkajs, { type Kafka as Client } from 'kafkajs'
import { createKafkaBus } from '../bus/kafka.js'
import { kafkaConfig } from '../bus/kafka-config.js'
import { openKafka } from '../bus/kafka-connection.js'
import { partitionOf } from '../bus/kafka-partition.js'
import type { Message } from '../bus/port.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { startKafka } from '../test/stack/kafka.js'
import { benchEvents } from './events.js'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    events: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    partitions: { type: 'string', default: '12' },
    only: { type: 'string', default: '' },
  },
})
const count = Number(values.events)
const PARTITIONS = Number(values.partitions)
/** Messages in one call: what the intake publishes at once. */
const CALL = 512
const OUTSTANDING = 16
const log = createLog('silent')
type Compression = 'none' | 'gzip' | 'lz4'
/** Events a second. */
type Result = { produce_per_s: number; consume_per_s: number }

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN

/** kafkajs alone. `grouped`: each call goes to one partition; scattered: as the keys come, over all of them. */
async function alone(client: Client, messages: readonly Message[], compression: Compression, grouped: boolean) {
  const topic = `bench-${randomUUID()}`
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: false })
  // kafkajs fails where it should wait for a topic that is not everywhere yet.
  while (!(await admin.fetchTopicOffsets(topic).catch(() => undefined))) await sleep(50)
  const producer = client.producer({ idempotent: true, createPartitioner: () => (args) => args.message.partition ?? 0 })
  await producer.connect()
  const types = kafkajs.CompressionTypes
  const type = { none: types.None, gzip: types.GZIP, lz4: types.LZ4 }[compression]
  const encoded = messages.map(({ key, value, timestamp }, n) => ({
    key,
    value: Buffer.from(JSON.stringify(value)),
    timestamp: String(timestamp),
    partition: grouped ? Math.floor(n / CALL) % PARTITIONS : partitionOf(key, PARTITIONS),
  }))
  const began = performance.now()
  for (let at = 0; at < encoded.length; at += CALL) {
    await producer.send({ topic, acks: -1, compression: type, messages: encoded.slice(at, at + CALL) })
  }
  const produced = performance.now()
  const consumer = client.consumer({ groupId: topic, maxWaitTimeInMs: 100, maxBytes: 8_388_608 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let seen = 0
  let first = 0
  let resolveAll: (value: number) => void = () => {}
  const all = new Promise<number>((resolve) => {
    resolveAll = resolve
  })
  consumer.on(consumer.events.FETCH_START, () => {
    first ||= performance.now()
  })
  await consumer.run({
    eachBatch: async ({ batch }) => {
      seen += batch.messages.length
      if (seen >= messages.length) resolveAll(performance.now())
    },
  })
  const consumed = await all
  await consumer.disconnect()
  await producer.disconnect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
  return rates(messages.length, produced - began, consumed - first)
}

/** Our bus: JSON is written and parsed too. */
async function ours(brokers: readonly string[], messages: readonly Message[], compression: Compression) {
  const config = kafkaConfig.parse({
    brokers,
    compression,
    topic_prefix: `bench-${randomUUID()}.`,
    partitions: PARTITIONS,
  })
  const bus = createKafkaBus({ config, log, metrics: createMetrics() })
  await bus.start()
  const began = performance.now()
  const running = new Set<Promise<void>>()
  for (let at = 0; at < messages.length; at += CALL) {
    const call = bus.publish('weir.events', messages.slice(at, at + CALL)).finally(() => running.delete(call))
    running.add(call)
    if (running.size >= OUTSTANDING) await Promise.race(running)
  }
  await Promise.all(running)
  const produced = performance.now()
  let seen = 0
  let first = 0
  let resolveAll: (value: number) => void = () => {}
  const all = new Promise<number>((resolve) => {
    resolveAll = resolve
  })
  await bus.subscribe(
    'bench',
    ['weir.events'],
    async (batch) => {
      seen += batch.messages.length
      if (seen >= messages.length) resolveAll(performance.now())
    },
    {
      on_assigned: async () => {
        first ||= performance.now()
      },
    },
  )
  const consumed = await all
  await bus.stop()
  return rates(messages.length, produced - began, consumed - first)
}

function rates(events: number, produce_ms: number, consume_ms: number): Result {
  return { produce_per_s: (events / produce_ms) * 1_000, consume_per_s: (events / consume_ms) * 1_000 }
}

const timestamp = Date.now()
const messages: Message[] = [...benchEvents(count)].map((value) => ({
  key: value.workload?.uid ?? '',
  value,
  timestamp,
}))
const kafka = await startKafka({ own: true })
const client = openKafka(kafkaConfig.parse({ brokers: kafka.brokers }), { log, setting: 'bench' })
const compressions: readonly Compression[] = ['none', 'lz4', 'gzip']
const cases: readonly { name: string; run: () => Promise<Result> }[] = [
  ...compressions.map((compression) => ({
    name: `kafkajs alone, scattered keys, ${compression}`,
    run: () => alone(client, messages, compression, false),
  })),
  ...compressions.map((compression) => ({
    name: `kafkajs alone, one partition a call, ${compression}`,
    run: () => alone(client, messages, compression, true),
  })),
  ...compressions.map((compression) => ({
    name: `our bus with JSON, ${compression}`,
    run: () => ours(kafka.brokers, messages, compression),
  })),
]
const chosen = cases.filter(({ name }) => name.includes(values.only))
const results = new Map<string, Result[]>(chosen.map(({ name }) => [name, []]))
try {
  // Compiles the code and warms the broker.
  await ours(kafka.brokers, messages.slice(0, 20_000), 'lz4')
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, run } of chosen) results.get(name)?.push(await run())
  }
} finally {
  await kafka.stop()
}
const report = [...results].map(([name, rounds]) => ({
  name,
  produce_per_s: Math.round(median(rounds.map((result) => result.produce_per_s))),
  consume_per_s: Math.round(median(rounds.map((result) => result.consume_per_s))),
}))
if (values.json) process.stdout.write(`${JSON.stringify({ events: count, rounds: Number(values.rounds), report })}\n`)
else {
  process.stdout.write(`${''.padEnd(46)}produce/s  consume/s   (${count} events, ${PARTITIONS} partitions)\n`)
  for (const { name, produce_per_s, consume_per_s } of report) {
    process.stdout.write(
      `${name.padEnd(46)}${String(produce_per_s).padStart(9)}  ${String(consume_per_s).padStart(9)}\n`,
    )
  }
}
process.exit(0)
