import { stringify } from 'yaml'
import { configJsonSchema, configSchema } from '../cli/config.js'
import type { Definition } from '../core/define.js'
import { detectors } from '../detectors/index.js'
import { collectors } from '../ingest/collectors/index.js'
import { serverLakeFields } from '../lake/server-config.js'
import { type Field, fieldsOf, inputSchema, type JsonSchema, typeText } from './fields.js'
import { fieldTable } from './reference.js'

const WIDTH = 110

/** weir.schema.json: the same as `weir config schema` prints. */
export function configSchemaFile(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`
}

/** docs/reference/config.md: every field that is not a component's own. */
export function configPage(): string {
  const fields = fieldsOf(inputSchema(configSchema)).filter(isOfWeir)
  return `# Configuration

Generated from \`cli/config.ts\` by \`npm run generate\`; do not edit.

One YAML file, \`./weir.yaml\` or \`--config FILE\`. No file is the same as an empty one: this machine, in the small size.
\`weir config check FILE\` reports every problem at once; [weir.example.yaml](../../weir.example.yaml) has every field
with its default; [weir.schema.json](../../weir.schema.json) makes editors complete and check:

\`\`\`yaml
# yaml-language-server: $schema=./weir.schema.json
\`\`\`

\`\${NAME}\` in a text is replaced by the environment variable NAME, \`$\${\` is a literal \`\${\`. Unknown fields are errors.
The fields of components are in [collectors](collectors.md), [formats](formats.md), [detectors](detectors.md) and
[actions](actions.md); playbooks are files of their own ([playbooks](../playbooks.md)).

${fieldTable(fields)}
`
}

/** An instance's own fields are on the page of its component. */
function isOfWeir({ path }: Field): boolean {
  return !/^(collectors|detectors)\.<name>/.test(path)
}

/** Settings of the large size: explained in an example of their own, so that the smallest one stays small. */
const large: { readonly [section: string]: readonly string[] } = {
  bus: ['kafka'],
  lake: Object.keys(serverLakeFields),
  jobs: ['redis'],
}

/** What deploy/weir.cluster.example.yaml says, by path; everything else is shown with its default. */
const cluster: { readonly [path: string]: unknown } = {
  'bus.kafka.brokers': ['kafka-1:9093', 'kafka-2:9093', 'kafka-3:9093'],
  'bus.kafka.tls': { ca_file: '/etc/weir/kafka-ca.pem' },
  'bus.kafka.sasl': { mechanism: 'scram-sha-512', username: 'weir', password: '${WEIR_KAFKA_PASSWORD}' },
  'lake.url': 'https://clickhouse:8443',
  'lake.user': 'weir',
  'lake.password': '${WEIR_CLICKHOUSE_PASSWORD}',
  'jobs.redis.url': 'rediss://redis:6379/0',
  'jobs.redis.password': '${WEIR_REDIS_PASSWORD}',
  'http.host': '0.0.0.0',
  'http.port': 8871,
}

/** deploy/weir.cluster.example.yaml: the same program as several processes. */
export function clusterConfig(): string {
  const properties = inputSchema(configSchema).properties ?? {}
  const sections = ['data_dir', 'http', ...Object.keys(large)].flatMap((name) => {
    const field = properties[name] as JsonSchema
    return ['', ...(field.properties ? clusterSection(name, field, '', name) : setting(name, field, ''))]
  })
  return `# yaml-language-server: $schema=../weir.schema.json
#
# Weir as several processes that share their work: weir run ingest|store|detect|respond|console -c weir.yaml
# All of them may have the same file; only data_dir must be a folder of each process's own. What is not here is the
# same as in one process: see weir.example.yaml. \`weir doctor -c weir.yaml\` says whether the servers can be reached.
# Settings that begin with # show their default. Secrets come from the environment: \${NAME}.
# Generated from the definitions by \`npm run generate\`.
${sections.join('\n')}

# What is collected by the processes of the role ingest.
collectors:
  http:
    type: http
    # Senders beyond this machine need a token, and TLS here or at the proxy in front.
    #host: 0.0.0.0
    token: \${WEIR_PUSH_TOKEN}
`
}

function clusterSection(name: string, field: JsonSchema, indent: string, path: string): string[] {
  const shown = large[path]
  const lines = Object.entries(field.properties ?? {}).flatMap(([key, inner]) => {
    if (shown && !shown.includes(key)) return []
    const at = `${path}.${key}`
    if (at in cluster) return setting(key, { ...plainField(inner), default: cluster[at] }, `${indent}  `, true)
    const isOpen = Object.keys(cluster).some((one) => one.startsWith(`${at}.`))
    return isOpen ? clusterSection(key, inner, `${indent}  `, at) : setting(key, inner, `${indent}  `)
  })
  return [...comment(field.description, indent), `${indent}${name}:`, ...lines]
}

