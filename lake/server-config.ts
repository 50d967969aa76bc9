import { z } from 'zod'

/** Fields of `lake` that say how a ClickHouse server is reached. Without `url` the lake is in this process. */
export const serverLakeFields = {
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of a ClickHouse server (its HTTP interface). Without it the lake is in this process.'),
  user: z.string().min(1).default('default').describe('User at the ClickHouse server; it writes, so it needs INSERT.'),
  password: z.string().default('').describe('Its password; write ${NAME} to take it from the environment.'),
  database: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'expected a name of letters, digits and _')
    .default('weir')
    .describe('Database at the ClickHouse server; made if it is missing.'),
  cluster: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected a name as in remote_servers')
    .optional()
    .describe('Cluster of the ClickHouse server: replicated tables, and distributed ones over them.'),
  tls: z
    .strictObject({
      ca_file: z
        .string()
        .optional()
        .describe('Certificate authority of the server, PEM; default: those Node.js knows.'),
      cert_file: z.string().optional().describe('Certificate of this client, PEM.'),
      key_file: z.string().optional().describe('Key of that certificate, PEM.'),
    })
    .describe('Certificates for an https address.')
    .prefault({}),
  request_timeout_ms: z
    .number()
    .int()
    .min(1_000)
    .default(30_000)
    .describe('Longest wait for an answer of the ClickHouse server, ms.'),
  insert_quorum: z
    .union([z.literal('auto'), z.number().int().min(0)])
    .default(0)
    .describe('Replicas that must have a block before it counts as stored; auto: a majority; 0: the one that took it.'),
  migrate: z
    .boolean()
    .default(true)
    .describe(
      'Brings the tables of the server up to date at start; false: `weir migrate` does, and a start only checks.',
    ),
}

/** What `serverLakeFields` lets through. */
export type ServerLakeConfig = z.output<z.ZodObject<typeof serverLakeFields>>
