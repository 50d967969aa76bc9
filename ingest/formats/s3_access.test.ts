import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { s3Access } from './s3_access.js'

const given = (name: string) => fixtureCase('s3_access/records.jsonl', name)
const convert = (name: string) => eventOf(s3Access, given(name))

test('an object that a user reads', () => {
  const event = convert('object read')
  assert.equal(event.class_uid, 6005)
  assert.equal(event.activity_name, 'Read')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30))
  assert.equal(event.status, 'Success')
  assert.equal(event.severity_id, 1)
  assert.equal(event.actor.user.name, 'alice')
  assert.equal(event.actor.user.account.uid, '123456789012')
  assert.equal(event.databucket.name, 'pictures')
  assert.deepEqual(event.databucket.file, { name: 'b.png', path: 'a/b.png', type_id: 1, size: 3_462_992 })
  assert.equal(event.http_request.url.query_string, 'x=1')
  assert.deepEqual(event.http_response, { code: 200, length: 2_662_992, latency: 10 })
  assert.equal(event.cloud.region, 'eu-central-1')
  assert.equal(event.workload, undefined)
})

test('nobody known is refused', () => {
  const event = convert('anonymous is refused')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 7, 30))
  assert.equal(event.activity_name, 'List')
  assert.equal(event.actor.user.name, 'anonymous')
  assert.equal(event.status, 'Failure')
  assert.equal(event.status_code, 'AccessDenied')
})

test('an instance writes with its role, through an access point', () => {
  const event = convert('instance writes')
  assert.equal(event.activity_name, 'Write')
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(event.workload?.group, 'web-instance')
  assert.equal(event.http_request.user_agent, 'aws-sdk-java')
  assert.equal(event.dst_endpoint.uid, 'arn:aws:s3:eu-central-1:123456789012:accesspoint/ap')
})

test('what S3 does itself has no address', () => {
  const event = convert('lifecycle deletes')
  assert.equal(event.activity_name, 'Delete')
  assert.deepEqual(event.src_endpoint, { svc_name: 's3.amazonaws.com' })
  assert.equal(event.databucket.file.size, 1000)
})

test('a row as JSON', () => {
  const event = convert('row as JSON')
  assert.equal(event.activity_name, 'Delete')
  assert.equal(event.http_response.code, 204)
  assert.equal(event.dst_endpoint.hostname, 'pictures.s3.us-west-2.amazonaws.com')
})

test('a wrong value costs its field; what is no record is refused', () => {
  const line = given('object read') as unknown as string
  assert.equal(unmappedOf(s3Access, line.replace('203.0.113.66', 'x')).remoteip, 'x')
  assert.match(refusalOf(s3Access, line.replace('12/Jan', '99/Jan')), /^bad_time: time/)
  assert.equal(unmappedOf(s3Access, line.replace(' 200 ', ' 7 ')).httpstatus, '7')
  assert.match(refusalOf(s3Access, 'a b c'), /^not_s3_access: expected at least 8 fields, found 3/)
  assert.match(refusalOf(s3Access, { key: 'k' }), /^not_s3_access: bucket: required/)
})

const shared = corpusOf('s3_access', ['parser-corpus/aws_other_s3_waf_alb_dns.jsonl'])
test('all S3 records of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(s3Access, shared ?? [])
  assert.ok(report.events >= 10)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
