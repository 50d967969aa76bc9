import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { securityHub } from './security_hub.js'

const given = (name: string) => fixtureCase('security_hub/findings.jsonl', name)
const convert = (name: string) => eventOf(securityHub, given(name))

test('an attack on an instance: detection finding with its connection', () => {
  const event = convert('instance is attacked')
  assert.equal(event.class_uid, 2004)
  assert.equal(event.activity_name, 'Create')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30))
  assert.equal(event.severity, 'High')
  assert.equal(event.status, 'New')
  assert.deepEqual(event.finding_info.attacks, [{ tactic: { uid: 'TA0001', name: 'Initial Access' } }])
  assert.equal(event.evidences[0].src_endpoint.ip, '203.0.113.66')
  assert.equal(event.evidences[0].connection_info.direction_id, 1)
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(event.device.vpc_uid, 'vpc-1')
  assert.equal(event.metadata.product.name, 'GuardDuty')
  assert.equal(event.cloud.account.uid, '123456789012')
})

test('a failed control: compliance finding of a function', () => {
  const event = convert('control failed')
  assert.equal(event.class_uid, 2003)
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.status, 'Resolved')
  assert.deepEqual(event.compliance, {
    control: 'Lambda.1',
    standards: ['standards/pci'],
    requirements: ['PCI 1'],
    status: 'FAILED',
    status_id: 3,
    status_code: 'PUBLIC',
    status_details: ['anybody may call'],
  })
  assert.deepEqual(event.remediation, { desc: 'Restrict it', references: ['https://example.com/fix'] })
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
})

test('a vulnerable package: vulnerability finding', () => {
  const event = convert('package is vulnerable')
  assert.equal(event.class_uid, 2002)
  assert.equal(event.severity, 'Critical')
  const [vulnerability] = event.vulnerabilities
  assert.equal(vulnerability.cve.uid, 'CVE-2025-12345')
  assert.equal(vulnerability.cve.cvss[0].base_score, 9.8)
  assert.equal(vulnerability.affected_packages[0].fixed_in_version, '3.0.2')
  assert.equal(vulnerability.is_fix_available, true)
  assert.equal(vulnerability.is_exploit_available, false)
  assert.equal(vulnerability.remediation.desc, 'Update')
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
})

test('the key of a role: actor, call, verdict, closed', () => {
  const event = convert('key of a role')
  assert.equal(event.activity_name, 'Close')
  assert.equal(event.status, 'Archived')
  assert.equal(event.verdict_id, 2)
  assert.equal(event.confidence_score, 80)
  assert.equal(event.comment, 'checked')
  assert.equal(event.evidences[0].actor.user.name, 'Admin')
  assert.equal(event.evidences[0].actor.user.credential_uid, 'ASIAEXAMPLE')
  assert.equal(event.evidences[0].api.operation, 'GetObject')
  assert.equal(event.resources[0].role_id, 1)
  assert.deepEqual(event.resources[0].tags, [{ name: 'team', value: 'a' }])
})

test("GuardDuty's action in product fields; a container", () => {
  const event = convert('guardduty in product fields')
  assert.equal(event.evidences[0].dst_endpoint.port, 443)
  assert.equal(event.evidences[0].connection_info.direction, 'Outbound')
  assert.equal(event.count, 3)
  assert.equal(event.disposition_id, 1)
  assert.equal(event.workload?.uid, 'container/3f2a9c0d11ee')
  assert.equal(event.metadata.product.name, 'GuardDuty')
  assert.equal(event.unmapped, undefined)
})

test('a finding of one standard names it among the fields of the product', () => {
  const finding = {
    SchemaVersion: '2018-10-08',
    Id: 'arn:aws:securityhub:us-east-2:111111111111:subscription/pci-dss/v/3.2.1/PCI.Config.1/finding/1',
    ProductArn: 'arn:aws:securityhub:us-east-2::product/aws/securityhub',
    AwsAccountId: '111111111111',
    CreatedAt: '2026-01-12T08:30:00Z',
    UpdatedAt: '2026-01-12T08:30:00Z',
    Title: 'PCI.Config.1',
    Compliance: { Status: 'FAILED' },
    ProductFields: {
      StandardsArn: 'arn:aws:securityhub:::standards/pci-dss/v/3.2.1',
      ControlId: 'PCI.Config.1',
      RecommendationUrl: 'https://docs.aws.amazon.com/console/securityhub/Config.1/remediation',
      'aws/securityhub/FindingId': 'arn:aws:securityhub:us-east-2::product/aws/securityhub/1',
      'aws/securityhub/CompanyName': 'AWS',
    },
  }
  const event = eventOf(securityHub, finding)
  assert.deepEqual([event.class_uid, event.time, event.compliance.status_id], [2003, Date.UTC(2026, 0, 12, 8, 30), 3])
  assert.equal(event.compliance.control, 'PCI.Config.1')
  assert.deepEqual(event.compliance.standards, ['arn:aws:securityhub:::standards/pci-dss/v/3.2.1'])
  assert.deepEqual(event.remediation.references, [finding.ProductFields.RecommendationUrl])
  assert.equal(event.finding_info.uid_alt, 'arn:aws:securityhub:us-east-2::product/aws/securityhub/1')
  assert.equal(event.unmapped, undefined)
})

test('lists, EventBridge, OCSF findings, wrong values', () => {
  const finding = given('control failed')
  const bridge = { 'detail-type': 'Security Hub Findings - Imported', detail: { findings: [finding, finding] } }
  assert.equal(securityHub.split?.(bridge)?.length, 2)
  assert.equal(securityHub.split?.({ Findings: [finding] })?.length, 1)
  const ocsf = {
    class_uid: 2003,
    activity_id: 1,
    time: 1_768_206_600_000,
    severity_id: 3,
    compliance: { control: 'x' },
    cloud: { provider: 'AWS', account: { uid: '123456789012' }, region: 'eu-central-1' },
    finding_info: { uid: 'u', title: 't' },
    metadata: { version: '1.5.0', product: { name: 'Security Hub' } },
    resources: [{ uid: 'arn:aws:lambda:eu-central-1:123456789012:function:orders', type: 'AWS::Lambda::Function' }],
  }
  const [inner] = securityHub.split?.({ 'detail-type': 'Findings Imported V2', detail: { findings: [ocsf] } }) ?? []
  const event = eventOf(securityHub, inner)
  assert.equal(event.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
  assert.equal(event.metadata.version, '1.8.0')
  const odd = unmappedOf(securityHub, { ...finding, Title: true, UpdatedAt: 'soon' })
  assert.deepEqual([odd.Title, odd.UpdatedAt], [true, 'soon'])
  assert.match(refusalOf(securityHub, { ...finding, Id: '' }), /^not_security_hub: Id: required/)
})

const shared = corpusOf('security_hub', [
  'parser-corpus/aws_guardduty_asff.jsonl',
  'parser-corpus/ocsf_raw_expected_pairs.jsonl',
])
test('all Security Hub findings of the corpus become valid OCSF', {
  skip: shared ? false : '../shared/data is absent',
}, () => {
  const report = corpusReport(securityHub, shared ?? [])
  assert.ok(report.events >= 5)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
