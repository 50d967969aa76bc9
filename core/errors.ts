/** Every fault Weir raises on purpose carries one of these codes; the list is closed so that callers can switch on it. */
export type ErrorCode =
  | 'config_invalid'
  | 'setting_missing'
  | 'unreachable'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'timeout'
  | 'too_large'
  | 'overloaded'
  | 'bad_input'
  | 'lake_failed'
  | 'lake_locked'
  | 'port_in_use'
  | 'unsupported'
  | 'internal'

export type WeirErrorOptions = {
  /** True if the same call may succeed later without anybody changing anything. */
  retryable?: boolean
  /** What the reader should do next, one sentence. */
  hint?: string
  cause?: unknown
}

/** A fault with a code from a closed list, and the fact whether a retry can help. */
export class WeirError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: WeirErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WeirError'
    this.code = code
    this.retryable = options.retryable ?? false
    this.hint = options.hint
  }
}

/** The message of anything that was thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
