import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport, surest } from '../../test/corpus.js'
import { eventOf, fixtureCase, make, refusalOf } from '../../test/format-cases.js'
import { azureActivity } from './azure_activity.js'

const given = (name: string) => fixtureCase('azure_activity/records.jsonl', name)
const convert = (name: string) => eventOf(azureActivity, given(name))
const SUBSCRIPTION = '11112222-3333-4444-5555-666677778888'

test('a role is given: who with which right, to what, when, created', () => {
  const event = convert('role given')
  assert.equal(event.class_uid, 6003)
  assert.equal(event.activity_name, 'Create')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15, 123))
  assert.equal(event.status, 'Success')
  assert.equal(event.severity, 'Informational')
  assert.deepEqual(event.actor.user, {
    name: 'alice@example.com',
    uid: 'oid-alice',
    display_name: 'Alice Example',
    email_addr: 'alice@example.com',
    type_id: 1,
  })
  assert.deepEqual(event.actor.session, { uid: 'sess-1', is_mfa: true })
  assert.equal(event.actor.authorizations[0].policy.name, 'Owner')
  assert.equal(event.api.service.name, 'MICROSOFT.AUTHORIZATION')
  assert.deepEqual(event.api.request.data, { Properties: { RoleDefinitionId: 'owner' } })
  assert.equal(event.resources[0].type, 'Microsoft.Authorization/roleAssignments')
  assert.equal(event.cloud.account.uid, SUBSCRIPTION)
  assert.equal(event.cloud.region, 'westeurope')
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.66' })
  assert.equal(event.workload, undefined)
  assert.deepEqual(event.unmapped, { 'properties.eventCategory': 'Administrative' })
})

test('a machine is the workload, whatever the case of its resource id', () => {
  const event = convert('machine run command refused')
  const uid = `vm/subscriptions/${SUBSCRIPTION}/resourcegroups/shop-rg/providers/microsoft.compute/virtualmachines/web-01`
  assert.equal(event.workload?.uid, uid)
  assert.equal(event.activity_id, 99)
  assert.equal(event.activity_name, 'Microsoft.Compute/virtualMachines/runCommand/action')
  assert.equal(event.status, 'Failure')
  assert.equal(event.severity, 'High')
  assert.deepEqual(event.actor.user, { name: 'app-ci', uid: 'app-ci', type_id: 4 })
  const extension = { ...given('machine run command refused') }
  extension.resourceId = `${String(extension.resourceId)}/extensions/custom`
  assert.equal(eventOf(azureActivity, extension).workload?.uid, uid)
  assert.equal(convert('event grid').workload?.uid, uid)
})

test('a managed identity acts as its function app', () => {
  const event = convert('function app calls with its identity')
  assert.equal(event.workload?.uid, `function/azure/${SUBSCRIPTION}/global/orders-func`)
  assert.equal(event.workload?.region, 'westeurope')
  assert.equal(event.activity_name, 'Read')
  assert.equal(event.actor.user.uid, 'oid-func')
  assert.deepEqual(
    event.resources.map(({ uid }: { uid: string }) => uid.split('/').at(-1)),
    ['keys', 'db'],
  )
})

test('a refused read of a blob with a shared key', () => {
  const event = convert('blob read by key')
  assert.equal(event.activity_name, 'Read')
  assert.deepEqual(event.src_endpoint, { ip: '198.51.100.9', port: 57485 })
  assert.deepEqual(
    [event.status_id, event.status_code, event.status_detail],
    [2, '403', 'AuthorizationPermissionMismatch'],
  )
  assert.equal(event.api.response.code, 403)
  assert.deepEqual(event.actor.user, { name: 'SAS', type: 'SAS', credential_uid: 'key1(ABC)' })
  assert.equal(event.resources[1].name, '/shopdata/backup/a.bak')
  assert.equal(event.http_request.user_agent, 'curl/8.4.0')
  assert.deepEqual(event.unmapped, { protocol: 'HTTPS' })
})

test('fields in lower case are read as well; what is under way is neither success nor failure', () => {
  const event = convert('function app stopped, lower-case table')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 34))
  assert.deepEqual([event.status_id, event.status], [99, 'Started'])
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.workload?.name, 'orders-func')
  assert.equal(event.unmapped, undefined)
})

