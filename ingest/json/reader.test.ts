import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { Line } from '../lines.js'
import { BATCH_LINES, createJsonReader, type JsonReader } from './reader.js'

/** Lines one behind the other in the same bytes, as they are cut out of a stream. */
function linesOf(texts: readonly string[]): Line[] {
  const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
  let start = 0
  return texts.map((text) => {
    const end = start + Buffer.byteLength(text)
    const line = new Line(bytes, start, end)
    start = end + 1
    return line
  })
}

/** What the reader makes of each line, learning as the intake does; undefined where JSON.parse was needed. */
function readAll(reader: JsonReader, texts: readonly string[]): (object | undefined)[] {
  const lines = linesOf(texts)
  const values: (object | undefined)[] = []
  for (let from = 0; from < lines.length; from += BATCH_LINES) {
    const batch = lines.slice(from, from + BATCH_LINES)
    reader.read(batch)
    for (const [index, line] of batch.entries()) {
      const value = reader.take(index)
      values.push(value)
      if (value === undefined && parsed(line.text) !== undefined) reader.learn(index)
    }
  }
  return values
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Every value that was read is what JSON.parse makes of the line, its attributes in the same order; what is no JSON is not read. */
function assertSame(texts: readonly string[], values: readonly (object | undefined)[]) {
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue
    const expected = parsed(texts[index] as string)
    assert.deepStrictEqual(value, expected)
    assert.equal(JSON.stringify(value), JSON.stringify(expected))
  }
}

const text = fc.oneof(
  fc.constantFrom('', 'sh', 'Network Activity', '/usr/bin/python3', 'x'.repeat(60), 'x'.repeat(61), 'y'.repeat(200)),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const scalar = fc.oneof(
  fc.integer(),
  fc.integer({ min: -12, max: 12 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(true, false, null, 999_999_999, 1_000_000_000, -999_999_999, 1_760_000_000_123, 2 ** 53, 1e21, 1e-7),
)
const texts = fc.array(text, { maxLength: 3 })
/** Some shapes that share their beginnings, with arrays of several lengths. */
const object = fc.oneof(
  fc.record({ class_uid: scalar, name: text, time: scalar }),
  fc.record({ class_uid: scalar, name: scalar, time: scalar }),
  fc.record({ class_uid: scalar, name: text, actor: fc.record({ name: text, pid: scalar }) }),
  fc.record({ class_uid: scalar, actor: fc.record({ name: text }, { requiredKeys: [] }), tags: texts }),
  fc.record({ class_uid: scalar, list: fc.array(fc.record({ value: scalar, key: text }), { maxLength: 2 }) }),
  fc.record({
    empty: fc.constant({}),
    none: fc.constant([]),
    deep: fc.array(fc.array(scalar, { maxLength: 2 }), { maxLength: 2 }),
  }),
  fc.dictionary(text, text, { maxKeys: 3 }),
  fc.jsonValue() as fc.Arbitrary<unknown>,
)
const written = fc.tuple(object, fc.constantFrom(undefined, 1, '\t')).map(([value, space]) =>
  // As other programs write it: with blanks behind commas and colons.
  JSON.stringify(value, undefined, space).replaceAll('\n', ' '),
)
const damaged = fc
  .tuple(written, fc.nat(), fc.constantFrom('', '"', '\\', ',', '}', ']', '0', '-', 't', '\u0001', 'é'))
  .map(([line, where, put]) => {
    const at = where % (line.length + 1)
    return (line.slice(0, at) + put + line.slice(at + 1)).toWellFormed()
  })

test('what is read is what JSON.parse makes of it, whatever stands beside it', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof({ arbitrary: written, weight: 5 }, damaged), { maxLength: 40 }), (lines) => {
      const reader = createJsonReader()
      for (let round = 0; round < 3; round++) assertSame(lines, readAll(reader, lines))
    }),
    { numRuns: 400 },
  )
})

test('a number, a text or an escape that looks special comes out as from JSON.parse', () => {
  const values = [
    '0',
    '-0',
    '-1',
    '1.5',
    '1e3',
    '1E+2',
    '-0.0',
    '123456789',
    '1234567890',
    '12345678901234567890',
    'true',
    'null',
  ]
  const strings = [
    '""',
    '"\\"',
    '"\\\\"',
    '"\\u0041"',
    '"\\ud800"',
    '"é"',
    '"😀"',
    '"a\\nb"',
    '"\\u0000"',
    `"${'é'.repeat(50)}"`,
  ]
  const wrong = [
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    'tru',
    'nul',
    'truefalse',
    '"a',
    '"\t"',
    '"\\x"',
    '"\\u12"',
    '',
    '[',
    'NaN',
  ]
  const lines = [...values, ...strings, ...wrong].map((value) => `{"time":1,"value":${value},"after":"x"}`)
  const reader = createJsonReader()
  readAll(reader, ['{"time":1,"value":1,"after":"x"}', '{"time":1,"value":"x","after":"x"}'])
  // One at a time: a value that is no JSON leaves the whole batch to JSON.parse.
  for (const line of lines) {
    const [value] = readAll(reader, [line])
    assertSame([line], [value])
    assert.equal(value === undefined, parsed(line) === undefined, line)
  }
})

