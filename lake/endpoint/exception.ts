import { messageOf } from '../../core/errors.js'

/** The ClickHouse error codes the endpoint raises itself. The engine raises many more. */
export const sqlErrors = {
  BAD_ARGUMENTS: 36,
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_SETTING: 115,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  QUERY_WAS_CANCELLED: 394,
  TOO_MANY_ROWS_OR_BYTES: 396,
  AUTHENTICATION_FAILED: 516,
  QUERY_IS_TOO_LARGE: 734,
  STD_EXCEPTION: 1001,
} as const

export type SqlErrorName = keyof typeof sqlErrors

/** A failed query, told as ClickHouse tells it: a code, its name and a sentence. */
export class SqlException extends Error {
  readonly code: number
  /** The code's name in ClickHouse, e.g. `UNKNOWN_TABLE`. */
  readonly type: string

  constructor(code: number, type: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'SqlException'
    this.code = code
    this.type = type
  }
}

/** An exception of the endpoint's own. */
export function sqlException(type: SqlErrorName, message: string): SqlException {
  return new SqlException(sqlErrors[type], type, message)
}

const prefix = /^Code: (\d+)\. DB::Exception: /
const suffix = /\s*\(version [0-9.]+(?: \([^)]*\))?\)\.?\s*$/
const typeSuffix = /\s*\(([A-Z][A-Z0-9_]+)\)\s*$/

/**
 * What the embedded engine threw, taken apart. The engine hands over one line of text, in which code and type
 * may be repeated once for every layer the error went through; the innermost ones are the true ones.
 */
export function engineException(error: unknown): SqlException {
  if (error instanceof SqlException) return error
  let text = messageOf(error)
  let code = 0
  for (let match = prefix.exec(text); match; match = prefix.exec(text)) {
    code = Number(match[1])
    text = text.slice(match[0].length)
  }
  let type = ''
  for (;;) {
    const trimmed = text.replace(suffix, '')
    const match = typeSuffix.exec(trimmed)
    if (match) {
      type = match[1] ?? ''
      text = trimmed.slice(0, match.index)
    } else if (trimmed !== text) text = trimmed
    else break
  }
  text = withoutWrapper(text)
  if (code === 0) return new SqlException(sqlErrors.STD_EXCEPTION, 'STD_EXCEPTION', text, error)
  return new SqlException(code, type === '' ? 'STD_EXCEPTION' : type, text, error)
}

/** Errors of the statement itself surface inside the query that parses it (see parse.ts); readers never wrote that one. */
function withoutWrapper(text: string): string {
  const wrapper = text.indexOf(': In scope SELECT formatQuerySingleLine(')
  return wrapper < 0 ? text : text.slice(0, wrapper).replace(/\.\s*$/, '.')
}

/** One line for a person or a client: `Code: 60. DB::Exception: ... (UNKNOWN_TABLE) (version 26.7.2.1)`. */
export function renderException(exception: SqlException, version?: string): string {
  // Clients take the first capitals in parentheses for the type, and the engine quotes the query that way: "(SELEC)".
  const quoted = exception.message.trimEnd().replaceAll(/\(([A-Z0-9_]+)\)/g, "('$1')")
  const message = /[.!?]$/.test(quoted) ? quoted : `${quoted}.`
  const from = version === undefined ? '' : ` (version ${version})`
  return `Code: ${exception.code}. DB::Exception: ${message} (${exception.type})${from}\n`
}

const statusByCode = new Map<number, number>([
  ...[194].map((code) => [code, 401] as const),
  ...[192, 193, 512, 516].map((code) => [code, 403] as const),
  ...[
    6, 25, 26, 27, 28, 36, 38, 41, 53, 62, 72, 117, 167, 168, 245, 321, 376, 427, 441, 456, 457, 468, 469, 636, 734,
  ].map((code) => [code, 400] as const),
  ...[46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 336, 511].map((code) => [code, 404] as const),
  [159, 408],
  [381, 411],
  [48, 501],
  [202, 503],
  [209, 503],
])

/** The HTTP status ClickHouse answers with for an error code; 500 where it has no better one. */
export function httpStatus(code: number): number {
  return statusByCode.get(code) ?? 500
}
