import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { eventOf, eventsOf, fixtureCase, make, refusalOf } from '../../test/format-cases.js'
import { cloudtrail } from './cloudtrail.js'
import { lambdaLogs } from './lambda_logs.js'
import { lambdaTelemetry } from './lambda_telemetry.js'
import { vpcFlow } from './vpc_flow.js'

const REGION = { region: 'eu-central-1' }
const ORDERS = 'function/aws/123456789012/eu-central-1/orders'
const REQUEST = '6d68ca91-49c9-448d-89b8-7ca3e6dc66aa'
const given = (name: string) => fixtureCase('lambda_logs/lines.jsonl', name)

test('a REPORT line that tells of a timeout: error, numbers, trace', () => {
  const [report, metrics] = eventsOf(lambdaLogs, given('report line'), { ...REGION, account: '123456789012' })
  assert.equal(report?.class_uid, 6008)
  assert.equal(report?.status, 'Failure')
  assert.equal(report?.status_code, 'timeout')
  assert.equal(report?.severity, 'High')
  assert.equal(report?.duration, 3000)
  assert.equal(report?.metadata.correlation_uid, REQUEST)
  assert.equal(metrics?.metrics.find(({ name }: any) => name === 'memory_percent').value, 75)
})

test('START and INIT_START lines are those of the Telemetry API', () => {
  const start = eventOf(lambdaLogs, given('start line'))
  assert.equal(start.activity_name, 'Invoke')
  assert.equal(start.app.version, '7')
  assert.equal(start.metadata.event_code, 'platform.start')
  const init = eventOf(lambdaLogs, given('init line'))
  assert.equal(init.activity_name, 'Start')
  assert.equal(init.app.feature.name, 'nodejs:20.v30')
})

test('a subscription: function by log group, version by stream, level and request by the line', () => {
  const event = eventOf(lambdaLogs, given('subscription event'), REGION)
  assert.equal(event.class_uid, 6002)
  assert.equal(event.activity_name, 'Log')
  assert.equal(event.time, 1_768_206_601_200)
  assert.equal(event.message, 'slow answer')
  assert.equal(event.severity, 'Medium')
  assert.equal(event.workload?.uid, ORDERS)
  assert.equal(event.workload?.group, 'orders:7')
  assert.equal(event.metadata.correlation_uid, REQUEST)
  assert.equal(event.metadata.uid, '37000000000000000000000000000000000000000000000000000001')
  assert.deepEqual(event.unmapped, { subscriptionFilters: ['weir'] })
})

test("Lambda's JSON log format, with a log group of the operator's choice", () => {
  const [report, metrics] = eventsOf(lambdaLogs, given('json system log'), REGION)
  assert.equal(report?.workload?.uid, ORDERS)
  assert.equal(report?.status, 'Success')
  assert.equal(metrics?.metrics[0].value, 12.5)
  assert.notEqual(report?.metadata.uid, metrics?.metadata.uid)
})

test('a structured logger names the function by ARN, the error and its stack', () => {
  const event = eventOf(lambdaLogs, given('powertools'))
  assert.equal(event.class_uid, 6008)
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-west-1/pay')
  assert.equal(event.message, 'payment refused')
  assert.equal(event.status_code, 'PaymentError')
  assert.equal(event.status_detail, 'Traceback ...')
  assert.equal(event.unmapped?.cold_start, true)
})

test('base64 and gzip, control messages, wrong values', () => {
  const logEvents = [{ id: '1', timestamp: 1_768_206_601_200, message: given('start line') }]
  const payload = { messageType: 'DATA_MESSAGE', owner: '123456789012', logGroup: '/aws/lambda/orders', logEvents }
  const data = gzipSync(JSON.stringify(payload)).toString('base64')
  for (const record of [JSON.stringify({ awslogs: { data } }), data]) {
    const parts = lambdaLogs.split?.(record) ?? []
    assert.equal(parts.length, 1)
    assert.equal(eventOf(lambdaLogs, parts[0], REGION).workload?.uid, ORDERS)
  }
  const control = { messageType: 'CONTROL_MESSAGE', logEvents: [{ id: '', timestamp: 1, message: 'CWL CONTROL' }] }
  assert.deepEqual(lambdaLogs.split?.(JSON.stringify(control)), [])
  const event = given('subscription event')
  assert.match(refusalOf(lambdaLogs, { ...event, timestamp: -5 }), /^wrong_type: timestamp/)
  assert.match(refusalOf(lambdaLogs, '[1,2]'), /^not_lambda_logs/)
  assert.equal(make(lambdaLogs, '{"message":"x","level":{"a":1}}').problems.length, 0)
})

test('one function is one workload, whoever tells of it', () => {
  const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:orders'
  const eni = 'eni-0a1b2c3d4e5f60718'
  const flow = fixtureCase('vpc_flow/records.jsonl', 'default line')
  const call = {
    eventSource: 'lambda.amazonaws.com',
    eventName: 'Invoke',
    awsRegion: 'eu-central-1',
    requestParameters: { functionName: arn },
    recipientAccountId: '123456789012',
    userIdentity: { type: 'AWSService', invokedBy: 'sns.amazonaws.com' },
  }
  const seen = [
    eventOf(cloudtrail, call),
    eventOf(vpcFlow, flow, { enis: { [eni]: arn } }),
    eventOf(lambdaTelemetry, fixtureCase('lambda_telemetry/events.jsonl', 'invocation')),
    eventOf(lambdaLogs, given('subscription event'), REGION),
  ]
  assert.deepEqual(
    seen.map((event) => event.workload?.uid),
    [ORDERS, ORDERS, ORDERS, ORDERS],
  )
})
