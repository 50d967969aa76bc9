import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { type Moto, noMoto, startMoto } from '../../test/stack/moto.js'
import { recordingDeps } from '../recording-deps.js'
import { awsS3 } from './aws_s3.js'

const KEYS = { access_key_id: 'test', secret_access_key: 'testtesttest' }
const LIMIT = { timeout: 60_000 }
/** `{"a":1}\n{"a":2}\n` as zstd writes it without compressing: a frame with its size, and one raw block. */
const ZSTD = Buffer.concat([
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 16, (16 << 3) | 1, 0, 0]),
  Buffer.from('{"a":1}\n{"a":2}\n'),
])

describe('aws_s3 against moto', { skip: noMoto() ?? false }, () => {
  let moto: Moto
  let s3: S3Client
  let sqs: SQSClient
  before(async () => {
    moto = await startMoto()
    const options = {
      region: 'eu-central-1',
      endpoint: moto.url,
      forcePathStyle: true,
      credentials: { accessKeyId: KEYS.access_key_id, secretAccessKey: KEYS.secret_access_key },
    }
    s3 = new S3Client(options)
    sqs = new SQSClient(options)
  })
  after(async () => {
    s3.destroy()
    sqs.destroy()
    await moto.close()
  })

  const config = (settings: object) =>
    awsS3.config.parse({ region: 'eu-central-1', endpoint: moto.url, format: 'cloudtrail', ...KEYS, ...settings })
  async function bucket(): Promise<string> {
    const Bucket = `trail-${randomUUID()}`
    await s3.send(
      new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }),
    )
    return Bucket
  }
  const put = (Bucket: string, Key: string, Body: string | Buffer) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body }))
  const trail = (n: number) => gzipSync(JSON.stringify({ Records: [{ eventSource: 's', eventName: `E${n}` }] }))
  const told = (name: string, key: string) =>
    JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name }, object: { key } } }] })

  test('told by a queue: objects are read, messages deleted only after the pipeline took them', LIMIT, async (t) => {
    const Bucket = await bucket()
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName: randomUUID(), Attributes: { VisibilityTimeout: '60' } }),
    )
    const send = (MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
    const left = async () => {
      const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))
      return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
    }
    await put(Bucket, 'AWSLogs/a b=1.json.gz', trail(1))
    await put(Bucket, 'lines.zst', ZSTD)
    const recording = recordingDeps()
    const take = recording.emit
    let is_open = false
    recording.emit = async (format, records) => {
      if (!is_open) throw new Error('not now')
      return take(format, records)
    }
    const collector = awsS3.create(config({ queue_url: QueueUrl }), recording.deps)
    t.after(() => collector.stop())
    await collector.start()
    await send(told(Bucket, 'AWSLogs/a+b%3D1.json.gz'))
    await send(JSON.stringify({ Message: told(Bucket, 'lines.zst') }))
    await send(told(Bucket, 'never-was'))
    await send('no notification')
    await send(JSON.stringify({ Event: 's3:TestEvent' }))
    await recording.until(() => recording.coverage.some(({ part }) => part === 'delivery'), 'the pipeline refuses')
    assert.equal(await left(), 5, 'nothing is deleted before it is durable')
    is_open = true
    await recording.until(() => recording.emitted.length === 4, 'all records')
    const deadline_ms = Date.now() + 10_000
    while ((await left()) > 0 && Date.now() < deadline_ms) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(await left(), 0)
    const data = recording.emitted.map(({ record }) => record.fault?.reason ?? JSON.stringify(record.data))
    assert.deepEqual(data.sort(), [
      '"{\\"a\\":1}"',
      '"{\\"a\\":2}"',
      'not_a_notification',
      '{"Records":[{"eventSource":"s","eventName":"E1"}]}',
    ])
    assert.ok(recording.coverage.some(({ message, lost }) => lost === 1 && message.includes('never-was')))
  })

  test('found by listing: each object once, also after a restart', LIMIT, async () => {
    const Bucket = await bucket()
    await put(Bucket, 'logs/1.json.gz', trail(1))
    await put(Bucket, 'other/x', 'no')
    const recording = recordingDeps()
    const settings = config({ bucket: Bucket, prefix: 'logs/', interval_ms: 100 })
    const first = awsS3.create(settings, recording.deps)
    await first.start()
    await recording.until(() => recording.emitted.length === 1, 'the first object')
    await put(Bucket, 'logs/2.json', '[{"eventName":"E2"},{"eventName":"E3"}]')
    await recording.until(() => recording.emitted.length === 3, 'the second object')
    await first.stop()
    await put(Bucket, 'logs/3.bin', Buffer.from('PAR1....'))
    const second = awsS3.create(settings, recording.deps)
    await second.start()
    await recording.until(() => recording.emitted.length === 4, 'only what is new')
    await second.stop()
    assert.equal(recording.emitted.length, 4)
    assert.equal(recording.emitted[3]?.record.fault?.reason, 'parquet_not_supported')
    assert.equal(new Set(recording.emitted.map(({ record }) => record.position)).size, 4)
  })

  test('a bucket or queue that is not there is told at the start, with what to do', LIMIT, async () => {
    for (const settings of [{ bucket: `none-${randomUUID()}` }, { queue_url: `${moto.url}/123456789012/none` }]) {
      const collector = awsS3.create(config(settings), recordingDeps().deps)
      await assert.rejects(collector.start(), (error: { code?: string; hint?: string }) => {
        return error.code === 'config_invalid' && /s3:GetObject/.test(error.hint ?? '')
      })
      await collector.stop()
    }
  })
})
