import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createMemoryBus } from '../bus/memory.js'
import type { Batch } from '../bus/port.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { drop, ok, reject } from '../core/outcome.js'
import { validate } from '../ocsf/validate.js'
import type { Receipt } from './contract.js'
import { defineFormat, type FormatDefinition } from './contract.js'
import { cloudtrail } from './formats/cloudtrail.js'
import { ocsf } from './formats/ocsf.js'
import { createIntake } from './intake.js'
import { createRepeats } from './repeats.js'

/** What became of the records, without what is said about the source. */
function countsOf({ newest_time: _, ...counts }: Receipt): object {
  return counts
}

function trap(): never {
  throw new Error('an event that cannot be read')
}

/** A text format that understands three words, and throws on a fourth. */
const words = defineFormat({
  name: 'words',
  summary: 'for tests',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  detect: () => 0,
  create: () => (record) => {
    if (record === 'noise') return drop('heartbeat')
    if (record === 'wrong') return reject('no_time', 'there is no time in it')
    if (record === 'bug') throw new Error('a bug in a format')
    const trapped = new Proxy({} as never, { ownKeys: () => trap(), get: () => trap() })
    if (record === 'trap') return ok([trapped])
    const event = { class_uid: 4001, activity_id: 1, time: 1_760_000_000_000, severity_id: 1, message: String(record) }
    const whole = { ...event, dst_endpoint: { ip: '192.0.2.1' } }
    return ok(record === 'half' ? [whole, trapped] : [whole])
  },
})

async function setup() {
  const log = createLog('silent')
  const bus = createMemoryBus({ max_messages: 10_000, max_batch: 5_000, log })
  const batches: Batch[] = []
  await bus.subscribe('test', ['weir.events', 'weir.dead_letters'], async (batch) => void batches.push(batch))
  const formats = new Map(
    [words, ocsf, cloudtrail].map((definition: FormatDefinition) => [
      definition.name,
      { definition, format: definition.create(definition.config.parse({}) as never) },
    ]),
  )
  const metrics = createMetrics()
  const intake = createIntake({ bus, formats, metrics, max_record_length: 1_000, now: () => 1_770_000_000_000 })
  const values = (topic: string) =>
    batches.filter((batch) => batch.topic === topic).flatMap((batch) => batch.messages.map((message) => message.value))
  return { intake, metrics, events: () => values('weir.events'), dead: () => values('weir.dead_letters') }
}

test('every record is accounted for: stored, dropped with reason, dead-lettered with reason and raw record', async () => {
  const { intake, metrics, events, dead } = await setup()
  const data = ['one', 'noise', 'wrong', 'bug', 'x'.repeat(2_000), 'two']
  const receipt = await intake.emit(
    'test',
    'words',
    data.map((text, n) => ({ data: text, position: `f:${n}` })),
  )
  assert.deepEqual(countsOf(receipt), { records: 6, stored: 2, dropped: 1, dead_lettered: 3 })
  assert.deepEqual(
    events().map((event) => event.raw_data),
    ['one', 'two'],
  )
  assert.deepEqual(
    dead().map((event) => event.reason),
    ['no_time', 'format_failed', 'record_too_long'],
  )
  assert.equal(dead()[0]?.raw_data, 'wrong')
  for (const event of [...events(), ...dead()]) assert.deepEqual(validate(event), [])
  assert.deepEqual(metrics.by('records_rejected', 'reason'), { no_time: 1, format_failed: 1, record_too_long: 1 })
})

