import type { Line } from '../lines.js'
import { type Build, endsScalar, type Next, type Shape, shapeOf } from './shape.js'
import { MAX_WORD, Words } from './words.js'

/** Bytes of the lines of one batch; a longer line is not read here. */
const MAX_BATCH = 512 * 1024
/** Longest line whose shape is learned, bytes. */
const MAX_LEARNED = 32 * 1024
/** Lines in one batch. */
export const BATCH_LINES = 64
/** Known pieces at most, their bytes, and those that may come after the same one; then all are forgotten. */
const MAX_EDGES = 8192
const MAX_PIECE_BYTES = 512 * 1024
const MAX_SIBLINGS = 32
/**
 * Shapes that may be learned at once, and lines that pay for one more: with a new shape in every line this must not be
 * much dearer than JSON.parse.
 */
const MAX_CREDIT = 512
const LINES_PER_SHAPE = 128

/** An edge of the tree of pieces: its numbers in a row. */
const EDGE = 8
const SIBLING = 1
const PIECE_AT = 2
const PIECE_LENGTH = 3
const NEXT = 4
/** The node behind the edge (its first edge), or of an end the number of the shape. */
const TARGET = 5
/** How well the texts behind this edge are remembered: up for each that was, down for each that was not. */
const SCORE = 6
const FIRST = 0

const CODES: Record<Next, number> = { text: 0, scalar: 1, end: 2 }
const TEXT = 0
const END = 2

/** A line that was not looked at, or in vain, and one that has no known shape. */
const UNTRIED = -2
const UNKNOWN = -1

const NEWLINE = 10

const BEST_SCORE = 16
/** So many texts are not looked up after the score fell to nothing; then it is tried again. */
const PAUSE = 64

export type JsonReader = {
  /**
   * Reads those of these lines whose shape is known, at most BATCH_LINES, for `take`. Lines that are no JSON, or not
   * all of it, are never of a known shape.
   */
  read(lines: readonly (Line | undefined)[]): void
  /** The value of a line that was read last, as JSON.parse would make it, by its number; undefined if it was not read. */
  take(index: number): object | undefined
  /** Remembers the shape of a line that was read last, by its number, if it is new. JSON.parse must take the line. */
  learn(index: number): void
}

/**
 * Reads lines of JSON whose shapes come again. Machines write the same keys in the same order line after line: a line of a
 * known shape is compared with what its shape has in common, four bytes at a time, and only its texts and scalars are looked at.
 * Texts met lately are not made again; what is new in a batch of lines is made by one JSON.parse.
 */
