import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, eventsOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { lambdaTelemetry } from './lambda_telemetry.js'

const ORDERS = 'function/aws/123456789012/eu-central-1/orders'
const REQUEST = '6d68ca91-49c9-448d-89b8-7ca3e6dc66aa'
const given = (name: string) => fixtureCase('lambda_telemetry/events.jsonl', name)
const convert = (name: string, config?: object) => eventOf(lambdaTelemetry, given(name), config)

test('the start of an environment names its function, version and runtime', () => {
  const event = convert('init start')
  assert.equal(event.class_uid, 6002)
  assert.equal(event.activity_name, 'Start')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 0, 64))
  assert.equal(event.workload?.uid, ORDERS)
  assert.equal(event.workload?.group, 'orders:7')
  assert.deepEqual(event.app.feature, { name: 'nodejs:20.v30', uid: 'arn:aws:lambda:eu-central-1::runtime:abc' })
  assert.equal(event.metadata.log_source, '0a1b')
  assert.equal(event.unmapped?.['record.initializationType'], 'on-demand')
})

test('an invocation: request, trace, workload by ARN and version', () => {
  const event = convert('invocation')
  assert.equal(event.activity_name, 'Invoke')
  assert.equal(event.metadata.correlation_uid, REQUEST)
  assert.equal(event.workload?.uid, ORDERS)
  assert.equal(event.workload?.version, '7')
  assert.equal(event.status, undefined)
  assert.equal(event.cloud.region, 'eu-central-1')
})

test('a runtime that failed is an application error and its duration a measurement', () => {
  const [failed, metrics] = eventsOf(lambdaTelemetry, given('runtime failed'))
  assert.equal(failed?.class_uid, 6008)
  assert.equal(failed?.status, 'Failure')
  assert.equal(failed?.severity, 'High')
  assert.equal(failed?.status_code, 'Runtime.ExitError')
  assert.equal(failed?.duration, 140)
  assert.equal(failed?.start_time, Date.UTC(2026, 0, 12, 8, 30, 1, 500))
  assert.deepEqual(metrics?.metrics, [
    { name: 'duration_ms', value: 140.4, unit: 'ms' },
    { name: 'produced_bytes', value: 16, unit: 'bytes' },
  ])
})

test('the report: success, then all numbers of the invocation', () => {
  const [report, metrics] = eventsOf(lambdaTelemetry, given('report'))
  assert.equal(report?.status, 'Success')
  assert.equal(report?.severity_id, 1)
  assert.equal(metrics?.class_uid, 99905001)
  assert.equal(metrics?.workload?.uid, ORDERS)
  const values = Object.fromEntries(metrics?.metrics.map(({ name, value }: any) => [name, value]))
  assert.deepEqual(values, {
    duration_ms: 693.92,
    billed_duration_ms: 694,
    init_duration_ms: 397.68,
    memory_used_bytes: 64 * 1_048_576,
    memory_limit_bytes: 128 * 1_048_576,
    memory_percent: 50,
  })
  assert.notEqual(report?.metadata.uid, metrics?.metadata.uid)
})

test('lost logs and subscriptions are coverage', () => {
  const lost = convert('logs dropped')
  assert.equal(lost.class_uid, 99906002)
  assert.equal(lost.status, 'Degraded')
  assert.equal(lost.lost_count, 123)
  assert.equal(lost.source.name, 'lambda/orders')
  assert.equal(lost.unmapped?.['record.droppedBytes'], 12345)
  assert.equal(convert('subscribed').status, 'Ok')
})

test('what functions and extensions write', () => {
  const line = convert('function line')
  assert.equal(line.class_uid, 6008)
  assert.equal(line.message, 'cannot reach the database')
  assert.equal(line.severity, 'High')
  assert.equal(line.metadata.correlation_uid, REQUEST)
  assert.equal(line.workload?.group, 'orders:7')
  const json = convert('function json', { function: 'arn:aws:lambda:eu-central-1:123456789012:function:orders' })
  assert.equal(json.class_uid, 6002)
  assert.equal(json.message, 'order stored')
  assert.equal(json.time, Date.UTC(2026, 0, 12, 8, 30, 1, 250))
  assert.equal(json.workload?.uid, ORDERS)
  assert.deepEqual(json.unmapped, { order: 17 })
  assert.equal(convert('extension line').activity_name, 'Extension Log')
  assert.equal(convert('extension ready').app.name, 'weir')
})

test('batches and wrong values', () => {
  const one = given('invocation')
  assert.equal(lambdaTelemetry.split?.([one, one])?.length, 2)
  const { function: about, ...bare } = one
  const [inner] = lambdaTelemetry.split?.({ function: about, events: [bare] }) ?? []
  assert.equal(eventOf(lambdaTelemetry, inner).workload?.uid, ORDERS)
  assert.match(refusalOf(lambdaTelemetry, { ...one, time: 7 }), /^wrong_type: time: expected a string/)
  assert.match(refusalOf(lambdaTelemetry, { ...one, record: 'x' }), /^wrong_type: record: expected an object/)
  assert.equal(unmappedOf(lambdaTelemetry, { ...one, record: { requestId: true } })['record.requestId'], true)
  assert.match(refusalOf(lambdaTelemetry, { ...one, function: 7 }), /^wrong_type: function/)
  assert.match(refusalOf(lambdaTelemetry, { hello: 1 }), /^not_lambda_telemetry/)
})
