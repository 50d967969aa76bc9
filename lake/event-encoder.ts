import { messageOf } from '../core/errors.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { type Encoder, encodeBlock, type Rejection } from './encoder.js'
import { eventFromRow, row_columns } from './event-row.js'
import { type ColumnBuilder, columnBuilder } from './native.js'
import { events } from './tables/events.js'
import { storedColumns } from './tables/table.js'
import { createUidReader, uidOf } from './uid.js'

/** Where an attribute goes: into a column, or further down. Attributes without a node go to `rest`. */
type Node = {
  readonly key: string
  /** The key as JSON. */
  readonly quoted: string
  readonly column: Leaf | undefined
  readonly children: Level | undefined
  /** The node of the key that came after this one the last time: events of one source have their keys in one order. */
  next: Node | undefined
}
/** The attributes of one object, and the one that came first the last time. */
type Level = { readonly nodes: Map<string, Node>; first: Node | undefined }
/** Takes a value completely, or says that `rest` must keep it. */
type Leaf = { append(row: number, value: unknown, event: OcsfEvent): boolean }

/** Times the lake takes: later and earlier ones are mistakes, and each day would be a partition of its own. */
const earliest_time = Date.UTC(1971, 0, 1)
const latest_time = Date.UTC(2100, 0, 1)

/** What the short columns of a row take, about. */
const bytes_per_row = 256

/**
 * Events to blocks of the table `events`: one walk over the attributes that are there. What has no column or does not
 * fit into it (wrong type, out of range, lone surrogates, the column's default) becomes JSON in `rest`, so that nothing is lost.
 */
export function createEventEncoder(): Encoder {
  const builders = storedColumns(events).map((column) => ({ name: column.name, builder: columnBuilder(column.type) }))
  const find = (name: string): ColumnBuilder => {
    const found = builders.find((entry) => entry.name === name)
    if (!found) throw new Error(`events has no column ${name}`)
    return found.builder
  }
  const tail = find('uid_tail')
  const uid_text = find('uid_text')
  const rest_column = find('rest')
  const tree = pathTree(find)
  const uids = createUidReader()
  let rows = 0
  /** Characters in the columns that can be large. */
  let large = 0

  return {
    rows: () => rows,
    bytes: () => large + rows * bytes_per_row,
    append(event, taken) {
      const missing = checkRequired(event)
      if (missing) return missing
      const uid = event.metadata.uid as string
      const parts = taken ?? uids.takeApart(uid, event.time)
      tail.append(rows, parts.tail)
      let failed: Rejection | undefined
      try {
        if (!parts.from_time && !uid_text.append(rows, uid))
          failed = { reason: 'bad_uid', detail: 'metadata.uid is not well-formed text' }
        const rest = walk(event, tree, rows, event)
        if (rest !== '') rest_column.append(rows, `{${rest.slice(1)}}`)
        large += rest.length + (typeof event.raw_data === 'string' ? event.raw_data.length : 0)
      } catch (error) {
        failed = { reason: 'not_json', detail: messageOf(error) }
      }
      if (failed) for (const { builder } of builders) builder.discard(rows)
      else rows++
      return failed
    },
    finish: () => encodeBlock(builders, rows),
    events() {
      const column = (name: string) => find(name).values(rows)
      const tails = tail.values(rows) as Uint8Array[]
      const texts = uid_text.values(rows) as string[]
      const times = column('time') as number[]
      const rests = rest_column.values(rows)
      const others = row_columns.map(column)
      return tails.map((bytes, row) =>
        eventFromRow([
          texts[row] || uidOf(times[row] as number, bytes),
          rests[row],
          ...others.map((values) => values[row]),
        ]),
      )
    },
    reset() {
      for (const { builder } of builders) builder.reset()
      rows = 0
      large = 0
    },
  }
}

/** What a row cannot be without. */
function checkRequired(event: OcsfEvent): Rejection | undefined {
  if (!fits(event.class_uid, 1, 0xffffffff)) return problem('class_uid', 'a whole number above 0', event.class_uid)
  if (!fits(event.activity_id, 0, 0xff))
    return problem('activity_id', 'a whole number from 0 to 255', event.activity_id)
  if (!fits(event.severity_id, 0, 0xff))
    return problem('severity_id', 'a whole number from 0 to 255', event.severity_id)
  if (!fits(event.time, earliest_time, latest_time)) {
    return { reason: 'bad_time', detail: `time must be milliseconds between 1971 and 2100, found ${shown(event.time)}` }
  }
  const uid = event.metadata?.uid
  if (typeof uid !== 'string' || uid === '') return problem('metadata.uid', 'text', uid)
  return undefined
}

