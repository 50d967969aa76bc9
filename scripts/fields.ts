import { z } from 'zod'

/** The parts of JSON Schema that zod's output has and we read. */
export type JsonSchema = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly format?: string
  readonly pattern?: string
  readonly items?: JsonSchema
  readonly properties?: { readonly [name: string]: JsonSchema }
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly propertyNames?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** One field of a configuration, as a reader needs it. */
export type Field = {
  /** `tls.cert_file`; `[]` stands for each element of a list, `<name>` for a key of the reader's choice. */
  readonly path: string
  /** In words: `integer, 1 to 65535`. */
  readonly type: string
  readonly required: boolean
  /** Absent if there is none. */
  readonly default?: unknown
  readonly description: string | undefined
}

/** JSON Schema of what a user may write. */
export function inputSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema
}

/** Every field below an object, parents before children, in the order of the definition. */
export function fieldsOf(schema: JsonSchema, prefix = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const own: Field = {
      path,
      type: typeText(field),
      required: schema.required?.includes(name) === true && field.default === undefined,
      description: field.description,
      ...(field.default === undefined ? {} : { default: field.default }),
    }
    return [own, ...below(field, path)]
  })
}

function below(field: JsonSchema, path: string): Field[] {
  if (field.properties) return fieldsOf(field, `${path}.`)
  if (field.items) return below(field.items, `${path}[]`)
  if (typeof field.additionalProperties === 'object') return below(field.additionalProperties, `${path}.<name>`)
  return (field.anyOf ?? field.oneOf ?? []).flatMap((variant) => below(variant, path))
}

/** The type of a field in words. */
export function typeText(field: JsonSchema): string {
  if (field.const !== undefined) return JSON.stringify(field.const)
  if (field.enum) return field.enum.map((value) => `\`${value}\``).join(' or ')
  const variants = field.anyOf ?? field.oneOf
  if (variants) return [...new Set(variants.map(typeText))].join(' or ')
  if (field.type === 'array') return `list of ${typeText(field.items ?? {})}`
  if (field.type === 'object') return field.properties ? 'object' : 'map'
  const range = rangeText(field)
  if (field.type === 'string') {
    const format = field.format === 'uri' ? 'URL' : 'text'
    return field.minLength !== undefined && field.minLength > 1
      ? `${format}, ${field.minLength} characters or more`
      : format
  }
  return `${field.type ?? 'anything'}${range}`
}

/** JavaScript's own limits are nobody's choice and are left out. */
function rangeText({ minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const from = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined
  const to = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  if (from !== undefined && to !== undefined) return `, ${from} to ${to}`
  if (exclusiveMinimum !== undefined)
    return `, more than ${exclusiveMinimum}${to === undefined ? '' : `, at most ${to}`}`
  if (from !== undefined) return `, ${from} or more`
  return to === undefined ? '' : `, at most ${to}`
}
