import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
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
    await recording.until(() => recording.emitted.length === 5, 'all records')
    const deadline_ms = Date.now() + 10_000
    while ((await left()) > 0 && Date.now() < deadline_ms) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(await left(), 0)
    const data = recording.emitted.map(({ record }) => record.fault?.reason ?? JSON.stringify(record.data))
    assert.deepEqual(data.sort(), [
      '"{\\"a\\":1}"',
      '"{\\"a\\":2}"',
      'not_a_notification',
      'object_gone',
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

  test('an object that cannot be read is a dead letter, once, and those behind it are read', LIMIT, async (t) => {
    const Bucket = await bucket()
    await s3.send(new PutObjectCommand({ Bucket, Key: '1.gz', Body: trail(1), StorageClass: 'GLACIER' }))
    await put(Bucket, '2.gz', trail(2).subarray(0, 30))
    await put(Bucket, '3.gz', trail(3))
    const recording = recordingDeps()
    const settings = config({ bucket: Bucket, interval_ms: 100 })
    const collector = awsS3.create(settings, recording.deps)
    t.after(() => collector.stop())
    await collector.start()
    await recording.until(() => recording.emitted.length === 3, 'all three')
    await put(Bucket, '4.gz', trail(4))
    await recording.until(() => recording.emitted.length === 4, 'the fourth')
    await collector.stop()
    const again = awsS3.create(settings, recording.deps)
    t.after(() => again.stop())
    await again.start()
    await put(Bucket, '5.gz', trail(5))
    await recording.until(() => recording.emitted.length === 5, 'the fifth')
    assert.deepEqual(
      recording.emitted.map(({ record }) => record.fault?.reason ?? 'read'),
      ['object_archived', 'cannot_decompress', 'read', 'read', 'read'],
    )
    const losses = recording.coverage.filter(({ part }) => part === 'objects')
    assert.deepEqual(
      losses.map(({ lost, message }) => [lost, /[12]\.gz/.exec(message)?.[0]]),
      [
        [1, '1.gz'],
        [1, '2.gz'],
      ],
    )
    assert.ok(!recording.coverage.some(({ status }) => status === 'unavailable'))
  })

  test('a service that is busy or away at the start is waited for, and told', LIMIT, async (t) => {
    const Bucket = await bucket()
    await put(Bucket, '1.gz', trail(1))
    let is_busy = true
    const server = createServer((request, response) => {
      if (is_busy) return void response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>')
      const onward = forward(`${moto.url}${request.url}`, { method: request.method, headers: request.headers })
      onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)))
      request.pipe(onward)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const recording = recordingDeps()
    const collector = awsS3.create(config({ bucket: Bucket, endpoint, interval_ms: 100 }), recording.deps)
    t.after(() => collector.stop())
    await collector.start()
    assert.deepEqual(
      recording.coverage.map(({ status }) => status),
      ['unavailable'],
    )
    is_busy = false
    await recording.until(() => recording.emitted.length === 1, 'the object')
    await recording.until(() => recording.coverage.at(-1)?.status === 'ok', 'the report that it works again')
  })

  test('a message stays hidden from others while its object is being read', LIMIT, async (t) => {
    const Bucket = await bucket()
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: randomUUID() }))
    await put(Bucket, '1.gz', trail(1))
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: told(Bucket, '1.gz') }))
    const recording = recordingDeps()
    const take = recording.emit
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    let is_reading = false
    recording.emit = async (format, records) => {
      is_reading = true
      await held
      return take(format, records)
    }
    const collector = awsS3.create(config({ queue_url: QueueUrl, reserve_s: 2 }), recording.deps)
    t.after(() => collector.stop())
    await collector.start()
    await recording.until(() => is_reading, 'the object under way')
    await new Promise((resolve) => setTimeout(resolve, 4_500))
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 0 }))
    assert.deepEqual(Messages, [])
    go()
    await recording.until(() => recording.emitted.length === 1, 'the record')
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
