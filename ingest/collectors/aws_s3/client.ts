import type { S3ClientConfig } from '@aws-sdk/client-s3'
import type { Message } from '@aws-sdk/client-sqs'
import type { AwsS3Config } from './config.js'

export type S3Object = { readonly bytes: () => Promise<Uint8Array>; readonly length: number; readonly etag: string }
export type S3Page = { readonly objects: { key: string; time_ms: number }[]; readonly next: string | undefined }

/** The six requests that the collector makes. All end when `signal` aborts. */
export type AwsClient = {
  get(bucket: string, key: string): Promise<S3Object>
  list(bucket: string, prefix: string, token: string | undefined): Promise<S3Page>
  /** Messages, reserved for `reserve_s` seconds. */
  receive(queue_url: string, wait_s: number, reserve_s: number): Promise<Message[]>
  /** Reserves ten messages at most for so long from now. */
  extend(queue_url: string, receipts: readonly (string | undefined)[], reserve_s: number): Promise<void>
  remove(queue_url: string, receipt: string | undefined): Promise<void>
  close(): void
}

/** Loads AWS's client libraries, which takes its time, only where a collector needs them. */
export async function openAws(config: AwsS3Config, signal: AbortSignal): Promise<AwsClient> {
  const [s3Library, sqsLibrary] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/client-sqs')])
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey } = config
  const options: S3ClientConfig = {
    region: config.region,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint, forcePathStyle: true }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey } } : {}),
  }
  const s3 = new s3Library.S3Client(options)
  const sqs = new sqsLibrary.SQSClient(options as object)
  const abort = { abortSignal: signal }
  return {
    async get(Bucket, Key) {
      const {
        Body,
        ContentLength = 0,
        ETag = '',
      } = await s3.send(new s3Library.GetObjectCommand({ Bucket, Key }), abort)
      const bytes = async () => (await Body?.transformToByteArray()) ?? new Uint8Array()
      return { bytes, length: ContentLength, etag: ETag.replaceAll('"', '') }
    },
    async list(Bucket, Prefix, ContinuationToken) {
      const page = await s3.send(new s3Library.ListObjectsV2Command({ Bucket, Prefix, ContinuationToken }), abort)
      const objects = (page.Contents ?? []).map(({ Key = '', LastModified }) => {
        return { key: Key, time_ms: LastModified?.getTime() ?? 0 }
      })
      return { objects, next: page.NextContinuationToken }
    },
    async receive(QueueUrl, WaitTimeSeconds, VisibilityTimeout) {
      const options = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds, VisibilityTimeout }
      return (await sqs.send(new sqsLibrary.ReceiveMessageCommand(options), abort)).Messages ?? []
    },
    async extend(QueueUrl, receipts, VisibilityTimeout) {
      const Entries = receipts.map((ReceiptHandle, n) => ({ Id: String(n), ReceiptHandle, VisibilityTimeout }))
      await sqs.send(new sqsLibrary.ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }), abort)
    },
    async remove(QueueUrl, ReceiptHandle) {
      await sqs.send(new sqsLibrary.DeleteMessageCommand({ QueueUrl, ReceiptHandle }), abort)
    },
    close() {
      s3.destroy()
      sqs.destroy()
    },
  }
}
