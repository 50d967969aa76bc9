import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport, surest } from '../../test/corpus.js'
import { eventOf, eventsOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { gcpAudit } from './gcp_audit.js'
import { gcpFunctions } from './gcp_functions.js'
import { gcpVpcFlow } from './gcp_vpc_flow.js'
import { k8sAudit } from './k8s_audit.js'

const given = (name: string) => fixtureCase('gcp_audit/records.jsonl', name)
const convert = (name: string) => eventOf(gcpAudit, given(name))
const FUNCTION = 'function/gcp/shop-prod/europe-west1/take-order'
const MACHINE = 'vm/projects/shop-prod/zones/europe-west1-b/instances/web-01'

test('a key is made with a borrowed service account', () => {
  const event = convert('key made')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [6003, 'Create', 'Success'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15, 123))
  assert.equal(event.start_time, Date.UTC(2026, 0, 12, 8, 30, 15, 100))
  assert.equal(event.severity, 'Informational')
  assert.equal(event.actor.user.name, 'ci@shop-prod.iam.gserviceaccount.com')
  assert.deepEqual([event.actor.user.type_id, event.actor.user.credential_uid], [4, 'abc123'])
  assert.equal(event.actor.invoked_by, 'mallory@example.com')
  assert.equal(event.actor.authorizations[0].policy.name, 'iam.serviceAccountKeys.create')
  assert.deepEqual(
    [event.api.operation, event.api.service.name, event.api.version],
    ['google.iam.admin.v1.CreateServiceAccountKey', 'iam.googleapis.com', 'v1'],
  )
  assert.equal(event.src_endpoint.ip, '203.0.113.66')
  assert.equal(event.http_request.user_agent, 'google-cloud-sdk')
  assert.equal(event.resources[0].uid, 'projects/-/serviceAccounts/1')
  assert.equal(event.cloud.project_uid, 'shop-prod')
  assert.equal(event.metadata.product.feature?.name, 'admin activity')
  assert.equal(event.metadata.logged_time, Date.UTC(2026, 0, 12, 8, 30, 16, 500))
  assert.equal(event.workload, undefined)
})

test('a refused change of a bucket', () => {
  const event = convert('bucket opened, refused')
  assert.deepEqual([event.activity_name, event.status, event.status_code], ['Update', 'Failure', 'PERMISSION_DENIED'])
  assert.equal(event.severity, 'High')
  assert.equal(event.actor.authorizations[0].decision, 'Denied')
  assert.equal(event.resources[0].data.service_data.policyDelta.bindingDeltas[0].member, 'allUsers')
  assert.equal(event.src_endpoint.ip, '2001:db8::9')
  assert.equal(event.metadata.product.feature?.name, 'data access')
})

test('a function is one workload: under its name, as the service that runs it, and in its logs', () => {
  assert.equal(convert('function replaced').workload?.uid, FUNCTION)
  assert.equal(convert('service opened to all').workload?.uid, FUNCTION)
  const line = eventOf(gcpFunctions, fixtureCase('gcp_functions/records.jsonl', 'line'))
  const request = eventOf(gcpFunctions, fixtureCase('gcp_functions/records.jsonl', 'request'))
  assert.deepEqual([line.workload?.uid, request.workload?.uid], [FUNCTION, FUNCTION])
})

test('a machine is one workload in the audit log and in flow logs', () => {
  assert.equal(convert('machine made').workload?.uid, MACHINE)
  assert.equal(convert('system event').workload?.uid, MACHINE)
  const flow = eventOf(gcpVpcFlow, fixtureCase('gcp_vpc_flow/records.jsonl', 'outbound'))
  assert.equal(flow.workload?.uid, MACHINE)
  const event = convert('machine made')
  assert.deepEqual(event.src_endpoint, { name: 'gce-internal-ip' })
  assert.equal(event.resources[1].name, 'web-01')
  assert.deepEqual([event.cloud.region, event.cloud.zone], ['europe-west1', 'europe-west1-b'])
})

test('policy denied, system event and sign-in', () => {
  const denied = convert('policy denied')
  assert.deepEqual([denied.status, denied.activity_name], ['Failure', 'Read'])
  assert.equal(denied.resources[0].data.metadata.violationReason, 'NO_MATCHING_ACCESS_LEVEL')
  assert.equal(convert('system event').metadata.product.feature?.name, 'system event')
  const login = convert('failed sign-in')
  assert.deepEqual([login.class_uid, login.activity_name, login.status], [3002, 'Logon', 'Failure'])
  assert.equal(login.user.name, 'bob@example.com')
})

test('a table export in lower case', () => {
  const event = convert('table export')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 40, 0, 500))
  assert.deepEqual([event.activity_name, event.api.service.name], ['Create', 'kube-apiserver'])
  assert.equal(event.src_endpoint.ip, '10.0.0.2')
  assert.equal(event.actor.user.type_id, 4)
})

