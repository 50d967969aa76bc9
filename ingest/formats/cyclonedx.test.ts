import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { cyclonedx } from './cyclonedx.js'

const given = (name: string) => fixtureCase('cyclonedx/inventories.jsonl', name)

test('an image is told by its digest, tag, time, tool and number', () => {
  const [event, ...more] = eventsOf(cyclonedx, given('image'))
  assert.equal(more.length, 0)
  assert.equal(event?.class_name, 'Software Inventory Info')
  assert.equal(event?.time, Date.UTC(2026, 0, 12, 8, 30, 15, 123))
  assert.deepEqual(event?.device.image, {
    name: 'registry.shop.example/shop-api',
    tag: '2.3.1',
    uid: `sha256:${'77c1'.repeat(16)}`,
  })
  assert.equal(event?.sbom.uid, 'urn:uuid:5b1f7f0e-6f0b-4d1d-9f6a-1c2d3e4f5a6b')
  assert.equal(event?.sbom.version, '2')
  assert.equal(event?.sbom.type, 'CycloneDX')
  assert.deepEqual(event?.metadata.product, { name: 'bomber', vendor_name: 'Shop Tools', version: '0.9.1' })
  // An image is what workloads are made of, and none itself.
  assert.equal(event?.workload, undefined)
  assert.deepEqual(event?.unmapped?.services, [{ name: 'payments', endpoints: ['https://pay.shop.example'] }])
})

test('a component: name with its group, licences, author, SHA-256, who depends on it', () => {
  const [event] = eventsOf(cyclonedx, given('image'))
  const [os, cart, inner, openssl, file] = event?.sbom.software_components ?? []
  assert.deepEqual([os.name, os.version, os.type_id], ['debian', '12.9', 3])
  assert.deepEqual(cart, {
    name: '@shop/cart',
    version: '4.17.0',
    purl: 'pkg:npm/%40shop/cart@4.17.0',
    license: 'MIT AND Shop Licence',
    author: 'Ana Shop',
    hash: { algorithm_id: 3, value: 'b'.repeat(64) },
    type_id: 2,
    type: 'library',
    related_component: `pkg:oci/shop-api@sha256%3A${'77c1'.repeat(16)}?repository_url=registry.shop.example`,
    relationship_id: 1,
    relationship: 'Depends On',
  })
  assert.deepEqual([inner.name, inner.type_id], ['inner', 1])
  assert.equal(openssl.related_component, 'pkg:npm/%40shop/cart@4.17.0')
  assert.deepEqual([openssl.author, openssl.license], ['Debian', 'Apache-2.0 OR BSD-3-Clause'])
  assert.deepEqual([file.type, file.version, file.type_id], ['file', 'unknown', 99])
})

test('a vulnerability: worst severity, scores, package it affects, advice and analysis', () => {
  const [inventory, event] = eventsOf(cyclonedx, given('vex'))
  assert.equal(inventory?.class_uid, 5020)
  assert.equal(event?.class_uid, 2002)
  assert.equal(event?.severity, 'Critical')
  assert.equal(event?.status, 'New')
  assert.equal(event?.status_detail, 'exploitable')
  const [weakness] = event?.vulnerabilities ?? []
  assert.equal(weakness.cve.uid, 'CVE-2026-0101')
  assert.deepEqual(
    weakness.cve.cvss.map(({ base_score, version }: { base_score: number; version: string }) => [base_score, version]),
    [
      [5.3, '3.1'],
      [9.8, '3.1'],
    ],
  )
  assert.deepEqual(weakness.cve.related_cwes, [{ uid: 'CWE-1321' }])
  assert.equal(weakness.cve.created_time, Date.UTC(2026, 0, 2))
  assert.equal(weakness.remediation.desc, 'Update minimist to 1.2.6.')
  assert.deepEqual(weakness.related_vulnerabilities, ['GHSA-dddd-eeee-ffff'])
  assert.equal(weakness.affected_packages[0].purl, 'pkg:npm/minimist@1.2.5')
  assert.equal(event?.finding_info.src_url, 'https://nvd.example/CVE-2026-0101')
  assert.equal(event?.unmapped?.['analysis.detail'], 'Parses what users send.')
})

test('what does not affect is suppressed, and a component of another inventory is named by its reference', () => {
  const event = eventsOf(cyclonedx, given('vex'))[2]
  assert.equal(event?.status, 'Suppressed')
  assert.equal(event?.severity, 'High')
  assert.equal(event?.vulnerabilities[0].advisory.uid, 'GHSA-gggg-hhhh-iiii')
  assert.equal(event?.vulnerabilities[0].affected_packages[0].purl, 'pkg:npm/elsewhere@1.0.0')
  assert.equal(event?.unmapped?.['analysis.justification'], 'code_not_reachable')
})

test('a large inventory is several events of up to 500 components, each with its part as raw record', () => {
  const components = Array.from({ length: 1_200 }, (_, n) => ({ type: 'library', name: `p${n}`, version: '1' }))
  const events = eventsOf(cyclonedx, { ...given('image'), components })
  assert.deepEqual(
    events.map(({ sbom }) => sbom.software_components.length),
    [500, 500, 200],
  )
  assert.equal(new Set(events.map(({ metadata }) => metadata.uid)).size, 3)
  for (const event of events) assert.equal(event.device.image.tag, '2.3.1')
  assert.ok(events[1]?.raw_data?.includes('"p500"') && !events[1].raw_data.includes('"p1"'))
})

test('components nested however deep are listed, and a repeated name does not multiply what is stored', () => {
  const depth = 3_000
  const nested = `${'{"name":"a","components":['.repeat(depth)}{"name":"b"}${']}'.repeat(depth)}`
  const bom = `{"bomFormat":"CycloneDX","metadata":{"component":{"name":"${'x'.repeat(100_000)}"}},"components":[${nested}]}`
  const parts = cyclonedx.split?.(JSON.parse(bom)) ?? []
  assert.equal(parts.length, 7)
  assert.ok(JSON.stringify(parts.slice(1)).length < 200_000)
})

test('what is none is refused with the reason', () => {
  assert.match(refusalOf(cyclonedx, { bomFormat: 'Other' }), /^not_cyclonedx: expected an inventory/)
  assert.match(refusalOf(cyclonedx, { ...given('vex'), vulnerabilities: [{}] }), /^not_cyclonedx: vulnerability\.id/)
  assert.match(refusalOf(cyclonedx, { ...given('image'), metadata: { timestamp: 'today' } }), /^bad_time/)
  const [first] = cyclonedx.split?.({ ...given('image'), serialNumber: true }) ?? []
  assert.equal(unmappedOf(cyclonedx, first).serialNumber, true)
})
