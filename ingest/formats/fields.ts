import { type Outcome, reject } from '../../core/outcome.js'

/** A value that is not of the type its format documents. */
export type Fault = { readonly path: string; readonly expected: string; readonly found: string }

export type JsonRecord = { [key: string]: unknown }

/**
 * Reads one object of a source record: remembers which fields were read, so that the rest can be kept as unmapped,
 * and notes values of a wrong type instead of coercing them. `null`, `''` and absent are the same: no value.
 */
export class Fields {
  readonly path: string
  private readonly source: JsonRecord
  private readonly faults: Fault[] | undefined
  private readonly read = new Set<string>()
  private readonly children: Fields[] = []

  /**
   * `path` is where the object stands in its record, '' for the record itself; faults are added to `faults`. Without
   * such a list the reader is lenient: a value of a wrong type counts as not read and stays with the unmapped ones.
   */
  constructor(source: JsonRecord, path: string, faults?: Fault[]) {
    this.source = source
    this.path = path
    this.faults = faults
  }

  /** The value whatever its type; the field counts as read. Own fields only: `constructor` of a record is data. */
  any(key: string): unknown {
    if (!Object.hasOwn(this.source, key)) return undefined
    const value = this.source[key]
    this.read.add(key)
    return value === null || value === '' ? undefined : value
  }

  text(key: string): string | undefined {
    const value = this.any(key)
    // Every format reads mostly texts: no closure for them.
    if (value === undefined || typeof value === 'string') return value
    this.fault(key, 'a string', value)
    return undefined
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

  /** A nested object; what is not read of it is kept under its dotted path, or under `path` where that is not its name. */
  object(key: string, path = this.at(key)): Fields | undefined {
    const value = this.typed(key, 'an object', (found) => (isObject(found) ? found : undefined))
    if (!value) return undefined
    const child = new Fields(value, path, this.faults)
    this.children.push(child)
    return child
  }

  /** An object inside a list that was read: what is not read of it is kept under `key[n].name`. */
  element(key: string, n: number, value: JsonRecord): Fields {
    const child = new Fields(value, `${this.at(key)}[${n}]`, this.faults)
    this.children.push(child)
    return child
  }

  /** An object made of this one's fields (flattened paths, other spellings): what is not read of it is kept under `key`. */
  virtual(key: string, value: JsonRecord): Fields {
    const child = new Fields(value, this.at(key), this.faults)
    this.children.push(child)
    return child
  }

  /** Notes that a value found under `key` is not what it should be. */
  fault(key: string, expected: string, found: unknown) {
    if (this.faults === undefined) this.read.delete(key)
    else this.faults.push({ path: this.at(key), expected, found: kindOf(found) })
  }

  /** Takes back that a field was read: it stays with the unmapped ones. */
  keep(key: string) {
    this.read.delete(key)
  }

  /** Own keys nobody has read yet. */
  unread(): string[] {
    return Object.keys(this.source).filter((key) => !this.read.has(key))
  }

  /** Everything that was not read, here and below, by dotted path. */
  rest(into: JsonRecord = {}): JsonRecord {
    for (const key of Object.keys(this.source)) {
      const value = this.source[key]
      if (!this.read.has(key) && value !== null) setOwn(into, this.at(key), value)
    }
    for (const child of this.children) child.rest(into)
    return into
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

/** The object without the attributes that are undefined. */
export function defined<T extends object>(object: T): Defined<T> {
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

/** The value in words, short enough for an error. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (value === undefined) return 'nothing'
  return `${typeof value} ${clip(JSON.stringify(value) ?? String(value))}`
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
