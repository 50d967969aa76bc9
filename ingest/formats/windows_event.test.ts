import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLASS } from '../../ocsf/event.js'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { windowsEvent } from './windows_event.js'

const given = (name: string) => fixtureCase('windows_event/events.jsonl', name)
const convert = (name: string) => eventOf(windowsEvent, given(name))

test('a failed log-on over the network', () => {
  const event = convert('logon failed')
  assert.deepEqual([event.class_uid, event.activity_name, event.status_id], [CLASS.authentication, 'Logon', 2])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 0, 250))
  assert.deepEqual(event.user, { name: 'root', domain: 'EXAMPLE' })
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.7', port: 53091, hostname: 'KALI' })
  assert.deepEqual([event.logon_type_id, event.auth_protocol_id, event.is_remote], [3, 1, true])
  assert.equal(event.status_code, '0xc000006a')
  assert.equal(event.workload?.uid, 'vm/DC01.example.org')
  assert.equal(event.metadata.tenant_uid, '11111111-2222-3333-4444-555555555555')
})

test('a process, from an evtx export', () => {
  const event = convert('process')
  assert.deepEqual([event.class_uid, event.activity_name], [CLASS.process_activity, 'Launch'])
  assert.deepEqual([event.process.pid, event.process.name], [7716, 'cmd.exe'])
  assert.equal(event.process.cmd_line, 'cmd /c whoami')
  assert.equal(event.process.integrity_id, 4)
  assert.deepEqual([event.actor.process.pid, event.actor.process.name], [3148, 'explorer.exe'])
  assert.deepEqual([event.actor.user.name, event.actor.session.uid], ['ana', '0x8f0f2cd7'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 0, 123))
})

test('groups, the log itself, connections, services', () => {
  const member = convert('member added')
  assert.deepEqual([member.class_uid, member.activity_name], [CLASS.group_management, 'Add User'])
  assert.deepEqual([member.group.name, member.user.uid], ['Administrators', 'S-1-5-21-1-2-3-1105'])
  const cleared = convert('log cleared')
  assert.deepEqual([cleared.class_uid, cleared.activity_name], [CLASS.event_log_activity, 'Clear'])
  assert.equal(cleared.actor.user.name, 'ana')
  const allowed = convert('connection allowed')
  assert.deepEqual([allowed.class_uid, allowed.activity_name], [CLASS.network_activity, 'Open'])
  assert.deepEqual(allowed.dst_endpoint, { ip: '169.254.169.254', port: 80 })
  assert.deepEqual([allowed.connection_info.direction_id, allowed.actor.process.pid], [2, 7716])
  const service = convert('system xml')
  assert.deepEqual([service.class_uid, service.activity_name], [CLASS.application_lifecycle, 'Install'])
  assert.deepEqual([service.app.name, service.app.path], ['evil', 'C:\\evil.exe & calc'])
})

test('the filter that let a connection through, the agent that collected it, names that Log Analytics joins', () => {
  const record = given('connection allowed') as any
  const EventData = record.EventData.replace(
    '</EventData>',
    '<Data Name="FilterRTID">69359</Data><Data Name="LayerName">%%14611</Data><Data Name="LayerRTID">48</Data><Data Name="RemoteUserID">S-1-5-21-7</Data></EventData>',
  )
  const event = eventOf(windowsEvent, {
    ...record,
    EventData,
    TimeCollected: '2026-01-12T08:30:09Z',
    SourceComputerId: 'agent-7',
  })
  assert.deepEqual(event.firewall_rule, { uid: '69359', type: '%%14611', category: '48' })
  assert.deepEqual(event.dst_endpoint.owner, { uid: 'S-1-5-21-7' })
  assert.deepEqual([event.action_id, event.disposition_id], [1, 1])
  assert.equal(event.metadata.logged_time, Date.UTC(2026, 0, 12, 8, 30, 9))
  assert.deepEqual(event.device.agent_list, [{ uid: 'agent-7', type_id: 99, type: 'Log Analytics' }])
  assert.equal(event.workload?.uid, 'vm/DC01.example.org')
  const logon = eventOf(windowsEvent, {
    EventID: 4624,
    Channel: 'Security',
    Computer: 'DC01.example.org',
    TimeGenerated: '2026-01-12T08:30:00Z',
    TargetUserName: 'ana',
    TargetDomainName: 'EXAMPLE',
    TargetAccount: 'EXAMPLE\\ana',
    Account: 'EXAMPLE\\ana',
    SubjectAccount: 'other',
    LogonType: 3,
    LogonTypeName: '3 - Network',
    AuthenticationPackageName: 'NTLM',
    LmPackageName: 'NTLM V1',
  })
  assert.deepEqual([logon.user.name, logon.auth_protocol_id, logon.auth_protocol], ['ana', 1, 'NTLM V1'])
  assert.deepEqual(logon.unmapped, { SubjectAccount: 'other' })
})

test('an image that Sysmon saw loaded', () => {
  const event = convert('image loaded')
  assert.deepEqual([event.class_uid, event.activity_name], [CLASS.module_activity, 'Load'])
  assert.equal(event.module.file.name, 'NapiNSP.dll')
  assert.deepEqual(event.module.file.hashes, [{ algorithm_id: 1, value: '5c'.repeat(16) }])
  assert.deepEqual(event.module.file.signature, { algorithm_id: 4, developer_uid: 'Microsoft Windows', state_id: 1 })
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 0, 489))
})

