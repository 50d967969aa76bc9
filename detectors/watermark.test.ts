import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OcsfEvent } from '../ocsf/event.js'
import { createWatermark } from './watermark.js'

const MINUTE = 60_000
const at = (time: number) => [{ time } as OcsfEvent]

function watermark() {
  let now = Date.UTC(2026, 0, 5, 12)
  const clock = () => now
  return { mark: createWatermark({ lateness_ms: MINUTE, clock }), now, pass: (ms: number) => (now += ms) }
}

test('of several sources the one that is furthest behind counts, as long as it brings something', () => {
  const { mark, now, pass } = watermark()
  const hour_ago = now - 60 * MINUTE
  mark.observe(at(hour_ago), '0')
  mark.observe(at(hour_ago + 30 * MINUTE), '1')
  assert.equal(mark.current(), hour_ago - MINUTE, 'a backlog is read partition by partition')
  mark.observe(at(hour_ago + 20 * MINUTE), '0')
  assert.equal(mark.current(), hour_ago + 19 * MINUTE)
  pass(6_000)
  mark.observe(at(hour_ago + 40 * MINUTE), '1')
  assert.equal(mark.current(), hour_ago + 39 * MINUTE, 'a source without events holds nobody back')
  mark.observe(at(hour_ago + 25 * MINUTE), '0')
  assert.equal(mark.current(), hour_ago + 39 * MINUTE, 'it never goes back')
})

test('with one source, silence lets time pass while events are live, and only then', () => {
  const { mark, now, pass } = watermark()
  mark.observe(at(now - 60 * MINUTE))
  pass(10 * MINUTE)
  assert.equal(mark.current(), now - 61 * MINUTE)
  mark.observe(at(now + 10 * MINUTE))
  pass(10 * MINUTE)
  assert.equal(mark.current(), now + 19 * MINUTE)
})
