import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Kafka as Client } from 'kafkajs'
import { createKafkaBus } from '../bus/kafka.js'
import { kafkaConfig } from '../bus/kafka-config.js'
import { partitionOf } from '../bus/kafka-partition.js'
import type { Message } from '../bus/port.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'

const OUTSTANDING = 16
const log = createLog('silent')
export type Compression = 'none' | 'gzip' | 'lz4'
/** Events a second, and of CPU of this process one event took to publish, us. */
export type Result = { produce_per_s: number; consume_per_s: number; publish_cpu_us: number }
/** `call`: messages in one call. */
type Ours = { readonly compression: Compression; readonly partitions: number; readonly call: number }
type Alone = Ours & { readonly grouped: boolean }

/** kafkajs alone. `grouped`: each call goes to one partition; scattered: as the keys come, over all of them. */
export async function alone(client: Client, messages: readonly Message[], how: Alone): Promise<Result> {
  const { compression, grouped, partitions, call } = how
  const topic = `bench-${randomUUID()}`
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false })
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
    partition: grouped ? Math.floor(n / call) % partitions : partitionOf(key, partitions),
  }))
  const began = performance.now()
  const cpu = process.cpuUsage()
  for (let at = 0; at < encoded.length; at += call) {
    await producer.send({ topic, acks: -1, compression: type, messages: encoded.slice(at, at + call) })
  }
  const produced = performance.now()
  const publish_cpu = process.cpuUsage(cpu)
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
  return rates(messages.length, produced - began, consumed - first, publish_cpu)
}

/** Our bus: JSON is written and parsed too. */
export async function ours(brokers: readonly string[], messages: readonly Message[], how: Ours): Promise<Result> {
  const { compression, partitions, call } = how
  const config = kafkaConfig.parse({
    brokers,
    compression,
    topic_prefix: `bench-${randomUUID()}.`,
    partitions,
  })
  const bus = createKafkaBus({ config, log, metrics: createMetrics() })
  await bus.start()
  const began = performance.now()
  const cpu = process.cpuUsage()
  const running = new Set<Promise<void>>()
  for (let at = 0; at < messages.length; at += call) {
    const publication = bus
      .publish('weir.events', messages.slice(at, at + call))
      .finally(() => running.delete(publication))
    running.add(publication)
    if (running.size >= OUTSTANDING) await Promise.race(running)
  }
  await Promise.all(running)
  const produced = performance.now()
  const publish_cpu = process.cpuUsage(cpu)
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
  return rates(messages.length, produced - began, consumed - first, publish_cpu)
}

function rates(events: number, produce_ms: number, consume_ms: number, cpu: NodeJS.CpuUsage): Result {
  return {
    produce_per_s: (events / produce_ms) * 1_000,
    consume_per_s: (events / consume_ms) * 1_000,
    publish_cpu_us: (cpu.user + cpu.system) / events,
  }
}
