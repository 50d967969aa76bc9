import { isAscii, isUtf8 } from 'node:buffer'
import type { RecordFault } from './contract.js'

const NEWLINE = 10
const BYTE_ORDER_MARK = '\ufeff'

/** One line of a byte stream, without its line ending. */
export type Line = {
  readonly text: string
  /** Bytes between the begin of the stream and this line, and the next one. */
  readonly offset: number
  readonly next_offset: number
  /** Set if the line is too long or not UTF-8; `text` is then what can be kept of it. */
  readonly fault?: RecordFault
}

export type LineSplitter = {
  /** The lines that this chunk completes. Blank lines are left out. The chunk may be reused afterwards. */
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
    // Copied, because the caller reuses its buffer.
    const kept = Buffer.from(bytes.subarray(0, room))
    pending.push(kept)
    kept_bytes += kept.length
  }

  function take(ending_bytes: number, lines: Line[]) {
    const bytes = pending.length === 1 && pending[0] ? pending[0] : Buffer.concat(pending)
    const next_offset = offset + pending_bytes + ending_bytes
    add(lines, bytes, pending_bytes, offset, next_offset)
    offset = next_offset
    pending = []
    kept_bytes = 0
    pending_bytes = 0
  }

  function add(lines: Line[], bytes: Buffer, line_bytes: number, at: number, next_offset: number) {
    if (line_bytes > max_line_bytes) lines.push(tooLong(bytes, line_bytes, max_line_bytes, at, next_offset))
    else if (!isUtf8(bytes)) lines.push(notUtf8(bytes, at, next_offset))
    else addText(lines, bytes.toString('utf8'), at, next_offset)
  }

  function addText(lines: Line[], line: string, at: number, next_offset: number) {
    let text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (at === 0 && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1)
    if (text.length < 8 && text.trim() === '') return
    lines.push({ text, offset: at, next_offset })
  }

  /** Fast path: one decode for all lines of the chunk. */
  function addAll(lines: Line[], bytes: Buffer) {
    if (!isUtf8(bytes)) {
      for (let start = 0; start < bytes.length; ) {
        const end = bytes.indexOf(NEWLINE, start)
        add(lines, bytes.subarray(start, end), end - start, offset, offset + end - start + 1)
        offset += end - start + 1
        start = end + 1
      }
      return
    }
    const is_ascii = isAscii(bytes)
    const text = bytes.toString(is_ascii ? 'latin1' : 'utf8')
    for (let start = 0; start < text.length; ) {
      const end = text.indexOf('\n', start)
      const line = text.slice(start, end)
      const line_bytes = is_ascii ? line.length : Buffer.byteLength(line)
      const next_offset = offset + line_bytes + 1
      if (line_bytes > max_line_bytes) {
        lines.push(tooLong(Buffer.from(line), line_bytes, max_line_bytes, offset, next_offset))
      } else addText(lines, line, offset, next_offset)
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

function tooLong(bytes: Buffer, line_bytes: number, max_line_bytes: number, offset: number, next_offset: number): Line {
  const detail = `the line at byte ${offset} has ${line_bytes} bytes, the limit is ${max_line_bytes}; its beginning is kept`
  return { ...textOf(bytes.subarray(0, max_line_bytes), 'line_too_long', detail), offset, next_offset }
}

function notUtf8(bytes: Buffer, offset: number, next_offset: number): Line {
  return { ...textOf(bytes, 'invalid_utf8', `the line at byte ${offset} is not UTF-8`), offset, next_offset }
}

function textOf(bytes: Buffer, reason: string, detail: string): { text: string; fault: RecordFault } {
  // A cut may have split the last character.
  for (let spare = 0; spare < 4 && spare <= bytes.length; spare++) {
    const whole = bytes.subarray(0, bytes.length - spare)
    if (reason !== 'invalid_utf8' && isUtf8(whole)) return { text: whole.toString('utf8'), fault: { reason, detail } }
  }
  return { text: bytes.toString('base64'), fault: { reason, detail: `${detail}; the bytes are kept in base64` } }
}
