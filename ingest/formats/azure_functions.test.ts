import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { azureActivity } from './azure_activity.js'
import { azureFunctions } from './azure_functions.js'

const given = (name: string) => fixtureCase('azure_functions/records.jsonl', name)
const convert = (name: string) => eventOf(azureFunctions, given(name))
const APP = 'function/azure/11112222-3333-4444-5555-666677778888/global/orders-func'

test('a request that failed', () => {
  const event = convert('request')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [4002, 'Post', 'Failure'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 10, 0, 0, 100))
  assert.equal(event.workload?.uid, APP)
  assert.deepEqual(event.src_endpoint, { ip: '198.51.100.7', location: { city: 'Berlin', country: 'Germany' } })
  assert.equal(event.http_response.code, 500)
  assert.equal(event.http_request.url.path, '/api/checkout')
  assert.equal(event.duration, 12)
  assert.equal(event.metadata.correlation_uid, 'op-1')
})

test('a request without a URL is an invocation', () => {
  const event = convert('queue request')
  assert.deepEqual([event.class_uid, event.activity_name, event.api.operation], [6003, 'Invoke', 'Ship'])
  assert.equal(event.workload?.uid, APP)
  assert.equal(event.status, 'Success')
})

test('what the function calls: HTTP and others', () => {
  const event = convert('dependency')
  assert.equal(event.class_uid, 4002)
  assert.deepEqual(event.dst_endpoint, { hostname: 'evil.example.net', port: 8443 })
  assert.deepEqual(event.src_endpoint, { svc_name: 'orders-func' })
  assert.equal(event.workload?.uid, APP)
  const sql = convert('sql dependency')
  assert.deepEqual([sql.class_uid, sql.activity_name, sql.api.service.name], [6003, 'Call', 'SQL'])
  assert.deepEqual(sql.dst_endpoint, { hostname: 'db.example.net' })
  assert.equal(sql.duration, 6)
})

test('traces, exceptions and log lines', () => {
  const start = convert('trace')
  assert.deepEqual([start.class_uid, start.activity_name, start.app.feature.name], [6002, 'Start', 'Checkout'])
  const failed = convert('exception')
  assert.deepEqual([failed.class_uid, failed.severity, failed.status_code], [6008, 'High', 'System.IO.IOException'])
  const line = convert('function app log')
  assert.deepEqual([line.class_uid, line.message, line.status_detail], [6008, 'it broke', 'boom'])
  assert.equal(line.metadata.log_source, 'Function.Checkout.User')
  assert.equal(line.metadata.correlation_uid, 'inv-1')
})

test('metrics belong to the function app', () => {
  const event = convert('metric')
  assert.equal(event.class_uid, 99905001)
  assert.deepEqual(event.metrics, [{ name: 'Checkout Count', value: 7 }])
  assert.equal(event.workload?.uid, APP)
})

test("the SDK's protocol and the continuous export", () => {
  const sdk = convert('sdk protocol')
  assert.deepEqual([sdk.activity_name, sdk.duration, sdk.src_endpoint.ip], ['Get', 1500, '198.51.100.7'])
  const exported = convert('export')
  assert.deepEqual([exported.http_response.code, exported.duration], [204, 100])
  assert.equal(exported.time, Date.UTC(2026, 0, 12, 10, 0, 9))
})

test('the function app is one workload in telemetry, in its log and in the activity log', () => {
  const stopped = eventOf(
    azureActivity,
    fixtureCase('azure_activity/records.jsonl', 'function app stopped, lower-case table'),
  )
  const uids = [convert('request'), convert('function app log'), stopped].map(({ workload }) => workload?.uid)
  assert.deepEqual(uids, [APP, APP, APP])
})

test('what cannot be read is refused', () => {
  assert.match(refusalOf(azureFunctions, 7), /^not_azure: /)
  assert.match(refusalOf(azureFunctions, { Type: 'AppTraces', TimeGenerated: '2999-01-01T00:00:00Z' }), /^bad_time: /)
})
