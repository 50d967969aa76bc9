import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { compressFrame } from 'lz4-napi'
import { WeirError } from '../core/errors.js'
import { decompressLz4 } from './lz4.js'

const MIB = 2 ** 20

test('what another implementation of LZ4 wrote is read byte for byte', async () => {
  const json = Array.from({ length: 4_000 }, (_, n) => JSON.stringify({ n, host: `host-${n % 40}`, x: Math.random() }))
  const cases = ['', 'a', 'abcdabcdabcd', 'x'.repeat(1_000_000), json.join('\n'), randomBytes(300_000)]
  for (const text of cases) {
    const bytes = Buffer.from(text as string)
    assert.ok(decompressLz4(await compressFrame(bytes), MIB).equals(bytes))
  }
  const words = fc.array(fc.constantFrom('user', 'process', '/usr/bin/', '\u0000', 'é'), { maxLength: 5_000 })
  await fc.assert(
    fc.asyncProperty(words, async (list) => {
      const bytes = Buffer.from(list.join(''))
      assert.ok(decompressLz4(await compressFrame(bytes), MIB).equals(bytes))
    }),
    { numRuns: 200 },
  )
})

test('a frame that was made to fill memory is refused before any is taken', async () => {
  const bomb = await compressFrame(Buffer.alloc(64 * MIB))
  assert.ok(bomb.length < MIB)
  const before = process.memoryUsage().arrayBuffers
  assert.throws(() => decompressLz4(bomb, 16 * MIB), { code: 'too_large' })
  assert.ok(process.memoryUsage().arrayBuffers - before < MIB)
})

test('bytes that are no frame are refused, whatever they are', async () => {
  const frame = await compressFrame(Buffer.from('what one says, another one repeats: '.repeat(200)))
  const damage = fc.array(fc.tuple(fc.nat(frame.length - 1), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(damage, fc.nat(frame.length), (changes, length) => {
      const bytes = Buffer.from(frame)
      for (const [at, value] of changes) bytes[at] = value
      try {
        decompressLz4(bytes.subarray(0, length), MIB)
      } catch (error) {
        assert.ok(error instanceof WeirError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})
