import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { route53Resolver } from './route53_resolver.js'

const given = (name: string) => fixtureCase('route53_resolver/records.jsonl', name)
const convert = (name: string) => eventOf(route53Resolver, given(name))

test('a query with its answer: who asked, what, when', () => {
  const event = convert('answered')
  assert.equal(event.class_uid, 4003)
  assert.equal(event.activity_name, 'Traffic')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30))
  assert.equal(event.status, 'Success')
  assert.equal(event.severity_id, 1)
  assert.deepEqual(event.query, { hostname: 'pool.example.net', type: 'A', class: 'IN' })
  assert.deepEqual(event.answers, [{ rdata: '203.0.113.9', type: 'A', class: 'IN' }])
  assert.deepEqual(event.src_endpoint, {
    ip: '10.0.1.5',
    port: 36899,
    vpc_uid: 'vpc-1',
    instance_uid: 'i-0b7d2c9e41f6a3850',
    uid: 'rslvr-in-1',
  })
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(event.cloud.account.uid, '123456789012')
  assert.equal(event.unmapped, undefined)
})

test('a name that is not there is a failure', () => {
  const event = convert('not found')
  assert.equal(event.status, 'Failure')
  assert.equal(event.rcode_id, 3)
  assert.equal(event.answers, undefined)
})

test('DNS Firewall: blocked in a log, alert of EventBridge', () => {
  const blocked = convert('blocked')
  assert.equal(blocked.action, 'Denied')
  assert.equal(blocked.disposition, 'Blocked')
  assert.deepEqual(blocked.firewall_rule, { uid: 'rslvr-frg-1', category: 'rslvr-fdl-1', type: 'DGA' })
  const alert = convert('firewall alert of EventBridge')
  assert.equal(alert.activity_name, 'Query')
  assert.equal(alert.disposition, 'Alert')
  assert.equal(alert.is_alert, true)
  assert.equal(alert.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(alert.query.hostname, 'bad.example')
})

test('a single answer outside of a list; a line of a hosted zone', () => {
  assert.equal(convert('one answer without a list').answers[0].rdata, '1.2.3.4')
  const hosted = convert('hosted zone')
  assert.equal(hosted.query.hostname, 'www.example.com')
  assert.deepEqual(hosted.dst_endpoint, { uid: 'Z123412341234', svc_name: 'route53', zone: 'FRA6' })
  assert.equal(hosted.src_endpoint.ip, '192.0.2.1')
  assert.equal(hosted.connection_info.direction_id, 1)
  assert.equal(hosted.workload, undefined)
})

test('deliveries and wrong values', () => {
  const query = given('answered')
  const message = JSON.stringify(query)
  const logs = { messageType: 'DATA_MESSAGE', owner: '1', logEvents: [{ id: '1', timestamp: 1, message }] }
  const [inner] = route53Resolver.split?.(JSON.stringify(logs)) ?? []
  assert.equal(eventOf(route53Resolver, inner).query.type, 'A')
  const odd = { srcaddr: 'x', srcport: 'http', answers: 'x' }
  assert.deepEqual(unmappedOf(route53Resolver, { ...query, ...odd }), odd)
  assert.match(refusalOf(route53Resolver, { ...query, query_timestamp: '9999-01-01T00:00:00Z' }), /^bad_time/)
  assert.match(refusalOf(route53Resolver, { query_name: '' }), /^not_route53: queryname: required/)
})

const shared = corpusOf('route53_resolver', [
  'parser-corpus/aws_vpc_flow.jsonl',
  'panther-tests/AWS.VPCDns+OCSF.DnsActivity.jsonl',
])
test('all queries of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(route53Resolver, shared ?? [])
  assert.ok(report.events > 10)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
