import { cluesOf } from './regex-clues.js'
import { type CharSet, parseRegex, RegexError, type RegexFlags, type RegexNode } from './regex-parse.js'

export { RegexError }

/** A compiled pattern. */
export type Regex = {
  /** Tells whether a text contains a match. */
  test(text: string): boolean
  /** Texts (ASCII, lower case) one of which every match contains; undefined if it needs none. */
  readonly clues: readonly string[] | undefined
}

const max_states = 2000
const max_cached = 1000
const max_length = 65_536
const accepted = -2
const unknown = -1

type Instruction =
  | { readonly kind: 'set'; readonly set: CharSet; readonly next: number }
  | { readonly kind: 'split'; readonly next: number; readonly other: number }
  | { readonly kind: 'assert'; readonly at: string; readonly next: number }
  | { readonly kind: 'match' }

/**
 * Compiles a pattern to a test that takes time linear in the text, whatever the text: attackers choose what is
 * matched, so nothing may backtrack. An automaton is built lazily and its cache is bounded. At most the first 65,536
 * characters are looked at. Throws RegexError for what is not supported (look-around, back-references) or too large.
 */
export function compileRegex(source: string, flags: RegexFlags): Regex {
  const tree = parseRegex(source, flags)
  const { program, start } = assemble(tree)
  const alphabet = alphabetOf(program)
  const end = alphabet.count
  const width = end + 1

  type State = { readonly threads: readonly number[]; readonly previous: number }
  let states: State[] = []
  let numbers = new Map<string, number>()
  let table = new Int32Array(0)
  clear()

  function clear() {
    states = []
    numbers = new Map()
    table = new Int32Array(16 * width).fill(unknown)
    intern({ threads: [start], previous: end })
  }

  function intern(state: State): number {
    const key = `${state.previous}:${state.threads.join(',')}`
    const known = numbers.get(key)
    if (known !== undefined) return known
    states.push(state)
    numbers.set(key, states.length - 1)
    if (states.length * width > table.length) {
      const larger = new Int32Array(table.length * 2).fill(unknown)
      larger.set(table)
      table = larger
    }
    return states.length - 1
  }

  /** Where one character leads: assertions are decided here, because here both neighbours are known. */
  function step(state: State, char: number): State | undefined {
    const next = new Set<number>([start])
    const seen = new Set<number>()
    const stack = [...state.threads]
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      const instruction = program[at]
      if (instruction === undefined || instruction.kind === 'match') return undefined
      if (instruction.kind === 'split') stack.push(instruction.next, instruction.other)
      else if (instruction.kind === 'assert') {
        if (alphabet.holds(instruction.at, state.previous, char)) stack.push(instruction.next)
      } else if (char !== end && contains(instruction.set, alphabet.sample(char))) next.add(instruction.next)
    }
    return { threads: [...next].sort((a, b) => a - b), previous: char }
  }

  function advance(from: number, char: number): number {
    const state = states[from]
    const next = state === undefined ? undefined : step(state, char)
    if (next !== undefined && states.length >= max_cached) {
      clear()
      return intern(next)
    }
    const to = next === undefined ? accepted : intern(next)
    table[from * width + char] = to
    return to
  }

  function test(text: string): boolean {
    const length = Math.min(text.length, max_length)
    let state = 0
    for (let n = 0; n < length; n++) {
      const char = alphabet.classOf(text.charCodeAt(n))
      const next = table[state * width + char] ?? unknown
      state = next === unknown ? advance(state, char) : next
      if (state === accepted) {
        return true
      }
    }
    const next = table[state * width + end] ?? unknown
    return (next === unknown ? advance(state, end) : next) === accepted
  }

  return { test, clues: cluesOf(tree) }
}

/** Lays the tree out as instructions, from the end backwards. */
function assemble(tree: RegexNode): { program: Instruction[]; start: number } {
  const program: Instruction[] = [{ kind: 'match' }]

  function add(instruction: Instruction): number {
    if (program.length >= max_states) throw new RegexError(`the pattern needs more than ${max_states} states`)
    program.push(instruction)
    return program.length - 1
  }

  function emit(node: RegexNode, next: number): number {
    switch (node.kind) {
      case 'set':
        return add({ kind: 'set', set: node.set, next })
      case 'assert':
        return add({ kind: 'assert', at: node.at, next })
      case 'cat':
        return node.nodes.reduceRight((after, part) => emit(part, after), next)
      case 'alt':
        return node.nodes
          .map((part) => emit(part, next))
          .reduce((other, part) => add({ kind: 'split', next: part, other }))
      case 'repeat':
        return emitRepeat(node, next)
    }
  }

  function emitRepeat({ node, min, max }: RegexNode & { kind: 'repeat' }, next: number): number {
    let entry = next
    if (max === Number.POSITIVE_INFINITY) {
      entry = add({ kind: 'split', next, other: next })
      program[entry] = { kind: 'split', next: emit(node, entry), other: next }
    } else {
      for (let n = min; n < max; n++) entry = add({ kind: 'split', next: emit(node, entry), other: next })
    }
    for (let n = 0; n < min; n++) entry = emit(node, entry)
    return entry
  }

  return { start: emit(tree, 0), program }
}

function contains(set: CharSet, code: number): boolean {
  for (let n = 0; n < set.length; n += 2) {
    if (code < (set[n] ?? 0)) return false
    if (code <= (set[n + 1] ?? 0)) return true
  }
  return false
}

/** Characters the pattern cannot tell apart are one letter; the letter after the last stands for "no character". */
function alphabetOf(program: readonly Instruction[]) {
  const cuts = new Set<number>([0, 10, 11, 13, 14, 48, 58, 65, 91, 95, 96, 97, 123, 0x2028, 0x202a])
  for (const instruction of program) {
    if (instruction.kind !== 'set') continue
    for (let n = 0; n < instruction.set.length; n += 2) {
      cuts.add(instruction.set[n] ?? 0)
      cuts.add((instruction.set[n + 1] ?? 0) + 1)
    }
  }
  const starts = [...cuts].filter((cut) => cut <= 0xffff).sort((a, b) => a - b)
  const ascii = new Int32Array(128)
  for (let code = 0; code < 128; code++) ascii[code] = search(code)

  function search(code: number): number {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= code) low = middle
      else high = middle - 1
    }
    return low
  }

  const count = starts.length
  const sample = (char: number) => starts[char] ?? 0
  const isWord = (char: number) => char !== count && /\w/.test(String.fromCharCode(sample(char)))
  const isNewline = (char: number) => char !== count && /[\n\r\u2028\u2029]/.test(String.fromCharCode(sample(char)))

  return {
    count,
    sample,
    classOf: (code: number) => (code < 128 ? (ascii[code] ?? 0) : search(code)),
    holds(assertion: string, before: number, after: number): boolean {
      switch (assertion) {
        case 'start':
          return before === count
        case 'end':
          return after === count
        case 'line_start':
          return before === count || isNewline(before)
        case 'line_end':
          return after === count || isNewline(after)
        case 'word':
          return isWord(before) !== isWord(after)
        default:
          return isWord(before) === isWord(after)
      }
    },
  }
}
