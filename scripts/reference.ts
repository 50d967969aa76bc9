import { stringify } from 'yaml'
import type { z } from 'zod'
import type { Definition } from '../core/define.js'
import { detectors } from '../detectors/index.js'
import { collectors } from '../ingest/collectors/index.js'
import { formats } from '../ingest/formats/index.js'
import { models } from '../models/index.js'
import { actions } from '../responders/actions/index.js'
import { playbookSchema } from '../responders/playbook.js'
import { type Field, fieldsOf, inputSchema } from './fields.js'

/** What a page says about one component besides its summary and fields. */
type Section = { readonly facts: readonly string[]; readonly example?: object }

/** docs/reference/collectors.md */
export function collectorsPage(): string {
  return page(
    'Collectors',
    'ingest/collectors',
    'Where events come from. An instance has a name of your choice and a `type`.',
    collectors.all,
    (collector) => ({
      facts: [
        collector.formats.length > 0
          ? `Format: ${collector.formats.map((name) => link('formats', name)).join(', ')}.`
          : `Format: any, see [formats](formats.md).`,
      ],
      example: { collectors: { [collector.name]: { type: collector.name, ...(collector.example as object) } } },
    }),
  )
}

/** docs/reference/formats.md */
export function formatsPage(): string {
  const intro =
    'What a raw record may look like. A collector that can carry any format names one; each record becomes OCSF events.'
  return page('Formats', 'ingest/formats', intro, formats.all, ({ name, input, keeps_raw, split, mapping }) => ({
    facts: [
      `Reads ${input === 'json' ? 'JSON' : 'lines of text'}${split ? '; envelopes with several records are taken apart' : ''}.`,
      keeps_raw
        ? 'The record is the event, so `raw_data` is not kept a second time.'
        : 'The record is kept as `raw_data`.',
      ...(mapping === undefined ? [] : [`Where its fields go: [${name}](formats/${name}.md).`]),
    ],
  }))
}

/** docs/reference/models.md */
export function modelsPage(): string {
  return page(
    'Models',
    'models',
    'TensorFlow.js models that the anomaly detector trains. Their fields are set by the detector.',
    models.all,
    () => ({ facts: [] }),
  )
}

/** docs/reference/detectors.md */
export function detectorsPage(): string {
  const intro =
    'What looks for attacks. An instance has a name of your choice and a `type`. Families are independent ways of knowing: a response needs two of them.'
  return page('Detectors', 'detectors', intro, detectors.all, (detector) => ({
    facts: [
      `Family: ${detector.family}.`,
      `Wants: ${detector.needs.classes === 'all' ? 'every class' : `classes ${detector.needs.classes.join(', ')}`} (see [ocsf-classes](ocsf-classes.md)).`,
    ],
    example: { detectors: { [detector.name]: { type: detector.name, ...(detector.example as object) } } },
  }))
}

/** docs/reference/actions.md */
export function actionsPage(): string {
  const intro =
    'What a [playbook](../playbooks.md) can do. Fields may be set for all playbooks under `responders.actions`.'
  return page('Actions', 'responders/actions', intro, actions.all, (action) => ({
    facts: [
      `Acts on: ${action.targets.join(', ')}.`,
      action.reversible ? 'Reversible.' : 'Not reversible.',
      action.permissions.length > 0
        ? `Needs: ${action.permissions.map((need) => `\`${need}\``).join(', ')}.`
        : 'Needs no permission.',
    ],
    example: { actions: [{ action: action.name, params: action.example }] },
  }))
}

/** docs/reference/playbooks.md */
export function playbooksPage(): string {
  return `# Fields of a playbook

Generated from \`responders/playbook.ts\` by \`npm run generate\`; do not edit. What they are for: [playbooks](../playbooks.md).

${fieldTable(fieldsOf(inputSchema(playbookSchema)))}
`
}

function page<D extends Definition<z.ZodType>>(
  title: string,
  folder: string,
  intro: string,
  all: readonly D[],
  describe: (definition: D) => Section,
): string {
  const sections = all.map((definition) => {
    const { facts, example } = describe(definition)
    const parts = [
      `## ${definition.name}`,
      sentence(definition.summary),
      facts.join(' '),
      ...(example === undefined ? [] : [`\`\`\`yaml\n${stringify(example).trimEnd()}\n\`\`\``]),
      fieldTable(fieldsOf(inputSchema(definition.config))),
    ]
    return parts.filter((part) => part !== '').join('\n\n')
  })
  return `# ${title}\n\nGenerated from the definitions in \`${folder}/\` by \`npm run generate\`; do not edit.\n\n${intro}\n\n${sections.join('\n\n')}\n`
}

/** Fields as a Markdown table; a sentence if there are none. */
export function fieldTable(fields: readonly Field[]): string {
  if (fields.length === 0) return 'It has no fields.'
  const rows = fields.map(({ path, type, required, description, ...field }) => {
    const value = required ? 'required' : field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``
    return `| \`${path}\` | ${cell(type)} | ${cell(value)} | ${cell(description ?? '')} |`
  })
  return ['| field | type | default | what |', '|---|---|---|---|', ...rows].join('\n')
}

/** Text for one cell of a Markdown table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;')
}

function link(target: string, name: string): string {
  return `[${name}](${target}.md#${name})`
}

/** With its full stop, and with `<` as a reader's, not a browser's. */
function sentence(text: string): string {
  return `${text.replace(/\.$/, '')}.`.replaceAll('<', '\\<')
}
