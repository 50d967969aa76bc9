import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { azureEntra } from './azure_entra.js'

const given = (name: string) => fixtureCase('azure_entra/records.jsonl', name)
const convert = (name: string) => eventOf(azureEntra, given(name))

test('an interactive sign-in with a second factor', () => {
  const event = convert('interactive')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [3002, 'Logon', 'Success'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 59, 59, 500))
  assert.equal(event.user.name, 'alice@example.com')
  assert.equal(event.user.uid, 'u-1')
  assert.equal(event.actor.app_name, 'Azure Portal')
  assert.deepEqual(event.service, { name: 'Windows Azure Service Management API', uid: 'res-1' })
  assert.equal(event.is_mfa, true)
  assert.equal(event.logon_type_id, 2)
  assert.deepEqual(
    event.auth_factors.map((factor: { factor_type_id: number }) => factor.factor_type_id),
    [11, 5],
  )
  assert.deepEqual(event.src_endpoint.location, {
    city: 'Berlin',
    region: 'Berlin',
    country: 'DE',
    lat: 52.5,
    long: 13.4,
  })
  assert.equal(event.device.is_compliant, true)
  assert.equal(event.workload, undefined, "a person's laptop is no workload")
  assert.equal(event.session.uid, 'sess-9')
})

test('a refused sign-in at risk', () => {
  const event = convert('refused, risky')
  assert.deepEqual([event.status, event.status_code], ['Failure', '50126'])
  assert.equal(event.status_detail, 'Invalid username or password')
  assert.deepEqual([event.risk_level_id, event.user.risk_level_id], [3, 3])
  assert.deepEqual([event.auth_protocol_id, event.auth_protocol], [6, 'ropc'])
  assert.deepEqual([event.is_mfa, event.logon_type_id], [false, 3])
  assert.equal(event.src_endpoint.ip, '2001:db8::7')
})

test('service principals and managed identities sign in as services', () => {
  const event = convert('service principal')
  assert.equal(event.user.type_id, 4)
  assert.deepEqual([event.user.name, event.user.uid, event.user.credential_uid], ['ci-deployer', 'sp-1', 'key-1'])
  assert.equal(event.status, 'Failure')
  const managed = convert('managed identity')
  assert.deepEqual([managed.user.name, managed.status], ['orders-func', 'Success'])
  assert.deepEqual(managed.src_endpoint, { name: 'unknown', location: { country: 'DE' } })
})

test('Microsoft Graph has the properties in the record itself', () => {
  const event = convert('graph sign-in')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 9, 20))
  assert.equal(event.user.name, 'alice@example.com')
  assert.equal(event.src_endpoint.location.country, 'DE')
})

test('a user is made', () => {
  const event = convert('user made')
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [3001, 'Create', 'Success'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 9, 10))
  assert.equal(event.user.name, 'mallory@example.com')
  assert.equal(event.actor.user.name, 'alice@example.com')
  assert.equal(event.src_endpoint.ip, '198.51.100.7')
  assert.equal(event.http_request.user_agent, 'curl/8')
})

test('a role is given, a group gets a member', () => {
  const role = convert('role given')
  assert.deepEqual([role.class_uid, role.activity_name], [3005, 'Assign Privileges'])
  assert.deepEqual(role.privileges, ['Global Administrator'])
  assert.deepEqual([role.user.uid, role.actor.app_name], ['u-9', 'ci-deployer'])
  const group = convert('into a group')
  assert.deepEqual([group.class_uid, group.activity_name, group.status], [3006, 'Add User', 'Failure'])
  assert.deepEqual(group.group, { uid: 'g-1', name: 'admins' })
  assert.equal(group.status_detail, 'No rights')
})

test('a policy is deleted', () => {
  const event = convert('policy deleted')
  assert.deepEqual([event.class_uid, event.activity_name], [3004, 'Delete'])
  assert.deepEqual(event.entity.policy, { uid: 'ca-1', name: 'Require MFA' })
})

