import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUuid } from './text-formats.js'
import { eventUid } from './uid.js'

test('the same time and key give the same uid, in all versions of Weir', () => {
  assert.equal(eventUid(1_790_000_000_000, 'a'), '01a0c450-6c00-7709-bf0e-79a24742d4c0')
  assert.equal(eventUid(1_790_000_000_000, 'b'), '01a0c450-6c00-72d0-9b58-374d7886cc0e')
  assert.equal(eventUid(1_790_000_000_000, 'a'), '01a0c450-6c00-7709-bf0e-79a24742d4c0')
})

test('uids are version 7 UUIDs in the order of time', () => {
  let previous = ''
  for (let time = 0; time < 1_790_000_000_000; time += 17_900_000_001) {
    const uid = eventUid(time, `key ${time}`)
    assert.ok(isUuid(uid) && uid[14] === '7' && '89ab'.includes(uid[19]!), uid)
    assert.ok(uid > previous)
    previous = uid
  }
})

test('a million similar keys in one millisecond get a million uids', () => {
  const seen = new Set<string>()
  for (let n = 0; n < 500_000; n++) {
    seen.add(eventUid(1, `host\n/var/log/syslog:1234:${n}`))
    seen.add(eventUid(1, `${n}\u0000`))
  }
  assert.equal(seen.size, 1_000_000)
})

test('every bit of the hash depends on the key', () => {
  const ones = new Array(128).fill(0)
  for (let n = 0; n < 4000; n++) {
    const bits = BigInt(`0x${eventUid(0, `k${n}`).replaceAll('-', '')}`)
    for (let bit = 0; bit < 128; bit++) ones[bit] += Number((bits >> BigInt(bit)) & 1n)
  }
  const varying = ones.filter((count) => count > 1800 && count < 2200).length
  assert.equal(varying, 74)
})

test('a time out of range counts as 0', () => {
  for (const time of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
    assert.equal(eventUid(time, 'a'), eventUid(0, 'a'))
  }
})
