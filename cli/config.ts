import { z } from 'zod'
import { kafkaConfig } from '../bus/kafka-config.js'
import { readConfig } from '../core/config.js'
import type { Definition, Registry } from '../core/define.js'
import { DEFAULT_HEALTH_PORT } from '../core/health-server.js'
import { detectors } from '../detectors/index.js'
import { collectors } from '../ingest/collectors/index.js'
import type { FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { isLoopbackHost } from '../lake/endpoint/access.js'
import { serverLakeFields } from '../lake/server-config.js'
import { tables } from '../lake/tables/index.js'
import { actions } from '../responders/actions/index.js'
import { redisJobsSchema } from '../responders/jobs/redis-config.js'

/** Days by table, with each table's own default. */
const retention = z
  .strictObject(
    Object.fromEntries(
      tables.map(({ name, retention_days }) => [
        name,
        z.number().int().min(0).default(retention_days).describe(`Days that rows of ${name} are kept; 0: for ever.`),
      ]),
    ),
  )
  .describe('How long each table keeps its rows, counted from when they were stored.')
  .prefault({})

const user = z.strictObject({
  password: z.string().describe('Plain password; write ${NAME} to take it from the environment.'),
})

const lake = z
  .strictObject({
    ...serverLakeFields,
    host: z
      .string()
      .default('127.0.0.1')
      .describe(
        'Address of the SQL endpoint. Beyond loopback, every user needs a password, and `allow_plain_http` be set.',
      ),
    allow_plain_http: z
      .boolean()
      .default(false)
      .describe(
        'The SQL endpoint has no TLS: lets it listen on an address other than loopback all the same, only behind a proxy that ends TLS, or in a private container network.',
      ),
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe("Port of the SQL endpoint. Default: 8123, ClickHouse's own, or a free one if that is taken."),
    users: z
      .record(z.string(), user)
      .default({ default: { password: '' }, analyst: { password: '' } })
      .describe('Who may query. All of them may only read.'),
    max_execution_ms: z.number().int().min(100).default(60_000).describe('Longest run of one query, ms.'),
    max_memory_bytes: z
      .number()
      .int()
      .min(1_000_000)
      .default(2_000_000_000)
      .describe('Most memory one query may take, bytes.'),
    max_result_rows: z.number().int().min(0).default(0).describe('Most rows one query may return; 0: no limit.'),
    retention_days: retention,
  })
  .superRefine(({ url, host, allow_plain_http }, context) => {
    // A server answers SQL itself.
    if (url !== undefined || allow_plain_http || isLoopbackHost(host)) return
    const message = `expected an address of this machine: the SQL endpoint has no TLS, and passwords would reach "${host}" readable; behind a proxy that ends TLS set lake.allow_plain_http: true`
    context.addIssue({ code: 'custom', path: ['host'], message })
  })
  .describe('The lake: ClickHouse in this process and its SQL endpoint, or with `url` a ClickHouse server.')
  .prefault({})

const http = z
  .strictObject({
    host: z
      .string()
      .default('127.0.0.1')
      .describe(
        'Address of /health, /ready and /metrics. They need no password: beyond loopback, only where a network policy lets nobody but the monitoring in.',
      ),
    port: z
      .number()
      .int()
      .min(0)
      .max(65_535)
      .optional()
      .describe(
        `Port of /health, /ready and /metrics. Default: ${DEFAULT_HEALTH_PORT}, or a free one if that is taken.`,
      ),
  })
  .describe('What this process says of itself: alive, ready (each dependency by name), Prometheus metrics.')
  .prefault({})

const memory = z
  .strictObject({
    max_rss_bytes: z
      .number()
      .int()
      .min(268_435_456)
      .optional()
      .describe(
        'Most memory this process may have (resident), bytes. From two thirds of it on, new work waits: Kafka is read no further, push clients get 429, other collectors wait. Default: 1 GiB, with the lake in this process 4 GiB, and no more than its container has.',
      ),
  })
  .describe('What this process may take of the machine.')
  .prefault({})

const telemetry = z
  .strictObject({
    otlp_url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'OpenTelemetry receiver that traces are sent to (OTLP over HTTP, port 4318 on most; /v1/traces is added to an address without a path). Without it nothing is traced.',
      ),
    headers: z
      .record(z.string(), z.string())
      .default({})
      .describe('Headers of those requests, such as a token; write ${NAME} to take it from the environment.'),
    sample_ratio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Share of the traces that are recorded; each is whole or not there.'),
  })
  .describe('What this process tells of its work, batch by batch, to others: OpenTelemetry traces.')
  .prefault({})

/** `{ type: <component>, ...its own fields }` for every component of a registry. */
function instances<D extends Definition<z.ZodType>>(registry: Registry<D>) {
  const options = registry.all.map((definition) =>
    (definition.config as unknown as z.ZodObject).extend({
      type: z.literal(definition.name).describe(definition.summary),
    }),
  )
  return z.record(
    z.string().regex(/^[a-z][a-z0-9_-]*$/, 'expected a name of a-z, 0-9, _ and -'),
    z.discriminatedUnion('type', options as unknown as [z.ZodObject, ...z.ZodObject[]]),
  )
}

