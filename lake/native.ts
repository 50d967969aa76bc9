import { WeirError } from '../core/errors.js'
import type { ColumnType } from './tables/table.js'

/**
 * One column of a block in ClickHouse's Native format, built value by value. Rows that are never appended hold the
 * type's default, so the cost is per value that is there. A column nobody touched need not be sent at all.
 */
export type ColumnBuilder = {
  readonly type: ColumnType
  /** A value other than the default was appended. */
  readonly touched: boolean
  /**
   * Takes the value of row number `row` (rows ascend). False if the type cannot hold exactly this value, or if
   * it equals the default; then nothing was written.
   */
  append(row: number, value: unknown): boolean
  /** Forgets the value of this row, which must be the newest. Slow: it is for rejected rows. */
  discard(row: number): void
  /** Bytes so far, about. */
  bytes(): number
  /** The column's data for a block of so many rows. Valid until `reset`. */
  finish(rows: number): Uint8Array[]
  /** What the column holds of so many rows, the type's default where nothing was appended. Slow: it is for refused blocks. */
  values(rows: number): unknown[]
  reset(): void
}

const little_endian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** A builder for the type. */
export function columnBuilder(type: ColumnType): ColumnBuilder {
  if (!little_endian) throw new WeirError('unsupported', 'the Native encoder needs a little-endian processor')
  switch (type) {
    case 'String':
      return new StringBuilder()
    case 'LowCardinality(String)':
      return new WordBuilder()
    case 'Array(String)':
      return new StringsBuilder()
    case 'FixedString(10)':
      return new TailBuilder()
    case 'Int64':
    case 'UInt64':
    case 'DateTime64(3)':
      return new LongBuilder(type)
    default:
      return new NumberBuilder(type)
  }
}

const first_rows = 1024

/** Bytes that grow by doubling. */
class Bytes {
  buffer: Buffer = Buffer.allocUnsafeSlow(4096)
  at = 0

  reserve(more: number) {
    const needed = this.at + more
    if (needed <= this.buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.at)
    this.buffer = grown
  }

  varint(value: number) {
    this.reserve(10)
    let left = value
    while (left >= 0x80) {
      this.buffer[this.at++] = (left % 0x80) | 0x80
      left = Math.floor(left / 0x80)
    }
    this.buffer[this.at++] = left
  }

  zeros(count: number) {
    this.reserve(count)
    this.buffer.fill(0, this.at, this.at + count)
    this.at += count
  }

  /** Writes length and UTF-8 of the text. False, with nothing written, if it has a lone surrogate. */
  text(value: string): boolean {
    const length = value.length
    if (length <= 48) {
      this.reserve(length + 1)
      const buffer = this.buffer
      const start = this.at + 1
      let index = 0
      for (; index < length; index++) {
        const code = value.charCodeAt(index)
        if (code >= 0x80) break
        buffer[start + index] = code
      }
      if (index === length) {
        buffer[this.at] = length
        this.at = start + length
        return true
      }
    }
    if (!value.isWellFormed()) return false
    const bytes = Buffer.byteLength(value)
    this.reserve(bytes + 10)
    this.varint(bytes)
    this.at += this.buffer.write(value, this.at, bytes, 'utf8')
    return true
  }

  /** Cuts off everything behind the first `count` texts. */
  keepTexts(count: number) {
    let at = 0
    for (let index = 0; index < count; index++) {
      const { length, start } = this.#lengthAt(at)
      at = start + length
    }
    this.at = at
  }

  /** All texts that were written. */
  texts(): string[] {
    const texts: string[] = []
    for (let at = 0; at < this.at; ) {
      const { length, start } = this.#lengthAt(at)
      texts.push(this.buffer.toString('utf8', start, start + length))
      at = start + length
    }
    return texts
  }

  /** How long the text at this place is, and where it starts. */
  #lengthAt(at: number): { length: number; start: number } {
    let length = 0
    let scale = 1
    for (let start = at; ; ) {
      const byte = this.buffer[start++] ?? 0
      length += (byte & 0x7f) * scale
      if (byte < 0x80) return { length, start }
      scale *= 0x80
    }
  }

  slice(): Uint8Array {
    return this.buffer.subarray(0, this.at)
  }
}