test('password, block and removal', () => {
  const change = (activityDisplayName: string) => {
    const record = given('user made') as { properties: object }
    return eventOf(azureEntra, { ...record, properties: { ...record.properties, activityDisplayName } }).activity_name
  }
  assert.equal(change('Reset user password'), 'Password Reset')
  assert.equal(change('Change user password'), 'Password Change')
  assert.equal(change('Disable account'), 'Disable')
  assert.equal(change('Hard Delete user'), 'Delete')
  assert.equal(change('Update user'), 'Update user')
})

test('what cannot be read is refused', () => {
  assert.match(refusalOf(azureEntra, { nothing: 1 }), /^not_azure: /)
  const record = given('interactive') as { properties: object }
  const late = { ...record, properties: { ...record.properties, createdDateTime: '2999-01-01T00:00:00Z' } }
  assert.match(refusalOf(azureEntra, late), /^bad_time: /)
})

test('conditional access, risk, credentials and tokens of a sign-in; what a change replaced', () => {
  const record = given('interactive') as { properties: object; level?: string }
  const properties = {
    ...record.properties,
    conditionalAccessStatus: 'failure',
    appliedConditionalAccessPolicies: [{ id: 'ca-1', displayName: 'Require MFA', result: 'failure' }],
    riskState: 'atRisk',
    riskDetail: 'none',
    riskEventTypes_v2: ['anomalousToken'],
    incomingTokenType: 'primaryRefreshToken',
    clientCredentialType: 'none',
    mfaDetail: { authMethod: 'Text message', authDetail: '+1 XXXXXXXX25' },
    authenticationDetails: [],
  }
  const event = eventOf(azureEntra, { ...record, level: '2', properties })
  const policy = { name: 'Require MFA', uid: 'ca-1', type: 'Conditional Access' }
  assert.deepEqual(event.authorizations, [{ decision: 'failure', policy }])
  assert.equal(event.risk_details, 'atRisk, anomalousToken')
  assert.deepEqual(event.authentication_token, { type: 'primaryRefreshToken', type_id: 4 })
  assert.deepEqual(event.auth_factors, [
    { factor_type_id: 1, factor_type: 'Text message', phone_number: '+1 XXXXXXXX25' },
  ])
  assert.equal(event.severity, 'High')
  assert.deepEqual(event.metadata.profiles, ['cloud', 'host', 'security_control'])
  const change = given('policy deleted') as any
  change.properties.targetResources[0].modifiedProperties = [
    { displayName: 'PolicyState', oldValue: '"enabled"', newValue: '"disabled"' },
  ]
  const changed = eventOf(azureEntra, change)
  assert.deepEqual(changed.entity.data, { PolicyState: 'enabled' })
  assert.deepEqual(changed.entity_result.data, { PolicyState: 'disabled' })
})

const corpus = corpusOf('azure_entra', [
  'parser-corpus/azure_activity_and_audit.jsonl',
  'panther-tests/Azure.Audit.jsonl',
])
test('every record of the corpus becomes valid OCSF', { skip: corpus ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(azureEntra, corpus ?? [])
  assert.deepEqual([report.problems, report.rejected, report.events], [{}, {}, report.records])
})

test('a table of Log Analytics: large first letters, objects as JSON text', () => {
  const { properties, time } = given('role given') as { properties: Record<string, unknown>; time: string }
  const row: Record<string, unknown> = { Type: 'AuditLogs', TimeGenerated: time, Category: 'RoleManagement' }
  row.OperationName = 'Add member to role'
  row.Result = 'success'
  row.LoggedByService = 'Core Directory'
  for (const key of ['initiatedBy', 'targetResources']) {
    row[key.charAt(0).toUpperCase() + key.slice(1)] = JSON.stringify(properties[key])
  }
  const event = eventOf(azureEntra, row)
  assert.deepEqual([event.class_uid, event.activity_name, event.status], [3005, 'Assign Privileges', 'Success'])
  assert.deepEqual(event.privileges, ['Global Administrator'])
  assert.equal(event.actor.app_name, 'ci-deployer')
  assert.equal(azureEntra.detect({ Type: 'Event', Source: 'Sysmon', EventID: 1 }), 0)
})
