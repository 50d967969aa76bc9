import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { fastest_ms } from './cpu-time.js'
import { caseConfig, fixtureCases, fixtureFiles, RECEIVED } from './format-cases.js'

/** What a format may take for one event, whatever stands in it. */
const LIMIT_MS = 50
const LONG = 10_000_000
/** What took longer is measured again so often, a second apart: others may have had the machine. The least time counts. */
const ROUNDS = 30
/** Bounds of the sample; of a line of JSON, which its format parses three times, fewer places. */
const PLACES_A_FORMAT = 50
const LINES_A_FORMAT = 4
const PLACES_A_LINE = 8
const PLACES_A_JSON_LINE = 2

/** A flat string, as JSON.parse makes it: what `repeat` returns is copied by whoever reads it first. */
function flat(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}

const texts = {
  'ten MB of separators': flat('x->/:[aws.'.repeat(LONG / 10)),
  'ten MB of spaces': flat(' '.repeat(LONG)),
  'ten MB of quoted JSON': flat('{"a":1,'.repeat(LONG / 7)),
}

const values: { readonly [what: string]: unknown } = {
  ...texts,
  'objects 50,000 deep': JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`),
  'arrays 50,000 deep': JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  'a million numbers': Array.from({ length: 1_000_000 }, (_, n) => n),
}

for (const definition of formats.all) {
  test(`${definition.name}: ${LIMIT_MS} ms for an event with anything long or deep in any place`, async () => {
    const records = fixtureFiles(definition.name).flatMap((path) => fixtureCases(path).map(({ record }) => record))
    assert.ok(records.length > 0)
    const inputs = definition.input === 'text' ? linesOf(records) : recordsOf(records)
    const isSlow = ({ input }: Input) => timeOf(definition, input) > LIMIT_MS
    let slow: Input[] = []
    for (const one of inputs) if (isSlow(one)) slow.push(one)
    for (let round = 1; round < ROUNDS && slow.length > 0; round++) {
      await sleep(1_000)
      slow = slow.filter(isSlow)
    }
    assert.deepEqual(
      slow.map(({ place, what, input }) => `${place}: ${what}: ${Math.round(timeOf(definition, input))} ms`),
      [],
    )
  })
}

type Input = { readonly place: string; readonly what: string; readonly input: unknown }

/** Places of the records, each once (`a[].b` for every element), with each of the values in turn. */
function* recordsOf(records: readonly unknown[]): Generator<Input> {
  const places = new Map<string, { record: unknown; path: string[] }>()
  for (const record of records) {
    for (const path of placesOf(record)) {
      const place = path.map((key) => (/^\d+$/.test(key) ? '[]' : key)).join('.')
      if (!places.has(place)) places.set(place, { record, path })
    }
  }
  for (const [place, { record, path }] of sample([...places], PLACES_A_FORMAT)) {
    for (const [what, value] of Object.entries(values)) yield { place, what, input: withValue(record, path, value) }
  }
}

/** Lines with something long put in between their words. */
function* linesOf(records: readonly unknown[]): Generator<Input> {
  const lines = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)))
  for (const line of sample(lines, LINES_A_FORMAT)) {
    const is_json = line.startsWith('{')
    const ends = [...line.matchAll(/\b/g)].map(({ index }) => index)
    for (const at of sample(ends, is_json ? PLACES_A_JSON_LINE : PLACES_A_LINE)) {
      for (const [what, text] of Object.entries(texts)) {
        // Inside of JSON it is written as JSON writes it.
        const put = is_json ? JSON.stringify(text).slice(1, -1) : text
        const place = line.slice(Math.max(0, at - 30), at)
        yield { place, what, input: flat(line.slice(0, at) + put + line.slice(at)) }
      }
    }
  }
}

/** At most `most` of a list, evenly. */
function sample<T>(list: readonly T[], most: number): T[] {
  return list.filter((_, n) => Math.floor((n * most) / list.length) > Math.floor(((n - 1) * most) / list.length))
}

/**
 * The time an event takes, ms. The time of an envelope is that of each event in it. JSON that a text format reads from a
 * line, once to split it and once to make events, costs it what JSON.parse takes.
 */
function timeOf(definition: FormatDefinition, input: unknown): number {
  const format = definition.create(definition.config.parse(caseConfig(definition)))
  const parse_ms = typeof input === 'string' && isJson(input) ? fastest_ms(() => done(JSON.parse(input)), 0, 2) : 0
  const limit_ms = LIMIT_MS + 2 * parse_ms
  const detect_ms = fastest_ms(() => done(definition.detect(input)), limit_ms)
  const format_ms = fastest_ms(() => {
    const parts = definition.split?.(input) ?? [input]
    for (const part of parts) format(part, { received_time: RECEIVED })
    return Math.max(1, parts.length)
  }, limit_ms)
  return Math.max(detect_ms - parse_ms, format_ms - 2 * parse_ms)
}

function done(_: unknown): number {
  return 1
}

function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The paths of all values in a record. */
function placesOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...placesOf(inner).map((rest) => [key, ...rest])])
}

function withValue(record: unknown, path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(record) as any
  let node = copy
  for (const key of path.slice(0, -1)) node = node[key]
  node[path.at(-1) as string] = value
  return copy
}
