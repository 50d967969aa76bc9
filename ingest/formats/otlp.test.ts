import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, eventsOf, fixtureCase, make, refusalOf } from '../../test/format-cases.js'
import { otlp, splitOtlp } from './otlp.js'

const given = (name: string) => fixtureCase('otlp/records.jsonl', name)
const convert = (name: string) => eventOf(otlp, given(name))
const TIME = 1768209600123

test('a line of a container', () => {
  const event = convert('line')
  assert.deepEqual([event.class_uid, event.activity_name, event.message], [6002, 'Log', 'hello'])
  assert.deepEqual([event.time, event.metadata.logged_time], [TIME, 1768209601000])
  assert.equal(event.severity, 'Informational')
  assert.equal(event.workload?.uid, 'container/0123456789ab')
  assert.deepEqual(
    [event.workload?.name, event.workload?.group, event.workload?.namespace, event.workload?.account],
    ['web', 'shop:1', 'prod', '123456789012'],
  )
  assert.deepEqual(event.app, { name: 'shop', version: '1.2', lang: 'nodejs' })
  assert.equal(event.metadata.correlation_uid, '5b8efff798038103d269b633813fc60c')
  assert.deepEqual(event.cloud, { provider: 'AWS', account: { uid: '123456789012' }, region: 'eu-central-1' })
  assert.deepEqual(event.unmapped, {
    'attributes.user': 'alice',
    'attributes.n': 3,
    'resource.attributes.custom': 'x',
    spanId: 'EEE19B7EC3C1B174'.toLowerCase(),
  })
})

test('an exception of a function', () => {
  const event = convert('exception')
  assert.deepEqual([event.class_uid, event.severity, event.message], [6008, 'High', 'it broke'])
  assert.deepEqual([event.status_code, event.status_detail], ['TypeError', 'x is not a function'])
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
  assert.equal(event.workload?.group, 'orders:7')
})

test('a structured body of a machine', () => {
  const event = convert('structured body')
  assert.deepEqual(
    [event.message, event.metadata.event_code, event.severity],
    ['login.failed', 'login.failed', 'Medium'],
  )
  assert.deepEqual(event.unmapped?.body, { user: 'bob', list: [1, true, null], big: '9007199254740993' })
  assert.equal(event.workload?.uid, 'vm/i-0abc1234567890def')
})

test('a request; functions are the workloads that their clouds know', () => {
  const event = convert('request')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [4002, 'Get', 'Failure'])
  assert.equal(event.src_endpoint.ip, '203.0.113.9')
  assert.deepEqual(event.dst_endpoint, { hostname: 'orders.example.com', port: 443 })
  assert.equal(event.workload?.uid, 'function/azure/11112222-3333-4444-5555-666677778888/global/orders-func')
  const fatal = convert('fatal')
  assert.deepEqual([fatal.class_uid, fatal.severity], [6008, 'Fatal'])
  assert.equal(fatal.workload?.uid, 'function/gcp/shop-prod/europe-west1/take-order')
})

test('metrics: points of one time are one event, named by their attributes', () => {
  assert.deepEqual(convert('gauge').metrics, [{ name: 'container.memory', value: 1024, unit: 'By' }])
  const events = eventsOf(otlp, given('sum with attributes'))
  assert.deepEqual(
    events.map(({ time, metrics }) => [time, metrics.map((entry: { name: string }) => entry.name)]),
    [
      [TIME, ['system.cpu.time{cpu=0,state=idle}', 'system.cpu.time{cpu=0,state=user}']],
      [1768209610000, ['system.cpu.time{cpu=0,state=user}']],
    ],
  )
  assert.deepEqual(
    convert('histogram').metrics.map(({ name, value }: { name: string; value: number }) => [name, value]),
    [
      ['http.duration.count', 3],
      ['http.duration.sum', 12.5],
      ['http.duration.min', 1],
      ['http.duration.max', 9],
    ],
  )
  assert.deepEqual(convert('summary').metrics.at(-1), { name: 'latency.p99', value: 2 })
})

test('an export request is taken apart; what is wrong in it is refused by itself', () => {
  const { resource, scope, logRecord } = given('line')
  const parts = splitOtlp({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [logRecord, 7] }] }, null] })
  assert.deepEqual(parts, [
    { logRecord, resource, scope },
    { logRecord: 7, resource, scope },
  ])
  assert.equal(splitOtlp({ resourceLogs: 1 }), undefined)
  assert.match(refusalOf(otlp, parts?.[1]), /^not_otlp: /)
  assert.match(refusalOf(otlp, { metric: { name: 'x' } }), /^not_otlp: metric: expected one of/)
  assert.match(refusalOf(otlp, { metric: {} }), /^not_otlp: metric.name: required/)
  const nothing = { name: 'x', gauge: { dataPoints: [{ flags: 1 }, { asDouble: 'NaN' }] } }
  assert.deepEqual(make(otlp, { metric: nothing }).outcome, { kind: 'drop', reason: 'no_value' })
  assert.match(refusalOf(otlp, { logRecord: { timeUnixNano: '9'.repeat(19) } }), /^bad_time: /)
})

test('objects in the place of values are never made text or numbers', () => {
  const hostile = JSON.parse('{"toString":1,"valueOf":2}')
  const points = [
    { asInt: hostile, count: hostile, quantileValues: [{ quantile: hostile, value: hostile }] },
    { asInt: 1 },
  ]
  assert.equal(eventOf(otlp, { metric: { name: 'm', summary: { dataPoints: points } } }).metrics.length, 1)
  const attributes = [{ key: 'a', value: { intValue: hostile } }]
  assert.equal(eventOf(otlp, { logRecord: { body: { intValue: hostile }, attributes } }).class_uid, 6002)
})
