import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../core/paths.js'
import { surest } from '../../test/corpus.js'
import { eventOf, make } from '../../test/format-cases.js'
import { formats } from './index.js'
import { ocsf } from './ocsf.js'

// OCSF's own examples: a record of a product, and the event that OCSF's authors make of it.
const FILE = join(packageRoot, '..', 'shared', 'data', 'parser-corpus', 'ocsf_raw_expected_pairs.jsonl')
const skip = existsSync(FILE) ? false : '../shared/data/parser-corpus is absent'
const pairs = skip === false ? readFileSync(FILE, 'utf8').trim().split('\n').map(pairOf) : []

type Pair = { source: string; raw: unknown; expected: Record<string, any> | undefined }

function pairOf(line: string): Pair {
  const { source, event } = JSON.parse(line)
  const parse = (text: string) => {
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  }
  const expected = parse(event.ocsf)
  return { source, raw: parse(event.raw), expected: Array.isArray(expected) ? expected[0] : expected }
}

/** Examples that contradict OCSF itself: a type_uid of another activity, an email without ends, an address that is none. */
const WRONG = /^(?:src_endpoint: constraint_failed|type_uid: inconsistent|email: constraint_failed)$/

test('events of 1.x as OCSF shows them are taken; drafts before 1.0 are refused with the reason', { skip }, () => {
  let taken = 0
  for (const { source, expected } of pairs) {
    if (expected === undefined) continue
    const { outcome, problems } = make(ocsf, structuredClone(expected))
    if (!/^1\.\d+\.\d+$/.test(expected.metadata.version)) {
      assert.ok(outcome.kind === 'reject' && outcome.reason === 'unsupported_version', source)
      continue
    }
    assert.equal(outcome.kind, 'ok', source)
    const unexpected = problems.filter(({ path, code }) => !WRONG.test(`${path}: ${code}`))
    assert.deepEqual(unexpected, [], source)
    if (problems.length === 0) taken++
  }
  assert.ok(taken >= 10, String(taken))
})

test("our formats choose the class and time of OCSF's authors, where they read the product", { skip }, () => {
  let compared = 0
  for (const { source, raw, expected } of pairs) {
    if (raw === undefined || expected === undefined || !/^1\.\d+\.\d+$/.test(expected.metadata.version)) continue
    const name = surest(raw)
    if (name === undefined) continue
    const format = formats.find(name)
    const event = eventOf(format, format.split?.(raw)?.[0] ?? raw)
    assert.equal(event.class_uid, expected.class_uid, source)
    // One example has its time in seconds.
    if (expected.time > 1e11) assert.equal(event.time, expected.time, source)
    compared++
  }
  assert.ok(compared >= 5, String(compared))
})
