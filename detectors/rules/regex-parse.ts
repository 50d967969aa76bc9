/** Sorted, disjoint ranges of UTF-16 code units, both ends included: [from, to, from, to ...]. */
export type CharSet = readonly number[]

/** A regular expression as a tree. Groups do not capture: only whether it matches is asked. */
export type RegexNode =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'assert'; readonly at: 'start' | 'end' | 'line_start' | 'line_end' | 'word' | 'not_word' }
  | { readonly kind: 'cat'; readonly nodes: readonly RegexNode[] }
  | { readonly kind: 'alt'; readonly nodes: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly node: RegexNode; readonly min: number; readonly max: number }

export type RegexFlags = { readonly ignore_case: boolean; readonly multiline: boolean; readonly dot_all: boolean }

/** Thrown for a pattern that cannot be run in linear time or is no pattern at all; the message says where. */
export class RegexError extends Error {}

const last_unit = 0xffff
const max_repeat = 1000
const max_depth = 100
const digit: CharSet = [48, 57]
const word: CharSet = [48, 57, 65, 90, 95, 95, 97, 122]
const space: CharSet = normalised([
  9, 13, 32, 32, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000,
  0x3000, 0xfeff, 0xfeff,
])
const newlines: CharSet = [10, 10, 13, 13, 0x2028, 0x2029]
const controls: { readonly [letter: string]: number } = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0, e: 27, a: 7 }

