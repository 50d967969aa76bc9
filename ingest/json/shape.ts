/**
 * Makes the value of a line of a known shape. `places[at + n]` says where the n-th text or scalar is: of a text, its
 * number in `words`, or ~ its number in `fresh`; of a scalar, twice the integer it is, or twice its number in `fresh` and one.
 */
export type Build = (places: Int32Array, at: number, words: readonly string[], fresh: readonly unknown[]) => object

/** What comes after a piece of a line that is the same in all lines of a shape. */
export type Next = 'text' | 'scalar' | 'end'

/**
 * What lines have in common that differ in their texts and scalars (numbers, true, false, null) alone: the bytes between those,
 * keys and all, and how the value is made.
 */
export type Shape = {
  /** In their order: the bytes from `from` to `to` of the line, and what comes after them. A text's quotes are theirs. */
  readonly pieces: readonly { readonly from: number; readonly to: number; readonly next: Next }[]
  readonly build: Build
}

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const MAX_VALUES = 512
const MAX_DEPTH = 16
/** Attributes with other names (digits sort before others, `__proto__` is none in a literal) are left to JSON.parse. */
const PLAIN_KEY = /^(?!__proto__$)[A-Za-z_@.$:/-][\w@.$:/ -]*$/

/** Thrown and caught here alone: this line is for JSON.parse. */
class NotPlain extends Error {}

/** The shape of a line that JSON.parse takes and that is an object; undefined if it is better left to JSON.parse. Never throws. */
export function shapeOf(line: Uint8Array): Shape | undefined {
  try {
    return new Plan(line).shape()
  } catch (error) {
    // A Node that was told to make no code from text refuses with an EvalError.
    if (error instanceof NotPlain || error instanceof EvalError) return undefined
    throw error
  }
}

/** Walks over one line, which is known to be JSON. */
class Plan {
  readonly #line: Uint8Array
  readonly #pieces: { from: number; to: number; next: Next }[] = []
  #at = 0
  /** Where the piece begins that is not ended yet. */
  #from = 0

  constructor(line: Uint8Array) {
    this.#line = line
  }

  shape(): Shape {
    this.#blanks()
    if (this.#byte() !== '{') throw new NotPlain()
    const literal = this.#value(0)
    this.#end('end', this.#line.length)
    // The source has nothing of the line but keys, and these are plain and quoted.
    const build = new Function('p', 'at', 'w', 'f', `let n; return ${literal}`) as Build
    return { pieces: this.#pieces, build }
  }

  #byte(): string {
    return String.fromCharCode(this.#line[this.#at] ?? 0)
  }

  #blanks() {
    while ((this.#line[this.#at] ?? 33) <= 32) this.#at++
  }

  /** The piece up to here is whole. */
  #end(next: Next, to = this.#at) {
    if (this.#pieces.length > MAX_VALUES) throw new NotPlain()
    this.#pieces.push({ from: this.#from, to, next })
  }

  /** Source of the value that stands here; whatever blanks follow it are passed. */
  #value(depth: number): string {
    if (depth > MAX_DEPTH) throw new NotPlain()
    const byte = this.#byte()
    const source =
      byte === '{' || byte === '[' ? this.#members(byte, depth) : byte === '"' ? this.#text() : this.#scalar()
    this.#blanks()
    return source
  }

  #members(open: '{' | '[', depth: number): string {
    const close = open === '{' ? '}' : ']'
    const members: string[] = []
    const keys = new Set<string>()
    for (this.#at++, this.#blanks(); this.#byte() !== close; this.#blanks()) {
      if (this.#line[this.#at] === COMMA) this.#at++
      this.#blanks()
      const key = open === '{' ? `${JSON.stringify(this.#key(keys))}:` : ''
      members.push(key + this.#value(depth + 1))
    }
    this.#at++
    return open + members.join(',') + close
  }

  #key(before: Set<string>): string {
    const from = this.#at + 1
    this.#passText()
    const key = Buffer.from(this.#line.subarray(from, this.#at - 1)).toString('latin1')
    if (before.has(key) || !PLAIN_KEY.test(key)) throw new NotPlain()
    before.add(key)
    this.#blanks()
    this.#at++
    this.#blanks()
    return key
  }

  #text(): string {
    this.#at++
    this.#end('text')
    this.#at--
    this.#passText()
    this.#from = this.#at - 1
    const place = `p[at+${this.#pieces.length - 1}]`
    return `((n=${place})<0?f[~n]:w[n])`
  }

  #passText() {
    for (this.#at++; this.#line[this.#at] !== QUOTE; this.#at++) if (this.#line[this.#at] === BACKSLASH) this.#at++
    this.#at++
  }

  #scalar(): string {
    this.#end('scalar')
    while (!endsScalar(this.#line[this.#at] ?? 0)) this.#at++
    this.#from = this.#at
    const place = `p[at+${this.#pieces.length - 1}]`
    return `((n=${place})&1?f[n>>1]:n>>1)`
  }
}

/** Whether a number, true, false or null ends before this byte. */
export function endsScalar(byte: number): boolean {
  return byte <= 32 || byte === COMMA || byte === QUOTE || byte === 93 || byte === 125
}
