import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { waf } from './waf.js'

const given = (name: string) => fixtureCase('waf/records.jsonl', name)
const convert = (name: string) => eventOf(waf, given(name))

test('a blocked injection: request, rule, verdict, time', () => {
  const event = convert('blocked')
  assert.equal(event.class_uid, 4002)
  assert.equal(event.activity_name, 'Get')
  assert.equal(event.time, 1_768_206_600_123)
  assert.equal(event.status, 'Failure')
  assert.equal(event.action, 'Denied')
  assert.equal(event.disposition, 'Blocked')
  assert.equal(event.severity_id, 1)
  assert.equal(event.http_request.user_agent, 'sqlmap')
  assert.deepEqual(event.http_request.x_forwarded_for, ['203.0.113.66', '10.0.0.1'])
  assert.equal(event.http_request.url.hostname, 'shop.example.com')
  assert.equal(event.http_request.url.query_string, 'q=1%20OR%201=1')
  assert.deepEqual(event.firewall_rule, {
    uid: 'sqli',
    type: 'REGULAR',
    condition: 'SQL_INJECTION',
    match_location: 'QUERY_STRING',
    sensitivity: 'HIGH',
    match_details: ['1', 'OR'],
  })
  assert.equal(event.src_endpoint.location.country, 'NL')
  assert.equal(event.src_endpoint.autonomous_system.number, 64500)
  assert.deepEqual(event.dst_endpoint, {
    svc_name: 'ALB',
    uid: '123456789012-app/shop/1',
    hostname: 'shop.example.com',
  })
  assert.equal(event.policy.name, 'shop')
  assert.equal(event.cloud.region, 'eu-central-1')
  assert.equal(event.http_response.code, 403)
  assert.equal(event.workload, undefined)
})

test('allowed by default', () => {
  const event = convert('allowed by default')
  assert.equal(event.status, 'Success')
  assert.equal(event.activity_name, 'Post')
  assert.equal(event.src_endpoint.ip, '2001:db8::7')
})

test('the rule inside of a group that decided', () => {
  assert.equal(convert('blocked in a group').firewall_rule.name, 'GenericLFI_URIPATH')
})

test('a captcha is a denial of another kind; a method OCSF has no activity for', () => {
  const event = convert('captcha')
  assert.equal(event.disposition, 'Captcha')
  assert.equal(event.activity_name, 'PROPFIND')
})

test('a rate that is only counted', () => {
  const event = convert('counted by a rate')
  assert.equal(event.action, 'Observed')
  assert.equal(event.status_id, undefined)
  assert.equal(event.firewall_rule.rate_limit, 100)
})

test('every other rule that matched is there with what it did', () => {
  const event = eventOf(waf, {
    ...given('allowed by default'),
    nonTerminatingMatchingRules: [{ ruleId: 'count-bots', action: 'COUNT' }],
    ruleGroupList: [
      {
        ruleGroupId: 'AWS#AWSManagedRulesSQLiRuleSet',
        terminatingRule: { ruleId: 'SQLi_BODY', action: 'BLOCK' },
        nonTerminatingMatchingRules: [{ ruleId: 'SQLi_COOKIE', action: 'COUNT' }],
      },
    ],
  })
  const uid = 'AWS#AWSManagedRulesSQLiRuleSet'
  assert.deepEqual(event.authorizations, [
    { decision: 'COUNT', policy: { name: 'count-bots', type: 'WAF rule' } },
    { decision: 'BLOCK', policy: { name: 'SQLi_BODY', uid, type: 'WAF rule' } },
    { decision: 'COUNT', policy: { name: 'SQLi_COOKIE', uid, type: 'WAF rule' } },
  ])
})

test('a wrong value costs its field; what is no record is refused', () => {
  const record = given('allowed by default')
  assert.match(refusalOf(waf, { ...record, timestamp: 'soon' }), /^bad_time: timestamp/)
  const request = record.httpRequest as object
  const odd = { ...record, httpRequest: { ...request, clientIp: 'x' } }
  assert.equal(unmappedOf(waf, odd)['httpRequest.clientIp'], 'x')
  assert.match(refusalOf(waf, { ...record, action: {} }), /^not_waf: action: required, expected a string/)
  assert.match(refusalOf(waf, { webaclId: 'x' }), /^not_waf: httpRequest: required/)
})

const shared = corpusOf('waf', ['parser-corpus/aws_other_s3_waf_alb_dns.jsonl'])
test('all WAF records of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(waf, shared ?? [])
  assert.ok(report.events >= 20)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
