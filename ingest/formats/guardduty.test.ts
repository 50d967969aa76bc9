import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { guardduty } from './guardduty.js'

const given = (name: string) => fixtureCase('guardduty/findings.jsonl', name)
const convert = (name: string) => eventOf(guardduty, given(name))

test('an access key: actor, call, source, target, tactic, severity, times', () => {
  const event = convert('key used from elsewhere')
  assert.equal(event.class_uid, 2004)
  assert.equal(event.activity_name, 'Create')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30))
  assert.equal(event.severity, 'Medium')
  assert.equal(event.status, 'New')
  assert.equal(event.finding_info.uid, '11112222333344445555666677778888')
  assert.equal(event.finding_info.first_seen_time, Date.UTC(2026, 0, 12, 8, 10))
  assert.deepEqual(event.finding_info.attacks, [{ tactic: { uid: 'TA0003', name: 'Persistence' } }])
  const [evidence] = event.evidences
  assert.equal(evidence.actor.user.name, 'alice')
  assert.equal(evidence.actor.user.credential_uid, 'AKIAEXAMPLEKEY000001')
  assert.deepEqual(evidence.api, {
    operation: 'PutUserPolicy',
    service: { name: 'iam.amazonaws.com' },
    response: { error: 'AccessDenied' },
  })
  assert.deepEqual(evidence.src_endpoint, {
    ip: '203.0.113.66',
    isp: 'Example',
    isp_org: 'Example',
    autonomous_system: { number: 64500, name: 'EXAMPLE-AS' },
    location: { city: 'Utrecht', country: 'NL', desc: 'Netherlands', lat: 52.1, long: 5.1 },
  })
  assert.deepEqual(
    event.resources.map(({ uid, type, role }: any) => [uid, type, role]),
    [
      ['AKIAEXAMPLEKEY000001', 'AWS::IAM::AccessKey', 'Actor'],
      ['arn:aws:iam::123456789012:user/bob', 'AWS::IAM::User', 'Affected'],
    ],
  )
  assert.equal(event.workload, undefined)
  assert.deepEqual(event.unmapped, {
    'service.resourceRole': 'TARGET',
    'resource.resourceType': 'AccessKey',
  })
})

test('an instance: device, workload, query, threat list, an update of the finding', () => {
  const event = convert('instance mines')
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.severity, 'High')
  assert.equal(event.count, 4)
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(event.workload?.group, 'ami-0123')
  assert.equal(event.device.ip, '10.0.1.5')
  assert.equal(event.device.type_id, 6)
  assert.equal(event.evidences[0].query.hostname, 'pool.example.net')
  assert.equal(event.enrichments[0].value, 'ProofPoint')
  assert.equal(event.action, 'Allowed')
})

test('a connection that was blocked: who is source depends on the direction', () => {
  const event = convert('instance is probed')
  assert.equal(event.severity, 'Low')
  assert.equal(event.disposition, 'Blocked')
  const [evidence] = event.evidences
  assert.equal(evidence.src_endpoint.ip, '203.0.113.66')
  assert.deepEqual(evidence.dst_endpoint, { ip: '10.0.1.5', port: 22, svc_name: 'SSH' })
  assert.equal(evidence.connection_info.direction, 'Inbound')
  const out = convert('function talks to a bad address')
  assert.equal(out.evidences[0].dst_endpoint.port, 443)
  assert.equal(out.workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
  assert.equal(out.workload?.group, 'orders:7')
})

test('a process in a pod is its container', () => {
  const event = convert('process in a pod')
  assert.equal(event.workload?.uid, 'container/3f2a9c0d11ee')
  assert.equal(event.workload?.cluster, 'prod')
  assert.equal(event.workload?.namespace, 'shop')
  const { process, container } = event.evidences[0]
  assert.equal(process.pid, 4711)
  assert.equal(process.cmd_line, '/tmp/xmrig -o pool')
  assert.equal(process.file.hashes[0].value, 'a'.repeat(64))
  assert.equal(process.parent_process.name, 'sh')
  assert.deepEqual(process.lineage, ['/bin/sh'])
  assert.equal(container.image.name, 'registry.example/cart:1')
  assert.equal(event.metadata.product.feature?.name, 'RuntimeMonitoring')
})

test('whether the resource is the target, and what the detector adds', () => {
  const finding = given('instance mines') as any
  const service = { ...finding.service, resourceRole: 'ACTOR', additionalInfo: { type: 'default', sample: true } }
  const event = eventOf(guardduty, { ...finding, service })
  assert.ok(event.resources.some(({ role }: { role: string }) => role === 'Actor'))
  assert.deepEqual(event.evidences[0].data, { type: 'default', sample: true })
  assert.equal(event.unmapped?.['service.resourceRole'], undefined)
})

test('an attack sequence: techniques and tactics; archived is closed', () => {
  const event = convert('sequence of an attack')
  assert.equal(event.severity, 'Critical')
  assert.equal(event.activity_name, 'Close')
  assert.equal(event.status, 'Archived')
  assert.deepEqual(event.finding_info.attacks, [
    { tactic: { uid: 'TA0007', name: 'Discovery' }, technique: { uid: 'T1562' }, sub_technique: { uid: 'T1562.008' } },
  ])
})

test('envelopes, the API with capital letters, and wrong values', () => {
  const finding = given('instance mines')
  const bridge = { version: '0', 'detail-type': 'GuardDuty Finding', source: 'aws.guardduty', detail: finding }
  const event = eventOf(guardduty, guardduty.split?.(bridge)?.[0])
  assert.equal(event.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal((event.unmapped as any).envelope['detail-type'], 'GuardDuty Finding')
  const capital = {
    Id: 'x',
    AccountId: '123456789012',
    Region: 'eu-central-1',
    Type: 'Recon:EC2/Portscan',
    Severity: 5,
    UpdatedAt: '2026-01-12T08:30:00Z',
    Title: 't',
    Resource: { InstanceDetails: { InstanceId: 'i-0b7d2c9e41f6a3850' } },
    Service: { ServiceName: 'guardduty', DetectorId: 'd' },
  }
  const [inner] = guardduty.split?.({ Findings: [capital] }) ?? []
  assert.equal(eventOf(guardduty, inner).workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(unmappedOf(guardduty, { ...finding, severity: 'x' }).severity, 'x')
  assert.equal(unmappedOf(guardduty, { ...finding, updatedAt: 'soon' }).updatedAt, 'soon')
  const { createdAt: _, ...undated } = { ...finding, updatedAt: 'soon', service: { serviceName: 'guardduty' } } as any
  assert.match(refusalOf(guardduty, undated), /^bad_time: updatedAt: required, expected a date/)
  assert.match(refusalOf(guardduty, { ...finding, id: null }), /^not_guardduty: id: required/)
  assert.equal(unmappedOf(guardduty, { ...finding, service: 'x' }).service, 'x')
})

const shared = corpusOf('guardduty', ['parser-corpus/aws_guardduty_asff.jsonl', 'panther-tests/AWS.GuardDuty.jsonl'])
test('all GuardDuty findings of the corpus become valid OCSF', {
  skip: shared ? false : '../shared/data is absent',
}, () => {
  const report = corpusReport(guardduty, shared ?? [])
  assert.ok(report.events >= 4)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})

test('a finding is known by its type where the service does not name itself', () => {
  const { service, ...finding } = given('instance is probed') as any
  const { serviceName: _, detectorId: __, ...rest } = service
  assert.equal(guardduty.detect({ ...finding, service: rest }), 0.95)
  assert.equal(guardduty.detect({ type: 'a:b', service: {}, resource: {} }), 0)
})
