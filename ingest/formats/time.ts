/** Latest event time that is believed: the lake's DateTime64 and every detector's window end long before year 9999. */
const LATEST_MS = Date.UTC(2200, 0, 1)

const NOTATION = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?\s*(Z|[+-]\d{2}:?\d{2})?$/i

/**
 * ms since 1970 of a date and time as logs write it: ISO 8601 with up to nanoseconds, `T` or a space between date and
 * time, UTC unless an offset is given. Undefined if the text is not one (`redacted`, a date that does not exist).
 */
export function parseTime(text: string): number | undefined {
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