test('broken JSON, a text where a number must be and a year-9999 date become dead letters that say where', async () => {
  const { intake, dead } = await setup()
  const event = {
    class_uid: 4001,
    activity_id: 1,
    time: 1_760_000_000_000,
    severity_id: 1,
    metadata: { version: '1.8.0', product: {} },
  }
  const receipt = await intake.emit('test', 'ocsf', [
    { data: '{"class_uid": 4001, "act' },
    { data: JSON.stringify({ ...event, dst_endpoint: { ip: '192.0.2.1' }, severity_id: 'high' }) },
    { data: JSON.stringify({ ...event, dst_endpoint: { ip: '192.0.2.1' }, time: Date.UTC(9999, 0, 1) }) },
    { data: 'cut', fault: { reason: 'line_too_long', detail: '50 MB, at most 1 MB' } },
  ])
  assert.deepEqual(receipt, { records: 4, stored: 0, dropped: 0, dead_lettered: 4 })
  const details = dead().map((letter) => `${letter.reason} ${letter.detail}`)
  assert.match(details.find((text) => text.includes('severity')) ?? '', /severity_id: wrong type, found string "high"/)
  assert.match(details.find((text) => text.includes('time')) ?? '', /time/)
  assert.ok(details.some((text) => text.startsWith('invalid_json')))
  assert.ok(details.some((text) => text.startsWith('line_too_long')))
})

test('the same records give the same uids; equal records of one call are told apart', async () => {
  const { intake, events } = await setup()
  const records = ['same', 'same', 'other'].map((data) => ({ data }))
  await intake.emit('test', 'words', records)
  await intake.emit('test', 'words', records)
  const uids = events().map((event) => event.metadata.uid)
  assert.equal(new Set(uids).size, 3)
  assert.deepEqual(uids.slice(0, 3), uids.slice(3))
})

test('equal records of one delivery are told apart though it is handed over in several calls', async () => {
  const { intake, events } = await setup()
  for (let time = 0; time < 2; time++) {
    const repeats = createRepeats()
    for (let call = 0; call < 3; call++)
      await intake.emit('test', 'words', [{ data: 'a line that is repeated' }], repeats)
  }
  const uids = events().map((event) => event.metadata.uid)
  assert.equal(new Set(uids.slice(0, 3)).size, 3)
  assert.deepEqual(uids.slice(0, 3), uids.slice(3), 'sent again, it is the same')
})

test('dead letters of a call that is repeated are the same, and equal bad lines of one delivery are two', async () => {
  const { intake, dead } = await setup()
  for (let time = 0; time < 2; time++)
    await intake.emit('test', 'words', [{ data: 'wrong' }, { data: 'wrong' }, { data: 'wrong', position: 'f:1' }])
  const uids = dead().map((letter) => letter.metadata.uid)
  assert.equal(uids.length, 6)
  assert.equal(new Set(uids.slice(0, 3)).size, 3)
  assert.deepEqual(uids.slice(0, 3), uids.slice(3))
})

test('an attribute OCSF does not know, or of a wrong type, moves to unmapped instead of refusing the event', async () => {
  const { intake, events } = await setup()
  const event = {
    class_uid: 4001,
    activity_id: 1,
    time: 1_760_000_000_000,
    severity_id: 1,
    metadata: { version: '1.8.0', product: { name: 'x' } },
  }
  const receipt = await intake.emit('test', 'ocsf', [
    { data: { ...event, dst_endpoint: { ip: '192.0.2.1', mood: 'good', port: 'many' } } },
  ])
  assert.equal(receipt.stored, 1)
  assert.equal(events()[0]?.unmapped?.['dst_endpoint.port'], 'many')
  assert.equal(JSON.stringify(events()[0]?.unmapped).includes('good'), true)
})

test('an unknown format is an error that names the known ones', async () => {
  const { intake } = await setup()
  await assert.rejects(intake.emit('test', 'xml', []), /there is no format "xml"/)
})

test('an envelope is split: each record has its own raw text, position and dead letter', async () => {
  const { intake, events, dead } = await setup()
  const record = { eventSource: 's3.amazonaws.com', eventName: 'GetObject', eventTime: '2026-01-12T08:30:15Z' }
  const data = JSON.stringify({ Records: [record, { ...record, eventName: true }, record] })
  const receipt = await intake.emit('trail', 'cloudtrail', [{ data, position: 'file:0' }])
  assert.deepEqual(countsOf(receipt), { records: 3, stored: 2, dropped: 0, dead_lettered: 1 })
  assert.deepEqual(
    events().map((event) => event.raw_data),
    [JSON.stringify(record), JSON.stringify(record)],
  )
  assert.equal(new Set(events().map((event) => event.metadata.uid)).size, 2)
  assert.equal(dead()[0]?.reason, 'wrong_type')
  assert.equal(dead()[0]?.source.position, 'file:0#1')
  const empty = await intake.emit('trail', 'cloudtrail', [{ data: '{"Records":[]}', position: 'file:1' }])
  assert.deepEqual(empty, { records: 1, stored: 0, dropped: 1, dead_lettered: 0 })
})

