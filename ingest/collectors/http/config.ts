import { z } from 'zod'
import { formats } from '../../formats/index.js'

const MIB = 1024 * 1024

/** Every field of the http collector. */
export const httpConfig = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('Address to listen on. Any but loopback needs `token` and `tls`.'),
    port: z.int().min(0).max(65535).default(8870).describe('TCP port; 0 takes a free one.'),
    token: z
      .string()
      .min(16)
      .optional()
      .describe(
        'Bearer token that senders of any format must show, e.g. `${WEIR_PUSH_TOKEN}`. Without it and `tokens` one is made and kept in the state folder.',
      ),
    tokens: z
      .record(
        z.string().min(1),
        z.strictObject({
          token: z.string().min(16).describe('The bearer token, e.g. `${FALCO_TOKEN}`.'),
          formats: z
            .array(z.enum(formats.all.map(({ name }) => name) as [string, ...string[]]))
            .min(1)
            .describe('Formats that may be pushed with it; `otlp` for OpenTelemetry.'),
        }),
      )
      .default({})
      .describe(
        'More tokens, each for some formats only, by a name of your own: `{ nodes: { token: ..., formats: [falco] } }`.',
      ),
    tls: z
      .strictObject({
        cert_file: z.string().describe('Certificate chain, PEM.'),
        key_file: z.string().describe('Private key, PEM.'),
      })
      .optional()
      .describe('Serve HTTPS with this certificate.'),
    allow_plain_http: z
      .boolean()
      .default(false)
      .describe(
        'Listen without TLS on an address other than loopback: only behind a proxy that ends TLS, or in a private container network.',
      ),
    format: z.string().optional().describe('Wire format of `POST /ingest`, where neither path nor query names one.'),
    max_body_bytes: z
      .int()
      .min(1)
      .default(32 * MIB)
      .describe('Largest body as sent (compressed), in bytes.'),
    max_decompressed_bytes: z
      .int()
      .min(1)
      .default(256 * MIB)
      .describe('Largest body after decompression, in bytes.'),
    max_compression_ratio: z
      .number()
      .min(1)
      .default(200)
      .describe('Decompressed bytes for one compressed byte that are still believed; more is taken for a bomb.'),
    max_document_bytes: z
      .int()
      .min(1)
      .default(32 * MIB)
      .describe('Largest body of type application/json, which is parsed as a whole, in bytes.'),
    max_line_bytes: z
      .int()
      .min(16)
      .default(MIB)
      .describe('Longest line of a body of lines, in bytes; a longer one becomes a dead letter.'),
    max_concurrent_requests: z.int().min(1).default(16).describe('Requests handled at once; more are answered 429.'),
    request_timeout_ms: z
      .int()
      .min(100)
      .default(120_000)
      .describe('Time for a whole request to arrive, in ms; slower senders are cut off.'),
    headers_timeout_ms: z.int().min(100).default(10_000).describe('Time for the headers to arrive, in ms.'),
  })
  .superRefine((config, context) => {
    const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    const given = [config.token, ...Object.values(config.tokens).map(({ token }) => token)].filter(Boolean)
    if (new Set(given).size < given.length) problem('tokens', 'expected different tokens: each says who sends')
    if (isLoopbackHost(config.host)) return
    if (given.length === 0) {
      problem('token', `expected a token, because "${config.host}" can be reached from other machines`)
    }
    if (!config.tls && !config.allow_plain_http) {
      problem(
        'tls',
        `expected cert_file and key_file, because "${config.host}" can be reached from other machines; behind a proxy that ends TLS set allow_plain_http: true`,
      )
    }
  })

/** Configuration of the http collector, checked. */
export type HttpConfig = z.output<typeof httpConfig>

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
