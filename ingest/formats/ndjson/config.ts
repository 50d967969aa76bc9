import { z } from 'zod'
import type { ClassSchema } from '../../../ocsf/table.js'
import { convert, TIME_FORMATS } from './convert.js'
import { classOf, targetOf, wanted } from './target.js'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const path = z.string().min(1).max(300)

const field = z.union([
  path.describe('Path of the value in the record: `client.ip`, `items[0].name`.'),
  z.strictObject({
    from: z
      .union([path, z.array(path).min(1)])
      .optional()
      .describe('Path of the value, or several: the first that is there counts.'),
    value: scalar.optional().describe('A constant, where `from` is left out.'),
    lookup: z
      .record(z.string(), scalar)
      .optional()
      .describe(
        'Values by what the record has (case counts): `{ ok: 1, denied: 2 }`. What is not listed has no value.',
      ),
    default: scalar.optional().describe('The value where the record has none.'),
    time: z
      .enum(TIME_FORMATS)
      .default('auto')
      .describe('How a time is written. `auto`: ISO 8601, or a number by its size.'),
    required: z.boolean().default(false).describe('Refuse a record without this value.'),
  }),
])

const mapping = z.strictObject({
  name: z.string().min(1).describe('What the source is called; `metadata.product.name` unless that is mapped.'),
  match: z
    .record(path, z.union([scalar, z.array(scalar), z.null()]))
    .default({})
    .describe('Which records: paths and the value (or one of the values) they must have; null: any value.'),
  class: z.union([z.string(), z.int()]).describe('OCSF class, by name or number: `network_activity`, 4001.'),
  fields: z
    .record(path, field)
    .describe('OCSF attribute -> where its value comes from. What is not mentioned is kept under `unmapped`.'),
})

/** Options of the ndjson format; everything that can be known to be wrong is said here, not once for every record. */
export const ndjsonConfig = z
  .strictObject({
    mappings: z
      .array(mapping)
      .default([])
      .describe('What to make of which records; the first mapping whose `match` fits is used.'),
  })
  .superRefine(({ mappings }, context) => {
    for (const [n, { class: name, fields }] of mappings.entries()) {
      const problem = (at: (string | number)[], message: string) =>
        context.addIssue({ code: 'custom', path: ['mappings', n, ...at], message })
      const schema = classOf(name)
      if (schema === undefined) problem(['class'], `OCSF 1.8.0 has no class ${JSON.stringify(name)}`)
      else checkFields(schema, fields, problem)
    }
  })

export type Mapping = z.output<typeof mapping>
export type FieldRule = z.output<typeof field>

type Report = (path: (string | number)[], message: string) => void

/** Derived by ocsf/finish.ts or by the format. */
const DERIVED = new Set(['category_uid', 'class_uid', 'type_uid', 'time', 'severity_id', 'metadata'])

function checkFields(schema: ClassSchema, fields: { [path: string]: FieldRule }, problem: Report) {
  for (const [name, rule] of Object.entries(fields)) {
    const target = targetOf(schema, name)
    if (typeof target === 'string') {
      problem(['fields', name], target)
      continue
    }
    if (typeof rule === 'string') continue
    if (rule.from === undefined && rule.value === undefined) problem(['fields', name], 'expected from or value')
    if (rule.from !== undefined && rule.value !== undefined)
      problem(['fields', name], 'expected from or value, not both')
    for (const [key, constant] of [
      ...Object.entries(rule.lookup ?? {}),
      ['value', rule.value],
      ['default', rule.default],
    ]) {
      if (constant === undefined || convert(constant, target.last, rule.time) !== undefined) continue
      problem(['fields', name], `${key}: expected ${wanted(target.last)}, found ${JSON.stringify(constant)}`)
    }
  }
  const mapped = new Set(Object.keys(fields).map((name) => name.split('.', 1)[0] as string))
  for (const { name, requirement, profile } of schema.attributes.values()) {
    if (requirement !== 'required' || profile !== undefined || DERIVED.has(name) || mapped.has(name)) continue
    problem(['fields'], `class ${schema.name} requires ${name}: map it or give it a constant`)
  }
}
