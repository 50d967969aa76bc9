import { stringify } from 'yaml'
import { configJsonSchema, configSchema } from '../cli/config.js'
import type { Definition } from '../core/define.js'
import { detectors } from '../detectors/index.js'
import { collectors } from '../ingest/collectors/index.js'
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

/** weir.example.yaml: means the same as no configuration at all, and explains everything. */
export function exampleConfig(): string {
  const schema = inputSchema(configSchema)
  const defaults = configSchema.parse({})
  const lines = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (name === 'collectors') return ['', ...instances(name, field, collectors.all, Object.keys(defaults.collectors))]
    if (name === 'detectors') return ['', ...instances(name, field, detectors.all, Object.keys(defaults.detectors))]
    // Formats have no instances, only options, and most have none.
    if (name === 'formats') return ['', ...setting(name, withFields(field), '')]
    return ['', ...setting(name, field, '', name === 'mode')]
  })
  return `# yaml-language-server: $schema=./weir.schema.json
#
# Weir's configuration. As it stands, this file means the same as none at all: watch this machine, change nothing.
# Settings that begin with # show their default, or in <> what may stand there: remove the # (and that of the line
# above that it belongs to) to change one. Check with: weir config check weir.yaml
# Generated from the definitions by \`npm run generate\`.
${lines.join('\n')}
`
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
        return setting(key, isRequired ? { ...inner, default: example[key] } : inner, '    ', isOn && isRequired)
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
