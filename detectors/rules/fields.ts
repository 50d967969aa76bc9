import type { OcsfEvent } from '../../ocsf/event.js'
import type { Scalar } from './matcher.js'

/** Where a field of a rule is found in an event: OCSF paths, the first that has a value counts. */
export type FieldPlace = {
  readonly paths: readonly string[]
  /** The field is a file path: a bare name is compared as if it stood in some folder. */
  readonly is_file?: boolean
  /** What the values are called in rules, where that differs: `{ 2: true }`. Others are left out. */
  readonly values?: { readonly [value: string]: Scalar }
}

const none: readonly Scalar[] = []
const max_values = 256

/**
 * The values that rules ask for, of one event at a time. Places are numbered once when rules are compiled; values are
 * looked up when first asked for and kept until the next event is loaded.
 */
export class Fields {
  private readonly numbers = new Map<string, number>()
  private readonly readers: ((event: OcsfEvent) => readonly Scalar[])[] = []
  private readonly found: (readonly Scalar[])[] = []
  private readonly lowered: string[][] = []
  private readonly stamps: number[] = []
  private event: OcsfEvent | undefined
  private stamp = 0

  /** The number of a place; equal places have one number. */
  slot(place: FieldPlace): number {
    const key = JSON.stringify([place.paths, place.is_file === true, place.values])
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    const slot = this.readers.length
    this.readers.push(readerOf(place))
    this.found.push(none)
    this.lowered.push([])
    this.stamps.push(-1)
    this.numbers.set(key, slot)
    return slot
  }

  /** Turns to the next event. */
  load(event: OcsfEvent) {
    this.event = event
    this.stamp++
  }

  /** The values of a place; empty if the event has none. */
  values(slot: number): readonly Scalar[] {
    if (this.stamps[slot] !== this.stamp) {
      const reader = this.readers[slot]
      this.stamps[slot] = this.stamp
      this.found[slot] = reader && this.event ? reader(this.event) : none
      this.lowered[slot] = []
    }
    return this.found[slot] ?? none
  }

  /** A value of a place as lower-case text. */
  lower(slot: number, index: number): string {
    const kept = this.lowered[slot]?.[index]
    if (kept !== undefined) return kept
    const text = String(this.values(slot)[index] ?? '').toLowerCase()
    const list = this.lowered[slot]
    if (list) list[index] = text
    return text
  }
}

function readerOf({ paths, is_file, values: names }: FieldPlace): (event: OcsfEvent) => readonly Scalar[] {
  const readers = paths.map((path) => pathReader(path.split('.')))
  const [only] = readers
  if (readers.length === 1 && only && is_file !== true && !names) return only
  return (event) => {
    for (const read of readers) {
      const values = read(event)
      if (values.length === 0) continue
      if (names) return values.map((value) => names[String(value)]).filter((name) => name !== undefined)
      if (is_file !== true) return values
      const [first] = values
      if (values.length === 1 && typeof first === 'string' && first.startsWith('/')) return values
      return values.map((value) => (typeof value === 'string' && !/[/\\]/.test(value) ? `/${value}` : value))
    }
    return none
  }
}

function pathReader(keys: readonly string[]): (event: OcsfEvent) => readonly Scalar[] {
  // Sources that flatten their records have keys with dots; such records are found below `unmapped` only.
  const dotted = keys[0] === 'unmapped'
  const depth = keys.length
  return (event) => {
    // The common case, an attribute of nested objects without an array in between, makes no garbage but its result.
    let at: unknown = event
    for (let n = 0; n < depth; n++) {
      if (typeof at !== 'object' || at === null) return none
      if (Array.isArray(at)) return collect(at, keys, n, [])
      const next: unknown = (at as { [key: string]: unknown })[keys[n] as string]
      if (next === undefined) {
        return dotted && n > 0 && n < depth - 1 ? collect(at, [keys.slice(n).join('.')], 0, []) : none
      }
      at = next
    }
    if (typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean') return [at]
    return at === null ? none : collect(at, keys, depth, [])
  }
}

function collect(at: unknown, keys: readonly string[], from: number, into: Scalar[]): readonly Scalar[] {
  if (into.length >= max_values) return into
  if (Array.isArray(at)) {
    for (const item of at) collect(item, keys, from, into)
  } else if (from < keys.length) {
    if (typeof at === 'object' && at !== null)
      collect((at as { [key: string]: unknown })[keys[from] as string], keys, from + 1, into)
  } else if (isScalar(at)) into.push(at)
  // A rule may look for text anywhere inside an object.
  else if (typeof at === 'object' && at !== null) into.push(JSON.stringify(at))
  return into
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
