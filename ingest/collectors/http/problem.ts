import { messageOf, WeirError } from '../../../core/errors.js'

/** Why a request gets no 2xx: what was found, what was expected, what to do. */
export class HttpProblem extends Error {
  readonly status: number
  /** snake_case; the same word is the label under which the refusal is counted. */
  readonly code: string
  readonly hint: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, hint: string, headers: Record<string, string> = {}) {
    super(message)
    this.name = 'HttpProblem'
    this.status = status
    this.code = code
    this.hint = hint
    this.headers = headers
  }
}

/** What the pipeline's refusal means for the sender. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  if (error instanceof WeirError) {
    const hint = error.hint ?? 'See the log of Weir.'
    if (error.retryable || error.code === 'overloaded') {
      return new HttpProblem(503, 'unavailable', error.message, 'Send the request again later.', { 'retry-after': '2' })
    }
    if (error.code === 'not_found' || error.code === 'config_invalid') {
      return new HttpProblem(404, 'unknown_format', error.message, hint)
    }
    if (error.code === 'bad_input') return new HttpProblem(400, 'bad_input', error.message, hint)
  }
  return new HttpProblem(
    500,
    'internal',
    messageOf(error),
    'Send the request again later; if it stays so, see the log of Weir.',
  )
}
