import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { surest } from '../../test/corpus.js'
import { eventsOf, fixtureCases, fixtureFiles, make, RECEIVED, sharedRecords } from '../../test/format-cases.js'
import { formats } from './index.js'

const FIXTURES = formats.all.flatMap(({ name }) => fixtureFiles(name).map((path) => [name, path] as const))

const SHARED = [
  ['falco', 'parser-corpus/falco_alerts.jsonl'],
  ['cloudtrail', 'parser-corpus/aws_cloudtrail.jsonl'],
  ['cloudtrail', 'stratus'],
  ['k8s_audit', 'parser-corpus/k8s_audit.jsonl'],
  ['k8s_audit', 'falco-k8s-audit/traces'],
  ['docker_events', 'parser-corpus/wazuh_docker_events.jsonl'],
] as const

test('every format says what it is, and its example is a valid configuration', () => {
  for (const format of formats.all) {
    assert.ok(format.summary.length > 20)
    assert.equal(typeof format.create(format.config.parse(format.example)), 'function')
    assert.throws(() => format.config.parse({ no_such_key: 1 }))
  }
})

test('every fixture becomes valid OCSF, and its own format is the surest of it', () => {
  for (const [format, path] of FIXTURES) {
    for (const { name, record } of fixtureCases(path)) {
      const parts = formats.find(format).split?.(record) ?? [record]
      for (const part of parts) assert.ok(eventsOf(formats.find(format), part).length > 0, `${path}: ${name}`)
      // Which records `ndjson` reads is said by its configuration: it is never guessed.
      if (format !== 'ndjson') assert.equal(surest(record), format, `${path}: ${name}`)
    }
  }
})

test('the same record gives the same uid twice', () => {
  for (const [name, path] of FIXTURES) {
    for (const { record } of fixtureCases(path)) {
      const uids = [1, 2].map(() =>
        make(formats.find(name), structuredClone(record)).events.map((event) => event.metadata.uid),
      )
      assert.deepEqual(uids[0], uids[1])
      assert.ok(uids[0]?.every((uid) => typeof uid === 'string'))
    }
  }
})

for (const [name, path] of SHARED) {
  const records = sharedRecords(path)
  test(`all of ${path} becomes valid OCSF`, { skip: records ? false : `../shared/data/${path} is absent` }, () => {
    for (const { record } of records ?? []) assert.equal(eventsOf(formats.find(name), record).length, 1)
  })
}

/** Checks what holds for any input: no exception, a reason that is a label, output bounded by input, no pollution. */
function survives(name: string, text: string) {
  const { outcome, events } = make(formats.find(name), text)
  if (outcome.kind === 'ok') {
    for (const event of events) delete event.raw_data
    const size = jsonLength(events)
    if (size !== undefined) assert.ok(size <= 8 * text.length + 4_000 * events.length, `${size} of ${text.length}`)
  } else assert.match(outcome.reason, /^[a-z][a-z0-9_]*$/)
  if (outcome.kind === 'reject') assert.ok(outcome.detail.length < 2_000)
  assert.equal(Object.keys(Object.prototype).length, 0)
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
}

/** Undefined for what is nested too deep to be written; the validator refuses that. */
function jsonLength(value: unknown): number | undefined {
  try {
    return JSON.stringify(value).length
  } catch {
    return undefined
  }
}

test('any JSON is survived', () => {
  for (const { name } of formats.all) {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => survives(name, text)),
      { numRuns: 300 },
    )
  }
})

test('a fixture with any JSON in any one place is survived', () => {
  for (const [name, path] of FIXTURES) {
    const places = fixtureCases(path).flatMap(({ record }) => placesOf(record).map((place) => ({ record, place })))
    if (places.length === 0) continue
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.json({ maxDepth: 3 }), ({ record, place }, value) => {
        survives(name, replaceAt(record, place, value))
      }),
      { numRuns: 1_500 },
    )
  }
})

/** The paths of all values in a record. */
function placesOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...placesOf(inner).map((rest) => [key, ...rest])])
}

/** The record's JSON with the JSON `text` at `place`. */
function replaceAt(record: object, place: readonly string[], text: string): string {
  const copy = structuredClone(record) as any
  let node = copy
  for (const key of place.slice(0, -1)) node = node[key]
  node[place.at(-1) as string] = '@@here@@'
  return JSON.stringify(copy).replace('"@@here@@"', () => text)
}

test('keys of the prototype are data', () => {
  const hostile =
    '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1,"toString":2'
  for (const [name, path] of FIXTURES) {
    for (const { record } of fixtureCases(path)) {
      // Every object, but no brace inside of a string.
      const text = JSON.stringify(record)
        .replace(/"(?:[^"\\]|\\.)*"|\{/g, (token) => (token === '{' ? `{${hostile},` : token))
        .replaceAll(',}', '}')
      survives(name, text)
      survives(name, JSON.stringify(record).replace('{', `{${hostile},`))
    }
  }
  survives(
    'falco',
    `{"rule":"r","priority":"constructor","tags":["__proto__","constructor"],"output_fields":{${hostile},"fd.type":"__proto__","fd.name":"/x"}}`,
  )
  survives(
    'cloudtrail',
    `{"eventSource":"constructor","eventName":"__proto__","userIdentity":{"type":"__proto__"},"requestParameters":{${hostile}}}`,
  )
})

test('deep nesting and 10 MB strings are survived', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  const deepObject = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
  const long = JSON.stringify('x->/:[aws.'.repeat(1_000_000))
  for (const value of [deep, deepObject, long]) {
    for (const text of [
      `{"class_uid":1007,"activity_id":1,"time":1,"process":${value},"unmapped":{"a":${value}},"workload":{"kind":"vm","uid":${value}}}`,
      `{"rule":"r","priority":"p","time":${value}}`,
      `{"rule":"r","priority":"Error","output":${value},"output_fields":{"custom":${value},"fd.name":${value}}}`,
      `{"rule":"r","priority":"Error","output":"x","output_fields":{"custom":${value},"container.id":"0123456789ab"}}`,
      `{"eventSource":"lambda.amazonaws.com","eventName":"Invoke","requestParameters":{"functionName":${value}}}`,
      `{"eventSource":"x","eventName":"Get","userIdentity":{"type":"AssumedRole","principalId":${value}},"requestParameters":${value}}`,
      `{"Records":[{"eventSource":"x","eventName":"Get","requestParameters":${value}}]}`,
    ]) {
      const parsed: unknown = JSON.parse(text)
      for (const definition of formats.all) {
        const input = definition.input === 'text' ? text : parsed
        const claims = definition.detect(parsed) > 0
        const outcome = definition.create(definition.config.parse({}))(input, { received_time: RECEIVED })
        // What no format claims is refused; the rest goes the whole way.
        if (!claims && outcome.kind !== 'ok') continue
        const { problems } = make(definition, text)
        if (value !== long && outcome.kind === 'ok')
          assert.ok(problems.some(({ code }) => code === 'too_deep' || code === 'wrong_type'))
      }
    }
  }
})
