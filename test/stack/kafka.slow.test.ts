import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { Kafka as Client, logLevel } from 'kafkajs'
import { KAFKA_USERS, startKafka, whyNoKafka } from './kafka.js'

const skip = whyNoKafka() ?? false

test('the broker keeps its address and what it acknowledged when it is killed, and asks who one is', {
  skip,
}, async () => {
  const kafka = await startKafka({ own: true, sasl: true, authorizer: true })
  const client = (password: string) => {
    const sasl = { mechanism: 'scram-sha-512' as const, username: 'admin', password }
    return new Client({ brokers: kafka.brokers, sasl, logLevel: logLevel.NOTHING, retry: { retries: 20 } })
  }
  try {
    await assert.rejects(client('wrong').admin().connect(), { name: 'KafkaJSSASLAuthenticationError' })
    const admin = client(KAFKA_USERS.admin).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 't', numPartitions: 2 }] })
    const producer = client(KAFKA_USERS.admin).producer()
    await producer.connect()
    await producer.send({ topic: 't', acks: -1, messages: [{ value: 'kept', partition: 1 }] })
    await kafka.kill()
    await kafka.start()
    const ends = await admin.fetchTopicOffsets('t')
    assert.deepEqual(ends.map(({ partition, high }) => `${partition}:${high}`).sort(), ['0:0', '1:1'])
    await producer.disconnect()
    await admin.disconnect()
  } finally {
    await kafka.stop()
  }
  assert.ok(!existsSync(kafka.data_dir), 'its data is gone')
})