class StringBuilder implements ColumnBuilder {
  readonly type = 'String'
  readonly #data = new Bytes()
  #rows = 0
  touched = false

  append(row: number, value: unknown): boolean {
    if (typeof value !== 'string' || value === '') return false
    const data = this.#data
    if (row > this.#rows) {
      data.zeros(row - this.#rows)
      this.#rows = row
    }
    if (!data.text(value)) return false
    this.#rows = row + 1
    this.touched = true
    return true
  }

  discard(row: number) {
    if (this.#rows <= row) return
    this.#data.keepTexts(row)
    this.#rows = row
  }

  bytes() {
    return this.#data.at
  }

  finish(rows: number): Uint8Array[] {
    this.#data.zeros(rows - this.#rows)
    this.#rows = rows
    return [this.#data.slice()]
  }

  values(rows: number) {
    const texts = this.#data.texts()
    return Array.from({ length: rows }, (_, row) => texts[row] ?? '')
  }

  reset() {
    this.#data.at = 0
    this.#rows = 0
    this.touched = false
  }
}

/** Words that a column remembers without hashing them; a power of two. */
const recent_words = 16

/** The dictionary of a LowCardinality column is sent with the block; entry 0 is the default. */
class WordBuilder implements ColumnBuilder {
  readonly type = 'LowCardinality(String)'
  readonly #keys = new Bytes()
  readonly #positions = new Map<string, number>()
  #indexes = new Uint32Array(first_rows)
  #rows = 0
  /** Words met lately and their positions, each at a place that its length and last letter choose: cheaper than to hash it. */
  readonly #recent: string[] = new Array(recent_words).fill('')
  readonly #recent_positions = new Uint32Array(recent_words)
  touched = false

  append(row: number, value: unknown): boolean {
    if (typeof value !== 'string' || value === '') return false
    const length = value.length
    const place = (length * 7 + value.charCodeAt(length - 1)) & (recent_words - 1)
    let position: number | undefined
    if (this.#recent[place] === value) position = this.#recent_positions[place] as number
    else {
      position = this.#positions.get(value)
      if (position === undefined) {
        if (!this.#keys.text(value)) return false
        position = this.#positions.size + 1
        this.#positions.set(value, position)
      }
      this.#recent[place] = value
      this.#recent_positions[place] = position
    }
    if (row >= this.#indexes.length) this.#indexes = grown(this.#indexes, row)
    this.#indexes[row] = position
    this.#rows = row + 1
    this.touched = true
    return true
  }

  discard(row: number) {
    if (row < this.#rows) this.#indexes[row] = 0
  }

  bytes() {
    return this.#keys.at + this.#rows * 2
  }

  finish(rows: number): Uint8Array[] {
    if (rows > this.#indexes.length) this.#indexes = grown(this.#indexes, rows)
    const keys = this.#positions.size + 1
    const width = keys <= 0x100 ? 0 : keys <= 0x10000 ? 1 : 2
    const head = Buffer.alloc(25)
    head.writeUInt32LE(1, 0) // version: one dictionary shared by the column, plus additional keys
    head.writeUInt32LE((1 << 9) | (1 << 10) | width, 8) // has additional keys, resets the dictionary, width of an index
    head.writeUInt32LE(keys, 16)
    const count = Buffer.alloc(8)
    count.writeUInt32LE(rows, 0)
    const used = this.#indexes.subarray(0, rows)
    const indexes = width === 0 ? Uint8Array.from(used) : width === 1 ? Uint16Array.from(used) : used
    // The 25th byte of the head is the empty text of entry 0.
    return [head, this.#keys.slice(), count, bytesOf(indexes)]
  }

  values(rows: number) {
    const words = ['', ...this.#positions.keys()]
    return Array.from({ length: rows }, (_, row) => words[this.#indexes[row] ?? 0])
  }

  reset() {
    this.#keys.at = 0
    this.#positions.clear()
    this.#indexes.fill(0, 0, Math.min(this.#rows, this.#indexes.length))
    this.#rows = 0
    this.#recent.fill('')
    this.touched = false
  }
}

class StringsBuilder implements ColumnBuilder {
  readonly type = 'Array(String)'
  readonly #data = new Bytes()
  #ends: number[] = []
  #count = 0
  touched = false

  append(row: number, value: unknown): boolean {
    if (!Array.isArray(value) || value.length === 0) return false
    const before = this.#data.at
    for (const item of value) {
      if (typeof item !== 'string' || !this.#data.text(item)) {
        this.#data.at = before
        return false
      }
    }
    while (this.#ends.length < row) this.#ends.push(this.#count)
    this.#count += value.length
    this.#ends.push(this.#count)
    this.touched = true
    return true
  }

  discard(row: number) {
    if (this.#ends.length <= row) return
    this.#ends.length = row
    this.#count = this.#ends.at(-1) ?? 0
    this.#data.keepTexts(this.#count)
  }

  bytes() {
    return this.#data.at + this.#ends.length * 8
  }

  finish(rows: number): Uint8Array[] {
    while (this.#ends.length < rows) this.#ends.push(this.#count)
    const ends = new Uint32Array(rows * 2)
    for (let row = 0; row < rows; row++) ends[row * 2] = this.#ends[row] ?? 0
    return [bytesOf(ends), this.#data.slice()]
  }

  values(rows: number) {
    const texts = this.#data.texts()
    return Array.from({ length: rows }, (_, row) =>
      texts.slice(this.#ends[row - 1] ?? 0, this.#ends[row] ?? this.#count),
    )
  }

  reset() {
    this.#data.at = 0
    this.#ends = []
    this.#count = 0
    this.touched = false
  }
}

/** 10 bytes a row: the hash part of a uid (see lake/uid.ts). */
class TailBuilder implements ColumnBuilder {
  readonly type = 'FixedString(10)'
  #data = new Uint8Array(first_rows * 10)
  #rows = 0
  touched = false

  append(row: number, value: unknown): boolean {
    if (!(value instanceof Uint8Array) || value.length !== 10) return false
    if ((row + 1) * 10 > this.#data.length) this.#data = grown(this.#data, (row + 1) * 10)
    this.#data.set(value, row * 10)
    this.#rows = row + 1
    this.touched = true
    return true
  }

  discard(row: number) {
    if (row < this.#rows) this.#data.fill(0, row * 10, row * 10 + 10)
  }

  bytes() {
    return this.#rows * 10
  }

  finish(rows: number): Uint8Array[] {
    if (rows * 10 > this.#data.length) this.#data = grown(this.#data, rows * 10)
    return [this.#data.subarray(0, rows * 10)]
  }

  values(rows: number) {
    return Array.from({ length: rows }, (_, row) => this.#data.slice(row * 10, row * 10 + 10))
  }

  reset() {
    this.#data.fill(0, 0, this.#rows * 10)
    this.#rows = 0
    this.touched = false
  }
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array

const number_types = {
  UInt8: { make: (rows: number): Numbers => new Uint8Array(rows), low: 0, high: 0xff },
  Bool: { make: (rows: number): Numbers => new Uint8Array(rows), low: 0, high: 1 },
  UInt16: { make: (rows: number): Numbers => new Uint16Array(rows), low: 0, high: 0xffff },
  UInt32: { make: (rows: number): Numbers => new Uint32Array(rows), low: 0, high: 0xffffffff },
  Int32: { make: (rows: number): Numbers => new Int32Array(rows), low: -0x80000000, high: 0x7fffffff },
  Float64: { make: (rows: number): Numbers => new Float64Array(rows), low: -Number.MAX_VALUE, high: Number.MAX_VALUE },
} as const

/** Numbers of up to 32 bits, floats and booleans. */
class NumberBuilder implements ColumnBuilder {
  readonly type: keyof typeof number_types
  readonly #low: number
  readonly #high: number
  readonly #whole: boolean
  readonly #boolean: boolean
  #data: Numbers
  #rows = 0
  touched = false

  constructor(type: keyof typeof number_types) {
    this.type = type
    this.#low = number_types[type].low
    this.#high = number_types[type].high
    this.#whole = type !== 'Float64'
    this.#boolean = type === 'Bool'
    this.#data = number_types[type].make(first_rows)
  }

  append(row: number, value: unknown): boolean {
    let number: number
    if (this.#boolean) {
      if (value !== true) return false
      number = 1
    } else {
      if (typeof value !== 'number' || value === 0 || !(value >= this.#low && value <= this.#high)) return false
      if (this.#whole && !Number.isInteger(value)) return false
      number = value
    }
    this.#grow(row + 1)
    this.#data[row] = number
    this.#rows = row + 1
    this.touched = true
    return true
  }

  #grow(rows: number) {
    if (rows <= this.#data.length) return
    const data = number_types[this.type].make(Math.max(rows, this.#data.length * 2))
    data.set(this.#data)
    this.#data = data
  }

  discard(row: number) {
    if (row < this.#rows) this.#data[row] = 0
  }

  bytes() {
    return this.#rows * this.#data.BYTES_PER_ELEMENT
  }

  finish(rows: number): Uint8Array[] {
    this.#grow(rows)
    return [bytesOf(this.#data.subarray(0, rows))]
  }

  values(rows: number) {
    return Array.from({ length: rows }, (_, row) => (this.#boolean ? this.#data[row] === 1 : (this.#data[row] ?? 0)))
  }

  reset() {
    this.#data.fill(0, 0, this.#rows)
    this.#rows = 0
    this.touched = false
  }
}

/** The span in which ClickHouse shows a DateTime64 as it is: 1900 to the end of 2299. */
const earliest_time = Date.UTC(1900, 0, 1)
const latest_time = Date.UTC(2300, 0, 1) - 1

/** Numbers of 64 bits, as far as a JavaScript number is exact. */
class LongBuilder implements ColumnBuilder {
  readonly type: 'UInt64' | 'Int64' | 'DateTime64(3)'
  readonly #low: number
  readonly #high: number
  #data = new Uint32Array(first_rows * 2)
  #rows = 0
  touched = false

  constructor(type: 'UInt64' | 'Int64' | 'DateTime64(3)') {
    this.type = type
    this.#low = type === 'UInt64' ? 0 : type === 'Int64' ? Number.MIN_SAFE_INTEGER : earliest_time
    this.#high = type === 'DateTime64(3)' ? latest_time : Number.MAX_SAFE_INTEGER
  }

  append(row: number, value: unknown): boolean {
    if (typeof value !== 'number' || value === 0 || !Number.isInteger(value)) return false
    if (value < this.#low || value > this.#high) return false
    const at = row * 2
    if (at + 2 > this.#data.length) this.#data = grown(this.#data, at + 2)
    this.#data[at] = value
    this.#data[at + 1] = Math.floor(value / 0x100000000)
    this.#rows = row + 1
    this.touched = true
    return true
  }

  discard(row: number) {
    if (row < this.#rows) this.#data.fill(0, row * 2, row * 2 + 2)
  }

  bytes() {
    return this.#rows * 8
  }

  finish(rows: number): Uint8Array[] {
    if (rows * 2 > this.#data.length) this.#data = grown(this.#data, rows * 2)
    return [bytesOf(this.#data.subarray(0, rows * 2))]
  }

  values(rows: number) {
    const high = (row: number) => this.#data[row * 2 + 1] ?? 0
    const signed = this.type === 'UInt64' ? high : (row: number) => high(row) | 0
    return Array.from({ length: rows }, (_, row) => signed(row) * 0x100000000 + (this.#data[row * 2] ?? 0))
  }

  reset() {
    this.#data.fill(0, 0, this.#rows * 2)
    this.#rows = 0
    this.touched = false
  }
}

function grown<T extends Uint8Array | Uint32Array>(data: T, needed: number): T {
  const size = Math.max(needed + 1, data.length * 2)
  const bigger = (data instanceof Uint8Array ? new Uint8Array(size) : new Uint32Array(size)) as T
  bigger.set(data)
  return bigger
}

function bytesOf(data: Numbers): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** The name and type that stand before a column's data, and the counts that stand before the block. */
export function blockHead(columns: number, rows: number): Uint8Array {
  const head = new Bytes()
  head.varint(columns)
  head.varint(rows)
  return head.slice()
}

/** The name and type that stand before a column's data. */
export function columnHead(name: string, type: ColumnType): Uint8Array {
  const head = new Bytes()
  head.text(name)
  head.text(type)
  return head.slice()
}
