import type { OcsfEvent } from '../ocsf/event.js'
import { events } from './tables/events.js'
import { type Column, storedColumns } from './tables/table.js'

/** A stored row as the engine writes it in JSONCompactEachRow, in the order of `event_select`. */
export type EventRow = readonly unknown[]

const columns = storedColumns(events).filter((column) => column.path !== undefined)

/** Names of the columns that a row has after its uid and its rest. */
export const row_columns = columns.map(({ name }) => name)

/** The select list whose rows `eventFromRow` understands. */
export const event_select = ['metadata_uid', 'rest', ...columns.map(expression)].join(', ')

function expression(column: Column): string {
  return column.type === 'DateTime64(3)' ? `toUnixTimestamp64Milli(${column.name})` : column.name
}

type Reader = {
  readonly keys: readonly string[]
  readonly kind: 'text' | 'number' | 'hashes'
  readonly required: boolean
}

const readers: readonly Reader[] = columns.map((column) => {
  const path = column.path as string
  const is_text = column.type === 'String' || column.type === 'LowCardinality(String)'
  return {
    keys: path.split('.'),
    kind: path.endsWith('.hashes') ? 'hashes' : is_text ? 'text' : 'number',
    required: column.required === true,
  }
})

/** The event that became this row. */
export function eventFromRow(row: EventRow): OcsfEvent {
  const event: JsonObject = {}
  // On the path of every event that is read back: most cells are empty.
  for (let index = 0; index < readers.length; index++) {
    const reader = readers[index] as Reader
    const stored = row[index + 2]
    if (stored === '' && !reader.required) continue
    const value = reader.kind === 'number' ? Number(stored) : stored
    if (!reader.required && (value === 0 || value === '')) continue
    put(event, reader.keys, reader.kind === 'hashes' ? [{ algorithm_id: 3, algorithm: 'SHA-256', value }] : value)
  }
  const class_uid = event.class_uid as number
  event.category_uid = Math.floor(class_uid / 1000) % 100
  event.type_uid = class_uid * 100 + (event.activity_id as number)
  put(event, ['metadata', 'uid'], row[0])
  const rest = row[1] as string
  if (rest !== '') merge(event, JSON.parse(rest))
  return event as OcsfEvent
}

type JsonObject = { [key: string]: unknown }

function put(event: JsonObject, keys: readonly string[], value: unknown) {
  let at = event
  for (let index = 0; index < keys.length - 1; index++) {
    const key = keys[index] as string
    at[key] ??= {}
    at = at[key] as JsonObject
  }
  at[keys.at(-1) as string] = value
}

function merge(into: JsonObject, from: JsonObject) {
  for (const [key, value] of Object.entries(from)) {
    const present = Object.hasOwn(into, key) ? into[key] : undefined
    if (isObject(present) && isObject(value)) merge(present, value)
    // A sender may use any key: `__proto__` must become an attribute, not a prototype.
    else Object.defineProperty(into, key, { value, writable: true, enumerable: true, configurable: true })
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
