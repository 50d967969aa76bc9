import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, WeirError } from '../../core/errors.js'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { type AwsClient, openAws } from './aws_s3/client.js'
import { type AwsS3Config, awsS3Config } from './aws_s3/config.js'
import { mustBeMended } from './aws_s3/faults.js'
import { bucketReader } from './aws_s3/listing.js'
import { queueReader } from './aws_s3/queue.js'
import { objectReader } from './aws_s3/reader.js'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

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

function createAwsS3(config: AwsS3Config, deps: CollectorDeps): Collector {
  const stopping = new AbortController()
  const { signal } = stopping
  const { queue_url, bucket = '' } = config
  const what = queue_url ?? `s3://${bucket}/${config.prefix}`
  let opened: AwsClient | undefined
  let running: Promise<void> | undefined
  let is_down = false

  function report(error: unknown) {
    if (!is_down) deps.coverage({ status: 'unavailable', message: `${what} cannot be read: ${messageOf(error)}.` })
    is_down = true
  }
  function recovered() {
    if (is_down) deps.coverage({ status: 'ok', message: `${what} is read again.` })
    is_down = false
  }
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})

  /** One look after the other; after one that failed the pause is longer each time. */
  async function keepLooking(look: (onAnswer: () => void) => Promise<void>, interval_ms: number) {
    let wait_ms = FIRST_RETRY_MS
    while (!signal.aborted) {
      const began_ms = performance.now()
      try {
        await look(recovered)
        wait_ms = FIRST_RETRY_MS
        await pause(Math.max(0, interval_ms - (performance.now() - began_ms)))
      } catch (error) {
        if (signal.aborted) return
        report(error)
        await pause(wait_ms)
        wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)
      }
    }
  }

  return {
    async start() {
      const aws = await openAws(config, signal)
      opened = aws
      const read = objectReader(aws, config, deps, signal)
      const source =
        queue_url === undefined
          ? await bucketReader(aws, bucket, config, join(deps.state_dir, 'objects.json'), signal, read)
          : queueReader(aws, queue_url, config, deps, signal, read)
      await source.first().catch((cause: unknown) => {
        // What passes is waited for in the background.
        if (!mustBeMended(cause)) return report(cause)
        throw new WeirError('config_invalid', `${what} cannot be read: ${messageOf(cause)}`, {
          hint: `Check queue_url, bucket, region and credentials of collectors.${deps.instance}; it needs sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and s3:GetObject, or s3:ListBucket and s3:GetObject.`,
          cause,
        })
      })
      running = keepLooking(source.look, queue_url === undefined ? config.interval_ms : 0)
    },
    async stop() {
      stopping.abort()
      await running
      opened?.close()
      opened = undefined
    },
    describe: () => `${what} as ${config.format}`,
  }
}
