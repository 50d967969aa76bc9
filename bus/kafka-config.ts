import { z } from 'zod'

const user = {
  username: z.string().min(1).describe('Name to sign in with.'),
  password: z.string().min(1).describe('Its password; write ${NAME} to take it from the environment.'),
}

const sasl = z.discriminatedUnion('mechanism', [
  z.strictObject({
    mechanism: z.literal('plain').describe('Name and password as they are: with TLS only, if beyond this machine.'),
    ...user,
  }),
  z.strictObject({ mechanism: z.literal('scram-sha-256').describe('SCRAM with SHA-256.'), ...user }),
  z.strictObject({ mechanism: z.literal('scram-sha-512').describe('SCRAM with SHA-512.'), ...user }),
  oauthbearer(),
])

function oauthbearer() {
  const fields = z.strictObject({
    mechanism: z.literal('oauthbearer').describe('A bearer token from a file or an OAuth 2.0 token endpoint.'),
    token_file: z
      .string()
      .optional()
      .describe('File that holds the token; read for every connection, so that it may be renewed.'),
    token_url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Token endpoint that is asked with client credentials; either this or token_file.'),
    client_id: z.string().optional().describe('Client id for the token endpoint.'),
    client_secret: z.string().optional().describe('Client secret for the token endpoint; write ${NAME}.'),
    scope: z.string().optional().describe('Scope to ask the token endpoint for.'),
  })
  return fields.refine(({ token_file, token_url }) => (token_file === undefined) !== (token_url === undefined), {
    path: ['token_file'],
    message: 'expected exactly one of token_file and token_url',
  })
}

const tls = z.strictObject({
  ca_file: z
    .string()
    .optional()
    .describe('Certificates (PEM) that may sign the brokers; absent: those the system trusts.'),
  cert_file: z.string().optional().describe('Certificate (PEM) that this client shows.'),
  key_file: z.string().optional().describe('Private key (PEM) of cert_file.'),
  server_name: z.string().optional().describe('Name the brokers must have in their certificate, if not their address.'),
})

/** The fields that say where a Kafka cluster is and who asks. */
export const kafkaConnectionFields = {
  brokers: z
    .array(z.string().regex(/^[^\s:]+:\d+$|^\[[^\]]+\]:\d+$/, 'expected host:port'))
    .min(1)
    .describe('Addresses (host:port) of some brokers; the others are found through them.'),
  client_id: z.string().min(1).default('weir').describe("Name in the brokers' logs and quotas."),
  tls: tls.optional().describe('Connect with TLS; {} trusts what the system trusts. Absent: no TLS.'),
  sasl: sasl.optional().describe('How to sign in. Absent: not at all.'),
  request_timeout_ms: z
    .number()
    .int()
    .min(1_000)
    .default(20_000)
    .describe('How long one request to a broker may take, ms.'),
}

const connection = z.strictObject(kafkaConnectionFields)
export type KafkaConnection = z.output<typeof connection>

/** Settings of the Kafka bus (`bus.kafka`). */
export const kafkaConfig = z.strictObject({
  ...kafkaConnectionFields,
  topic_prefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]*$/, 'expected letters, digits, ., _ and -')
    .default('')
    .describe('Put before the names of topics and consumer groups, so that several installations share a cluster.'),
  partitions: z
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(12)
    .describe('Partitions of a topic that has to be created: how many processes of a role can share its work.'),
  replication_factor: z
    .number()
    .int()
    .min(-1)
    .default(-1)
    .describe("Copies of each partition of a topic that has to be created; -1: the cluster's default."),
  retention_ms: z
    .number()
    .int()
    .min(60_000)
    .default(7 * 86_400_000)
    .describe('How long a topic that has to be created keeps its messages, ms: the longest outage of a role.'),
  max_message_bytes: z
    .number()
    .int()
    .min(100_000)
    .default(8_388_608)
    .describe('Largest message of a topic that has to be created, bytes. A larger event becomes a dead letter.'),
  compression: z
    .enum(['none', 'gzip', 'lz4'])
    .default('lz4')
    .describe('How batches travel and are kept (docs/decisions/0012-kafka.md has figures).'),
  batch_bytes: z
    .number()
    .int()
    .min(1_000)
    .default(900_000)
    .describe('Most bytes of one partition in one request, before compression; at most what the brokers accept.'),
  request_bytes: z
    .number()
    .int()
    .min(1_000)
    .default(4_194_304)
    .describe('Most bytes of all partitions in one request to publish, before compression.'),
  linger_ms: z
    .number()
    .int()
    .min(0)
    .default(5)
    .describe('How long a publication waits for others to share its request, ms.'),
  max_buffered_messages: z
    .number()
    .int()
    .min(1_000)
    .default(50_000)
    .describe('Messages that may wait to be published before collectors have to wait.'),
  fetch_bytes: z
    .number()
    .int()
    .min(100_000)
    .default(8_388_608)
    .describe('Most bytes that a subscription takes from a broker at once: bounds its memory while handlers are slow.'),
  fetch_partition_bytes: z
    .number()
    .int()
    .min(100_000)
    .default(1_048_576)
    .describe('Most bytes of one partition in that.'),
  fetch_wait_ms: z
    .number()
    .int()
    .min(10)
    .default(250)
    .describe('How long a broker waits for the first message before it answers that there is none, ms.'),
  max_batch: z.number().int().min(1).default(2_000).describe('Most messages handed to a handler at once.'),
  concurrency: z.number().int().min(1).default(12).describe('Partitions that one subscription handles side by side.'),
  session_timeout_ms: z
    .number()
    .int()
    .min(1_000)
    .default(15_000)
    .describe('After so long without a sign of life a process loses its partitions to others, ms.'),
  rebalance_timeout_ms: z
    .number()
    .int()
    .min(1_000)
    .default(60_000)
    .describe('How long handlers may take to finish before their partition is given away, ms.'),
  start_timeout_ms: z
    .number()
    .int()
    .min(1_000)
    .max(15_000)
    .default(5_000)
    .describe('How long the brokers may be out of reach at start before that is an error, ms.'),
})
export type KafkaConfig = z.output<typeof kafkaConfig>
