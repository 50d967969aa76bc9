import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { spdx } from './spdx.js'

const given = (name: string) => fixtureCase('spdx/documents.jsonl', name)

test('an image is told by its digest, tag, time, tool and namespace', () => {
  const [event] = eventsOf(spdx, given('image'))
  assert.equal(event?.class_name, 'Software Inventory Info')
  assert.equal(event?.time, Date.UTC(2026, 0, 12, 8, 30, 15))
  assert.deepEqual(event?.device.image, {
    name: 'registry.shop.example/shop-api',
    tag: '2.3.1',
    uid: `sha256:${'77c1'.repeat(16)}`,
  })
  assert.deepEqual([event?.sbom.type, event?.sbom.type_id], ['SPDX', 1])
  assert.equal(event?.sbom.uid, 'https://shop.example/spdx/shop-api-1')
  assert.deepEqual(event?.metadata.product, { name: 'bomber', version: '0.9.1' })
  assert.equal(event?.workload, undefined)
  assert.equal(event?.unmapped?.dataLicense, 'CC0-1.0')
})

test('a package: licence that says something, author, package URL, SHA-256', () => {
  const [event] = eventsOf(spdx, given('image'))
  const [cart, ...more] = event?.sbom.software_components ?? []
  assert.equal(more.length, 1)
  assert.deepEqual(cart, {
    name: '@shop/cart',
    version: '4.17.0',
    purl: 'pkg:npm/%40shop/cart@4.17.0',
    license: 'MIT',
    author: 'Ana Shop (ana@shop.example)',
    hash: { algorithm_id: 3, value: 'b'.repeat(64) },
    type_id: 2,
    type: 'LIBRARY',
    related_component: 'SPDXRef-Root',
    relationship_id: 1,
    relationship: 'Depends On',
  })
})

test('DEPENDS_ON names who needs the package', () => {
  const [event] = eventsOf(spdx, given('image'))
  const openssl = event?.sbom.software_components[1]
  assert.equal(openssl.related_component, 'pkg:npm/%40shop/cart@4.17.0')
  assert.equal(openssl.author, 'Debian')
})

test('files are components of an event of their own', () => {
  const [, event] = eventsOf(spdx, given('image'))
  assert.deepEqual(event?.sbom.software_components, [
    {
      name: '/usr/bin/shop',
      version: 'unknown',
      hash: { algorithm_id: 2, value: 'c'.repeat(40) },
      type_id: 99,
      type: 'FILE',
    },
  ])
  assert.equal(event?.device.image.tag, '2.3.1')
})

test("GitHub's export is read: the repository and what it needs", () => {
  const [event, ...more] = eventsOf(spdx, given('github export'))
  assert.equal(more.length, 0)
  assert.equal(event?.device.name, 'com.github.shop/web')
  assert.equal(event?.package.uid, 'pkg:github/shop/web@main')
  assert.equal(event?.metadata.product.name, 'GitHub.com-Dependency-Graph')
  assert.equal(event?.sbom.software_components[0].license, 'MIT')
  assert.equal(event?.workload, undefined)
})

test('what is none is refused with the reason', () => {
  assert.match(refusalOf(spdx, { spdxVersion: 'SPDX-3.0' }), /^not_spdx: expected a document/)
  assert.match(refusalOf(spdx, { ...given('image'), creationInfo: { created: 'today' } }), /^bad_time/)
  assert.equal(unmappedOf(spdx, spdx.split?.({ ...given('image'), name: true })?.[0]).name, true)
})
