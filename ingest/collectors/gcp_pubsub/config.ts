import { z } from 'zod'

/** Every field of the gcp_pubsub collector. */
export const gcpPubsubConfig = z.strictObject({
  project: z.string().min(1).describe('Project of the subscription.'),
  subscription: z
    .string()
    .regex(/^[A-Za-z][\w.~+%-]{2,254}$/, 'expected the name of a subscription without projects/... before it')
    .describe('Pull subscription of the topic that a log sink writes to.'),
  format: z.string().min(1).describe('Wire format of the messages: `gcp_audit`, `gcp_functions`, `gcp_vpc_flow`.'),
  key_file: z
    .string()
    .optional()
    .describe(
      "JSON key of a service account with the role Pub/Sub Subscriber. Absent: the account of the machine, from Google's metadata server.",
    ),
  max_messages: z.int().min(1).max(1_000).default(1_000).describe('Messages asked for at once.'),
  ack_deadline_s: z
    .int()
    .min(10)
    .max(600)
    .default(60)
    .describe('For how long messages are reserved while the pipeline takes them; extended again and again.'),
  max_message_bytes: z
    .int()
    .min(1_000)
    .default(16 * 1024 * 1024)
    .describe('Largest message that is read, decompressed, in bytes; a larger one becomes a dead letter.'),
  endpoint: z
    .url()
    .default('https://pubsub.googleapis.com')
    .describe('Address of Pub/Sub: a regional one, or an emulator.'),
  metadata_url: z
    .url()
    .default('http://metadata.google.internal')
    .describe('Metadata server of the machine, where there is no key_file.'),
})

/** Configuration of the gcp_pubsub collector, checked. */
export type GcpPubsubConfig = z.output<typeof gcpPubsubConfig>