export function createJsonReader(): JsonReader {
  const input = Buffer.alloc(MAX_BATCH + 8)
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  // Of every byte of a scalar a comma may come in addition.
  const output = Buffer.alloc(MAX_BATCH * 2 + 16)
  const written = new DataView(output.buffer, output.byteOffset, output.length)
  const places = new Int32Array(MAX_BATCH / 2)
  const edges = new Int32Array(MAX_EDGES * EDGE)
  const pieces = Buffer.alloc(MAX_PIECE_BYTES + 8)
  const pieceView = new DataView(pieces.buffer, pieces.byteOffset, pieces.length)
  const words = new Words()
  const builds: Build[] = []
  const shapes = new Int32Array(BATCH_LINES).fill(UNTRIED)
  const begins = new Int32Array(BATCH_LINES)
  let n_edges = 1
  let n_piece_bytes = 0
  let is_full = false
  let credit = MAX_CREDIT
  let n_places = 0
  let n_fresh = 0
  let n_output = 0
  let is_ascii = true
  let fresh: unknown[] = []
  let last: readonly (Line | undefined)[] = []

  /** The edge of this node (named by the edge that leads to it) whose piece is the line's from `at` on, 0 if there is none. The newest comes first. */
  function edgeAt(node: number, at: number, end: number): number {
    let before = 0
    for (let edge = edges[node + FIRST] as number; edge !== 0; edge = edges[edge + SIBLING] as number) {
      if (isPiece(edge, at, end)) {
        if (before !== 0) {
          edges[before + SIBLING] = edges[edge + SIBLING] as number
          edges[edge + SIBLING] = edges[node + FIRST] as number
          edges[node + FIRST] = edge
        }
        return edge
      }
      before = edge
    }
    return 0
  }

  function isPiece(edge: number, from: number, end: number): boolean {
    const to = from + (edges[edge + PIECE_LENGTH] as number)
    if (to > end) return false
    let piece = edges[edge + PIECE_AT] as number
    let at = from
    for (; at + 4 <= to; at += 4, piece += 4) {
      if (pieceView.getInt32(piece, true) !== view.getInt32(at, true)) return false
    }
    const rest = (1 << ((to - at) << 3)) - 1
    if (((pieceView.getInt32(piece, true) ^ view.getInt32(at, true)) & rest) !== 0) return false
    const next = edges[edge + NEXT] as number
    // A piece may be the beginning of another one: whether it is this one shows what comes next.
    return next === TEXT || (next === END ? to === end : beginsScalar(input[to] as number))
  }

  /** Where in the text at `from` the first byte is that is no plain character: its end, if it has no others. */
  function plainEnd(from: number): number {
    for (let at = from; ; at += 4) {
      const four = view.getInt32(at, true)
      const quote = four ^ 0x22222222
      const backslash = four ^ 0x5c5c5c5c
      // The lowest bit that is set tells the first byte that is a quote, a backslash, below a blank or not ASCII.
      const found =
        (((quote - 0x01010101) & ~quote) |
          ((backslash - 0x01010101) & ~backslash) |
          ((four - 0x20202020) & ~four) |
          four) &
        0x80808080
      if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3)
    }
  }

  /** The quote that ends a text; `end` if there is none. */
  function textEnd(from: number, end: number): number {
    let at = from
    while (at < end && input[at] !== 34) at += input[at] === 92 ? 2 : 1
    return Math.min(at, end)
  }

  /** Puts these bytes among the fresh values and returns the number of theirs. */
  function addFresh(from: number, to: number): number {
    for (let at = from, out = n_output; at < to; at += 4, out += 4) written.setInt32(out, view.getInt32(at, true), true)
    n_output += to - from
    output[n_output++] = 44
    return n_fresh++
  }

  /** Reads a text up to its quote and returns where that is; `end` if it has none. */
  function readText(edge: number, from: number, end: number): number {
    const plain = plainEnd(from)
    if (plain < end && input[plain] === 34) {
      places[n_places++] = plain - from > MAX_WORD ? ~addFresh(from - 1, plain + 1) : readWord(edge, from, plain)
      return plain
    }
    const to = textEnd(Math.min(plain, end), end)
    if (to === end) return end
    is_ascii = false
    places[n_places++] = ~addFresh(from - 1, to + 1)
    return to
  }

  function readWord(edge: number, from: number, to: number): number {
    const score = edges[edge + SCORE] as number
    if (score <= 0) {
      edges[edge + SCORE] = score > -PAUSE ? score - 1 : 1
      return ~addFresh(from - 1, to + 1)
    }
    const place = words.find(view, from, to - from, n_fresh)
    if (place === undefined) {
      edges[edge + SCORE] = score - 1
      return ~addFresh(from - 1, to + 1)
    }
    if (score < BEST_SCORE) edges[edge + SCORE] = score + 1
    return place
  }

  /** Reads a scalar and returns where it ends. An integer of nine digits at most is made here. */
  function readScalar(from: number, end: number): number {
    const digits = input[from] === 45 ? from + 1 : from
    let value = 0
    let at = digits
    for (; at < digits + 9; at++) {
      const digit = (input[at] as number) - 48
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    const is_canonical = at > digits && (input[digits] !== 48 || at === from + 1)
    if (is_canonical && endsScalar(input[at] as number)) {
      places[n_places++] = (digits > from ? -value : value) << 1
      return at
    }
    while (at < end && !endsScalar(input[at] as number)) at++
    places[n_places++] = (addFresh(from, at) << 1) | 1
    return at
  }

  /** The number of the shape that the line from `from` to `end` has, or UNKNOWN. */
  function readLine(from: number, end: number): number {
    let at = from
    let node = 0
    for (;;) {
      const edge = edgeAt(node, at, end)
      if (edge === 0) return UNKNOWN
      const next = edges[edge + NEXT] as number
      if (next === END) return edges[edge + TARGET] as number
      at += edges[edge + PIECE_LENGTH] as number
      at = next === TEXT ? readText(edge, at, end) : readScalar(at, end)
      if (at >= end) return UNKNOWN
      node = edge
    }
  }

  function forget() {
    edges.fill(0)
    builds.length = 0
    n_edges = 1
    n_piece_bytes = 0
    is_full = false
  }

  /** The edge of this node with this piece, 0 if there is none, and how many others it has before it. */
  function edgeOf(node: number, bytes: Uint8Array, next: Next): { edge: number; siblings: number } {
    let siblings = 0
    let edge = edges[node + FIRST] as number
    for (; edge !== 0 && !isSame(edge, bytes, next); siblings++) edge = edges[edge + SIBLING] as number
    return { edge, siblings }
  }

  function hasRoom({ pieces: added }: Shape, line: Uint8Array): boolean {
    let node = 0
    for (const { from, to, next } of added) {
      const { edge, siblings } = edgeOf(node, line.subarray(from, to), next)
      if (edge === 0) {
        return (
          siblings < MAX_SIBLINGS &&
          n_edges + added.length <= MAX_EDGES &&
          n_piece_bytes + line.length <= MAX_PIECE_BYTES
        )
      }
      node = edge
    }
    return true
  }

  function add(shape: Shape, line: Uint8Array) {
    let node = 0
    for (const { from, to, next } of shape.pieces) {
      const bytes = line.subarray(from, to)
      let { edge } = edgeOf(node, bytes, next)
      if (edge === 0) {
        edge = n_edges++ * EDGE
        edges.set([0, edges[node + FIRST] as number, n_piece_bytes, bytes.length, CODES[next], 0, BEST_SCORE, 0], edge)
        edges[node + FIRST] = edge
        pieces.set(bytes, n_piece_bytes)
        n_piece_bytes += bytes.length
        if (next === 'end') edges[edge + TARGET] = builds.push(shape.build) - 1
      }
      node = edge
    }
  }

  function isSame(edge: number, bytes: Uint8Array, next: Next): boolean {
    const at = edges[edge + PIECE_AT] as number
    const length = edges[edge + PIECE_LENGTH] as number
    return edges[edge + NEXT] === CODES[next] && pieces.subarray(at, at + length).equals(bytes)
  }

  /** Copies the lines that follow each other in the same bytes, from this one on, as many as fit; returns the number of the next. */
  function copyRun(lines: readonly (Line | undefined)[], index: number, at: number): number {
    const { bytes, start, end } = lines[index] as Line
    let to = end
    let next = index + 1
    for (let line = lines[next]; line?.bytes === bytes && line.start >= to && line.end - start < MAX_BATCH - at; ) {
      to = line.end
      line = lines[++next]
    }
    bytes.copy(input, at, start, to)
    return next
  }

  /** Reads the lines that were copied to `at`; returns where the last one ends. */
  function readRun(lines: readonly (Line | undefined)[], from: number, to: number, at: number): number {
    const shift = at - (lines[from] as Line).start
    let end = at
    for (let index = from; index < to; index++) {
      const line = lines[index] as Line
      end = line.end + shift
      // A line that is cut off must not be read on in what was here before it.
      input[end] = NEWLINE
      const begin = n_places
      const shape = readLine(line.start + shift, end)
      if (shape < 0) n_places = begin
      shapes[index] = shape
      begins[index] = begin
    }
    return end
  }

  /** Makes the fresh values of this batch. False if one of them is no JSON: which line it is in is for JSON.parse to say. */
  function makeFresh(): boolean {
    fresh = []
    if (n_fresh === 0) return true
    output[0] = 91
    output[n_output - 1] = 93
    try {
      fresh = JSON.parse(output.toString(is_ascii ? 'latin1' : 'utf8', 0, n_output))
      return true
    } catch {
      return false
    }
  }

  return {
    read(lines) {
      words.settle(fresh)
      if (is_full) forget()
      shapes.fill(UNTRIED)
      last = lines
      credit = Math.min(MAX_CREDIT, credit + lines.length / LINES_PER_SHAPE)
      n_places = 0
      n_fresh = 0
      n_output = 1
      is_ascii = true
      let at = 0
      for (let index = 0; index < lines.length; ) {
        const line = lines[index]
        const fits = line !== undefined && line.end - line.start < MAX_BATCH - at
        const next = fits ? copyRun(lines, index, at) : index + 1
        if (fits) at = readRun(lines, index, next, at) + 1
        index = next
      }
      if (makeFresh()) return
      shapes.fill(UNTRIED)
      words.settle(undefined)
    },
    take(index) {
      const shape = shapes[index] as number
      if (shape < 0) return undefined
      return (builds[shape] as Build)(places, begins[index] as number, words.texts, fresh)
    },
    learn(index) {
      const line = last[index]
      if (line === undefined || line.length > MAX_LEARNED || shapes[index] !== UNKNOWN || credit < 1) return
      credit--
      const bytes = line.bytes.subarray(line.start, line.end)
      const shape = shapeOf(bytes)
      if (shape === undefined) return
      // Not forgotten at once: lines of known shapes may be read and not taken yet.
      is_full ||= !hasRoom(shape, bytes)
      if (!is_full) add(shape, bytes)
    },
  }
}

function beginsScalar(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || byte === 45 || byte === 116 || byte === 102 || byte === 110
}
