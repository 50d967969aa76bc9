// Maintainers run this when OCSF publishes a version: node dist/scripts/compact-ocsf.js <compiled schema.json>
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../core/paths.js'
import type { CompactAttribute, CompactClass, CompactObject, CompactSchema } from '../ocsf/table.js'

type CompiledAttribute = {
  type: string
  object?: string
  array?: boolean
  requirement: string
  profile?: string
  enum?: Record<string, string>
  sibling?: string
}
type Compiled = {
  version: string
  classes: Record<string, CompiledObject & { uid: number; category_uid: number; deprecated?: boolean }>
  objects: Record<string, CompiledObject>
}
type CompiledObject = {
  caption: string
  attributes: Record<string, CompiledAttribute>
  constraints?: { at_least_one?: string[]; just_one?: string[] }
}

/** Names of OCSF's categories: the compiled schema has only their numbers. */
const categories = {
  1: 'System Activity',
  2: 'Findings',
  3: 'Identity & Access Management',
  4: 'Network Activity',
  5: 'Discovery',
  6: 'Application Activity',
  7: 'Remediation',
}

/** Compiled schema in, the table of ocsf/schema.json out (layout: ocsf/table.ts). Drones (category 8) are left out. */
function compact(compiled: Compiled): CompactSchema {
  const enums = interner<Record<string, string>>()
  const attributes = interner<CompactAttribute>()
  const encode = (object: CompiledObject) =>
    Object.entries(object.attributes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, attribute]) => attributes.index(encodeAttribute(name, attribute, enums.index)))

  const kept = Object.entries(compiled.classes).filter(([, entry]) => entry.category_uid in categories)
  const encoded = kept.map(([name, entry]): CompactClass => {
    const { uid, caption, category_uid, deprecated } = entry
    return {
      uid,
      name,
      caption,
      category: category_uid,
      ...(deprecated ? { deprecated: 1 as const } : {}),
      ...entry.constraints,
      attributes: encode(entry),
    }
  })
  const base = commonest(encoded, (index) => attributes.all[index]?.n ?? '')
  const classes = encoded
    .map((entry) => ({ ...entry, attributes: entry.attributes.filter((index) => !base.includes(index)) }))
    .sort((a, b) => a.uid - b.uid)

  const objects = reachable(compiled, kept).map((name): CompactObject => {
    const object = withoutOpenEnums(name, compiled.objects[name] as CompiledObject)
    return { name, caption: object.caption, ...object.constraints, attributes: encode(object) }
  })
  return { version: compiled.version, categories, enums: enums.all, attributes: attributes.all, base, classes, objects }
}

/** For every attribute name all classes have: its most frequent definition. A class that differs lists its own. */
function commonest(classes: readonly CompactClass[], nameOf: (index: number) => string): number[] {
  const uses = new Map<string, Map<number, number>>()
  for (const index of classes.flatMap((entry) => entry.attributes)) {
    const name = nameOf(index)
    const counts = uses.get(name) ?? new Map<number, number>()
    uses.set(name, counts.set(index, (counts.get(index) ?? 0) + 1))
  }
  return [...uses.values()]
    .filter((counts) => [...counts.values()].reduce((sum, n) => sum + n, 0) === classes.length)
    .map((counts) => [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] as number)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

function encodeAttribute(
  name: string,
  attribute: CompiledAttribute,
  enumIndex: (value: Record<string, string>) => number,
): CompactAttribute {
  const required = attribute.requirement === 'required' ? 2 : attribute.requirement === 'recommended' ? 1 : 0
  return {
    n: name,
    ...(attribute.object ? { o: attribute.object } : { t: attribute.type }),
    ...(attribute.array ? { a: 1 as const } : {}),
    ...(required ? { r: required } : {}),
    ...(attribute.profile ? { p: attribute.profile } : {}),
    ...(attribute.enum && attribute.type !== 'string_t' ? { e: enumIndex(completeEnum(name, attribute.enum)) } : {}),
    ...(attribute.sibling ? { s: attribute.sibling } : {}),
  }
}

/**
 * Where a class or object adds values to an enum of the dictionary, the compiled schema shows only the added ones; OCSF
 * means both. The dictionary's enums are 0 Unknown and 99 Other, and for status_id also Success and Failure.
 */
function completeEnum(name: string, values: Record<string, string>): Record<string, string> {
  if (!/_ids?$/.test(name)) return values
  const outcome = name === 'status_id' ? { 1: 'Success', 2: 'Failure' } : {}
  return { 0: 'Unknown', ...outcome, 99: 'Other', ...values }
}

/**
 * The values of `observable.type_id` are annotations all over OCSF's sources (2 IP Address, 4 User Name, ...), which the
 * compiled schema lacks: its enum has Unknown and Other alone, and would refuse every observable that is either.
 */
function withoutOpenEnums(name: string, object: CompiledObject): CompiledObject {
  const { type_id } = object.attributes
  if (name !== 'observable' || type_id === undefined) return object
  const { enum: _, ...open } = type_id
  return { ...object, attributes: { ...object.attributes, type_id: open } }
}

function reachable(compiled: Compiled, roots: [string, CompiledObject][]): string[] {
  const seen = new Set<string>()
  const queue: CompiledObject[] = roots.map(([, entry]) => entry)
  for (let next = queue.pop(); next; next = queue.pop()) {
    for (const { object } of Object.values(next.attributes)) {
      if (object === undefined || seen.has(object)) continue
      seen.add(object)
      queue.push(compiled.objects[object] as CompiledObject)
    }
  }
  return [...seen].sort()
}

/** Gives equal values the same number. */
function interner<T>() {
  const all: T[] = []
  const numbers = new Map<string, number>()
  return {
    all,
    index(value: T): number {
      const key = JSON.stringify(value)
      const known = numbers.get(key)
      if (known !== undefined) return known
      numbers.set(key, all.length)
      return all.push(value) - 1
    },
  }
}

/** One entry a line: small, and a schema update shows as a readable diff. */
function print(schema: CompactSchema): string {
  const lines = (list: readonly unknown[]) => `[\n${list.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`
  return `{"version":${JSON.stringify(schema.version)},
"categories":${JSON.stringify(schema.categories)},
"enums":${lines(schema.enums)},
"attributes":${lines(schema.attributes)},
"base":${JSON.stringify(schema.base)},
"classes":${lines(schema.classes)},
"objects":${lines(schema.objects)}}
`
}

const source = process.argv[2]
if (source === undefined) {
  process.stderr.write('usage: node dist/scripts/compact-ocsf.js <compiled OCSF schema, JSON>\n')
  process.exit(2)
}
const text = print(compact(JSON.parse(readFileSync(source, 'utf8')) as Compiled))
writeFileSync(join(packageRoot, 'ocsf', 'schema.json'), text)
process.stderr.write(`ocsf/schema.json: ${text.length} bytes\n`)