function fits(value: unknown, low: number, high: number): boolean {
  return Number.isInteger(value) && (value as number) >= low && (value as number) <= high
}

function problem(path: string, expected: string, found: unknown): Rejection {
  return { reason: 'bad_attribute', detail: `${path} must be ${expected}, found ${shown(found)}` }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value)
}

/** Derived attributes cost nothing when they are what they must be. */
const derived: { readonly [path: string]: (event: OcsfEvent) => unknown } = {
  category_uid: (event) => Math.floor(event.class_uid / 1000) % 100,
  type_uid: (event) => event.class_uid * 100 + event.activity_id,
}

function pathTree(find: (name: string) => ColumnBuilder): Level {
  const root: Level = { nodes: new Map(), first: undefined }
  const add = (path: string, column: Leaf) => {
    const keys = path.split('.')
    let level = root
    for (const [index, key] of keys.entries()) {
      const last = index === keys.length - 1
      let node = level.nodes.get(key)
      if (!node) {
        node = {
          key,
          quoted: JSON.stringify(key),
          column: last ? column : undefined,
          children: last ? undefined : { nodes: new Map(), first: undefined },
          next: undefined,
        }
        level.nodes.set(key, node)
      }
      if (!last) level = node.children as Level
    }
  }
  for (const column of storedColumns(events)) {
    if (column.path === undefined) continue
    const builder = find(column.name)
    if (column.path.endsWith('.hashes')) add(column.path, hashLeaf(builder))
    else if (column.required) add(column.path, { append: (row, value) => builder.append(row, value) || value === 0 })
    else add(column.path, builder)
  }
  for (const [path, value_of] of Object.entries(derived)) {
    add(path, { append: (_row, value, event) => value === value_of(event) })
  }
  // Stored before the walk.
  add('metadata.uid', { append: () => true })
  return root
}

const sha256 = /^[0-9a-f]{64}$/

/** A list of fingerprints: the SHA-256 gets the column; the list is kept in `rest` unless the column says it all. */
function hashLeaf(builder: ColumnBuilder): Leaf {
  return {
    append(row, value) {
      if (!Array.isArray(value)) return false
      const found = value.find((item) => item?.algorithm_id === 3 && sha256.test(item.value))
      if (!found || !builder.append(row, found.value)) return false
      return value.length === 1 && found.algorithm === 'SHA-256' && Object.keys(found).length === 3
    },
  }
}

/** Appends what has a column; returns the JSON members of what has not, each after a comma. */
function walk(object: Record<string, unknown>, level: Level, row: number, event: OcsfEvent): string {
  let rest = ''
  let previous: Node | undefined
  let guess = level.first
  for (const key in object) {
    const value = object[key]
    let node = guess
    if (node === undefined || node.key !== key) {
      node = level.nodes.get(key)
      if (node === undefined) {
        rest += member(quote(key), value)
        continue
      }
      if (previous === undefined) level.first = node
      else previous.next = node
    }
    previous = node
    guess = node.next
    if (node.column !== undefined) {
      if (!node.column.append(row, value, event)) rest += member(node.quoted, value)
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const inner = walk(value as Record<string, unknown>, node.children as Level, row, event)
      if (inner !== '') rest += `,${node.quoted}:{${inner.slice(1)}}`
      else if (isEmpty(value)) rest += `,${node.quoted}:{}`
    } else {
      rest += member(node.quoted, value)
    }
  }
  return rest
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

function member(quoted: string, value: unknown): string {
  if (typeof value === 'number') return `,${quoted}:${Number.isFinite(value) ? value : 'null'}`
  const json = JSON.stringify(value)
  return json === undefined ? '' : `,${quoted}:${json}`
}

const quoted_keys = new Map<string, string>()

function quote(key: string): string {
  const known = quoted_keys.get(key)
  if (known !== undefined) return known
  const quoted = JSON.stringify(key)
  // Senders choose the keys: the memory they can take is bounded.
  if (quoted_keys.size < 5000 && key.length < 100) quoted_keys.set(key, quoted)
  return quoted
}