const SECURITY = {
  Channel: 'Security',
  Computer: 'DC01.example.org',
  EventSourceName: 'Microsoft-Windows-Security-Auditing',
  TimeGenerated: '2026-01-12T08:30:00Z',
  SubjectUserName: 'ana',
  SubjectUserSid: 'S-1-5-21-9',
}
const security = (EventID: number, data: object) => eventOf(windowsEvent, { ...SECURITY, EventID, ...data })
const classOf = ({ class_uid, activity_name }: { class_uid: number; activity_name?: string }) => [
  class_uid,
  activity_name,
]

test('privileges, rights, registry values, directory objects: each in its class', () => {
  const adjusted = security(4703, {
    TargetUserName: 'WS$',
    EnabledPrivilegeList: 'SeDebugPrivilege\n\t\tSeTcbPrivilege',
  })
  assert.deepEqual(classOf(adjusted), [CLASS.authorize_session, 'Assign Privileges'])
  assert.deepEqual(adjusted.privileges, ['SeDebugPrivilege', 'SeTcbPrivilege'])
  const right = security(4704, { PrivilegeList: 'SeDebugPrivilege', TargetSid: 'S-1-5-21-8' })
  assert.deepEqual(classOf(right), [CLASS.user_access, 'Assign Privileges'])
  assert.deepEqual([right.user.uid, right.actor.user.name], ['S-1-5-21-8', 'ana'])
  const used = security(4673, {
    Service: 'LsaRegisterLogonProcess()',
    PrivilegeList: 'SeTcbPrivilege',
    ProcessId: '0x1f0',
  })
  assert.deepEqual([...classOf(used), used.kernel.name], [CLASS.kernel_activity, 'Invoke', 'LsaRegisterLogonProcess()'])
  assert.deepEqual(used.actor.authorizations, [{ policy: { name: 'SeTcbPrivilege' } }])
  const value = security(4657, { ObjectName: '\\REGISTRY\\X', ObjectValueName: 'Run', OperationType: '%%1904' })
  assert.deepEqual([...classOf(value), value.kernel.path], [CLASS.kernel_activity, 'Create', '\\REGISTRY\\X\\Run'])
  const entity = security(5136, { ObjectDN: 'CN=a', ObjectGUID: '{7}', ObjectClass: 'user' })
  assert.deepEqual(classOf(entity), [CLASS.entity_management, 'Update'])
  assert.deepEqual(entity.entity, { name: 'CN=a', uid: '7', type: 'user', type_id: 99 })
  const enumerated = security(4799, {
    TargetUserName: 'Administrators',
    CallerProcessId: '0x5',
    CallerProcessName: 'C:\\a.exe',
  })
  assert.deepEqual(classOf(enumerated), [CLASS.group_management, 'Members enumerated'])
  assert.deepEqual([enumerated.actor.process.name, enumerated.unmapped], ['a.exe', undefined])
  assert.deepEqual(classOf(security(4751, { TargetUserName: 'list', MemberSid: 'S-1' })), [
    CLASS.group_management,
    'Add User',
  ])
  const created = security(4741, {
    TargetUserName: 'WS7$',
    SamAccountName: 'WS7$',
    UserPrincipalName: 'ws7@example.org',
  })
  assert.deepEqual(classOf(created), [CLASS.account_change, 'Create'])
  assert.deepEqual([created.user.uid_alt, created.unmapped], ['ws7@example.org', undefined])
  const ticket = security(4768, { TargetUserName: 'ana', TicketOptions: '0x4081', TicketEncryptionType: '0x12' })
  assert.deepEqual(ticket.authentication_token.encryption_details, { type: '0x12' })
})

test('scripts of PowerShell, services that start, logons through AD FS', () => {
  const PowerShell = {
    EventSourceName: 'Microsoft-Windows-PowerShell',
    Channel: 'Microsoft-Windows-PowerShell/Operational',
  }
  const script = security(4104, { ...PowerShell, ScriptBlockText: 'whoami', ScriptBlockId: 'b7', Path: 'C:\\x.ps1' })
  assert.deepEqual(classOf(script), [CLASS.script_activity, 'Execute'])
  assert.deepEqual(
    [script.script.script_content.value, script.script.uid, script.script.file.name],
    ['whoami', 'b7', 'x.ps1'],
  )
  const System = { EventSourceName: 'Service Control Manager', Channel: 'System' }
  const service = security(7036, { ...System, param1: 'Windows Update', param2: 'stopped' })
  assert.deepEqual([...classOf(service), service.app.name], [CLASS.application_lifecycle, 'Stop', 'Windows Update'])
  const type = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/'
  const EventData_dynamic = JSON.stringify(['0', `${type}primarysid`, 'S-1-5-21-7', `${type}groupsid`, 'S-1-1-0'])
  const claims = security(501, { EventSourceName: 'AD FS Auditing', EventData_dynamic, ClaimsName: 'EX\\bob' })
  assert.deepEqual(classOf(claims), [CLASS.authentication, 'Claims'])
  assert.deepEqual(claims.user, { name: 'bob', domain: 'EX', uid: 'S-1-5-21-7', groups: [{ uid: 'S-1-1-0' }] })
  const refused = security(1203, { EventSourceName: 'AD FS Auditing' })
  assert.deepEqual([...classOf(refused), refused.status], [CLASS.authentication, 'Logon', 'Failure'])
})

test('refused with a reason', () => {
  assert.match(refusalOf(windowsEvent, { hello: 1 }), /^not_windows_event/)
  assert.match(refusalOf(windowsEvent, '<Event>'), /^not_windows_event/)
  assert.match(refusalOf(windowsEvent, { EventID: 4624, Computer: 'a', TimeGenerated: 'never' }), /^bad_time/)
})

const shared = corpusOf('windows_event', ['parser-corpus/otrf_json_mixed.jsonl'])
test('all events of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(windowsEvent, shared ?? [])
  assert.ok(report.events > 200)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})
