import { defined, isObject, type JsonRecord, setOwn } from './fields.js'
import { hashOf, textOf } from './software-report.js'

/** Longest text of what every part of an inventory repeats: the first part has it in full. */
const REPEATED_LENGTH = 1_000

/** The named fields of an object, long texts cut: for what is repeated in every part. */
export function repeated(value: unknown, names: readonly string[]): JsonRecord | undefined {
  if (!isObject(value)) return undefined
  const picked: JsonRecord = {}
  for (const name of names) {
    const one = Object.hasOwn(value, name) ? value[name] : undefined
    if (typeof one === 'string') picked[name] = one.slice(0, REPEATED_LENGTH)
    else if (typeof one === 'number' || typeof one === 'boolean') picked[name] = one
  }
  return picked
}

/** The object without some of its fields. */
export function without(value: JsonRecord, names: ReadonlySet<string>): JsonRecord {
  const rest: JsonRecord = {}
  for (const key of Object.keys(value)) if (!names.has(key)) setOwn(rest, key, value[key])
  return rest
}

/** The first hash an analyst would look up: SHA-256 before the others. */
export function bestHash(list: unknown, algorithm: string, value: string): JsonRecord | undefined {
  const hashes = (Array.isArray(list) ? list.slice(0, 32) : []).flatMap((one) => {
    const hash = isObject(one) ? hashOf(one[algorithm], one[value]) : undefined
    return hash === undefined ? [] : [hash]
  })
  return hashes.find(({ algorithm_id }) => algorithm_id === 3) ?? hashes[0]
}

/** The digest that a package URL of an image ends its name with: `pkg:oci/shop@sha256%3A77c1...`. */
export function digestOf(purl: string | undefined): string | undefined {
  const found = /^pkg:(?:oci|docker)\/[^@?#]{1,512}@(sha256(?::|%3A)[0-9a-f]{64})/i.exec(
    purl?.slice(0, 1_000) ?? '',
  )?.[1]
  return found?.toLowerCase().replace('%3a', ':')
}

/** One more package somebody depends on; the graph as a whole stays in the raw record. */
export function dependency(of: string | undefined): JsonRecord {
  return of === undefined ? {} : { related_component: of, relationship_id: 1, relationship: 'Depends On' }
}

/** OCSF product of what wrote the inventory. */
export function toolProduct(name: string | undefined, vendor: string | undefined, version: string | undefined) {
  return name === undefined ? undefined : (defined({ name, vendor_name: vendor, version }) as JsonRecord)
}

/** Words joined as a license expression joins them; undefined if there are none. */
export function joined(words: readonly unknown[]): string | undefined {
  return words.map(textOf).filter(Boolean).slice(0, 16).join(' AND ') || undefined
}
