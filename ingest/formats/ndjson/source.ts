import { isObject, type JsonRecord, setOwn } from '../fields.js'

/** A place in a record: its parts, and the whole as a key, because `http.status` may be one name. */
export type SourcePath = { readonly text: string; readonly parts: readonly string[] }

/** `client.ip`, `items[0].name`; a name that contains dots is found as a whole first. */
export function sourcePath(text: string): SourcePath {
  return { text, parts: text.replaceAll(/\[(\d{1,6})\]/g, '.$1').split('.') }
}

/** The value at a path; null, '' and absent are undefined. Own fields only. */
export function valueAt(record: JsonRecord, { text, parts }: SourcePath): unknown {
  if (Object.hasOwn(record, text)) return present(record[text])
  let value: unknown = record
  for (const part of parts) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as JsonRecord)[part]
  }
  return present(value)
}

function present(value: unknown): unknown {
  return value === null || value === '' ? undefined : value
}

/** Everything below `record` whose path is not in `read`, by path; what holds nothing that was read is kept whole. */
export function unread(record: JsonRecord, read: ReadonlySet<string>): JsonRecord {
  const rest: JsonRecord = {}
  collect(record, '', read, rest, 0)
  return rest
}

function collect(node: JsonRecord, prefix: string, read: ReadonlySet<string>, rest: JsonRecord, depth: number) {
  for (const key of Object.keys(node)) {
    const path = prefix + key
    const value = node[key]
    if (value === null || read.has(path)) continue
    const isAbove =
      depth < 16 && [...read].some((found) => found.startsWith(`${path}.`) || found.startsWith(`${path}[`))
    if (isAbove && isObject(value)) collect(value, `${path}.`, read, rest, depth + 1)
    else setOwn(rest, path, value)
  }
}