test('Event Grid and the REST API', () => {
  const grid = convert('event grid')
  assert.equal(grid.time, Date.UTC(2026, 0, 12, 8, 35))
  assert.equal(grid.activity_name, 'Delete')
  assert.equal(grid.actor.user.name, 'alice@example.com')
  assert.equal(grid.metadata.uid, 'eg-1')
  assert.equal(grid.http_request.http_method, 'DELETE')
  const rest = convert('rest api')
  assert.equal(rest.time, Date.UTC(2026, 0, 12, 8, 36, 0, 250))
  assert.equal(rest.metadata.logged_time, Date.UTC(2026, 0, 12, 8, 37))
  assert.equal(rest.actor.user.name, 'bob@example.com')
  assert.equal(rest.status, 'Success')
  assert.equal(rest.metadata.uid, 'ed-1')
  assert.deepEqual(rest.src_endpoint, { ip: '203.0.113.8' })
})

test('a message to an event hub is taken apart', () => {
  const records = ['role given', 'event grid'].map(given)
  assert.deepEqual(azureActivity.split?.({ records }), records)
  assert.deepEqual(azureActivity.split?.({ value: records }), records)
  assert.equal(azureActivity.split?.(records[0]), undefined)
  assert.equal(azureActivity.split?.({ records: 'x' }), undefined)
})

test('what is no record is refused with the reason; a wrong type inside costs only its field', () => {
  assert.match(refusalOf(azureActivity, []), /^not_azure: expected an object with operationName, found an array/)
  assert.match(refusalOf(azureActivity, {}), /^not_azure: operationName: required/)
  assert.match(refusalOf(azureActivity, { operationName: 'a/read', time: '9999-12-31T00:00:00Z' }), /^bad_time: time: /)
  const event = eventOf(azureActivity, {
    ...given('blob read by key'),
    identity: 'nobody',
    durationMs: {},
    properties: [1],
    callerIpAddress: true,
  })
  assert.deepEqual(event.unmapped, {
    identity: 'nobody',
    properties: [1],
    callerIpAddress: true,
    protocol: 'HTTPS',
  })
  assert.deepEqual(make(azureActivity, { operationName: 'a/read', time: 'soon' }).problems, [])
})

test("a policy's verdict, a request's body and the client's own id of it", () => {
  const policies = JSON.stringify([
    { policyDefinitionId: '/providers/p/2a1a', policyDefinitionEffect: 'audit', policyAssignmentId: '/a/1' },
  ])
  const audited = eventOf(azureActivity, {
    ...given('role given'),
    location: undefined,
    properties: { policies, resourceLocation: 'westus2', message: 'Microsoft.Authorization/policies/audit/action' },
  })
  assert.equal(audited.authorizations[0].decision, 'audit')
  assert.equal(audited.authorizations[0].policy.uid, '/providers/p/2a1a')
  assert.deepEqual(audited.metadata.profiles, ['cloud', 'security_control'])
  assert.equal(audited.cloud.region, 'westus2')
  const renewed = eventOf(azureActivity, {
    ...given('blob read by key'),
    properties: { requestbody: { keyName: 'key1' }, clientRequestId: 'b1c2' },
  })
  assert.deepEqual(renewed.api.request.data, { keyName: 'key1' })
  assert.equal(renewed.http_request.uid, 'b1c2')
  const denied = {
    operationName: 'GetBlob',
    category: 'StorageRead',
    properties: { metricResponseType: 'AuthorizationFailure' },
  }
  assert.equal(eventOf(azureActivity, denied).status, 'Failure')
})

const corpus = corpusOf('azure_activity', ['parser-corpus/azure_activity_and_audit.jsonl'])
test('every record of the corpus becomes valid OCSF', { skip: corpus ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(azureActivity, corpus ?? [])
  assert.deepEqual([report.problems, report.rejected, report.events], [{}, {}, report.records])
})

test('a record with nothing but its operation is known by the name of the resource provider', () => {
  const record = { category: 'Administrative', operationName: 'Microsoft.Compute/virtualMachines/delete' }
  assert.equal(surest(record), 'azure_activity')
  assert.equal(eventOf(azureActivity, record).activity_name, 'Delete')
})
