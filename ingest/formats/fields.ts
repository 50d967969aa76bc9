import { type Outcome, reject } from '../../core/outcome.js'

/** A value that is not of the type its format documents. */
export type Fault = { readonly path: string; readonly expected: string; readonly found: string }

export type JsonRecord = { [key: string]: unknown }

/** Faults told in words; a list may have a million, of which an error names five. */
const MANY_FAULTS = 64

const UNTOLD: Fault = { path: '', expected: '', found: '' }

/** Fields read of one object before their names are kept in a set: a record may have a million. */
const MANY = 48

/**
 * Reads one object of a source record: remembers which fields were read, so that the rest can be kept as unmapped,
 * and notes values of a wrong type instead of coercing them. `null`, `''` and absent are the same: no value.
 */
export class Fields {
  readonly path: string
  private readonly source: JsonRecord
  private readonly faults: Fault[] | undefined
  /** Keys that were read; undefined in place of one that was taken back. A list, as long as it is short: see `mark`. */
  private readonly read: (string | undefined)[] = []
  private readMany: Set<string> | undefined
  private children: Fields[] | undefined

  /**
   * `path` is where the object stands in its record, '' for the record itself; faults are added to `faults`. Without
   * such a list the reader is lenient: a value of a wrong type counts as not read and stays with the unmapped ones.
   */
  constructor(source: JsonRecord, path: string, faults?: Fault[]) {
    this.source = source
    this.path = path
    this.faults = faults
    this.readMany = undefined
    this.children = undefined
  }

  /** The value whatever its type; the field counts as read. Own fields only: `constructor` of a record is data. */
  any(key: string): unknown {
    // Also the fastest way to find nothing, ten times faster than to read what is not there.
    if (!Object.hasOwn(this.source, key)) return undefined
    const value = this.source[key]
    this.mark(key)
    return value === null || value === '' ? undefined : value
  }

  /** True if the object has the field, whatever its value; it does not count as read. */
  has(key: string): boolean {
    return Object.hasOwn(this.source, key)
  }

  text(key: string): string | undefined {
    const value = this.any(key)
    // Every format reads mostly texts: no closure for them.
    if (value === undefined || typeof value === 'string') return value
    this.fault(key, 'a string', value)
    return undefined
  }

  /** A text that names something, also where an export made a number of its digits: an account, a user id. */
  id(key: string): string | undefined {
    const value = this.any(key)
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
    return this.text(key)
  }

  /** A finite number, or one written as text, which several exports do. */
  number(key: string): number | undefined {
    return this.typed(key, 'a number', (value) => {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      return typeof number === 'number' && Number.isFinite(number) ? number : undefined
    })
  }

  /** true or false, or the words in any case: CloudTrail itself writes `"mfaAuthenticated": "false"`. */
  boolean(key: string): boolean | undefined {
    return this.typed(key, 'a boolean', (value) => {
      if (typeof value === 'boolean') return value
      const word = typeof value === 'string' ? value.toLowerCase() : ''
      return word === 'true' ? true : word === 'false' ? false : undefined
    })
  }

  list(key: string): readonly unknown[] | undefined {
    return this.typed(key, 'an array', (value) => (Array.isArray(value) ? value : undefined))
  }

  /** The texts in a list; every other element is a value of a wrong type. */
  texts(key: string): string[] {
    const texts: string[] = []
    const list = this.list(key) ?? []
    for (let n = 0; n < list.length; n++) {
      const value = list[n]
      if (typeof value === 'string') texts.push(value)
      else this.faultAt(key, n, 'a string', value)
    }
    return texts
  }

  /** A nested object; what is not read of it is kept under its dotted path, or under `path` where that is not its name. */
  object(key: string, path?: string): Fields | undefined {
    const value = this.any(key)
    if (value === undefined) return undefined
    if (isObject(value)) return this.child(value, path ?? this.at(key))
    this.fault(key, 'an object', value)
    return undefined
  }

  /** An object inside a list that was read: what is not read of it is kept under `key[n].name`. */
  element(key: string, n: number, value: JsonRecord): Fields {
    return this.child(value, `${this.at(key)}[${n}]`)
  }

  /** An object made of this one's fields (flattened paths, other spellings): what is not read of it is kept under `key`. */
  virtual(key: string, value: JsonRecord): Fields {
    return this.child(value, this.at(key))
  }

