import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { trivy } from './trivy.js'

const given = (name: string) => fixtureCase('trivy/reports.jsonl', name)
const digest = `sha256:${'77c1'.repeat(16)}`

test('an image: weaknesses, a bad setting, a secret and the inventory are events of their own', () => {
  const events = eventsOf(trivy, given('image'))
  assert.deepEqual(
    events.map(({ class_uid }) => class_uid),
    [2002, 2002, 2003, 2004, 5020],
  )
  for (const event of events) assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15, 123))
  // An image is what workloads are made of, and none itself.
  for (const event of events) assert.equal(event.workload, undefined)
})

test('a CVE: package, fix, score, image by its digest', () => {
  const [event] = eventsOf(trivy, given('image'))
  assert.equal(event?.activity_name, 'Create')
  assert.equal(event?.severity, 'High')
  const [weakness] = event?.vulnerabilities ?? []
  assert.equal(weakness.cve.uid, 'CVE-2026-0001')
  assert.equal(weakness.cve.cvss[0].base_score, 9.8)
  assert.equal(weakness.cve.cvss[0].version, '3.1')
  assert.equal(weakness.cve.created_time, Date.UTC(2026, 0, 2, 3, 4, 5))
  assert.equal(weakness.cve.related_cwes[0].uid, 'CWE-787')
  assert.equal(weakness.is_fix_available, true)
  assert.deepEqual(weakness.affected_packages[0], {
    name: 'openssl',
    version: '3.0.1',
    fixed_in_version: '3.0.2',
    purl: 'pkg:deb/debian/openssl@3.0.1',
    uid: 'openssl@3.0.1',
    package_manager: 'debian',
    type_id: 2,
  })
  assert.equal(event?.resources[0].uid, digest)
  assert.deepEqual(event?.device.image, { name: 'registry.shop.example/shop-api', tag: '2.3.1', uid: digest })
})

test('what is no CVE is an advisory; the rest of the report in its own classes', () => {
  const [, advisory, setting, secret, inventory] = eventsOf(trivy, given('image'))
  assert.equal(advisory?.vulnerabilities[0].advisory.uid, 'GHSA-aaaa-bbbb-cccc')
  assert.equal(advisory?.vulnerabilities[0].is_fix_available, false)
  assert.equal(advisory?.severity, 'Unknown')
  assert.equal(setting?.compliance.control, 'DS002')
  assert.equal(setting?.compliance.status, 'Fail')
  assert.equal(secret?.finding_info.analytic.uid, 'aws-access-key-id')
  assert.equal(secret?.evidences[0].file.path, '/app/.env')
  assert.equal(inventory?.sbom.software_components[0].purl, 'pkg:deb/debian/openssl@3.0.1')
})

test('a report of the operator; a large report is cut and its parts are small', () => {
  const [event] = eventsOf(trivy, given('operator'))
  assert.equal(event?.vulnerabilities[0].cve.uid, 'CVE-2026-0002')
  assert.equal(event?.resources[0].namespace, 'shop')
  assert.equal(event?.resources[0].uid, digest)
  const Packages = Array.from({ length: 1_200 }, (_, n) => ({ Name: `p${n}`, Version: '1' }))
  const parts = trivy.split?.({ ArtifactName: 'x', SchemaVersion: 2, Results: [{ Packages }] }) ?? []
  assert.equal(parts.length, 3)
})

test('what Trivy examines is never a machine that runs', () => {
  for (const ArtifactType of ['vm', 'cyclonedx', 'something newer']) {
    for (const event of eventsOf(trivy, { ...given('machine image'), ArtifactType })) {
      assert.equal(event.workload, undefined, ArtifactType)
    }
  }
})

test('what is none is refused with the reason', () => {
  assert.match(refusalOf(trivy, { Results: 7 }), /^not_trivy: expected a report/)
  const report = (Vulnerabilities: unknown[]) => ({ ArtifactName: 'x', Results: [{ Vulnerabilities }] })
  assert.match(refusalOf(trivy, report([{}])), /^not_trivy: vulnerability/)
  assert.match(refusalOf(trivy, report([{ VulnerabilityID: true }])), /^not_trivy: vulnerability: an id is required/)
})
