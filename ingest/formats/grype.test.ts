import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { grype } from './grype.js'

const given = () => fixtureCase('grype/reports.jsonl', 'image')

test('a match: advisory with its CVE, package, fix, score, image by its digest', () => {
  const [event, inventory, ...more] = eventsOf(grype, given())
  assert.equal(more.length, 0)
  assert.equal(event?.class_uid, 2002)
  assert.equal(event?.activity_name, 'Create')
  assert.equal(event?.severity, 'Critical')
  assert.equal(event?.time, Date.UTC(2026, 0, 12, 8, 30, 15, 123))
  const [weakness] = event?.vulnerabilities ?? []
  assert.equal(weakness.advisory.uid, 'GHSA-aaaa-bbbb-cccc')
  assert.equal(weakness.advisory.related_cves[0].uid, 'CVE-2026-0003')
  assert.equal(weakness.advisory.related_cves[0].cvss[0].base_score, 9.8)
  assert.equal(weakness.advisory.related_cves[0].epss.score, '0.9')
  assert.equal(weakness.affected_packages[0].fixed_in_version, '4.17.21')
  assert.equal(weakness.affected_packages[0].path, '/app/package.json')
  assert.equal(weakness.affected_packages[0].license, 'MIT')
  assert.equal(event?.status_detail, 'fixed')
  assert.equal(event?.resources[0].uid, `sha256:${'77c1'.repeat(16)}`)
  assert.equal(event?.workload, undefined)
  assert.equal(inventory?.class_uid, 5020)
  assert.equal(inventory?.package.version, '2.3.1')
})

test('a scan that found nothing is still told', () => {
  const events = eventsOf(grype, { ...given(), matches: [] })
  assert.deepEqual(
    events.map(({ class_uid }) => class_uid),
    [5020],
  )
})

test('what is none is refused with the reason', () => {
  assert.match(refusalOf(grype, { matches: 7 }), /^not_grype: expected a report/)
  assert.match(refusalOf(grype, { ...given(), matches: [{}] }), /^not_grype: vulnerability: required, not found/)
  assert.match(
    refusalOf(grype, { ...given(), matches: [{ vulnerability: { id: {} } }] }),
    /^not_grype: vulnerability\.id: required, expected a string, found an object/,
  )
})
