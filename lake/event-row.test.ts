import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { createEventEncoder } from './event-encoder.js'
import { openLake } from './open.js'
import type { Lake } from './port.js'
import { readEvents } from './read.js'
import { events as events_table } from './tables/events.js'
import { createWriter } from './writer.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-event-row-test-'))
let lake: Lake

before(async () => {
  lake = await openLake({ path: join(folder, 'lake') })
})
after(async () => {
  await lake.close()
  rmSync(folder, { recursive: true, force: true })
})

const start = Date.UTC(2026, 0, 5)
const paths = events_table.columns.flatMap((column) =>
  column.path && !column.required && !['time', 'raw_data'].includes(column.path) ? [column.path.split('.')] : [],
)

/** Values of every kind, fitting their column or not. */
const value = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    0,
    1,
    -1,
    255,
    256,
    65_536,
    4_294_967_296,
    99_999_999_999,
    1.5,
    -0.5,
    1e300,
    2 ** 53,
    start,
    true,
    false,
    null,
  ),
  fc.constantFrom(
    '\ud800',
    'x\udc00y',
    'é\u0000\n\n',
    '\n\nDROP TABLE events\n',
    '{}',
    "'; DROP TABLE events; --",
    'a'.repeat(300),
  ),
  fc.jsonValue(),
  fc.constant({}),
  fc.constant([]),
)

const event = fc
  .record({
    attributes: fc.array(fc.tuple(fc.constantFrom(...paths), value), { maxLength: 25 }),
    unknown: fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty')),
      fc.jsonValue(),
    ),
    offset: fc.nat(1_000_000),
    ids: fc.tuple(fc.constantFrom(1007, 4001, 99906001), fc.constantFrom(0, 1, 99), fc.constantFrom(0, 1, 6)),
    derived: fc.constantFrom(undefined, 0, 7, 'x'),
    hashes: fc.constantFrom(
      undefined,
      [{ algorithm_id: 3, algorithm: 'SHA-256', value: 'ab'.repeat(32) }],
      [{ algorithm_id: 3, value: 'cd'.repeat(32) }],
      [
        { algorithm_id: 1, algorithm: 'MD5', value: 'ef' },
        { algorithm_id: 3, algorithm: 'SHA-256', value: 'ab'.repeat(32) },
      ],
    ),
    uid: fc.constantFrom(undefined, 'a text', 'é'.repeat(20), '018bcfe5-687b-7031-b233-3435363738AB'),
  })
  .map(({ attributes, unknown, offset, ids, derived, hashes, uid }): OcsfEvent => {
    const made: Record<string, any> = {}
    for (const [keys, leaf] of attributes) {
      let at = made
      for (const key of keys.slice(0, -1)) {
        if (typeof at[key] !== 'object' || at[key] === null || Array.isArray(at[key])) at[key] = {}
        at = at[key]
      }
      at[keys.at(-1)!] = leaf
    }
    if (hashes) made.file = { hashes }
    const [class_uid, activity_id, severity_id] = ids
    const time = start + offset
    // JSON has neither undefined nor minus zero.
    return JSON.parse(
      JSON.stringify({
        ...made,
        unmapped: unknown,
        class_uid,
        activity_id,
        severity_id,
        time,
        category_uid: derived ?? Math.floor(class_uid / 1000) % 100,
        type_uid: derived ?? class_uid * 100 + activity_id,
        metadata: {
          ...(made.metadata?.constructor === Object ? made.metadata : {}),
          uid: uid ? `${uid}${offset}` : eventUid(time, String(offset)),
        },
      }),
    )
  })

test('whatever an event holds, it comes back from the lake as it was', async () => {
  const samples = fc.sample(event, { numRuns: 3000, seed: 7 })
  const byUid = new Map(samples.map((sample) => [sample.metadata.uid as string, sample]))
  const unique = [...byUid.values()]
  const writer = createWriter({
    lake,
    table: events_table,
    encoder: createEventEncoder,
    metrics: createMetrics(),
    log: createLog('silent'),
    max_rows: 700,
  })
  const receipt = await writer.write([...unique])
  await writer.stop()
  assert.deepEqual(receipt, { stored: unique.length, duplicate: 0, rejected: [] })
  const back = new Map<string, OcsfEvent>()
  for await (const batch of readEvents(lake, { from: start, to: start + 10_000_000, batch_rows: 500 })) {
    for (const read of batch) back.set(read.metadata.uid as string, read)
  }
  assert.equal(back.size, unique.length)
  for (const wanted of unique) assert.deepEqual(back.get(wanted.metadata.uid as string), wanted)
})

test('whatever an event holds, the encoder that took it can give it back', () => {
  const encoder = createEventEncoder()
  const taken: OcsfEvent[] = []
  for (const sample of fc.sample(event, { numRuns: 1000, seed: 11 })) {
    if (encoder.append(sample) === undefined) taken.push(sample)
  }
  assert.equal(taken.length, 1000)
  assert.deepEqual(encoder.events?.(), taken)
  encoder.reset()
  assert.deepEqual(encoder.events?.(), [])
  assert.equal(encoder.append(taken[0] as OcsfEvent), undefined)
  assert.deepEqual(encoder.events?.(), [taken[0]])
})

test('the view events_json shows the same as JSON, but for nulls, lone surrogates and last digits', async () => {
  const rows = await lake.select<{ event: string; rest: string }>('SELECT event, rest FROM events_json')
  const back = new Map<string, OcsfEvent>()
  for await (const batch of readEvents(lake, { from: start, to: start + 10_000_000 })) {
    for (const read of batch) back.set(read.metadata.uid as string, read)
  }
  let compared = 0
  for (const row of rows) {
    const shown = JSON.parse(row.event)
    const wanted = back.get(shown.metadata.uid)
    assert.deepEqual(shownOf(shown), shownOf(wanted))
    compared++
  }
  assert.ok(compared > 300, `only ${compared} rows were compared`)
})

/** The value as the view can show it: no null members, no lone surrogates, 12 digits of a number. */
function shownOf(value: any): any {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number') return Number(value.toPrecision(12))
  if (Array.isArray(value)) return value.map(shownOf)
  if (value === null || typeof value !== 'object') return value
  const members = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(members.map(([key, item]) => [key.toWellFormed(), shownOf(item)]))
}
