/** Latest event time that is believed: the lake's DateTime64 and every detector's window end long before year 9999. */
const LATEST_MS = Date.UTC(2200, 0, 1)

const NOTATION = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?\s*(Z|[+-]\d{2}:?\d{2})?$/i

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

/**
 * ms since 1970 of a date and time as logs write it: ISO 8601 with up to nanoseconds, `T` or a space between date and
 * time, UTC unless an offset is given. Undefined if the text is not one (`redacted`, a date that does not exist).
 */
export function parseTime(text: string): number | undefined {
  return plainTime(text) ?? anyTime(text)
}

/** What nearly every record writes, `2026-01-12T08:00:00.123456789Z`, without a pattern; undefined for all else. */
function plainTime(text: string): number | undefined {
  const { length } = text
  if (length < 19 || length > 30) return undefined
  const between = text.charCodeAt(10)
  if (
    text.charCodeAt(4) !== 45 ||
    text.charCodeAt(7) !== 45 ||
    (between !== 84 && between !== 32) ||
    text.charCodeAt(13) !== 58 ||
    text.charCodeAt(16) !== 58
  ) {
    return undefined
  }
  const year = two(text, 0) * 100 + two(text, 2)
  const month = two(text, 5)
  const day = two(text, 8)
  const hour = two(text, 11)
  const minute = two(text, 14)
  const second = two(text, 17)
  // A part that is no number is NaN, and no comparison with it is true. The 29th of February is for the other.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= (DAYS[month - 1] ?? 0))) return undefined
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  const ms = fractionOf(text, length)
  if (ms < 0) return undefined
  return (daysBefore(year, month) + day - 1) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1_000 + ms
}

/** The number of two digits, NaN if they are none. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** Whole ms of what follows the seconds, up to nine digits and a Z that may be left out; -1 if it is anything else. */
function fractionOf(text: string, length: number): number {
  const end = text.charCodeAt(length - 1) === 90 ? length - 1 : length
  if (end === 19) return 0
  if (end < 21 || end > 29 || text.charCodeAt(19) !== 46) return -1
  let ms = 0
  let unit = 100
  for (let at = 20; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    if (at < 23) {
      ms += digit * unit
      unit /= 10
    }
  }
  return ms
}

/** Days from 1970 to the first of a month. */
function daysBefore(year: number, month: number): number {
  // Years that begin in March end with the day that comes every four years.
  const marched = month > 2 ? year : year - 1
  const leaps = Math.floor(marched / 4) - Math.floor(marched / 100) + Math.floor(marched / 400)
  return marched * 365 + leaps + Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) - 719_468
}

function anyTime(text: string): number | undefined {
  const match = NOTATION.exec(text.length > 64 ? '' : text)
  if (!match) return undefined
  const [, date, time, fraction = '', zone = 'Z'] = match
  const ms = Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${zone.toUpperCase()}`)
  return Number.isNaN(ms) ? undefined : ms
}

/** True if an event may have happened then: 1970 to 2200, whole ms. */
export function isEventTime(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms < LATEST_MS
}
