import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../core/paths.js'
import { extension } from './extension.js'
import type { Attribute, ClassSchema, CompactSchema, ExtensionClass, ObjectSchema } from './table.js'

/** OCSF and our extension as one schema. */
export type Schema = {
  readonly version: string
  /** By class_uid. */
  readonly classes: ReadonlyMap<number, ClassSchema>
  /** By object name. */
  readonly objects: ReadonlyMap<string, ObjectSchema>
}

let loaded: Schema | undefined

/** The schema; read from ocsf/schema.json (layout: ocsf/table.ts) on the first call. It never changes at run time. */
export function ocsfSchema(): Schema {
  loaded ??= merge(JSON.parse(readFileSync(join(packageRoot, 'ocsf', 'schema.json'), 'utf8')) as CompactSchema)
  return loaded
}

function merge(compact: CompactSchema): Schema {
  const enums = compact.enums.map(
    (entry) => new Map(Object.entries(entry).map(([value, caption]) => [Number(value), caption] as const)),
  )
  const attributes = compact.attributes.map((entry) => expand(entry, enums))
  const pick = (positions: readonly number[]) => positions.map((position) => attributes[position] as Attribute)
  const common = [...pick(compact.base), ...extension.attributes]

  const objects = new Map<string, ObjectSchema>()
  for (const { name, caption, at_least_one, just_one, attributes: own } of compact.objects) {
    objects.set(name, { name, caption, attributes: byName(pick(own)), ...constraints(at_least_one, just_one) })
  }
  for (const { name, caption, at_least_one, attributes: own } of extension.objects) {
    objects.set(name, { name, caption, attributes: byName(own), ...constraints(at_least_one) })
  }

  const classes = new Map<number, ClassSchema>()
  for (const entry of compact.classes) {
    classes.set(entry.uid, {
      uid: entry.uid,
      name: entry.name,
      caption: entry.caption,
      category_uid: entry.category,
      category_name: compact.categories[entry.category] ?? 'Other',
      deprecated: entry.deprecated === 1,
      attributes: byName([...common, ...pick(entry.attributes)]),
      ...constraints(entry.at_least_one, entry.just_one),
    })
  }
  for (const entry of extension.classes) {
    classes.set(entry.uid, {
      uid: entry.uid,
      name: entry.name,
      caption: entry.caption,
      category_uid: entry.category_uid,
      category_name: compact.categories[entry.category_uid] ?? 'Other',
      deprecated: false,
      attributes: byName([...common, activity(entry), ...entry.attributes]),
      ...constraints(entry.at_least_one),
    })
  }
  return { version: compact.version, classes, objects }
}

function expand(entry: CompactSchema['attributes'][number], enums: readonly ReadonlyMap<number, string>[]): Attribute {
  const captions = entry.e === undefined ? undefined : enums[entry.e]
  return {
    name: entry.n,
    type: entry.t ?? 'object_t',
    requirement: entry.r === 2 ? 'required' : entry.r === 1 ? 'recommended' : 'optional',
    ...(entry.o === undefined ? {} : { object: entry.o }),
    ...(entry.a === undefined ? {} : { array: true as const }),
    ...(entry.p === undefined ? {} : { profile: entry.p }),
    ...(captions === undefined ? {} : { enum: captions }),
    ...(entry.s === undefined ? {} : { sibling: entry.s }),
  }
}

function activity(entry: ExtensionClass): Attribute {
  const captions = new Map<number, string>([[0, 'Unknown']])
  for (const [id, caption] of Object.entries(entry.activities)) captions.set(Number(id), caption)
  captions.set(99, 'Other')
  return {
    name: 'activity_id',
    type: 'integer_t',
    requirement: 'required',
    enum: captions,
    sibling: 'activity_name',
  }
}

function byName(attributes: readonly Attribute[]): ReadonlyMap<string, Attribute> {
  return new Map(attributes.map((attribute) => [attribute.name, attribute]))
}

function constraints(atLeastOne?: readonly string[], justOne?: readonly string[]) {
  return {
    ...(atLeastOne === undefined ? {} : { at_least_one: atLeastOne }),
    ...(justOne === undefined ? {} : { just_one: justOne }),
  }
}