test('a line of a shape that came before is read without JSON.parse', () => {
  const reader = createJsonReader()
  const line = (n: number) =>
    JSON.stringify({ class_uid: 4001, metadata: { uid: `uid-${n}` }, list: [{ a: n }, { a: 'b' }] })
  const lines = Array.from({ length: 300 }, (_, n) => line(n))
  const values = readAll(reader, lines)
  assertSame(lines, values)
  // The first batch is read before any of its shapes is known.
  assert.equal(values.filter((value) => value === undefined).length, BATCH_LINES)
})

test('a damaged line leaves its batch to JSON.parse and no wrong text to the next one', () => {
  const reader = createJsonReader()
  const line = (name: string) => `{"name":"${name}"}`
  readAll(reader, [line('first')])
  assert.deepEqual(readAll(reader, [line('second'), line('\u0001'), line('third')]), [undefined, undefined, undefined])
  const after = ['second', 'third', '\u0001', 'second'].map(line)
  for (const text of after) assertSame([text], readAll(reader, [text]))
  assert.deepEqual(readAll(reader, [line('second'), line('third'), line('second')]), [
    { name: 'second' },
    { name: 'third' },
    { name: 'second' },
  ])
})

test('keys that mean something to JavaScript, or come twice, are left to JSON.parse', () => {
  const lines = [
    '{"__proto__":{"polluted":true}}',
    '{"a":{"__proto__":1}}',
    '{"a":1,"a":2}',
    '{"b":1,"2":1,"1":1}',
    '{"\\u0061":1}',
    '{"é":1}',
    '{"":1}',
    '[1]',
    '1',
    '"text"',
  ]
  const reader = createJsonReader()
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(
      readAll(reader, lines),
      lines.map(() => undefined),
    )
  }
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('more names than are remembered, and names of one place, stay what they are', () => {
  const reader = createJsonReader()
  const lines = Array.from({ length: 30_000 }, (_, n) =>
    JSON.stringify({ name: `name ${(n * 7919) % 12_000}`, kind: `k${n % 3}` }),
  )
  const values = readAll(reader, lines)
  assertSame(lines, values)
  assert.equal(values.filter((value) => value === undefined).length, BATCH_LINES)
})

test('names that a sender made collide are two names', () => {
  const reader = createJsonReader()
  // Of the same place and hash in words.ts.
  const lines = ['wivrtobt', 'hpvqoijj', 'wivrtobt', 'wivrtobt', 'hpvqoijj'].map((name) => JSON.stringify({ name }))
  readAll(reader, lines.slice(0, 1))
  for (const line of lines) assert.deepEqual(readAll(reader, [line]), [JSON.parse(line)])
  assert.deepEqual(readAll(reader, lines), lines.map(parsed))
})

test('a sender of ever new shapes is left to JSON.parse, and known shapes are read beside it and after', () => {
  const reader = createJsonReader()
  const known = '{"class_uid":1007,"name":"sh"}'
  const keys = (n: number) => Object.fromEntries(Array.from({ length: 40 }, (_, k) => [`key${n}_${k}`, k]))
  const lines = Array.from({ length: 6_000 }, (_, n) => (n % 2 === 0 ? known : JSON.stringify(keys(n))))
  const values = readAll(reader, lines)
  assertSame(lines, values)
  const fresh = lines.filter((line, n) => line !== known && values[n] !== undefined)
  assert.deepEqual(fresh, [])
  const last = readAll(
    reader,
    Array.from({ length: 200 }, () => known),
  )
  assert.ok(last.slice(BATCH_LINES).every((value) => value !== undefined))
})

test('where Node may not compile text, no shape is learned and all is left to JSON.parse', () => {
  const script = `
    import { createJsonReader } from ${JSON.stringify(new URL('./reader.js', import.meta.url).href)}
    import { Line } from ${JSON.stringify(new URL('../lines.js', import.meta.url).href)}
    const line = new Line(Buffer.from('{"a":"b"}'), 0, 9)
    const reader = createJsonReader()
    reader.read([line])
    reader.learn(0)
    reader.read([line])
    console.log(JSON.stringify([reader.take(0) ?? null]))`
  const run = (...flags: string[]) =>
    execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', script], { encoding: 'utf8' }).trim()
  assert.equal(run(), '[{"a":"b"}]')
  assert.equal(run('--disallow-code-generation-from-strings'), '[null]')
})

test('lines that are too long for a batch, and none at all, are left to JSON.parse', () => {
  const reader = createJsonReader()
  const line = (length: number) => JSON.stringify({ name: 'x'.repeat(length) })
  const lines = [line(1), line(600_000), line(10), line(300_000), line(300_000), line(20)]
  readAll(reader, [line(1)])
  const values = readAll(reader, lines)
  assertSame(lines, values)
  assert.deepEqual(
    values.map((value) => value !== undefined),
    [true, false, true, true, false, true],
  )
  reader.read([undefined, ...linesOf([line(3)]), undefined])
  assert.deepEqual(
    [0, 1, 2].map((index) => reader.take(index)),
    [undefined, { name: 'xxx' }, undefined],
  )
  reader.read([])
  assert.equal(reader.take(0), undefined)
})
