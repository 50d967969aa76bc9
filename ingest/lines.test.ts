import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Line, lineSplitter } from './lines.js'

const factsOf = ({ text, offset, next_offset, fault }: Line) => ({ text, offset, next_offset, fault })

test('however the bytes are cut into chunks, the lines and their offsets are the same', () => {
  const line = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('x'.repeat(300)), fc.constant(''))
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 40 })), fc.boolean(), (texts, cuts, ends) => {
      const clean = texts.map((text) => text.replaceAll('\n', ' ').replaceAll('\r', ' '))
      const bytes = Buffer.from(clean.join('\n') + (ends ? '\n' : ''))
      const whole = lineSplitter(200)
      const expected = [...whole.push(bytes), ...whole.end()]
      const splitter = lineSplitter(200)
      const found = []
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const size = cuts[n % Math.max(1, cuts.length)] ?? 7
        found.push(...splitter.push(Buffer.from(bytes.subarray(at, at + size))))
        at += size
      }
      found.push(...splitter.end())
      assert.deepEqual(found.map(factsOf), expected.map(factsOf))
      for (const { text, fault, offset, next_offset } of found) {
        assert.ok(next_offset > offset)
        if (!fault && offset > 0) assert.equal(bytes.toString('utf8', offset, offset + Buffer.byteLength(text)), text)
        if (fault) assert.ok(Buffer.byteLength(text) <= 200)
      }
    }),
    { numRuns: 300 },
  )
})

test('random bytes never lose a line: every one is text, a fault or blank', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const splitter = lineSplitter(64)
      const lines = [...splitter.push(Buffer.from(bytes)), ...splitter.end()]
      for (const { text, fault } of lines) assert.ok(fault || (text.isWellFormed() && !text.includes('\n')))
    }),
  )
})
