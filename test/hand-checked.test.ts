import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formats } from '../ingest/formats/index.js'
import { eventsOf, fixtureCases, fixtureFiles } from './format-cases.js'
import { inShort } from './hand-checked.js'

/**
 * Every case of formats whose own tests look at few: when, class and activity, status, actor, target, workload of each
 * event, checked against the record by hand. Images, inventories and file systems are no workloads.
 */
const CASES: { readonly [format: string]: { readonly [name: string]: readonly string[] } } = {
  bedrock_invocation: {
    'a function asks': [
      '2026-01-12T08:30:00.000Z | 6003 Converse | Success | orders-role | anthropic.claude-3-haiku-20240307-v1:0 | function/aws/123456789012/eu-central-1/orders',
    ],
    'a guardrail intervened': [
      '2026-01-12T08:30:00.000Z | 6003 InvokeModel | Success | mallory | anthropic.claude-3-haiku-20240307-v1:0 | -',
    ],
    'an instance in another region': [
      '2026-01-12T08:30:00.000Z | 6003 ConverseStream | Success | web | eu.amazon.nova-lite-v1:0 | vm/i-0b7d2c9e41f6a3850',
    ],
    refused: [
      '2026-01-12T08:30:00.000Z | 6003 InvokeModel | Failure | any | anthropic.claude-3-haiku-20240307-v1:0 | -',
    ],
    'from CloudWatch Logs': [
      '2026-01-12T08:31:00.000Z | 6003 Converse | Success | orders-role | anthropic.claude-3-haiku-20240307-v1:0 | function/aws/123456789012/eu-central-1/orders',
    ],
  },
  cloudevents: {
    'unknown contents': ['2026-01-12T11:00:00.500Z | 6003 Create | - | https://shop.example.com/orders | orders/7 | -'],
    base64: ['2026-01-12T00:00:00.000Z | 6003 com.example.ping | - | urn:x | - | -'],
    'google audit': ['2026-01-12T11:00:02.000Z | 6003 Delete | Success | alice@example.com | b | -'],
    ocsf: ['2026-01-12T11:00:00.000Z | 4001 Open | - | - | 192.0.2.1 | -'],
    'azure event grid': [
      '2026-01-12T11:00:04.000Z | 6003 Delete | Success | Alice | web-1 | vm/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg/providers/microsoft.compute/virtualmachines/web-1',
    ],
  },
  cyclonedx: {
    image: ['2026-01-12T08:30:15.123Z | 5020 Collect | Success | - | registry.shop.example/shop-api:2.3.1 | -'],
    vex: [
      '2026-01-12T08:30:15.000Z | 5020 Collect | Success | - | shop-web | -',
      '2026-01-12T08:30:15.000Z | 2002 Create | New | - | shop-web CVE-2026-0101 | -',
      '2026-01-12T08:30:15.000Z | 2002 Create | Suppressed | - | shop-web GHSA-gggg-hhhh-iiii | -',
    ],
    machine: ['2026-01-12T08:31:00.000Z | 5020 Collect | Success | - | web-1 | -'],
    'file system': ['2026-01-12T08:32:00.000Z | 5020 Collect | Success | - | /srv/shop | -'],
    'vex that is mended': [
      '2026-01-12T08:33:00.000Z | 5020 Collect | Success | - | shop-web | -',
      '2026-01-12T08:33:00.000Z | 2002 Create | Resolved | - | shop-web CVE-2026-0401 | -',
    ],
  },
  gcp_vpc_flow: {
    outbound: [
      '2026-01-12T08:59:30.200Z | 4001 Traffic | - | - | 203.0.113.9 443 | vm/projects/shop-prod/zones/europe-west1-b/instances/web-01',
    ],
    inbound: [
      '2026-01-12T08:59:30.000Z | 4001 Traffic | - | - | web-01 22 | vm/projects/shop-prod/zones/europe-west1-b/instances/web-01',
    ],
    'udp between machines': [
      '2026-01-12T08:59:30.000Z | 4001 Traffic | - | - | dns-02 53 | vm/projects/shop-prod/zones/europe-west1-b/instances/web-01',
    ],
    denied: [
      '2026-01-12T09:00:00.250Z | 4001 Refuse | Failure | - | 10.0.0.5 22 | vm/projects/shop-prod/zones/europe-west1-b/instances/web-01',
    ],
    'allowed out': [
      '2026-01-12T09:00:00.250Z | 4001 Open | Success | - | 198.51.100.66 80 | vm/projects/shop-prod/zones/europe-west1-b/instances/web-01',
    ],
    'pod calls out': [
      '2026-01-12T08:59:30.000Z | 4001 Traffic | - | - | 203.0.113.9 443 | pod/prod/shop/shop-api-6c9f7d5b48-x2x7k',
    ],
    'icmp from outside': [
      '2026-01-12T08:59:30.000Z | 4001 Traffic | - | - | web-01 | vm/projects/shop-prod/zones/europe-west1-b/instances/web-01',
    ],
  },
  grype: {
    image: [
      '2026-01-12T08:30:15.123Z | 2002 Create | New | - | registry.shop.example/shop-api:2.3.1 GHSA-aaaa-bbbb-cccc | -',
      '2026-01-12T08:30:15.123Z | 5020 Collect | Success | - | registry.shop.example/shop-api:2.3.1 | -',
    ],
    directory: [
      '2026-01-12T08:31:00.000Z | 2002 Create | New | - | /srv/shop CVE-2026-0201 | -',
      '2026-01-12T08:31:00.000Z | 5020 Collect | Success | - | /srv/shop | -',
    ],
    'not fixed': [
      '2026-01-12T07:32:00.000Z | 2002 Create | New | - | web:7 CVE-2025-0202 | -',
      '2026-01-12T07:32:00.000Z | 5020 Collect | Success | - | web:7 | -',
    ],
    'known to be exploited': [
      '2026-01-12T08:33:00.500Z | 2002 Create | New | - | registry.shop.example/cart@sha256:1212121212121212121212121212121212121212121212121212121212121212 CVE-2026-0203 | -',
      '2026-01-12T08:33:00.500Z | 5020 Collect | Success | - | registry.shop.example/cart@sha256:1212121212121212121212121212121212121212121212121212121212121212 | -',
    ],
    inventory: [
      '2026-01-12T08:34:00.000Z | 2002 Create | New | - | /builds/sbom.json CVE-2026-0204 | -',
      '2026-01-12T08:34:00.000Z | 5020 Collect | Success | - | /builds/sbom.json | -',
    ],
  },
  kubernetes_objects: {
    'pod listed': ['2026-01-12T00:00:00.000Z | 5001 Collect | Success | - | - | container/9c1f0b7ad2e4'],
    'binding changed': ['2026-01-12T08:30:15.000Z | 3004 Update | Success | - | shop/deployers | -'],
    node: ['2026-01-12T00:00:00.000Z | 5001 Collect | Success | - | - | vm/i-0abc1234def567890'],
    deployment: ['2026-01-12T00:00:00.000Z | 5023 Collect | Success | - | shop/web | -'],
    'policy added': ['2026-01-12T08:31:00.000Z | 3004 Create | Success | - | shop/deny-all | -'],
    'account added': ['2026-01-12T08:31:00.000Z | 3004 Create | Success | - | shop/ci | -'],
    'role deleted': ['2026-01-12T00:00:00.000Z | 3004 Delete | Success | - | deployer | -'],
    'secret listed': ['2026-01-12T00:00:00.000Z | 5023 Collect | Success | - | shop/db | -'],
  },
  openwhisk_activation: {
    success: [
      '2026-01-12T09:20:00.123Z | 6003 Invoke | Success | alice@example.com | web/take-order | function/openwhisk/shop/global/web/take-order',
    ],
    'application error': [
      '2026-01-12T09:20:01.000Z | 6003 Invoke | Failure | shop | pay | function/openwhisk/shop/global/pay',
    ],
    'developer error by word': [
      '2026-01-12T09:20:02.000Z | 6003 Invoke | Failure | Unknown | pay | function/openwhisk/shop/global/pay',
    ],
    'user event': [
      '2026-01-12T09:20:03.000Z | 6003 Invoke | Failure | shop | web/take-order | function/openwhisk/shop/global/web/take-order',
    ],
    metric: ['2026-01-12T09:20:04.000Z | 99905001 Log | - | - | - | -'],
    timeout: [
      '2026-01-12T09:20:05.000Z | 6003 Invoke | Failure | bob@example.com | report | function/openwhisk/shop/global/report',
    ],
    sequence: [
      '2026-01-12T09:20:06.000Z | 6003 Invoke | Success | alice@example.com | checkout | function/openwhisk/shop/global/checkout',
    ],
  },
  spdx: {
    image: [
      '2026-01-12T08:30:15.000Z | 5020 Collect | Success | - | registry.shop.example/shop-api | -',
      '2026-01-12T08:30:15.000Z | 5020 Collect | Success | - | registry.shop.example/shop-api | -',
    ],
    'github export': ['2026-01-12T08:30:15.000Z | 5020 Collect | Success | - | com.github.shop/web | -'],
    machine: ['2026-01-12T08:31:00.000Z | 5020 Collect | Success | - | web-1 | -'],
    directory: ['2026-01-12T08:32:00.000Z | 5020 Collect | Success | - | /srv/shop | -'],
    'image by its digest': ['2026-01-12T08:33:00.000Z | 5020 Collect | Success | - | registry.shop.example/cart | -'],
  },
  trivy: {
    image: [
      '2026-01-12T08:30:15.123Z | 2002 Create | New | - | registry.shop.example/shop-api:2.3.1 CVE-2026-0001 | -',
      '2026-01-12T08:30:15.123Z | 2002 Create | New | - | registry.shop.example/shop-api:2.3.1 GHSA-aaaa-bbbb-cccc | -',
      '2026-01-12T08:30:15.123Z | 2003 Create | New | - | Dockerfile DS002 | -',
      '2026-01-12T08:30:15.123Z | 2004 Create | New | - | registry.shop.example/shop-api:2.3.1 | -',
      '2026-01-12T08:30:15.123Z | 5020 Collect | Success | - | registry.shop.example/shop-api:2.3.1 | -',
    ],
    operator: [
      '2026-01-12T08:31:00.000Z | 2002 Create | New | - | registry.shop.example/shop-api:2.3.1 CVE-2026-0002 | -',
      '2026-01-12T08:31:00.000Z | 5020 Collect | Success | - | registry.shop.example/shop-api:2.3.1 | -',
    ],
    'file system': [
      '2026-01-12T08:31:00.000Z | 2002 Create | New | - | /srv/shop CVE-2026-0301 | -',
      '2026-01-12T08:31:00.000Z | 5020 Collect | Success | - | /srv/shop | -',
    ],
    'machine image': [
      '2026-01-12T08:32:00.000Z | 2002 Create | New | - | ami-0abc1234def567890 CVE-2026-0302 | -',
      '2026-01-12T08:32:00.000Z | 5020 Collect | Success | - | ami-0abc1234def567890 | -',
    ],
    'repository with a setting that passes': [
      '2026-01-12T08:33:00.000Z | 2003 Create | New | - | main.tf AVD-AWS-0086 | -',
      '2026-01-12T08:33:00.000Z | 5020 Collect | Success | - | https://git.shop.example/infra | -',
    ],
  },
}

for (const [format, cases] of Object.entries(CASES)) {
  test(`${format}: each case by its time, class, status, actor, target and workload`, () => {
    const definition = formats.find(format)
    const found: { [name: string]: string[] } = {}
    for (const { name, record } of fixtureFiles(format).flatMap((path) => fixtureCases(path))) {
      const events = (definition.split?.(record) ?? [record]).flatMap((part) => eventsOf(definition, part))
      found[name] = events.map((event) => `${new Date(event.time).toISOString()} | ${inShort(event)}`)
    }
    assert.deepEqual(found, cases)
    assert.ok(Object.keys(cases).length >= 5)
  })
}

test('every format has five cases or more', () => {
  for (const { name } of formats.all) {
    const n = fixtureFiles(name).reduce((sum, path) => sum + fixtureCases(path).length, 0)
    assert.ok(n >= 5 || name === 'ndjson', `${name}: ${n} cases`)
  }
})
