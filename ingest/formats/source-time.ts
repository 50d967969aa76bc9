import { type Outcome, ok, reject } from '../../core/outcome.js'
import { kindOf } from './fields.js'
import { isEventTime, parseTime } from './time.js'

/** When something happened, and how the source wrote it. */
export type SourceTime = { readonly time?: number; readonly original_time?: string }

/**
 * The first of `candidates` that is a time; numbers are s, ms, us or ns since 1970, by their size. A text that is no
 * time is kept as `original_time`, and the time of receipt stands in; a time outside of 1970 to 2200 is refused.
 */
export function sourceTime(name: string, candidates: readonly unknown[]): Outcome<SourceTime> {
  let unread: string | undefined
  for (const candidate of candidates) {
    if (candidate === undefined || candidate === null || candidate === '') continue
    const time = typeof candidate === 'string' ? textTime(candidate) : numberTime(candidate)
    if (time === undefined) {
      if (typeof candidate === 'string') unread ??= candidate.slice(0, 256)
      continue
    }
    if (!isEventTime(time)) {
      return reject('bad_time', `${name}: expected a date from 1970 to 2200, found ${kindOf(candidate)}`)
    }
    return ok({ time, original_time: String(candidate) })
  }
  return ok(unread === undefined ? {} : { original_time: unread })
}

/** ms of a date, or of a number written as text. */
function textTime(text: string): number | undefined {
  const date = parseTime(text)
  if (date !== undefined) return date
  return text.length <= 24 && /^\d{9,19}(?:\.\d{1,9})?$/.test(text) ? numberTime(Number(text)) : undefined
}

function numberTime(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return undefined
  if (value < 1e11) return Math.floor(value * 1e3)
  if (value < 1e14) return Math.floor(value)
  return Math.floor(value < 1e17 ? value / 1e3 : value / 1e6)
}
