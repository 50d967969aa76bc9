import assert from 'node:assert/strict'
import { test } from 'node:test'
import { domainOf, isPrivate, networkOf, normalName } from './normalise.js'

test('what differs between like things is taken out of names', () => {
  const alike: [string, string][] = [
    ['/usr/bin/python3.11', '/usr/bin/python3.12'],
    ['/tmp/abc123', '/tmp/x9z2'],
    ['/tmp/tmp.Xa8ZkQ/run', '/tmp/tmp.bR3kLm/run'],
    ['/tmp/go-build81/b001/exe/main', '/tmp/go-build7/b042/exe/main'],
    ['web-7d9f8c6b5-x2x4z', 'web-5c4b8d7f9-k8w2q'],
    ['/proc/123/exe', '/proc/99/exe'],
    ['/opt/app-1.2.3/bin/app', '/opt/app-1.10.0/bin/app'],
    ['job-0b7d2c9e-41f6-4385-9b7d-2c9e41f6a385', 'job-1b7d2c9e-41f6-4385-9b7d-2c9e41f6a386'],
  ]
  for (const [a, b] of alike) assert.equal(normalName(a), normalName(b))
})

test('what is chosen by somebody stays', () => {
  const different: [string, string][] = [
    ['/usr/bin/curl', '/usr/bin/wget'],
    ['/tmp/xmrig', '/tmp/build'],
    ['/tmp/.x/kworkerd', '/tmp/.y/kworkerd'],
    ['/usr/bin/python3', '/usr/bin/perl5'],
    ['/usr/bin/ec2metadata', '/usr/bin/sha256sum'],
  ]
  for (const [a, b] of different) assert.notEqual(normalName(a), normalName(b))
})

test('addresses: own networks, networks of peers, domains', () => {
  for (const ip of [
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '127.0.0.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    'fe80::1',
    '::ffff:10.0.0.1',
  ]) {
    assert.equal(isPrivate(ip), true, ip)
  }
  for (const ip of ['172.32.0.1', '100.128.0.1', '8.8.8.8', '2001:db8::1', '::ffff:8.8.8.8'])
    assert.equal(isPrivate(ip), false, ip)
  assert.equal(networkOf('203.0.113.66'), '203.0.113.0/24')
  assert.equal(networkOf('::ffff:203.0.113.66'), '203.0.113.0/24')
  assert.equal(networkOf('2001:DB8:1:2::7'), '2001:db8:1::/48')
  assert.equal(networkOf('2001:db8::7'), '2001:db8:0::/48')
  assert.equal(domainOf('s3-7.eu-central-1.Example.com.'), 'eu-central-#.example.com')
})
