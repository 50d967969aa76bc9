import { z } from 'zod'

const file = (what: string) => z.string().min(1).optional().describe(what)

/** Jobs shared by several responders through Redis or Valkey. */
export const redisJobsSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^rediss?$/ })
      .describe('Address of Redis or Valkey: redis://host:6379/0, or rediss:// for TLS.'),
    username: z.string().min(1).optional().describe('ACL user; default: the one of the address, or none.'),
    password: z.string().min(1).optional().describe('Password; write ${NAME} to take it from the environment.'),
    tls: z
      .strictObject({
        ca_file: file('PEM file with the authorities that may have signed the server; default: those of Node.js.'),
        cert_file: file('PEM file with the certificate that Weir shows to the server.'),
        key_file: file('PEM file with the key of that certificate.'),
        server_name: file('Name the certificate must have, if it is not the host of the address.'),
      })
      .optional()
      .describe('TLS; an empty one is enough where rediss:// in the address would be.'),
    prefix: z
      .string()
      .regex(/^[\w.-]+$/, 'expected letters, digits, ., _ and -')
      .default('weir')
      .describe('First part of all keys: one for each Weir that shares a Redis.'),
    concurrency: z.int().min(1).default(4).describe('Jobs of one action that one process does at once.'),
    attempts: z.int().min(1).default(5).describe('How often a job is tried in all, with doubled pauses.'),
    take_over_ms: z
      .int()
      .min(500)
      .default(5_000)
      .describe('How long a responder may be silent, ms, before another one takes its jobs over.'),
    rate_limits: z
      .record(
        z.string(),
        z.strictObject({
          max: z.int().min(1).describe('Most jobs in that time.'),
          per_ms: z.int().min(1).describe('The time, ms.'),
        }),
      )
      .default({})
      .describe('Most jobs of an action, by its name, that all processes together start in a time.'),
  })
  .describe('Redis or Valkey, which several responders share their jobs through.')

export type RedisJobsConfig = z.output<typeof redisJobsSchema>