  /** Notes that a value found under `key` is not what it should be. */
  fault(key: string, expected: string, found: unknown) {
    if (this.faults === undefined) this.keep(key)
    else this.faults.push({ path: this.at(key), expected, found: kindOf(found) })
  }

  /** Notes that an element of a list is not what it should be. */
  faultAt(key: string, n: number, expected: string, found: unknown) {
    if (this.faults !== undefined && this.faults.length >= MANY_FAULTS) this.faults.push(UNTOLD)
    else this.fault(`${key}[${n}]`, expected, found)
  }

  /** Takes back that a field was read: it stays with the unmapped ones. */
  keep(key: string) {
    if (this.readMany) this.readMany.delete(key)
    else {
      const { read } = this
      for (let n = 0; n < read.length; n++) if (read[n] === key) read[n] = undefined
    }
  }

  /** Own keys nobody has read yet. */
  unread(): string[] {
    return Object.keys(this.source).filter((key) => !this.isRead(key))
  }

  /** Everything that was not read, here and below, by dotted path. */
  rest(into: JsonRecord = {}): JsonRecord {
    const { source, children } = this
    // Own keys only: a record is plain JSON, and what all objects inherit is not enumerable.
    for (const key in source) {
      if (this.isRead(key)) continue
      const value = source[key]
      if (value !== null) setOwn(into, this.at(key), value)
    }
    if (children) for (let n = 0; n < children.length; n++) children[n]?.rest(into)
    return into
  }

  private child(value: JsonRecord, path: string): Fields {
    const child = new Fields(value, path, this.faults)
    if (this.children) this.children.push(child)
    else this.children = [child]
    return child
  }

  /** A list is several times cheaper than a set for the dozen fields that are read of most objects. */
  private mark(key: string) {
    if (this.readMany) this.readMany.add(key)
    else if (this.read.push(key) > MANY) {
      this.readMany = new Set()
      for (const known of this.read) if (known !== undefined) this.readMany.add(known)
    }
  }

  private isRead(key: string): boolean {
    if (this.readMany) return this.readMany.has(key)
    const { read } = this
    for (let n = 0; n < read.length; n++) if (read[n] === key) return true
    return false
  }

  private typed<T>(key: string, expected: string, read: (value: unknown) => T | undefined): T | undefined {
    const value = this.any(key)
    if (value === undefined) return undefined
    const result = read(value)
    if (result === undefined) this.fault(key, expected, value)
    return result
  }

  private at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`
  }
}

/** The outcome for a record with values of a wrong type: names up to five of them. */
export function rejectFaults(faults: readonly Fault[]): Outcome<never> {
  const named = faults
    .slice(0, 5)
    .map(({ path, expected, found }) => `${clip(path)}: expected ${expected}, found ${found}`)
  const more = faults.length > named.length ? `; and ${faults.length - named.length} more` : ''
  return reject('wrong_type', named.join('; ') + more)
}

export function isObject(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object's attributes without those that are undefined: the ones a source does not have are absent in the event. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The object without the attributes that are undefined; the same object if it has none of them. */
export function defined<T extends object>(object: T): Defined<T> {
  for (const key in object) if (object[key] === undefined) return copyDefined(object)
  return object as unknown as Defined<T>
}

function copyDefined<T extends object>(object: T): Defined<T> {
  const result: JsonRecord = {}
  for (const key in object) {
    const value = object[key]
    if (value !== undefined) result[key] = value
  }
  return result as Defined<T>
}

/** Sets an own property under any name: assigning `__proto__` would change the object's prototype instead. */
export function setOwn(target: JsonRecord, key: string, value: unknown) {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

/** An entry of a table by a key that a source chose: `constructor` and `__proto__` are no entries. */
export function ownEntry<T>(table: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

/** The first of a list; the value itself if it is none. */
export function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value
}

/** What follows the last separator of a path, an ARN and the like; the whole text if it has none. */
export function lastPart(text: string, separator?: string): string
export function lastPart(text: string | undefined, separator?: string): string | undefined
export function lastPart(text: string | undefined, separator = '/'): string | undefined {
  return text?.slice(text.lastIndexOf(separator) + 1)
}

/** The value in words, short enough for an error. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (value === undefined) return 'nothing'
  // Cut first: a text may have megabytes, and no more than its beginning is shown.
  const short = typeof value === 'string' ? value.slice(0, 100) : value
  return `${typeof value} ${clip(JSON.stringify(short) ?? String(short))}`
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
