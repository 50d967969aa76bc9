import { ocsfSchema } from '../../../ocsf/schema.js'
import type { Attribute, ClassSchema, ObjectSchema } from '../../../ocsf/table.js'
import type { JsonRecord } from '../fields.js'

/** Where a mapped value goes: the attributes on the way, the last of which holds it. */
export type Target = { readonly path: string; readonly steps: readonly Attribute[]; readonly last: Attribute }

/** The class with this name or number; undefined if OCSF (and our extension) has none. */
export function classOf(name: string | number): ClassSchema | undefined {
  const { classes } = ocsfSchema()
  if (typeof name === 'number') return classes.get(name)
  for (const schema of classes.values()) if (schema.name === name) return schema
  return undefined
}

/** The attribute at a dotted path of a class, or why there is none, in words. */
export function targetOf(schema: ClassSchema, path: string): Target | string {
  let at: ObjectSchema | undefined = schema
  const steps: Attribute[] = []
  for (const [n, name] of path.split('.').entries()) {
    const attribute: Attribute | undefined = at?.attributes.get(name)
    if (attribute === undefined) {
      const where = n === 0 ? `class ${schema.name}` : `object ${at?.name ?? steps.at(-1)?.type}`
      return `${where} has no attribute "${name}"${near(name, at)}`
    }
    steps.push(attribute)
    at = attribute.object === undefined ? undefined : ocsfSchema().objects.get(attribute.object)
  }
  const last = steps.at(-1) as Attribute
  return { path, steps, last }
}

/** Names that begin alike, to help with a typing error. */
function near(name: string, schema: ObjectSchema | undefined): string {
  const names = [...(schema?.attributes.keys() ?? [])].filter((known) => {
    return known.startsWith(name.slice(0, 3)) || known.includes(name) || name.includes(known)
  })
  return names.length === 0 ? '' : `; it has ${names.slice(0, 6).join(', ')}`
}

/** Puts a value at its place; objects and one-element arrays on the way are made. */
export function place(event: JsonRecord, { steps }: Target, value: unknown) {
  let node = event
  for (const [n, step] of steps.entries()) {
    if (n === steps.length - 1) {
      node[step.name] = value
      return
    }
    node[step.name] ??= step.array ? [{}] : {}
    const inner = node[step.name]
    node = (step.array ? (inner as JsonRecord[])[0] : inner) as JsonRecord
  }
}

/** What a person reads for the kind of value an attribute wants. */
export function wanted({ type, object, array }: Attribute): string {
  return `${object ?? type}${array ? ' list' : ''}`
}
