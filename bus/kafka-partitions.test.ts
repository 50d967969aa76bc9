import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { kafkaConfig } from './kafka-config.js'
import type { KafkaSubscriptionOptions } from './kafka-consumer.js'
import { createPartitions } from './kafka-partitions.js'
import { testMessage } from './kafka-rig.js'

test('what is done and could not be committed is committed when it is fetched again, and not done twice', async () => {
  const done: string[] = []
  const options = {
    config: kafkaConfig.parse({ brokers: ['localhost:1'] }),
    group: 'g',
    topics: new Map([['t.weir.events', 'weir.events']]),
    handler: async ({ messages }) => void done.push(...messages.map(({ value }) => value.metadata.uid ?? '')),
    log: createLog('silent'),
    metrics: createMetrics(),
  } as Partial<KafkaSubscriptionOptions> as KafkaSubscriptionOptions
  const partitions = createPartitions(options, new AbortController().signal, (error) => assert.fail(String(error)))
  partitions.assigned('me', { 't.weir.events': [0] })

  // The client: what it fetches next, and what the brokers have of it.
  let next = 0
  let committed = 0
  let is_away = false
  const log = ['a', 'b', 'c'].map((name, offset) => {
    const { key, value } = testMessage(name, offset)
    return { offset: String(offset), key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)), timestamp: '1' }
  })
  const fetched = () =>
    ({
      batch: {
        topic: 't.weir.events',
        partition: 0,
        highWatermark: String(log.length),
        messages: log.slice(next) as unknown as KafkaMessage[],
      },
      resolveOffset(offset) {
        next = Number(offset) + 1
      },
      async commitOffsetsIfNecessary(offsets) {
        if (is_away) throw new Error('Connection error')
        committed = Number(offsets?.topics[0]?.partitions[0]?.offset)
      },
      heartbeat: async () => {},
      isRunning: () => true,
      isStale: () => false,
    }) as Partial<EachBatchPayload> as EachBatchPayload

  is_away = true
  await assert.rejects(partitions.handle(fetched()), /Connection error/)
  assert.equal(done.length, 3)
  is_away = false
  // As long as the client has something to fetch, it does; nothing new comes.
  while (next < log.length) await partitions.handle(fetched())
  assert.deepEqual({ committed, done: done.length }, { committed: 3, done: 3 })
})
