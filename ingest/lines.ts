import { isUtf8 } from 'node:buffer'
import type { FormatDefinition, RecordFault } from './contract.js'

const NEWLINE = 10
const CARRIAGE_RETURN = 13
const BYTE_ORDER_MARK = Buffer.from('\ufeff')
/** A line of more bytes is not looked at whether it is blank. */
const LONGEST_BLANK = 24

/** One line of a byte stream, without its line ending. Its text is made when it is asked for, each time anew. */
export class Line {
  /** Bytes the line is in, and maybe others; nobody changes them. */
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** Bytes between the begin of the stream and this line, and the next one. */
  readonly offset: number
  readonly next_offset: number
  /** Set if the line is too long or not UTF-8; the bytes are then what can be kept of it, as text. */
  readonly fault: RecordFault | undefined

  constructor(bytes: Buffer, start: number, end: number, offset = start, next_offset = end, fault?: RecordFault) {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.offset = offset
    this.next_offset = next_offset
    this.fault = fault
  }

  /** Bytes, which are at least as many as UTF-16 code units of its text. */
  get length(): number {
    return this.end - this.start
  }

  get text(): string {
    return this.bytes.toString('utf8', this.start, this.end)
  }
}

/** What a record of this line holds: its text only where somebody reads it before the intake does. */
export function dataOf(line: Line, { input, partOf, isHeader }: Partial<FormatDefinition>): Line | string {
  return input === 'json' && !partOf && !isHeader && !line.fault ? line : line.text
}

export type LineSplitter = {
  /** The lines that this chunk completes. Blank lines are left out. The chunk is theirs afterwards: nobody may change it. */
  push(chunk: Buffer): Line[]
  /** The last line, if it has no line ending. */
  end(): Line[]
  /** Where the line begins that is not complete yet. */
  offset(): number
}

/**
 * Cuts bytes into lines and checks that they are UTF-8, whole chunks at a time. Holds at most `max_line_bytes` of an
 * incomplete line; of a longer one the beginning is kept and handed over with a fault.
 */
export function lineSplitter(max_line_bytes: number, start_offset = 0): LineSplitter {
  let offset = start_offset
  let pending: Buffer[] = []
  let kept_bytes = 0
  let pending_bytes = 0

  function hold(bytes: Buffer) {
    pending_bytes += bytes.length
    const room = max_line_bytes + 1 - kept_bytes
    if (room <= 0 || bytes.length === 0) return
    // Copied, so that the end of a chunk does not keep all of it.
    const kept = Buffer.from(bytes.subarray(0, room))
    pending.push(kept)
    kept_bytes += kept.length
  }

  function take(ending_bytes: number, lines: Line[]) {
    const bytes = pending.length === 1 && pending[0] ? pending[0] : Buffer.concat(pending)
    const next_offset = offset + pending_bytes + ending_bytes
    if (pending_bytes > max_line_bytes) lines.push(tooLong(bytes, pending_bytes, max_line_bytes, offset, next_offset))
    else add(lines, bytes, 0, bytes.length, next_offset, isUtf8(bytes))
    offset = next_offset
    pending = []
    kept_bytes = 0
    pending_bytes = 0
  }

  function add(lines: Line[], bytes: Buffer, from: number, to: number, next_offset: number, is_utf8: boolean) {
    if (!is_utf8) return lines.push(notUtf8(bytes.subarray(from, to), offset, next_offset))
    let start = from
    const end = bytes[to - 1] === CARRIAGE_RETURN && to > from ? to - 1 : to
    if (offset === 0 && bytes.subarray(start, start + 3).equals(BYTE_ORDER_MARK)) start += 3
    if (end - start <= LONGEST_BLANK && isBlank(bytes.toString('utf8', start, end))) return
    lines.push(new Line(bytes, start, end, offset, next_offset))
  }

  /** Whole lines. */
  function addAll(lines: Line[], bytes: Buffer) {
    const are_utf8 = isUtf8(bytes)
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, start)
      const next_offset = offset + end - start + 1
      if (end - start > max_line_bytes) {
        lines.push(tooLong(bytes.subarray(start, end), end - start, max_line_bytes, offset, next_offset))
      } else add(lines, bytes, start, end, next_offset, are_utf8 || isUtf8(bytes.subarray(start, end)))
      offset = next_offset
      start = end + 1
    }
  }

  return {
    push(chunk) {
      const lines: Line[] = []
      const last = chunk.lastIndexOf(NEWLINE)
      if (last === -1) {
        hold(chunk)
        return lines
      }
      let start = 0
      if (pending_bytes > 0) {
        const first = chunk.indexOf(NEWLINE)
        hold(chunk.subarray(0, first))
        take(1, lines)
        start = first + 1
      }
      addAll(lines, chunk.subarray(start, last + 1))
      hold(chunk.subarray(last + 1))
      return lines
    },
    end() {
      const lines: Line[] = []
      if (pending_bytes > 0) take(0, lines)
      return lines
    },
    offset: () => offset,
  }
}

function isBlank(text: string): boolean {
  return text.length < 8 && text.trim() === ''
}

function tooLong(bytes: Buffer, line_bytes: number, max_line_bytes: number, offset: number, next_offset: number): Line {
  const detail = `the line at byte ${offset} has ${line_bytes} bytes, the limit is ${max_line_bytes}; its beginning is kept`
  return faulty(bytes.subarray(0, max_line_bytes), 'line_too_long', detail, offset, next_offset)
}

function notUtf8(bytes: Buffer, offset: number, next_offset: number): Line {
  return faulty(bytes, 'invalid_utf8', `the line at byte ${offset} is not UTF-8`, offset, next_offset)
}

function faulty(bytes: Buffer, reason: string, detail: string, offset: number, next_offset: number): Line {
  // A cut may have split the last character.
  for (let spare = 0; spare < 4 && spare <= bytes.length; spare++) {
    const end = bytes.length - spare
    if (reason !== 'invalid_utf8' && isUtf8(bytes.subarray(0, end))) {
      return new Line(bytes, 0, end, offset, next_offset, { reason, detail })
    }
  }
  const base64 = Buffer.from(bytes.toString('base64'))
  const fault = { reason, detail: `${detail}; the bytes are kept in base64` }
  return new Line(base64, 0, base64.length, offset, next_offset, fault)
}
