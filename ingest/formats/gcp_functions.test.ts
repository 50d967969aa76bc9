import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { gcpFunctions } from './gcp_functions.js'

const given = (name: string) => fixtureCase('gcp_functions/records.jsonl', name)
const convert = (name: string) => eventOf(gcpFunctions, given(name))

test('an execution begins and ends', () => {
  const start = convert('started')
  assert.deepEqual([start.class_uid, start.activity_name], [6002, 'Start'])
  assert.equal(start.time, Date.UTC(2026, 0, 12, 9, 0, 0, 250))
  assert.equal(start.metadata.correlation_uid, 'ex-1')
  assert.equal(start.workload?.kind, 'function')
  const end = convert('ended')
  assert.deepEqual([end.activity_name, end.status, end.status_code, end.duration], ['Stop', 'Failure', '500', 123])
})

test('a line and an error', () => {
  const line = convert('line')
  assert.deepEqual([line.class_uid, line.activity_name, line.message], [6002, 'Log', 'hello'])
  assert.equal(line.app.name, 'take-order')
  const error = convert('error of a service')
  assert.deepEqual([error.class_uid, error.severity, error.message], [6008, 'High', 'it broke'])
  assert.equal(error.workload?.group, 'take-order:take-order-00007-abc')
  assert.equal(error.metadata.log_source, 'a.js:3:f')
  assert.deepEqual(error.unmapped?.['jsonPayload.code'], 7)
})

test('a request to a service', () => {
  const event = convert('request')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [4002, 'Post', 'Failure'])
  assert.equal(event.severity, 'Medium')
  assert.equal(event.src_endpoint.ip, '203.0.113.66')
  assert.deepEqual(event.dst_endpoint, { ip: '192.0.2.3', svc_name: 'take-order' })
  assert.equal(event.http_request.url.query_string, 'x=1')
  assert.deepEqual([event.http_request.length, event.http_response.length, event.duration], [120, 30, 12])
  assert.equal(event.trace.uid, 'abc')
})

test('a request to a load balancer is no workload of ours', () => {
  const event = convert('load balancer')
  assert.equal(event.class_uid, 4002)
  assert.equal(event.workload, undefined)
  assert.equal(event.dst_endpoint.svc_name, 'web')
})

test('what Cloud Armor decided of a request, and which load balancer took it', () => {
  const record = given('load balancer') as any
  const labels = { ...record.resource.labels, url_map_name: 'web-map', forwarding_rule_name: 'web-rule' }
  const jsonPayload = {
    '@type': 'type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry',
    statusDetails: 'denied_by_security_policy',
    enforcedSecurityPolicy: {
      name: 'armor-prod',
      priority: 1000,
      configuredAction: 'DENY',
      outcome: 'DENY',
      preconfiguredExprIds: ['owasp-crs-v030001-id942251-sqli'],
    },
  }
  const event = eventOf(gcpFunctions, { ...record, resource: { ...record.resource, labels }, jsonPayload })
  assert.equal(event.status_detail, 'denied_by_security_policy')
  assert.deepEqual([event.action_id, event.disposition_id], [2, 2])
  assert.deepEqual(event.firewall_rule, {
    name: 'armor-prod',
    uid: '1000',
    type: 'DENY',
    category: 'Cloud Armor',
    match_details: ['owasp-crs-v030001-id942251-sqli'],
  })
  assert.deepEqual(event.load_balancer, { name: 'web-map', uid: 'web-rule' })
  assert.deepEqual(event.metadata.profiles, ['cloud', 'load_balancer', 'security_control'])
})

test('an entry without a payload is refused', () => {
  assert.match(refusalOf(gcpFunctions, { logName: 'x', timestamp: '2026-01-12T09:00:00Z' }), /^not_log_entry: /)
  assert.match(refusalOf(gcpFunctions, [1]), /^not_log_entry: expected a LogEntry .* found an array/)
})

const corpus = corpusOf('gcp_functions', ['panther-tests/GCP.HTTPLoadBalancer.jsonl'])
test('every record of the corpus becomes valid OCSF', { skip: corpus ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(gcpFunctions, corpus ?? [])
  assert.ok(report.records > 0)
  assert.deepEqual([report.problems, report.rejected, report.events], [{}, {}, report.records])
})
