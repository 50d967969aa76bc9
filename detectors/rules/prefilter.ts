import type { Fields } from './fields.js'
import type { Literal } from './pattern.js'

/** Text that must be in a place of the event for a rule to match. */
export type Clue = {
  readonly slot: number
  readonly literal: Literal
  /** True of a large part of all events: others are better. */
  readonly is_common: boolean
}

/** Finds the rules that can match an event at all. */
export type Prefilter = {
  /** Numbers of candidate rules, each once; valid until the next call. `fields` has the event loaded. */
  candidates(fields: Fields): readonly number[]
}

type Hit = Literal & { readonly rule: number }

/**
 * One pass over each value of interest (Aho and Corasick's automaton, ASCII without case) finds every clue of every
 * rule at once, so that the cost of an ordinary event does not grow with the number of rules. A rule without clues
 * (`undefined`) is a candidate always.
 */
export function prefilter(clues: readonly (readonly Clue[] | undefined)[]): Prefilter {
  const always: number[] = []
  const bySlot = new Map<number, Hit[]>()
  for (const [rule, own] of clues.entries()) {
    if (own === undefined) always.push(rule)
    for (const { slot, literal } of own ?? []) {
      const hits = bySlot.get(slot) ?? []
      hits.push({ ...literal, rule })
      bySlot.set(slot, hits)
    }
  }
  const scans = [...bySlot].map(([slot, hits]) => ({ slot, scan: automaton(hits) }))
  const marks = new Int32Array(clues.length)
  let mark = 0
  const found: number[] = []

  function note(rule: number) {
    if (marks[rule] === mark) return
    marks[rule] = mark
    found.push(rule)
  }

  return {
    candidates(fields) {
      mark = (mark + 1) | 0
      found.length = 0
      for (const rule of always) note(rule)
      for (const { slot, scan } of scans) {
        const values = fields.values(slot)
        for (let n = 0; n < values.length; n++) scan(String(values[n]), note)
      }
      return found
    },
  }
}

/** All texts in one automaton; calls `note` with the rule of each that is found where it must be. */
function automaton(hits: readonly Hit[]): (text: string, note: (rule: number) => void) => void {
  const classes = new Uint8Array(128)
  let width = 1
  for (const { text } of hits) {
    for (let n = 0; n < text.length; n++) {
      const code = text.charCodeAt(n)
      if (classes[code] === 0) classes[code] = width++
    }
  }
  for (let code = 65; code <= 90; code++) classes[code] = classes[code + 32] ?? 0

  const size = 1 + hits.reduce((sum, { text }) => sum + text.length, 0)
  const next = new Int32Array(size * width).fill(-1)
  const outputs: (Hit[] | undefined)[] = [undefined]
  for (const hit of hits) {
    let state = 0
    for (let n = 0; n < hit.text.length; n++) {
      const cell = state * width + (classes[hit.text.charCodeAt(n)] ?? 0)
      if (next[cell] === -1) {
        next[cell] = outputs.length
        outputs.push(undefined)
      }
      state = next[cell] ?? 0
    }
    outputs[state] = [...(outputs[state] ?? []), hit]
  }
  link(next, outputs, width)
  const isOutput = Uint8Array.from(outputs, (output) => (output ? 1 : 0))

  return (text, note) => {
    let state = 0
    const length = text.length
    for (let n = 0; n < length; n++) {
      const code = text.charCodeAt(n)
      state = next[state * width + (code < 128 ? (classes[code] as number) : 0)] as number
      if (isOutput[state] === 1) {
        for (const hit of outputs[state] ?? []) {
          if ((!hit.start || n + 1 === hit.text.length) && (!hit.end || n === length - 1)) note(hit.rule)
        }
      }
    }
  }
}

/** Fills in where a mismatch leads, breadth first, so that scanning never goes back. */
function link(next: Int32Array, outputs: (Hit[] | undefined)[], width: number) {
  const fallback = new Int32Array(outputs.length)
  const queue: number[] = []
  for (let char = 0; char < width; char++) {
    const child = next[char] ?? -1
    if (child === -1) next[char] = 0
    else queue.push(child)
  }
  for (let at = 0; at < queue.length; at++) {
    const state = queue[at] ?? 0
    const back = fallback[state] ?? 0
    const inherited = outputs[back]
    if (inherited) outputs[state] = [...(outputs[state] ?? []), ...inherited]
    for (let char = 0; char < width; char++) {
      const cell = state * width + char
      const child = next[cell] ?? -1
      const other = next[back * width + char] ?? 0
      if (child === -1) next[cell] = other
      else {
        fallback[child] = other
        queue.push(child)
      }
    }
  }
}
