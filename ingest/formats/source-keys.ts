import { type JsonRecord, setOwn } from './fields.js'

/** Names of one object's fields by their lower-case form, and other names that exports give to the same field. */
export type SourceKeys = { readonly known: ReadonlySet<string>; readonly byLower: ReadonlyMap<string, string> }

/** `names` as documented; `aliases` maps a lower-case name to one of them. */
export function sourceKeys(names: string, aliases: { readonly [lower: string]: string } = {}): SourceKeys {
  const known = new Set(names.split(/\s+/).filter(Boolean))
  const byLower = new Map([...known].map((name) => [name.toLowerCase(), name]))
  for (const [lower, name] of Object.entries(aliases)) byLower.set(lower, name)
  return { known, byLower }
}

/**
 * The record with its fields under their documented names: tables and log shippers write `calleripaddress`,
 * `TimeGenerated`. The same object if nothing is to be renamed; a name that is there already is never overwritten.
 */
export function withKeys(record: JsonRecord, { known, byLower }: SourceKeys): JsonRecord {
  let renamed: Map<string, string> | undefined
  for (const key of Object.keys(record)) {
    if (known.has(key) || key.length > 64) continue
    const name = byLower.get(key.toLowerCase())
    if (name === undefined || Object.hasOwn(record, name)) continue
    renamed ??= new Map()
    if (![...renamed.values()].includes(name)) renamed.set(key, name)
  }
  if (renamed === undefined) return record
  const copy: JsonRecord = {}
  for (const key of Object.keys(record)) setOwn(copy, renamed.get(key) ?? key, record[key])
  return copy
}