/** Options by component name, for components that exist once. */
function options<D extends { readonly name: string }>(registry: Registry<D>, what: string) {
  return z
    .partialRecord(
      z.enum(registry.all.map((definition) => definition.name) as [string, ...string[]]),
      z.record(z.string(), z.unknown()),
    )
    .default({})
    .describe(what)
}

function formatOptions({ name, summary, config }: FormatDefinition): [string, z.ZodType] {
  return [name, config.optional().describe(summary)]
}

const detection = z
  .strictObject({
    suppression_ms: z
      .number()
      .int()
      .min(0)
      .default(3_600_000)
      .describe('How long a repeated finding is only counted, ms of event time.'),
    budget_per_day: z
      .number()
      .int()
      .min(1)
      .default(100)
      .describe('Findings a detector may make in a day of event time; more are counted, not published.'),
  })
  .describe('Limits that every detector has.')
  .prefault({})

const responders = z
  .strictObject({
    playbooks: z.array(z.string()).default([]).describe('Playbook files or folders, added to the built-in ones.'),
    builtin_playbooks: z.boolean().default(true).describe('Whether the built-in playbooks are loaded.'),
    effect_window_ms: z
      .number()
      .int()
      .min(0)
      .default(5_000)
      .describe('How long after a reversible action the telemetry is watched for traffic that goes on, ms.'),
    actions: options(actions, 'Default params of actions, by action name; a playbook step may override them.'),
  })
  .describe('What is done about verified findings.')
  .prefault({})

const coverage = z
  .strictObject({
    silent_after_ms: z
      .number()
      .int()
      .min(0)
      .default(600_000)
      .describe('A source that nothing comes from for so long is reported as silent, ms; 0: never.'),
    sources: z
      .record(z.string(), z.number().int().min(0))
      .default({})
      .describe(
        'The same for single collectors, by their names, or for one format that comes through them: `{ trail: 3600000, push/falco: 0 }`.',
      ),
    report_interval_ms: z
      .number()
      .int()
      .min(1_000)
      .default(300_000)
      .describe('Time between two reports of each source that is heard: newest event, lag, losses; ms.'),
  })
  .describe('What is told about the sources themselves: no data is not no anomaly.')
  .prefault({})

const DEFAULT_COLLECTORS = ['host', 'docker', 'http'].filter((name) => collectors.all.some((d) => d.name === name))
const DEFAULT_DETECTORS = ['rules', 'profile', 'anomaly'].filter((name) => detectors.all.some((d) => d.name === name))

/** The whole configuration. No file at all is the same as an empty one: the small size on this machine. */
export const configSchema = z.strictObject({
  data_dir: z
    .string()
    .default('.weir')
    .describe('Folder for the lake, checkpoints, models and tokens; relative to the working directory.'),
  mode: z
    .enum(['dry_run', 'enforce'])
    .default('dry_run')
    .describe(
      'dry_run: responses are planned and recorded, nothing is changed. enforce: verified ones are carried out.',
    ),
  log_level: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('warn')
    .describe('What is written to stderr.'),
  http,
  memory,
  telemetry,
  lake,
  bus: z
    .strictObject({
      max_messages: z
        .number()
        .int()
        .min(1_000)
        .default(50_000)
        .describe('Events in flight before collectors have to wait, on the bus in this process.'),
      kafka: kafkaConfig
        .optional()
        .describe('Kafka, which several processes share their work through. Without it the bus is in this process.'),
    })
    .describe('The bus: in this process, or Kafka.')
    .prefault({}),
  jobs: z
    .strictObject({ redis: redisJobsSchema.optional() })
    .describe('Where the jobs of responders wait: in this process, or in Redis.')
    .prefault({}),
  collectors: instances(collectors)
    .prefault(Object.fromEntries(DEFAULT_COLLECTORS.map((name) => [name, { type: name }])))
    .describe('What is collected: a name of your choice, and a collector with its fields.'),
  coverage,
  formats: z
    .strictObject(Object.fromEntries(formats.all.map(formatOptions)))
    .describe('Options of wire formats, by format name.')
    .prefault({}),
  max_record_length: z
    .number()
    .int()
    .min(1_000)
    .default(1_048_576)
    .describe('Longest raw record that is read, in characters.'),
  detectors: instances(detectors)
    .prefault(Object.fromEntries(DEFAULT_DETECTORS.map((name) => [name, { type: name }])))
    .describe('What looks for attacks: a name of your choice, and a detector with its fields.'),
  detection,
  responders,
})

export type WeirConfig = z.output<typeof configSchema>

/** JSON schema of what a configuration file may say, for editors. */
export function configJsonSchema(): object {
  return { title: 'Weir configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) }
}

/** Reads `file`, or takes the defaults. Throws `config_invalid` with every problem at once. */
export function loadConfig(file: string | undefined): WeirConfig {
  return file === undefined ? configSchema.parse({}) : readConfig(file, configSchema)
}