/** As one line, whatever it is made of. */
function plainField({ properties: _, ...field }: JsonSchema): JsonSchema {
  return field
}

/** weir.example.yaml: means the same as no configuration at all, and explains everything. */
export function exampleConfig(): string {
  const schema = inputSchema(configSchema)
  const defaults = configSchema.parse({})
  const lines = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (name === 'collectors') return ['', ...instances(name, field, collectors.all, Object.keys(defaults.collectors))]
    if (name === 'detectors') return ['', ...instances(name, field, detectors.all, Object.keys(defaults.detectors))]
    // Formats have no instances, only options, and most have none.
    if (name === 'formats') return ['', ...setting(name, withFields(field), '')]
    const small = withoutLarge(name, field)
    return small ? ['', ...setting(name, small, '', name === 'mode')] : []
  })
  return `# yaml-language-server: $schema=./weir.schema.json
#
# Weir's configuration. As it stands, this file means the same as none at all: watch this machine, change nothing.
# Settings that begin with # show their default, or in <> what may stand there: remove the # (and that of the line
# above that it belongs to) to change one. Check with: weir config check weir.yaml
# Kafka, a ClickHouse server, Redis and several processes: deploy/weir.cluster.example.yaml.
# Generated from the definitions by \`npm run generate\`.
${lines.join('\n')}
`
}

/** The section without the settings of the large size; undefined if nothing is left. */
function withoutLarge(name: string, field: JsonSchema): JsonSchema | undefined {
  const left_out = large[name]
  if (!left_out) return field
  const kept = Object.entries(field.properties ?? {}).filter(([key]) => !left_out.includes(key))
  return kept.length === 0 ? undefined : { ...field, properties: Object.fromEntries(kept) }
}

/** A component's settings: those that run by default are on, the others show how they are written. */
function instances(
  name: string,
  field: JsonSchema,
  all: readonly Definition<never>[] | readonly { name: string; summary: string; config: unknown; example: unknown }[],
  running: readonly string[],
): string[] {
  const blocks = all.flatMap((definition) => {
    const isOn = running.includes(definition.name)
    const off = isOn ? '' : '#'
    const { properties = {}, required = [] } = inputSchema(definition.config as never)
    const example = definition.example as { [field: string]: unknown }
    return [
      '',
      ...comment(definition.summary, '  '),
      `  ${off}${definition.name}:`,
      `    ${off}type: ${definition.name}`,
      ...Object.entries(properties).flatMap(([key, inner]) => {
        const isRequired = required.includes(key) && inner.default === undefined
        // What is optional by itself may be one of two that are needed: an example says which.
        const isTold = isRequired || (!isOn && inner.default === undefined && example[key] !== undefined)
        return setting(key, isTold ? { ...inner, default: example[key] } : inner, '    ', isOn && isRequired)
      }),
    ]
  })
  return [...comment(field.description, ''), `${name}:`, ...blocks]
}

/** One field with its explanation; `isOn` writes it out instead of leaving it commented. */
function setting(name: string, field: JsonSchema, indent: string, isOn = false): string[] {
  const mark = isOn ? '' : '#'
  if (field.properties) {
    const inner = Object.entries(field.properties).flatMap(([key, value]) => setting(key, value, `${indent}  `, isOn))
    return [...comment(field.description, indent), `${indent}${mark}${name}:`, ...inner]
  }
  if (field.default === undefined) {
    return [...comment(field.description, indent), `${indent}#${name}: <${plain(typeText(field))}>`]
  }
  const value = stringify(field.default, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()
  return [...comment(field.description, indent), `${indent}${mark}${name}: ${value}`]
}

function withFields(field: JsonSchema): JsonSchema {
  const options = Object.entries(field.properties ?? {}).filter(
    ([, { properties }]) => Object.keys(properties ?? {}).length > 0,
  )
  return { ...field, properties: Object.fromEntries(options) }
}

function plain(text: string): string {
  return text.replaceAll('`', '')
}

function comment(text: string | undefined, indent: string): string[] {
  const lines: string[] = []
  for (const word of (text ?? '').split(/\s+/).filter((word) => word !== '')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + word.length < WIDTH) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`${indent}# ${word}`)
  }
  return lines
}
