import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEventTime, parseTime } from './time.js'

test('dates as logs write them', () => {
  const noon = Date.UTC(2026, 0, 12, 12)
  assert.equal(parseTime('2026-01-12T12:00:00Z'), noon)
  assert.equal(parseTime('2026-01-12 12:00:00.123456789'), noon + 123)
  assert.equal(parseTime('2026-01-12t13:00:00,5+01:00'), noon + 500)
  assert.equal(parseTime('2026-01-12T12:00:00.000+0000'), noon)
})

test('what is no date is undefined', () => {
  for (const text of [
    '',
    'redacted',
    '2026-02-31T25:00:00Z',
    '2026-01-12',
    '1768206615',
    `2026-01-12T12:00:00${'0'.repeat(99)}`,
  ]) {
    assert.equal(parseTime(text), undefined, text)
  }
})

test('event times end before the year 2200', () => {
  assert.ok(isEventTime(0) && isEventTime(Date.UTC(2199, 11, 31)))
  assert.ok(!isEventTime(-1) && !isEventTime(1.5) && !isEventTime(Date.UTC(9999, 0, 1)) && !isEventTime(Number.NaN))
})

test('the fast way and the pattern agree on every day of 400 years, leap days and days that do not exist', () => {
  const two = (n: number) => String(n).padStart(2, '0')
  for (let year = 1901; year < 2301; year++) {
    for (let month = 0; month <= 13; month++) {
      for (let day = 0; day <= 32; day += day > 1 && day < 27 ? 5 : 1) {
        const date = `${year}-${two(month)}-${two(day)}`
        // In lower case it is read by the pattern.
        assert.equal(parseTime(`${date}T12:34:56.789012Z`), parseTime(`${date}t12:34:56.789012z`), date)
      }
    }
  }
})
