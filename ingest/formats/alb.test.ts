import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { alb } from './alb.js'

const given = (name: string) => fixtureCase('alb/records.jsonl', name)
const convert = (name: string, config?: object) => eventOf(alb, given(name), config)

const GROUP = 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/orders/73e2d6bc24d8a067'

test('a request over TLS: both sides, times, sizes', () => {
  const event = convert('https request')
  assert.equal(event.class_uid, 4002)
  assert.equal(event.activity_name, 'Get')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 0, 186))
  assert.equal(event.start_time, Date.UTC(2026, 0, 12, 8, 30, 0, 100))
  assert.equal(event.status, 'Success')
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.66', port: 2817 })
  assert.deepEqual(event.dst_endpoint, { ip: '10.0.1.5', port: 8080 })
  assert.equal(event.duration, 171)
  assert.equal(event.http_response.latency, 48)
  assert.deepEqual(event.traffic, { bytes_in: 120, bytes_out: 57, bytes: 177 })
  assert.equal(event.http_request.url.path, '/search')
  assert.deepEqual(event.tls, {
    version: 'TLSv1.2',
    cipher: 'ECDHE-RSA-AES128-GCM-SHA256',
    sni: 'shop.example.com',
  })
  assert.equal(event.load_balancer.name, 'app/shop/50dc6c495c0c9188')
  assert.equal(event.cloud.account.uid, '123456789012')
  assert.equal(event.workload, undefined)
})

test('a refusal by WAF; quotes inside of words', () => {
  const event = convert('refused by WAF')
  assert.equal(event.status, 'Failure')
  assert.equal(event.status_code, '403')
  assert.equal(event.dst_endpoint, undefined)
  assert.equal(event.firewall_rule.type, 'waf')
  assert.match(event.http_request.user_agent, /quoted/)
})

test('a function behind a target group', () => {
  const event = convert('function fails', {
    targets: { [GROUP]: 'arn:aws:lambda:eu-central-1:123456789012:function:orders' },
  })
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
  assert.equal(event.status_detail, 'LambdaInvalidResponse')
  assert.equal(event.duration, 500)
})

test('a request that is none', () => {
  const event = convert('strange request')
  assert.equal(event.http_response.code, 400)
  assert.equal(event.load_balancer.classification, 'Ambiguous')
})

test('a row as JSON', () => {
  const event = convert('row as JSON')
  assert.equal(event.activity_name, 'Delete')
  assert.equal(event.status_code, '404')
  assert.deepEqual(event.dst_endpoint, { ip: '10.0.1.5', port: 8080 })
})

test('a client with an IPv6 address in brackets; a request that could not be read', () => {
  const line = given('https request') as unknown as string
  const event = eventOf(alb, line.replace('203.0.113.66:2817', '[2001:db8::7]:2817'))
  assert.deepEqual(event.src_endpoint, { ip: '2001:db8::7', port: 2817 })
  const bad = eventOf(alb, line.replace(/"[A-Z]+ [^"]*"/, '"- http://orders.example:80- -"'))
  assert.equal(bad.http_request.http_method, undefined)
  assert.equal(bad.activity_name, 'Unknown')
  assert.equal(bad.http_request.url.url_string, 'http://orders.example:80-')
})

test('a wrong value costs its field; what is no record is refused', () => {
  const line = given('https request') as unknown as string
  assert.equal(unmappedOf(alb, line.replace('203.0.113.66:2817', 'nobody:1')).client, 'nobody:1')
  assert.equal(unmappedOf(alb, line.replace(' 120 ', ' -7 ')).receivedbytes, '-7')
  assert.match(refusalOf(alb, line.replace('2026-01-12T', '2026-13-12T')), /^bad_time: time: /)
  assert.match(refusalOf(alb, 'http 1 2'), /^not_alb: expected at least 12 fields, found 3/)
  assert.match(refusalOf(alb, { elb: 7 }), /^not_alb: elb: required/)
})
