import { join } from 'node:path'
import type { Message } from '@aws-sdk/client-sqs'
import { messageOf, WeirError } from '../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../atomic-json.js'
import { type Collector, type CollectorDeps, defineCollector, type RawRecord } from '../contract.js'
import { emitUntilTaken } from '../emit-until-taken.js'
import { formats } from '../formats/index.js'
import { repeat } from '../repeat.js'
import { type AwsClient, openAws } from './aws_s3/client.js'
import { type AwsS3Config, awsS3Config } from './aws_s3/config.js'
import { type ObjectName, objectsOf } from './aws_s3/notification.js'
import { recordsOf } from './aws_s3/object.js'

const CHUNK_RECORDS = 1_000
const LONG_POLL_S = 20
const RETRY_MS = 5_000
/** Objects may appear in a listing later than objects with a later time. */
const OVERLAP_MS = 5 * 60_000

/** Objects of a bucket, told by a queue or found by listing. */
export const awsS3 = defineCollector({
  name: 'aws_s3',
  summary: 'Reads objects of an S3 bucket (gzip, zstd, JSON, lines), told by an SQS queue or found by listing.',
  config: awsS3Config,
  example: {
    format: 'cloudtrail',
    region: 'eu-central-1',
    queue_url: 'https://sqs.eu-central-1.amazonaws.com/123456789012/trail',
  },
  formats: [],
  create: createAwsS3,
})

/** What was read by listing: keys with a time from `since_ms` on. */
type Checkpoint = { since_ms: number; done: { [key: string]: number } }

function createAwsS3(config: AwsS3Config, deps: CollectorDeps): Collector {
  const stopping = new AbortController()
  const { signal } = stopping
  const definition = formats.find(config.format)
  const what = config.queue_url ?? `s3://${config.bucket}/${config.prefix}`
  const checkpoint_path = join(deps.state_dir, 'objects.json')
  let opened: AwsClient | undefined
  let running: Promise<void> | undefined
  /** What the first look at the queue found; read in the background. */
  let waiting: Message[] | undefined
  let is_down = false

  function report(error: unknown) {
    if (!is_down) deps.coverage({ status: 'unavailable', message: `${what} cannot be read: ${messageOf(error)}.` })
    is_down = true
  }
  function recovered() {
    if (is_down) deps.coverage({ status: 'ok', message: `${what} is read again.` })
    is_down = false
  }

  /** Resolves when all records of an object are durable. */
  async function take(aws: AwsClient, { bucket, key }: ObjectName) {
    const source = `s3://${bucket}/${key}`
    const { bytes, length, etag } = await aws.get(bucket, key)
    const version = `${source}@${etag}`
    let records: RawRecord[]
    if (length > config.max_object_bytes) {
      const detail = `${source}: ${length} bytes, at most ${config.max_object_bytes} are read (max_object_bytes)`
      records = [{ data: source, position: version, fault: { reason: 'object_too_large', detail } }]
    } else records = recordsOf(await bytes(), version, config.max_object_bytes, definition)
    for (let from = 0; from < records.length; from += CHUNK_RECORDS) {
      await emitUntilTaken(deps, config.format, records.slice(from, from + CHUNK_RECORDS), signal)
    }
  }

  async function receive(aws: AwsClient, queue_url: string) {
    const messages = waiting ?? (await aws.receive(queue_url, LONG_POLL_S))
    waiting = undefined
    recovered()
    for (const message of messages) await handle(aws, queue_url, message)
  }

  /** A message is deleted when what it names is durable; one that fails is delivered again by the queue. */
  async function handle(aws: AwsClient, queue_url: string, { Body, MessageId, ReceiptHandle }: Message) {
    const objects = objectsOf(Body)
    if (objects === undefined) {
      const fault = { reason: 'not_a_notification', detail: 'expected a notification of S3, SNS or EventBridge' }
      await emitUntilTaken(deps, config.format, [{ data: Body ?? '', position: `sqs:${MessageId}`, fault }], signal)
    }
    for (const object of objects ?? []) {
      if (!object.key.startsWith(config.prefix) || object.key.endsWith('/')) continue
      try {
        await take(aws, object)
      } catch (error) {
        if ((error as Error).name !== 'NoSuchKey') throw error
        deps.coverage({
          part: 'objects',
          status: 'degraded',
          message: `s3://${object.bucket}/${object.key} is gone.`,
          lost: 1,
        })
      }
    }
    await aws.remove(queue_url, ReceiptHandle)
  }

  async function list(aws: AwsClient, bucket: string, checkpoint: Checkpoint) {
    let token: string | undefined
    let latest = checkpoint.since_ms + OVERLAP_MS
    do {
      const { objects, next } = await aws.list(bucket, config.prefix, token)
      for (const { key, time_ms } of objects) {
        latest = Math.max(latest, time_ms)
        if (time_ms < checkpoint.since_ms || checkpoint.done[key] === time_ms || key.endsWith('/')) continue
        await take(aws, { bucket, key })
        checkpoint.done[key] = time_ms
        await writeJsonAtomically(checkpoint_path, checkpoint)
      }
      token = next
    } while (token !== undefined)
    recovered()
    checkpoint.since_ms = Math.max(checkpoint.since_ms, latest - OVERLAP_MS)
    for (const [key, time] of Object.entries(checkpoint.done))
      if (time < checkpoint.since_ms) delete checkpoint.done[key]
    await writeJsonAtomically(checkpoint_path, checkpoint)
  }

  return {
    async start() {
      const aws = await openAws(config, signal)
      const { queue_url, bucket = '' } = config
      const since_ms = config.since === undefined ? 0 : Date.parse(config.since)
      const checkpoint = ((await readJsonFile(checkpoint_path)) as Checkpoint | undefined) ?? { since_ms, done: {} }
      try {
        // The first look tells a wrong setting at once.
        if (queue_url === undefined) await aws.list(bucket, config.prefix, undefined)
        else waiting = await aws.receive(queue_url, 0)
      } catch (cause) {
        aws.close()
        throw new WeirError('config_invalid', `${what} cannot be read: ${messageOf(cause)}`, {
          hint: `Check queue_url, bucket, region and credentials of collectors.${deps.instance}; it needs sqs:ReceiveMessage, sqs:DeleteMessage, s3:GetObject, or s3:ListBucket and s3:GetObject.`,
          cause,
        })
      }
      opened = aws
      running =
        queue_url === undefined
          ? repeat(config.interval_ms, signal, () => list(aws, bucket, checkpoint), report)
          : keepReceiving(() => receive(aws, queue_url), report)
    },
    async stop() {
      stopping.abort()
      await running
      opened?.close()
      opened = undefined
    },
    describe: () => `${what} as ${config.format}`,
  }

  /** Long polls follow each other at once; after an error there is a pause. */
  async function keepReceiving(work: () => Promise<void>, onError: (error: unknown) => void) {
    while (!signal.aborted) {
      let failed = false
      await work().catch((error) => {
        failed = true
        if (!signal.aborted) onError(error)
      })
      if (failed && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, RETRY_MS)
          signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true })
        })
      }
    }
  }
}
