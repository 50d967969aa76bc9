import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAssembler } from './assemble.js'
import type { LinePart, RawRecord } from './contract.js'

/** Lines of these tests: `a1` is line 1 of event a, `a!` its last; a line of digits belongs to none. */
function partOf(line: string): LinePart | undefined {
  const event = /^[a-z]/.exec(line)?.[0]
  return event === undefined ? undefined : { event, is_last: line.endsWith('!') }
}

const record = (data: string, n: number): RawRecord => ({ data, position: `at ${n}` })
const texts = (records: readonly RawRecord[]) => records.map(({ data }) => data)

test('interleaved events come out whole, each when its last line came, at the position of its first', () => {
  const assembler = createAssembler(partOf)
  const lines = ['a1', 'b1', '17', 'a2', 'c!', 'b!', 'a!']
  const out = lines.map((line, n) => assembler.push(record(line, n), n, 0))
  assert.deepEqual(out.map(texts), [[], [], ['17'], [], ['c!'], ['b1\nb!'], ['a1\na2\na!']])
  assert.deepEqual(out[6]?.[0], { data: 'a1\na2\na!', position: 'at 0' })
  assert.deepEqual(assembler.flush(), [])
})

test('an event without a last line is handed over when nothing was added for a while', () => {
  const assembler = createAssembler(partOf)
  assembler.push(record('a1', 0), 0, 1000)
  assembler.push(record('b1', 1), 1, 2000)
  assembler.push(record('a2', 2), 2, 2500)
  assert.deepEqual(texts(assembler.expire(3999)), [])
  assert.deepEqual(texts(assembler.expire(4000)), ['b1'])
  assert.deepEqual(texts(assembler.expire(4500)), ['a1\na2'])
  assert.deepEqual(texts(assembler.push(record('a!', 3), 3, 5000)), ['a!'], 'too late, and not lost')
})

test('the window is bounded by events, lines and characters; what does not fit is handed over as it is', () => {
  const limits = { max_idle_ms: 1e9, max_open: 2, max_gap_lines: 3, max_event_chars: 10, max_open_chars: 14 }
  const push = (lines: string[]) => {
    const assembler = createAssembler(partOf, limits)
    return lines.map((line, n) => texts(assembler.push(record(line, n), n, 0)))
  }
  assert.deepEqual(push(['a1', 'b1', 'c1']), [[], [], ['a1']], 'the oldest gives way')
  assert.deepEqual(push(['a1', '1', '2', '3', 'b1']), [[], ['1'], ['2'], ['3'], ['a1']], 'lines since its last one')
  assert.deepEqual(push(['a1234567', 'a1234567']), [[], ['a1234567\na1234567']], 'one event')
  assert.deepEqual(push(['a1234567', 'b1234567']), [[], ['a1234567']], 'all events')
})

test('a line with a fault is never joined', () => {
  const assembler = createAssembler(partOf)
  const faulty = { data: 'a2', fault: { reason: 'line_too_long', detail: 'too long' } }
  assembler.push(record('a1', 0), 0, 0)
  assert.deepEqual(assembler.push(faulty, 1, 0), [faulty])
})

test('reading again from the cut sees every unfinished event whole, and no part of a finished one', () => {
  const line = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', '!'))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), fc.nat(60), (pairs, stop) => {
      const lines = pairs.map(([event, n]) => `${event}${n}`)
      const assembler = createAssembler(partOf)
      const before: string[] = []
      let cut = 0
      for (const [n, text] of lines.slice(0, stop).entries()) {
        before.push(...assembler.push(record(text, n), n, 0).map(({ position }) => String(position)))
        const next = assembler.cut(n + 1)
        assert.ok(next >= cut, 'never goes back')
        cut = next
      }
      const again = createAssembler(partOf)
      const after: RawRecord[] = []
      for (let n = cut; n < lines.length; n++) after.push(...again.push(record(lines[n] as string, n), n, 0))
      after.push(...again.flush())

      const whole = createAssembler(partOf)
      const expected = lines.flatMap((text, n) => whole.push(record(text, n), n, 0)).concat(whole.flush())
      const seen = new Set([...before, ...after.map(({ position }) => String(position))])
      assert.deepEqual([...seen].sort(), expected.map(({ position }) => String(position)).sort())
      for (const { data, position } of after) {
        assert.ok(
          expected.some((one) => one.data === data && one.position === position),
          `${data} at ${position}`,
        )
      }
    }),
  )
})