test('Pub/Sub messages are taken apart; the uid is of the entry, not of the delivery', () => {
  const entry = given('key made')
  const data = Buffer.from(JSON.stringify(entry)).toString('base64')
  const pushed = { message: { data, messageId: '7', publishTime: '2026-01-12T08:31:00Z' }, subscription: 's' }
  const [inner] = gcpAudit.split?.(pushed) ?? []
  const event = eventsOf(gcpAudit, inner)[0]
  assert.equal(event?.metadata.uid, convert('key made').metadata.uid)
  assert.deepEqual(event?.unmapped?.envelope, {
    messageId: '7',
    publishTime: '2026-01-12T08:31:00Z',
    subscription: 's',
  })
  assert.equal(gcpAudit.split?.({ receivedMessages: [{ ackId: 'a', message: { data } }, {}] })?.length, 2)
  assert.equal(gcpAudit.split?.({ entries: [entry] })?.length, 1)
  assert.equal(gcpAudit.split?.(entry), undefined)
  assert.ok(gcpAudit.detect(pushed) > 0.9)
  const broken = gcpAudit.split?.({ message: { data: Buffer.from('{nonsense').toString('base64') } })?.[0]
  assert.match(refusalOf(gcpAudit, JSON.stringify(broken)), /^not_log_entry: /)
})

test('calls of a cluster are those of k8s_audit, whichever format reads the sink', () => {
  const entry = fixtureCase('k8s_audit/events.jsonl', 'GKE in Cloud Logging')
  const event = eventOf(gcpAudit, entry)
  assert.ok(event.workload?.uid.startsWith('pod/'), event.workload?.uid)
  assert.deepEqual(event, { ...eventOf(k8sAudit, entry), raw_data: event.raw_data })
  const { serviceName: _, ...protoPayload } = entry.protoPayload as Record<string, unknown>
  assert.equal(eventOf(gcpAudit, { ...entry, protoPayload }).workload?.uid, event.workload?.uid)
  assert.equal(surest({ ...entry, protoPayload }), 'k8s_audit')
})

test('the service is told by the method where an export left it out', () => {
  const serviceOf = (methodName: string) => eventOf(gcpAudit, { protoPayload: { methodName } }).api.service?.name
  assert.equal(serviceOf('v1.compute.firewalls.insert'), 'compute.googleapis.com')
  assert.equal(serviceOf('google.cloud.run.v1.Services.SetIamPolicy'), 'run.googleapis.com')
  assert.equal(serviceOf('google.iam.admin.v1.CreateServiceAccount'), 'iam.googleapis.com')
  assert.equal(serviceOf('bigquery.tables.delete'), 'bigquery.googleapis.com')
  assert.equal(serviceOf('SetIamPolicy'), undefined)
  assert.equal(eventOf(gcpAudit, { protoPayload: { methodName: 'Encrypt' } }).activity_name, 'Read')
})

test('which OAuth client called, which constraints it broke, how a change began', () => {
  const record = given('key made') as any
  const violationInfo = [
    { constraint: 'constraints/iam.disableServiceAccountKeyCreation', errorMessage: 'No keys.', policyType: 'LIST' },
  ]
  const event = eventOf(gcpAudit, {
    ...record,
    protoPayload: {
      ...record.protoPayload,
      authenticationInfo: { principalEmail: 'a@example.org', oauthInfo: { oauthClientId: '1-a.apps' } },
      policyViolationInfo: { orgPolicyViolationInfo: { violationInfo } },
      resourceOriginalState: { disabled: true },
    },
  })
  assert.equal(event.actor.app_uid, '1-a.apps')
  assert.deepEqual(event.actor.authorizations.at(-1), {
    decision: 'Denied',
    policy: { name: 'constraints/iam.disableServiceAccountKeyCreation', desc: 'No keys.', type: 'LIST' },
  })
  assert.deepEqual(event.resources[0].data.original_state, { disabled: true })
})

test('a wrong type costs only its field; what is no entry is refused', () => {
  const event = eventOf(gcpAudit, { ...given('key made'), resource: '...', severity: true, labels: [] })
  assert.equal(event.unmapped?.resource, '...')
  assert.equal(event.unmapped?.severity, true)
  assert.match(refusalOf(gcpAudit, { logName: 'x' }), /^not_log_entry: expected a LogEntry/)
  assert.match(refusalOf(gcpAudit, { ...given('key made'), timestamp: '2500-01-01T00:00:00Z' }), /^bad_time: /)
})

const corpus = corpusOf('gcp_audit', ['parser-corpus/gcp_audit.jsonl', 'panther-tests/GCP.AuditLog.jsonl'])
test('every record of the corpus becomes valid OCSF', { skip: corpus ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(gcpAudit, corpus ?? [])
  assert.deepEqual([report.problems, report.rejected, report.events], [{}, {}, report.records])
})

test('only the payload of an audit log, as some exports have it', () => {
  const record = {
    methodName: 'v1.compute.firewalls.insert',
    serviceName: 'compute.googleapis.com',
    authenticationInfo: { principalEmail: 'ana@example.com' },
    requestMetadata: { callerIp: '2001:db8::7' },
    resourceName: 'projects/shop/global/firewalls/ssh',
    timestamp: '2026-01-12T08:30:15Z',
  }
  const event = eventOf(gcpAudit, record)
  assert.deepEqual([event.activity_name, event.actor.user.name], ['Create', 'ana@example.com'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15))
  assert.equal(event.src_endpoint.ip, '2001:db8::7')
  assert.equal(event.resources[0].name, 'ssh')
  assert.equal(surest(record), 'gcp_audit')
})
