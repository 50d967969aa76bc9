export type JsonRecord = { [key: string]: unknown }

/** Fields read of one object before their names are kept in a set: a record may have a million. */
const MANY = 48

/**
 * Reads one object of a source record and remembers which fields were read, so that the rest can be kept as unmapped.
 * A value of a wrong type is not read and stays with the unmapped ones: one odd field costs no record. What loses
 * nothing is taken for what it says: a number where a text belongs, `"5"` for 5, a list of one for the one and the other
 * way round. `null`, `''` and absent are the same: no value.
 */
export class Fields {
  readonly path: string
  private readonly source: JsonRecord
  /** Keys that were read; undefined in place of one that was taken back. A list, as long as it is short: see `mark`. */
  private readonly read: (string | undefined)[] = []
  private readMany: Set<string> | undefined
  private children: Fields[] | undefined

  /** `path` is where the object stands in its record, '' for the record itself. */
  constructor(source: JsonRecord, path: string) {
    this.source = source
    this.path = path
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
    const inner = firstOf(value, 1)
    if (typeof inner === 'string' && inner !== '') return inner
    // An export made a number of the digits of an account, a user id, a version.
    if (typeof inner === 'number') return String(inner)
    this.keep(key)
    return undefined
  }

  /** A finite number, or one written as text, which several exports do. */
  number(key: string): number | undefined {
    const value = this.any(key)
    // Mostly it is one: no closure for it.
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
    const inner = firstOf(value, 1)
    const number = typeof inner === 'string' && inner.trim() !== '' ? Number(inner) : inner
    if (typeof number === 'number' && Number.isFinite(number)) return number
    this.keep(key)
    return undefined
  }

  /** A whole number from `least` to `most`, also where an export wrote it as text. */
  whole(key: string, most = Number.MAX_SAFE_INTEGER, least = 0): number | undefined {
    const number = this.number(key)
    if (number === undefined || (Number.isInteger(number) && number >= least && number <= most)) return number
    this.keep(key)
    return undefined
  }

  /** true or false, or the words in any case: CloudTrail itself writes `"mfaAuthenticated": "false"`. */
  boolean(key: string): boolean | undefined {
    const value = this.any(key)
    if (value === undefined || typeof value === 'boolean') return value
    const inner = firstOf(value, 1)
    if (typeof inner === 'boolean') return inner
    const word = typeof inner === 'string' ? inner.toLowerCase() : ''
    if (word === 'true' || word === 'false') return word === 'true'
    this.keep(key)
    return undefined
  }

  list(key: string): readonly unknown[] | undefined {
    const value = this.any(key)
    return value === undefined || Array.isArray(value) ? value : [value]
  }

  /** The texts in a list; if it has anything else, the list stays with the unmapped ones too. */
  texts(key: string): string[] {
    const list = this.list(key) ?? []
    const texts = list.filter((value) => typeof value === 'string')
    if (texts.length < list.length) this.keep(key)
    return texts
  }

  /** A nested object; what is not read of it is kept under its dotted path, or under `path` where that is not its name. */
  object(key: string, path?: string): Fields | undefined {
    const value = this.any(key)
    if (value === undefined) return undefined
    if (isObject(value)) return this.child(value, path ?? this.at(key))
    const inner = firstOf(value, 1)
    if (isObject(inner)) return this.child(inner, path ?? this.at(key))
    this.keep(key)
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

  /** What is wrong with a field that a record must have, for an error. */
  lacks(key: string, expected = 'a string'): string {
    const value = Object.hasOwn(this.source, key) ? this.source[key] : undefined
    return `${this.at(key)}: required, ${value === undefined ? 'not found' : `expected ${expected}, found ${kindOf(value)}`}`
  }

  /** Reads a field only if it says once more what is known already; what is another value stays unmapped. */
  repeats(key: string, known: unknown) {
    if (known !== undefined && this.source[key] === known) this.mark(key)
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
      if (!isNothing(value)) setOwn(into, this.at(key), value)
    }
    if (children) for (let n = 0; n < children.length; n++) children[n]?.rest(into)
    return into
  }

  private child(value: JsonRecord, path: string): Fields {
    const child = new Fields(value, path)
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

  private at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`
  }
}

/** True for what says nothing: null, an empty text, list or object. */
function isNothing(value: unknown): boolean {
  if (typeof value !== 'object') return value === ''
  // A loop over a list's keys makes all of them first, and a record may have a list of a million.
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
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

/** The first of a list, of one of at most `longest`; the value itself if it is none. */
export function firstOf(value: unknown, longest = Number.POSITIVE_INFINITY): unknown {
  return Array.isArray(value) && value.length <= longest ? value[0] : value
}

/** What follows the last separator of a path, an ARN and the like; the whole text if it has none. */
export function lastPart(text: string, separator?: string): string
export function lastPart(text: string | undefined, separator?: string): string | undefined
export function lastPart(text: string | undefined, separator = '/'): string | undefined {
  return text?.slice(text.lastIndexOf(separator) + 1)
}

const MESSAGE_CHARS = 512

/** A template for a message: no more than 512 characters, and no long text is copied for them. */
export function brief(words: TemplateStringsArray, ...values: readonly unknown[]): string {
  let text = words[0] as string
  for (let n = 0; n < values.length; n++) text += String(values[n]).slice(0, MESSAGE_CHARS) + (words[n + 1] as string)
  return text.slice(0, MESSAGE_CHARS)
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
