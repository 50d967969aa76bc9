import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadLetter } from './dead-letter.js'
import { validate } from './validate.js'

const HOUR = 3_600_000
const BASE = Date.UTC(2026, 10, 28, 12)

function letter(raw: string, time: number, position?: string, ordinal = 0) {
  const source = { instance: 'trail', format: 'cloudtrail', ...(position === undefined ? {} : { position }) }
  const event = deadLetter({ reason: 'invalid_json', detail: 'found {', source, raw, received_time: time, ordinal })
  assert.deepEqual(validate(event), [])
  assert.equal(event.time, time)
  return event.metadata.uid
}

test('a record that is read again is the same letter, whenever that is', () => {
  assert.equal(letter('{', BASE, 'file:0'), letter('{', BASE + 50 * HOUR, 'file:0'))
  assert.notEqual(letter('{', BASE, 'file:0'), letter('{', BASE, 'file:1'))
  assert.notEqual(letter('{', BASE, 'file:0'), letter('{"', BASE, 'file:0'), 'a line that was not complete')
  assert.notEqual(letter('{', BASE, 'file:0'), letter('{', BASE, 'file:0', 1))
})

test('without a position a repetition within the hour is the same letter, and what keeps coming is seen', () => {
  assert.equal(letter('{', BASE + 1), letter('{', BASE + HOUR - 1))
  assert.notEqual(letter('{', BASE), letter('{', BASE + HOUR))
  assert.notEqual(letter('{', BASE), letter('{', BASE, undefined, 1_000))
  assert.notEqual(letter('{', BASE), letter('[', BASE))
})
