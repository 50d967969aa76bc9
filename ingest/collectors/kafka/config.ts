import { z } from 'zod'
import { kafkaConnectionFields } from '../../../bus/kafka-config.js'

/** Settings of the `kafka` collector. */
export const kafkaCollectorConfig = z.strictObject({
  ...kafkaConnectionFields,
  topics: z.array(z.string().min(1)).min(1).describe('Topics to read. They must exist.'),
  format: z.string().min(1).describe('Format of the messages.'),
  group: z.string().min(1).default('weir').describe('Consumer group: processes that share it share the messages.'),
  from: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe('Where a group begins that has never read: at the oldest message that is kept, or at what comes next.'),
  lines: z
    .boolean()
    .default(false)
    .describe('Whether a message may hold several records, one a line (Fluent Bit and Vector can batch so).'),
  max_records: z.number().int().min(1).default(1_000).describe('Most messages handed on at once.'),
  fetch_bytes: z
    .number()
    .int()
    .min(100_000)
    .default(4_194_304)
    .describe('Most bytes taken from a broker at once: bounds memory while the pipeline is slow.'),
  concurrency: z.number().int().min(1).default(4).describe('Partitions that are handed on side by side.'),
  session_timeout_ms: z
    .number()
    .int()
    .min(1_000)
    .default(30_000)
    .describe('After so long without a sign of life the partitions go to another member of the group, ms.'),
})
export type KafkaCollectorConfig = z.output<typeof kafkaCollectorConfig>
