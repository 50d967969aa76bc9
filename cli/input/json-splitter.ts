/** One JSON value of a stream, as text. */
export type JsonPiece = {
  readonly text: string
  /** True if it was longer than allowed; `text` is then its beginning. */
  readonly is_cut: boolean
}

export type JsonSplitter = {
  push(text: string): JsonPiece[]
  /** What is left: a value that never ended. */
  end(): JsonPiece[]
}

const KEPT_OF_CUT = 64 * 1024

/**
 * Cuts a stream of JSON into its values without parsing them: documents one after the other, on one line or many, and
 * the elements of an array that is the document. Holds one value at a time.
 */
export function jsonSplitter(max_chars: number): JsonSplitter {
  let buffer = ''
  /** Where the value begins in the buffer, -1 between values. */
  let start = -1
  let at = 0
  let depth = 0
  /** 1 inside an array whose elements are the values. */
  let base = 0
  let in_string = false
  let escaped = false
  let is_cut = false
  let is_scalar = false

  function finish(pieces: JsonPiece[], end: number) {
    const text = buffer.slice(start, end)
    pieces.push({ text: is_cut ? text.slice(0, KEPT_OF_CUT) : text, is_cut })
    start = -1
    is_cut = false
    is_scalar = false
  }

  /** Takes the character at `at`, which is not inside a string. */
  function take(code: number, pieces: JsonPiece[]) {
    const isSpace = code <= 32
    if (is_scalar && (isSpace || code === COMMA || code === CLOSE_LIST)) finish(pieces, at)
    if (code === QUOTE) {
      in_string = true
      if (start < 0) start = at
      if (depth === base) is_scalar = true
    } else if (code === OPEN || code === OPEN_LIST) {
      if (code === OPEN_LIST && depth === 0 && start < 0) base = 1
      else if (start < 0) start = at
      depth++
    } else if (code === CLOSE || code === CLOSE_LIST) {
      depth = Math.max(0, depth - 1)
      if (depth < base) base = 0
      else if (depth === base && start >= 0) finish(pieces, at + 1)
    } else if (start < 0 && !isSpace && code !== COMMA) {
      start = at
      is_scalar = true
    }
  }

  return {
    push(text) {
      const pieces: JsonPiece[] = []
      buffer += text
      for (; at < buffer.length; at++) {
        const code = buffer.charCodeAt(at)
        if (!in_string) take(code, pieces)
        else if (escaped) escaped = false
        else if (code === BACKSLASH) escaped = true
        else if (code === QUOTE) in_string = false
      }
      if (start < 0) {
        buffer = ''
        at = 0
      } else {
        buffer = buffer.slice(start)
        if (buffer.length > max_chars) {
          is_cut = true
          buffer = buffer.slice(0, KEPT_OF_CUT)
        }
        at = buffer.length
        start = 0
      }
      return pieces
    },
    end() {
      const pieces: JsonPiece[] = []
      if (start >= 0 && buffer.trim() !== '') finish(pieces, buffer.length)
      return pieces
    },
  }
}

const QUOTE = 34
const COMMA = 44
const OPEN_LIST = 91
const BACKSLASH = 92
const CLOSE_LIST = 93
const OPEN = 123
const CLOSE = 125
