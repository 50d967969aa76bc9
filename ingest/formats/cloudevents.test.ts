import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { cloudevents } from './cloudevents.js'

const given = (name: string) => fixtureCase('cloudevents/records.jsonl', name)
const convert = (name: string) => eventOf(cloudevents, given(name))

test('contents that nobody knows', () => {
  const event = convert('unknown contents')
  assert.deepEqual([event.class_uid, event.activity_name], [6003, 'Create'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 11, 0, 0, 500))
  assert.deepEqual(event.actor, { app_uid: 'https://shop.example.com/orders' })
  assert.deepEqual(event.api.request, { uid: 'e-1', data: { total: 7 } })
  assert.equal(event.resources[0].name, 'orders/7')
  assert.deepEqual(event.unmapped, { partitionkey: 'p' })
  const binary = convert('base64')
  assert.deepEqual([binary.activity_name, binary.api.request.data], ['com.example.ping', { a: 1 }])
})

test('contents of a known format become its events', () => {
  const alert = eventOf(cloudevents, {
    ...given('base64'),
    id: 'e-3',
    type: 'falco.rule.output.v1',
    data_base64: undefined,
    data: { rule: 'Shell', priority: 'Notice', output: 'x', output_fields: { 'container.id': '0123456789ab' } },
  })
  assert.deepEqual([alert.class_uid, alert.workload?.uid], [2004, 'container/0123456789ab'])
  assert.deepEqual(alert.unmapped?.cloudevent, {
    specversion: '1.0',
    id: 'e-3',
    source: 'urn:x',
    type: 'falco.rule.output.v1',
    data_base64: undefined,
  })
  const audit = convert('google audit')
  assert.deepEqual([audit.class_uid, audit.activity_name, audit.actor.user.name], [6003, 'Delete', 'alice@example.com'])
  assert.equal(convert('ocsf').class_uid, 4001)
})

test('a batch is taken apart', () => {
  assert.equal(cloudevents.split?.([given('base64'), given('ocsf')])?.length, 2)
  assert.equal(cloudevents.split?.(given('base64')), undefined)
  assert.ok(cloudevents.detect([given('base64')]) > 0.9)
})

test('what is no CloudEvent is refused', () => {
  assert.match(refusalOf(cloudevents, { specversion: '1.0', id: 'x', source: 'y' }), /^not_cloudevent: type: required/)
  assert.match(refusalOf(cloudevents, { ...given('ocsf'), specversion: '0.3' }), /^unsupported_version: /)
  assert.match(refusalOf(cloudevents, { ...given('base64'), time: '2999-01-01T00:00:00Z' }), /^bad_time: /)
})
