import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { ibmActivityTracker } from './ibm_activity_tracker.js'

const given = (name: string) => fixtureCase('ibm_activity_tracker/records.jsonl', name)
const convert = (name: string) => eventOf(ibmActivityTracker, given(name))

test('a machine is stopped', () => {
  const event = convert('machine stopped')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [6003, 'Update', 'Success'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 10, 0, 0, 250))
  assert.equal(event.severity, 'Medium')
  assert.deepEqual(event.actor.user, {
    name: 'alice@example.com',
    uid: 'IBMid-1',
    email_addr: 'alice@example.com',
    type_id: 1,
    type: 'token',
  })
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.66' })
  assert.equal(event.workload?.uid, 'vm/0717_i1')
  assert.deepEqual([event.cloud.account.uid, event.cloud.region], ['acc1', 'eu-de'])
  assert.deepEqual(event.api.request, { uid: 'c-1', data: { force: true } })
  assert.equal(event.resources[0].type, 'is.instance/instance')
})

test('a policy is refused to a service id', () => {
  const event = convert('policy refused')
  assert.deepEqual([event.activity_name, event.status, event.status_code], ['Create', 'Failure', '403'])
  assert.equal(event.status_detail, 'no right')
  assert.equal(event.severity, 'Critical')
  assert.equal(event.actor.user.type_id, 4)
  assert.deepEqual(event.api.response, { code: 403, error: 'Forbidden' })
})

test('a sign-in with an API key', () => {
  const event = convert('login')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [3002, 'Logon', 'Success'])
  assert.equal(event.user.name, 'alice@example.com')
})

test('a function is changed; an event comes as a line', () => {
  const event = convert('function changed')
  assert.deepEqual([event.activity_name, event.workload?.kind], ['Update', 'function'])
  const line = convert('as a line')
  assert.deepEqual([line.activity_name, line.status], ['Delete', 'pending'])
  assert.equal(line.time, Date.UTC(2026, 0, 12, 10, 4))
  assert.deepEqual(line.unmapped, { envelope: { _host: 'h' } })
})

test('what is no event is refused', () => {
  assert.match(refusalOf(ibmActivityTracker, { outcome: 'success' }), /^not_activity_tracker: action: required/)
  assert.match(refusalOf(ibmActivityTracker, { ...given('login'), eventTime: '2999-01-01T00:00:00Z' }), /^bad_time: /)
})
