import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { wazuh } from './wazuh.js'

const convert = (name: string) => eventOf(wazuh, fixtureCase('wazuh/alerts.jsonl', name))

test('an alert is a finding with its rule, technique, severity, machine and evidence', () => {
  const event = convert('ssh')
  assert.deepEqual([event.class_uid, event.activity_name], [CLASS.detection_finding, 'Create'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 0, 123))
  assert.equal(event.severity_id, 3)
  assert.equal(event.finding_info.uid, '1768206600.4711')
  assert.equal(event.finding_info.analytic.uid, '5712')
  assert.deepEqual(event.finding_info.attacks, [
    { tactic: { uid: 'TA0006', name: 'Credential Access' }, technique: { uid: 'T1110', name: 'Brute Force' } },
  ])
  assert.deepEqual(event.finding_info.tags, [{ name: 'pci_dss', values: ['11.4', '10.2.4'] }])
  assert.deepEqual(event.evidences[0].src_endpoint, { ip: '203.0.113.7', port: 50222 })
  assert.equal(event.evidences[0].user.name, 'oracle')
  assert.equal(event.workload?.uid, 'vm/web-1')
  assert.deepEqual(
    [event.device.hostname, event.device.ip, event.device.agent_list[0].uid],
    ['web-1', '10.0.1.5', '003'],
  )
  assert.deepEqual(event.metadata.reporter, { hostname: 'wazuh-1' })
})

test('a changed file, with who changed it; the indexer’s wrapping', () => {
  const event = convert('file')
  const [evidence] = event.evidences
  assert.equal(evidence.file.path, '/etc/passwd')
  assert.equal(evidence.file.hashes[0].value, 'ab'.repeat(32))
  assert.deepEqual([evidence.process.pid, evidence.process.name], [812, 'vim'])
  assert.deepEqual(event.actor.user, { uid: '1000', name: 'ana' })
})

test('a container is the workload, a cloud account is none', () => {
  const event = convert('docker')
  assert.equal(event.workload?.uid, 'container/a1b2c3d4e5f6')
  assert.equal(event.workload?.image, 'shop:1.2')
  const cloud = convert('cloud')
  assert.equal(cloud.workload, undefined)
  assert.equal(cloud.device, undefined)
  const archived = convert('archived')
  assert.deepEqual([archived.workload?.uid, archived.severity_id], ['vm/fw-1', 1])
})

test('vulnerabilities and checks have findings of their own', () => {
  const event = convert('vulnerability')
  assert.equal(event.class_uid, CLASS.vulnerability_finding)
  assert.equal(event.vulnerabilities[0].cve.uid, 'CVE-2025-1')
  assert.equal(event.vulnerabilities[0].affected_packages[0].name, 'openssl')
  assert.equal(event.severity_id, 5)
  const check = convert('check')
  assert.equal(check.class_uid, CLASS.compliance_finding)
  assert.deepEqual([check.compliance.control, check.compliance.status_id], ['Ensure root login is disabled', 3])
})

test('what an integration fetched is read as what it is', () => {
  const event = convert('bucket log')
  assert.deepEqual([event.class_uid, event.activity_name, event.status_id], [CLASS.http_activity, 'Get', 1])
  assert.equal(event.src_endpoint.ip, '203.0.113.7')
  assert.equal(event.time, 1_768_206_600_850)
})

test('refused with a reason', () => {
  assert.match(refusalOf(wazuh, { rule: { level: 1 } }), /^not_wazuh: agent/)
  assert.match(refusalOf(wazuh, { agent: { id: '1' }, timestamp: 'now', rule: {} }), /^bad_time/)
  assert.match(refusalOf(wazuh, { agent: 'x', rule: {} }), /^not_wazuh: agent: required, expected an object/)
})

const paths = ['parser-corpus/wazuh_gcp.jsonl', 'parser-corpus/wazuh_docker_events.jsonl']
const shared = corpusOf('wazuh', paths)
test('all records of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(wazuh, shared ?? [])
  assert.ok(report.events >= 15)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
