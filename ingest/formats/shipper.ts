import { isObject, type JsonRecord, setOwn } from './fields.js'

/** Where log shippers put the line they read, and CloudEvents its data. */
const PLACES = ['log', 'message', 'data', 'event', 'textPayload', 'jsonPayload'] as const

/**
 * The record inside what a log shipper (Fluent Bit, Vector, Docker's json-file, Cloud Logging) or a CloudEvent put around
 * it; the rest of the envelope stays beside it as `envelope`. Undefined if the record itself is of the format.
 */
export function splitShipped(record: unknown, isOurs: (record: JsonRecord) => boolean): readonly unknown[] | undefined {
  if (Array.isArray(record)) return record
  if (!isObject(record) || isOurs(record)) return undefined
  for (const key of PLACES) {
    const inner = parsed(record[key])
    if (inner === undefined || !isOurs(inner)) continue
    const copy: JsonRecord = {}
    for (const name of Object.keys(inner)) setOwn(copy, name, inner[name])
    const envelope: JsonRecord = {}
    for (const name of Object.keys(record)) if (name !== key) setOwn(envelope, name, record[name])
    if (Object.keys(envelope).length > 0) copy.envelope = envelope
    return [copy]
  }
  return undefined
}

function parsed(value: unknown): JsonRecord | undefined {
  if (isObject(value)) return value
  if (typeof value !== 'string' || !/^\s{0,8}\{/.test(value)) return undefined
  try {
    const inner: unknown = JSON.parse(value)
    return isObject(inner) ? inner : undefined
  } catch {
    return undefined
  }
}
