import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, make, refusalOf } from '../../test/format-cases.js'
import { ocsf } from './ocsf.js'

const given = (name: string) => fixtureCase('ocsf/events.jsonl', name)

test('a clean event passes through: the same object, nothing added but what finish derives', () => {
  const record = given('clean process launch')
  const format = ocsf.create({})
  const outcome = format(record, { received_time: 0 })
  assert.ok(outcome.kind === 'ok' && outcome.value[0] === record)
  const event = eventOf(ocsf, given('clean process launch'))
  assert.equal(event.time, 1767225600000)
  assert.equal(event.process.name, 'sshd')
  assert.equal(event.class_name, 'Process Activity')
  assert.equal(event.workload?.uid, 'vm/web-01')
  assert.equal(event.unmapped, undefined)
})

test('a workload that comes with the event is kept, and completed where it has only an identity', () => {
  assert.equal(eventOf(ocsf, given('with workload')).workload?.group, 'shop:1')
  assert.deepEqual(eventOf(ocsf, given('workload without name')).workload, {
    kind: 'vm',
    uid: 'vm/i-0abc',
    name: 'i-0abc',
    group: 'i-0abc',
  })
})

test('a workload that is not well-formed is refused', () => {
  const event = given('clean process launch')
  const refuse = (workload: unknown) => refusalOf(ocsf, { ...event, workload })
  assert.match(refuse({ kind: 'vm' }), /^wrong_type: workload\.uid: expected a string that is not empty, found nothing/)
  assert.match(refuse({ kind: 'pod', uid: 'x' }), /^wrong_type: workload\.kind: .*found string "pod"/)
  assert.match(refuse('vm/a'), /^wrong_type: workload: expected an object/)
  assert.match(refuse(null), /^wrong_type: workload: expected an object, found null/)
})

test('attributes that 1.8.0 does not know move to unmapped, at the top and nested', () => {
  const event = eventOf(ocsf, given('unknown attributes'))
  assert.deepEqual(event.unmapped, { vendor_score: 7, 'process.sandbox_name': 's1', 'process.file.entropy': 6.1 })
  assert.deepEqual(event.process.file, { name: 'sshd', path: '/usr/sbin/sshd', type_id: 1 })
})

test('attributes that are null are absent', () => {
  const event = eventOf(ocsf, given('null attributes'))
  assert.deepEqual(event.process, { pid: 4242 })
  assert.ok(!('status_id' in event))
})

test('an event of 1.1 gets the successors of deprecated attributes and says where it comes from', () => {
  const event = eventOf(ocsf, given('http 1.1 with deprecated attributes'))
  assert.equal(event.http_response.code, 404)
  assert.deepEqual(event.proxy_endpoint, { ip: '10.0.0.9' })
  assert.equal(event.metadata.version, '1.8.0')
  assert.equal(event.metadata.log_version, '1.1.0')
  assert.ok(!('proxy' in event) && !('http_status' in event))
})

test('times that exist only as text (datetime profile) become numbers; the text stays unmapped', () => {
  const event = eventOf(ocsf, given('finding 1.3 with datetime profile'))
  assert.equal(event.finding_info.created_time, Date.UTC(2026, 0, 1) + 500)
  assert.deepEqual(event.tickets, [{ uid: 'T-1' }])
  assert.deepEqual(event.finding_info.product, { uid: 'p-9' })
  assert.deepEqual(Object.keys(event.unmapped ?? {}).sort(), ['finding_info.created_time_dt', 'time_dt'])
})

test('a time that a table wrote as text is read; a strange minor version is one of 1.x', () => {
  const event = given('clean process launch') as any
  assert.equal(eventOf(ocsf, { ...event, time: '2026-01-01 00:00:00.5' }).time, Date.UTC(2026, 0, 1) + 500)
  const metadata = { ...event.metadata, version: '1.100000' }
  assert.equal(eventOf(ocsf, { ...event, metadata }).class_uid, event.class_uid)
})

test('activity_id is derived from type_uid', () => {
  assert.equal(eventOf(ocsf, given('without activity_id')).activity_name, 'Terminate')
})

test('what is not an OCSF event is refused with the reason', () => {
  for (const record of [null, 7, 'text', [], {}, { time: 1 }])
    assert.match(refusalOf(ocsf, JSON.stringify(record)), /^not_ocsf: /)
  const event = given('clean process launch')
  const refuse = (change: object) => refusalOf(ocsf, { ...event, ...change })
  assert.match(refuse({ class_uid: '1007' }), /^wrong_type: class_uid: expected an integer, found string "1007"/)
  assert.match(refuse({ time: 'soon' }), /^wrong_type: time: expected an integer/)
  assert.match(refuse({ time: Date.UTC(9999, 0, 1) }), /^bad_time: time: /)
  assert.match(refuse({ metadata: 'x' }), /^wrong_type: metadata: expected an object/)
  assert.match(refuse({ metadata: { version: 1.8 } }), /^wrong_type: metadata\.version: expected a string/)
  assert.match(refuse({ metadata: { version: '2.0.0' } }), /^unsupported_version: /)
  assert.match(refuse({ activity_id: undefined, type_uid: undefined }), /^not_ocsf: activity_id/)
})

test('a newer 1.x is read: its additions are unmapped', () => {
  const event = given('clean process launch')
  const newer = eventOf(ocsf, { ...event, metadata: { version: '1.9.0', product: { name: 'a' } }, brand_new: [1] })
  assert.deepEqual(newer.unmapped, { brand_new: [1] })
})

test('a value of a wrong type that must be there is named with its path', () => {
  const { problems } = make(ocsf, { ...given('clean process launch'), severity_id: 'high', process: {} })
  assert.deepEqual(
    problems.map(({ path, code }) => [path, code]),
    [
      ['severity_id', 'wrong_type'],
      ['process', 'constraint_failed'],
    ],
  )
})