test('half a character does not keep an event from the detectors: it is repaired, noted and counted', async () => {
  const { intake, metrics, events, dead } = await setup()
  const data = `{"class_uid":4001,"activity_id":1,"time":1760000000000,"severity_id":1,"message":"nc \\ud800 -e /bin/sh","dst_endpoint":{"ip":"192.0.2.1"},"unmapped":{"x\\udfff":1}}`
  const receipt = await intake.emit('test', 'ocsf', [{ data, position: 'f:1' }])
  assert.deepEqual(countsOf(receipt), { records: 1, stored: 1, dropped: 0, dead_lettered: 0 })
  const [event] = events()
  assert.equal(event?.message, 'nc \ufffd -e /bin/sh')
  assert.deepEqual(event?.unmapped, { 'x\ufffd': 1 })
  assert.equal(event?.raw_data, data)
  assert.deepEqual(event?.metadata.transformation_info_list, [{ name: 'lone surrogates replaced by U+FFFD' }])
  assert.equal(metrics.total('events_repaired', { reason: 'lone_surrogate' }), 1)
  assert.deepEqual(dead(), [])
})

test('an envelope may be longer than a record: each record in it is measured by itself', async () => {
  const { intake, events, dead } = await setup()
  const call = (n: number, over: object = {}) => ({
    eventVersion: '1.08',
    eventID: `00000000-0000-4000-8000-00000000000${n}`,
    eventTime: '2026-01-01T00:00:00Z',
    eventSource: 's3.amazonaws.com',
    eventName: 'ListBuckets',
    awsRegion: 'eu-central-1',
    eventType: 'AwsApiCall',
    userIdentity: { type: 'Root', accountId: '123456789012' },
    ...over,
  })
  const long = call(6, { userAgent: 'x'.repeat(2_000) })
  const data = JSON.stringify({ Records: [call(1), call(2), call(3), long, call(4), call(5)] })
  assert.ok(data.length > 3_000)
  const receipt = await intake.emit('trail', 'cloudtrail', [{ data, position: 'file:1' }])
  assert.deepEqual(countsOf(receipt), { records: 6, stored: 5, dropped: 0, dead_lettered: 1 })
  assert.equal(events().length, 5)
  const [letter] = dead()
  assert.equal(letter?.reason, 'record_too_long')
  assert.match(JSON.stringify(letter?.source), /"position":"file:1#3"/)
})

test('what throws behind the format, or takes an envelope apart badly, stops no other record', async () => {
  const { intake, dead } = await setup()
  const receipt = await intake.emit(
    'a',
    'words',
    ['one', 'trap', 'two'].map((data) => ({ data })),
  )
  assert.deepEqual(countsOf(receipt), { records: 3, stored: 2, dropped: 0, dead_lettered: 1 })
  assert.equal(dead()[0]?.reason, 'format_failed')
  assert.match(String(dead()[0]?.detail), /an event that cannot be read/)

  const half = await setup()
  const of_half = await half.intake.emit('a', 'words', [{ data: 'half' }, { data: 'one' }])
  assert.deepEqual(countsOf(of_half), { records: 2, stored: 1, dropped: 0, dead_lettered: 1 })
  assert.deepEqual(
    half.events().map(({ message }) => message),
    ['one'],
    'nothing of a record that is a dead letter',
  )

  const torn = { ...words, split: trap }
  const bus = createMemoryBus({ max_messages: 100, max_batch: 100, log: createLog('silent') })
  const formats = new Map([['torn', { definition: torn as FormatDefinition, format: words.create({}) }]])
  const other = createIntake({ bus, formats, metrics: createMetrics(), max_record_length: 1_000, now: Date.now })
  assert.deepEqual(countsOf(await other.emit('b', 'torn', [{ data: 'one' }])), {
    records: 1,
    stored: 0,
    dropped: 0,
    dead_lettered: 1,
  })
})
