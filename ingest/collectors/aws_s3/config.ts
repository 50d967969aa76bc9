import { z } from 'zod'

const MIB = 1024 * 1024

/** Every field of the aws_s3 collector. */
export const awsS3Config = z
  .strictObject({
    format: z.string().min(1).describe('Wire format of the objects: `cloudtrail`, `vpc_flow`, `ocsf`.'),
    queue_url: z
      .url()
      .optional()
      .describe(
        'SQS queue that S3 (directly, through SNS or EventBridge) tells about new objects. Best for large buckets.',
      ),
    bucket: z.string().min(1).optional().describe('Bucket to list, where there is no queue.'),
    prefix: z.string().default('').describe('Only objects whose key begins with this.'),
    region: z.string().min(1).describe('AWS region of queue and bucket, e.g. `eu-central-1`.'),
    endpoint: z.url().optional().describe('Address of another service that speaks S3 (and SQS).'),
    access_key_id: z
      .string()
      .optional()
      .describe("Access key. Absent: as AWS's own programs find it (environment, profile, role of the machine)."),
    secret_access_key: z.string().optional().describe('Its secret, e.g. `${AWS_SECRET}`.'),
    interval_ms: z.int().min(100).default(60_000).describe('Time between two listings, in ms.'),
    reserve_s: z
      .int()
      .min(1)
      .max(43_200)
      .default(120)
      .describe(
        'How long a message is hidden from other readers of the queue, in seconds; extended while its object is being read.',
      ),
    since: z.iso.datetime({ offset: true }).optional().describe('At the first listing, older objects are left out.'),
    max_object_bytes: z
      .int()
      .min(1)
      .default(256 * MIB)
      .describe('Largest object that is read, decompressed, in bytes.'),
  })
  .superRefine(({ queue_url, bucket, access_key_id, secret_access_key }, context) => {
    if ((queue_url === undefined) === (bucket === undefined)) {
      context.addIssue({ code: 'custom', path: ['queue_url'], message: 'expected either queue_url or bucket' })
    }
    if ((access_key_id === undefined) !== (secret_access_key === undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['access_key_id'],
        message: 'expected it together with secret_access_key',
      })
    }
  })

/** Configuration of the aws_s3 collector, checked. */
export type AwsS3Config = z.output<typeof awsS3Config>
