import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { ibmActivityTracker } from './ibm_activity_tracker.js'
import { openwhiskActivation } from './openwhisk_activation.js'

const given = (name: string) => fixtureCase('openwhisk_activation/records.jsonl', name)
const convert = (name: string) => eventOf(openwhiskActivation, given(name))
const FUNCTION = 'function/openwhisk/shop/global/web/take-order'

test('a successful activation', () => {
  const event = convert('success')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [6003, 'Invoke', 'Success'])
  assert.deepEqual([event.time, event.end_time, event.duration], [1768209600123, 1768209600173, 50])
  assert.equal(event.actor.user.name, 'alice@example.com')
  assert.equal(event.workload?.uid, FUNCTION)
  assert.equal(event.workload?.group, 'web/take-order:0.0.7')
  assert.equal(event.api.request.uid, 'act1')
  assert.equal(event.metadata.uid, 'act1')
  assert.deepEqual(event.resources[0].labels, ['kind: nodejs:20'])
  assert.deepEqual(event.unmapped?.logs, ['2026-01-12T09:20:00.130Z stdout: hello'])
})

test('errors of the application and of its developer', () => {
  const event = convert('application error')
  assert.deepEqual(
    [event.status, event.status_code, event.status_detail],
    ['Failure', 'application error', 'card refused'],
  )
  assert.equal(event.metadata.correlation_uid, 'act1')
  assert.equal(event.workload?.uid, 'function/openwhisk/shop/global/pay')
  assert.equal(convert('developer error by word').status_code, 'action developer error')
})

test('a user event is of the same workload; metrics are measurements', () => {
  const event = convert('user event')
  assert.equal(event.workload?.uid, FUNCTION)
  assert.deepEqual([event.status, event.status_code], ['Failure', 'whisk internal error'])
  assert.deepEqual(convert('metric').metrics, [{ name: 'ConcurrentInvocations', value: 4 }])
  const changed = fixtureCase('ibm_activity_tracker/records.jsonl', 'function changed')
  assert.equal(eventOf(ibmActivityTracker, changed).workload?.uid, FUNCTION)
})

test('what is no activation is refused', () => {
  assert.match(refusalOf(openwhiskActivation, {}), /^not_activation: activationId: required/)
  assert.match(refusalOf(openwhiskActivation, { activationId: 'a' }), /^not_activation: name: required/)
  assert.match(refusalOf(openwhiskActivation, { body: {} }), /^not_activation: body: /)
  assert.match(refusalOf(openwhiskActivation, { activationId: 'a', name: 'b', start: 9e15 }), /^bad_time: start: /)
})