/** Parses the common core of PCRE and JavaScript. Look-around, back-references, possessive and atomic groups are refused. */
export function parseRegex(source: string, flags: RegexFlags): RegexNode {
  let at = 0
  let ignoreCase = flags.ignore_case
  let { multiline, dot_all } = flags

  const inline = /^\(\?([ims]+)\)/.exec(source)
  if (inline?.[1] !== undefined) {
    at = inline[0].length
    ignoreCase ||= inline[1].includes('i')
    multiline ||= inline[1].includes('m')
    dot_all ||= inline[1].includes('s')
  }
  const tree = alternatives(0)
  if (at < source.length) throw fail('")" without "("')
  return tree

  function fail(what: string) {
    return new RegexError(`${what} at character ${at + 1} of the pattern`)
  }

  function alternatives(depth: number): RegexNode {
    if (depth > max_depth) throw fail(`groups nested deeper than ${max_depth}`)
    const nodes = [sequence(depth)]
    while (source[at] === '|') {
      at++
      nodes.push(sequence(depth))
    }
    return nodes.length === 1 && nodes[0] ? nodes[0] : { kind: 'alt', nodes }
  }

  function sequence(depth: number): RegexNode {
    const nodes: RegexNode[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') nodes.push(repeated(atom(depth)))
    return nodes.length === 1 && nodes[0] ? nodes[0] : { kind: 'cat', nodes }
  }

  function repeated(node: RegexNode): RegexNode {
    const bounds = quantifier()
    if (bounds === undefined) return node
    if (source[at] === '?') at++
    else if (source[at] === '+') throw fail('possessive quantifiers are not supported')
    if (quantifier() !== undefined) throw fail('two quantifiers in a row')
    return { kind: 'repeat', node, min: bounds[0], max: bounds[1] }
  }

  function quantifier(): [number, number] | undefined {
    const char = source[at]
    if (char === '*' || char === '+' || char === '?') {
      at++
      return char === '*' ? [0, Number.POSITIVE_INFINITY] : char === '+' ? [1, Number.POSITIVE_INFINITY] : [0, 1]
    }
    const braces = char === '{' ? /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(source.slice(at, at + 24)) : null
    if (braces === null) return undefined
    const min = Number(braces[1])
    const max = braces[2] === undefined ? min : braces[3] ? Number(braces[3]) : Number.POSITIVE_INFINITY
    if (max < min) throw fail('a quantifier whose maximum is below its minimum')
    if (min > max_repeat || (max > max_repeat && max !== Number.POSITIVE_INFINITY)) {
      throw fail(`a repetition above ${max_repeat}`)
    }
    at += braces[0].length
    return [min, max]
  }

  function atom(depth: number): RegexNode {
    const char = source[at] ?? ''
    if (char === '(') return group(depth)
    if (char === '[') return setNode(bracket())
    if (char === '*' || char === '+' || char === '?') throw fail(`"${char}" with nothing to repeat`)
    if (char === '\\') return escaped()
    at++
    if (char === '^') return { kind: 'assert', at: multiline ? 'line_start' : 'start' }
    if (char === '$') return { kind: 'assert', at: multiline ? 'line_end' : 'end' }
    if (char === '.') return { kind: 'set', set: dot_all ? [0, last_unit] : complement(newlines) }
    return unit(char.charCodeAt(0))
  }

  function group(depth: number): RegexNode {
    const head = /^\((\?(?:[ims]*:|P?<[A-Za-z_]\w*>|[^)]{0,2}))?/.exec(source.slice(at, at + 80))
    const kind = head?.[1]
    if (kind !== undefined && !kind.endsWith(':') && !kind.endsWith('>')) {
      throw fail('look-around, atomic groups and flags inside a pattern are not supported')
    }
    if (kind?.endsWith('>') && !/^\?P?<[A-Za-z_]/.test(kind)) throw fail('atomic groups are not supported')
    const outer = { ignoreCase, multiline, dot_all }
    if (kind?.endsWith(':')) {
      ignoreCase ||= kind.includes('i')
      multiline ||= kind.includes('m')
      dot_all ||= kind.includes('s')
    }
    at += head?.[0].length ?? 1
    const inner = alternatives(depth + 1)
    if (source[at] !== ')') throw fail('"(" without ")"')
    at++
    ;({ ignoreCase, multiline, dot_all } = outer)
    return inner
  }

  function escaped(): RegexNode {
    const letter = source[at + 1]
    if (letter === undefined) throw fail('a backslash at the end')
    if (letter === 'b' || letter === 'B' || letter === 'A' || letter === 'z' || letter === 'Z') {
      at += 2
      const where = letter === 'b' ? 'word' : letter === 'B' ? 'not_word' : letter === 'A' ? 'start' : 'end'
      return { kind: 'assert', at: where }
    }
    const found = escapedSet()
    return typeof found === 'number' ? unit(found) : { kind: 'set', set: found }
  }

  /** What an escape stands for inside and outside of brackets: one code unit or a set. */
  function escapedSet(): number | CharSet {
    const letter = source[at + 1] ?? ''
    const classes: { [letter: string]: CharSet } = { d: digit, w: word, s: space }
    const known = classes[letter.toLowerCase()]
    if (known !== undefined) {
      at += 2
      return letter === letter.toLowerCase() ? known : complement(known)
    }
    const hex = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/.exec(source.slice(at, at + 6))
    if (hex) {
      at += hex[0].length
      return Number.parseInt(hex[1] ?? hex[2] ?? '0', 16)
    }
    const control = controls[letter]
    if (control === undefined && /[A-Za-z1-9]/.test(letter)) {
      throw fail(/[1-9k]/.test(letter) ? 'back-references are not supported' : `unknown escape "\\${letter}"`)
    }
    if (letter === '') throw fail('a backslash at the end')
    at += 2
    return control ?? letter.charCodeAt(0)
  }

  function bracket(): CharSet {
    const open = at
    at++
    const isNegated = source[at] === '^'
    if (isNegated) at++
    const ranges: number[] = []
    for (let first = true; ; first = false) {
      const char = source[at]
      if (char === undefined) {
        at = open
        throw fail('"[" without "]"')
      }
      if (char === ']' && !first) break
      // POSIX classes such as [:alpha:] would silently mean something else.
      if (char === '[' && source[at + 1] === ':') throw fail('POSIX classes are not supported')
      const from = member()
      if (typeof from !== 'number' || source[at] !== '-' || source[at + 1] === ']' || source[at + 1] === undefined) {
        ranges.push(...(typeof from === 'number' ? [from, from] : from))
        continue
      }
      at++
      const to = member()
      if (typeof to !== 'number') throw fail('a range that ends in a class')
      if (to < from) throw fail('a range out of order')
      ranges.push(from, to)
    }
    at++
    const set = folded(normalised(ranges))
    return isNegated ? complement(set) : set
  }

  function member(): number | CharSet {
    if (source[at] === '\\') {
      if (source[at + 1] !== 'b') return escapedSet()
      at += 2
      return 8
    }
    const code = source.charCodeAt(at)
    at++
    return code
  }

  function unit(code: number): RegexNode {
    return setNode(folded([code, code]))
  }

  function folded(set: CharSet): CharSet {
    return ignoreCase ? caseFolded(set) : set
  }

  function setNode(set: CharSet): RegexNode {
    return { kind: 'set', set }
  }
}

function caseFolded(set: CharSet): CharSet {
  const ranges = [...set]
  for (let n = 0; n < set.length; n += 2) {
    const from = set[n] ?? 0
    const to = set[n + 1] ?? 0
    // Beyond Latin letters only small ranges are folded, one by one.
    const limit = to - from < 256 ? to : Math.min(to, 0x24f)
    for (let code = from; code <= limit; code++) {
      for (const other of [String.fromCharCode(code).toLowerCase(), String.fromCharCode(code).toUpperCase()]) {
        const changed = other.charCodeAt(0)
        // As JavaScript does: what folds into ASCII from outside (Kelvin sign, long s) stays apart.
        if (other.length === 1 && (code < 128 || changed >= 128)) ranges.push(changed, changed)
      }
    }
  }
  return normalised(ranges)
}

function complement(set: CharSet): CharSet {
  const result: number[] = []
  let from = 0
  for (let n = 0; n < set.length; n += 2) {
    const start = set[n] ?? 0
    if (start > from) result.push(from, start - 1)
    from = (set[n + 1] ?? 0) + 1
  }
  if (from <= last_unit) result.push(from, last_unit)
  return result
}

function normalised(ranges: readonly number[]): CharSet {
  const pairs: [number, number][] = []
  for (let n = 0; n < ranges.length; n += 2) pairs.push([ranges[n] ?? 0, ranges[n + 1] ?? 0])
  pairs.sort((a, b) => a[0] - b[0])
  const result: number[] = []
  for (const [from, to] of pairs) {
    const end = result.at(-1)
    if (end !== undefined && from <= end + 1) result[result.length - 1] = Math.max(end, to)
    else result.push(from, to)
  }
  return result
}
