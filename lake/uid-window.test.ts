import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { eventUid } from '../ocsf/uid.js'
import { createUidReader } from './uid.js'
import { createUidWindow } from './uid-window.js'

test('the window behaves like a list of the newest keys, whatever is added, found and removed', () => {
  const step = fc.record({ kind: fc.constantFrom('add', 'add', 'add', 'remove'), key: fc.nat(400) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), fc.constantFrom(1, 7, 64, 100), (steps, capacity) => {
      const window = createUidWindow(capacity)
      const model: { key: number; number: number }[] = []
      let next = 0
      for (const { kind, key } of steps) {
        // Few distinct low words, so that probing meets collisions.
        const low = key % 5
        const known = model.find((entry) => entry.key === key)
        assert.equal(window.find(low, key), known?.number ?? -1)
        if (kind === 'remove' && known) {
          window.remove(known.number)
          model.splice(model.indexOf(known), 1)
        } else if (kind === 'add' && !known) {
          assert.equal(window.add(low, key), next)
          model.push({ key, number: next++ })
          while (model.length > 0 && (model[0]?.number ?? 0) < next - capacity) model.shift()
        }
        assert.equal(window.size, model.length)
      }
    }),
  )
})

test('a window grows to its capacity and keeps the newest', () => {
  const window = createUidWindow(20_000)
  for (let n = 0; n < 50_000; n++) window.add(Math.imul(n, 0x9e3779b1) >>> 0, n)
  assert.equal(window.size, 20_000)
  for (let n = 0; n < 50_000; n += 7) {
    assert.equal(window.find(Math.imul(n, 0x9e3779b1) >>> 0, n), n < 30_000 ? -1 : n)
  }
})

test('keys that a sender chose to be alike are found as fast as others', () => {
  const elapsed = (keyOf: (n: number) => [number, number]) => {
    const window = createUidWindow(100_000)
    const started = performance.now()
    for (let n = 0; n < 60_000; n++) window.add(...keyOf(n))
    assert.equal(window.find(...keyOf(59_999)), 59_999)
    return performance.now() - started
  }
  // Quadratic time would be a minute.
  for (const keyOf of [
    (n: number): [number, number] => [Math.imul(n, 0x9e3779b1) >>> 0, n],
    (n: number): [number, number] => [(n << 12) >>> 0, 0],
    (n: number): [number, number] => [7, (n << 14) >>> 0],
    (n: number): [number, number] => [((n & 0xff) << 24) >>> 0, ((n >> 8) << 16) >>> 0],
  ]) {
    const ms = elapsed(keyOf)
    assert.ok(ms < 2_000, `${ms} ms`)
  }
})

test('a uid is recognised as itself, from its text and from what is stored', () => {
  const reader = createUidReader()
  const time = Date.UTC(2026, 0, 5)
  const key = (uid: string, at: number) => {
    const { low, high } = reader.takeApart(uid, at)
    return `${low}:${high}`
  }
  const uid = eventUid(time, 'a')
  const { tail, low, high, from_time } = reader.takeApart(uid, time)
  assert.equal(from_time, true)
  const stored = Uint8Array.from(tail)
  const again = createUidReader().fromStored(stored, 0, time)
  assert.deepEqual([again.low, again.high], [low, high])
  // The same source key at another time is another event.
  assert.notEqual(key(uid, time), key(eventUid(time + 1, 'a'), time + 1))
  // Any other text is recognised by its text, whatever its time.
  assert.equal(reader.takeApart(uid.toUpperCase(), time).from_time, false)
  assert.equal(key('arn:x', 1), key('arn:x', 2))
  assert.notEqual(key('arn:x', 1), key('arn:y', 1))
})
