import { messageOf } from '../../../core/errors.js'

type AwsFault = Error & { $metadata?: { httpStatusCode?: number } }

/** A service that is busy or slow says so with a 4xx as well. */
const PASSING = /Throttl|TooManyRequests|SlowDown|RequestTimeout$|RequestLimit/

/** True for what AWS refuses until the operator changes something: a 4xx that is not about being busy. */
export function mustBeMended(error: unknown): boolean {
  const fault = error as AwsFault
  const status = fault.$metadata?.httpStatusCode ?? 0
  return status >= 400 && status < 500 && status !== 408 && status !== 429 && !PASSING.test(fault.name)
}

/** Refusals that are about one object, not about whoever asks; with the reason of its dead letter. */
const OF_ONE_OBJECT: { [name: string]: string } = {
  NoSuchKey: 'object_gone',
  NoSuchVersion: 'object_gone',
  AccessDenied: 'object_access_denied',
  InvalidObjectState: 'object_archived',
  /** Encrypted with a key of the writer's own (SSE-C). */
  InvalidRequest: 'object_unreadable',
}

/** Why no try will read this object; undefined if the fault passes or meets every object. */
export function objectFault(error: unknown): { reason: string; detail: string } | undefined {
  const { name } = error as AwsFault
  if (!mustBeMended(error)) return undefined
  const reason = name.startsWith('KMS.') ? 'object_unreadable' : OF_ONE_OBJECT[name]
  return reason === undefined ? undefined : { reason, detail: `${name}: ${messageOf(error)}` }
}
