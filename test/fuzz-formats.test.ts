import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { caseConfig, fixtureCases, fixtureFiles, make } from './format-cases.js'

/** An event may take so long; tried again before it counts, since the machine may be busy. */
const LIMIT_MS = 50
const TRIES = 4

/** What the transport would hand to the format. */
function textOf(record: unknown): string {
  return typeof record === 'string' ? record : ((JSON.stringify(record) as string | undefined) ?? '')
}

function inputOf(definition: FormatDefinition, text: string): unknown {
  if (definition.input === 'text') return text
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Checks what holds for any input, and says nothing about what it becomes. */
function survives(definition: FormatDefinition, text: string) {
  const isText = definition.input === 'text'
  const input = inputOf(definition, text)
  if (input === undefined) return
  const format = definition.create(definition.config.parse(caseConfig(definition)))
  let fastest_ms = Number.POSITIVE_INFINITY
  for (let n = 0; n < TRIES && fastest_ms > LIMIT_MS; n++) {
    const started_ms = performance.now()
    definition.detect(input)
    definition.partOf?.(text)
    for (const part of definition.split?.(input) ?? [input]) format(part, { received_time: 1_768_206_600_000 })
    fastest_ms = Math.min(fastest_ms, performance.now() - started_ms)
  }
  assert.ok(fastest_ms <= LIMIT_MS, `${definition.name} took ${fastest_ms} ms for ${text.length} characters`)

  const [first, second] = [1, 2].map(() => {
    const whole = inputOf(definition, text)
    return (definition.split?.(whole) ?? [whole]).map((part) => make(definition, isText ? textOf(part) : jsonOf(part)))
  })
  assert.deepEqual(uids(first), uids(second), 'the same input gives the same uids')
  const size = (first ?? []).reduce(
    (sum, { events }) => sum + events.reduce((n, { raw_data, ...event }) => n + JSON.stringify(event).length, 0),
    0,
  )
  const n_events = (first ?? []).reduce((sum, { events }) => sum + events.length, 0)
  assert.ok(size <= 12 * text.length + 6_000 * n_events, `${definition.name}: ${size} characters of ${text.length}`)
  assert.equal(Object.keys(Object.prototype).length, 0)
}

/** A part of an envelope may be nothing at all. */
function jsonOf(part: unknown): string {
  return (JSON.stringify(part) as string | undefined) ?? 'null'
}

function uids(made: ReturnType<typeof make>[] | undefined): unknown[] {
  return (made ?? []).flatMap(({ events, outcome }) => [outcome.kind, ...events.map(({ metadata }) => metadata.uid)])
}

const pieces = fc.oneof(
  fc.string({ maxLength: 20, unit: 'binary' }),
  fc.constantFrom(
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '=',
    ' ',
    '\n',
    '\0',
    '\x1d',
    '<',
    '>',
    '\\',
    '__proto__',
    'constructor',
    '-1',
    '1e400',
    '99999999999999999999',
    'null',
    'msg=audit(1.1:1): ',
  ),
)

for (const definition of formats.all) {
  const cases = fixtureFiles(definition.name).flatMap((path) => fixtureCases(path).map(({ record }) => textOf(record)))
  test(`${definition.name}: fixtures with pieces cut out, put in and repeated are survived`, () => {
    assert.ok(cases.length > 0, 'every format has fixtures')
    const splice = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(40),
      pieces,
      fc.constantFrom(1, 1, 1, 2, 50),
    )
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.array(splice, { minLength: 1, maxLength: 4 }), (text, splices) => {
        let changed = text
        for (const [where, cut, piece, times] of splices) {
          const at = Math.floor(where * changed.length)
          changed = changed.slice(0, at) + piece.repeat(times) + changed.slice(at + cut)
        }
        survives(definition, changed)
      }),
      { numRuns: 500 },
    )
  })
  test(`${definition.name}: any JSON and any text is survived`, () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 4 }), fc.string({ maxLength: 300 })), (text) =>
        survives(definition, text),
      ),
      { numRuns: 200 },
    )
  })
}
