import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import { accountAt, actorOf, logonSession } from './account.js'
import { claimsOf } from './claims.js'
import type { LogEvent } from './event.js'
import { baseName, fileAt, type Values } from './values.js'

type Maker = (values: Values, event: LogEvent) => ClassPart

/** Events by number of what may change on a machine or in a domain beside accounts, groups and objects of the kernel. */
const SECURITY: { readonly [id: number]: Maker } = {
  4627: (values) =>
    sessionPart(values, 2, 'Target', {
      group: { name: (words(values, 'GroupMembership')[0] ?? 'unknown').slice(0, 500) },
    }),
  4703: (values) => {
    const given = words(values, 'EnabledPrivilegeList')
    const taken = words(values, 'DisabledPrivilegeList')
    if (given.length > 0) return sessionPart(values, 1, 'Target', { privileges: given })
    return sessionPart(values, 99, 'Target', { activity_name: 'Remove Privileges', privileges: orUnknown(taken) })
  },
  4704: (values) => rights(values, 1, 'PrivilegeList'),
  4705: (values) => rights(values, 2, 'PrivilegeList'),
  4717: (values) => rights(values, 1, 'AccessGranted'),
  4718: (values) => rights(values, 2, 'AccessRemoved'),
  4673: privileged,
  4674: privileged,
  4657: registryValue,
  4946: (values) => entity(values, 1, 'Firewall rule', 'RuleName', 'RuleId'),
  4947: (values) => entity(values, 3, 'Firewall rule', 'RuleName', 'RuleId'),
  4948: (values) => entity(values, 4, 'Firewall rule', 'RuleName', 'RuleId'),
  4950: (values) => entity(values, 3, 'Firewall setting', 'SettingType', 'ProfileChanged'),
  5136: (values) => entity(values, 3, undefined, 'ObjectDN', 'ObjectGUID'),
  5137: (values) => entity(values, 1, undefined, 'ObjectDN', 'ObjectGUID'),
  5138: (values) => entity(values, 1, undefined, 'NewObjectDN', 'ObjectGUID'),
  5139: (values) => entity(values, 5, undefined, 'NewObjectDN', 'ObjectGUID'),
  5141: (values) => entity(values, 4, undefined, 'ObjectDN', 'ObjectGUID'),
  5142: (values) => entity(values, 1, 'Network share', 'ShareName'),
  5143: (values) => entity(values, 3, 'Network share', 'ShareName'),
  5144: (values) => entity(values, 4, 'Network share', 'ShareName'),
  4739: (values) => entity(values, 3, 'Domain policy', 'DomainName', 'DomainSid'),
  4706: (values) => entity(values, 1, 'Domain trust', 'DomainName', 'DomainSid'),
  4707: (values) => entity(values, 4, 'Domain trust', 'DomainName', 'DomainSid'),
  4716: (values) => entity(values, 3, 'Domain trust', 'DomainName', 'DomainSid'),
  5058: (values) => entity(values, 2, 'Key file', 'KeyName'),
  5059: (values) => entity(values, 2, 'Key', 'KeyName'),
  5061: (values) => entity(values, 2, 'Key', 'KeyName'),
  5379: (values) => entity(values, 2, 'Credential', 'TargetName'),
  4608: () => lifecycle(3, 'Windows'),
  4609: () => lifecycle(4, 'Windows'),
  5024: () => lifecycle(3, 'Windows Firewall'),
  5025: () => lifecycle(4, 'Windows Firewall'),
}

const POWERSHELL: { readonly [id: number]: Maker } = {
  4104: (values) => script(values, values.text('ScriptBlockText'), values.text('ScriptBlockId')),
  4103: (values) => script(values, values.text('Payload') ?? values.text('ContextInfo')),
}

/** The service control manager and the log itself, which name their values `param1` or not at all. */
const SYSTEM: { readonly [id: number]: Maker } = {
  7036: (values) => {
    const name = values.text('param1') ?? values.text('Data0') ?? 'unknown'
    const state = values.text('param2') ?? values.text('Data1')
    return lifecycle(state === 'running' ? 3 : state === 'stopped' ? 4 : 99, name, state)
  },
  7040: (values) => lifecycle(99, values.text('param1') ?? values.text('Data0') ?? 'unknown', 'Start type change'),
  104: (values) =>
    defined({
      class_uid: CLASS.event_log_activity,
      activity_id: 1,
      log_name: values.text('Channel') ?? 'System',
      actor: actorOf(values),
    }) as ClassPart,
  6005: () => lifecycle(3, 'EventLog'),
  6006: () => lifecycle(4, 'EventLog'),
}

/** AD FS: logons, and what they claimed. */
const FEDERATION: {
  readonly [id: number]: { readonly activity: number; readonly status?: number; readonly name?: string }
} = {
  299: { activity: 1, status: 1 },
  412: { activity: 1, status: 1 },
  1200: { activity: 4, status: 1 },
  1201: { activity: 4, status: 2 },
  1202: { activity: 1, status: 1 },
  1203: { activity: 1, status: 2 },
  324: { activity: 4, status: 2 },
  342: { activity: 1, status: 2 },
  411: { activity: 1, status: 2 },
  413: { activity: 1, status: 2 },
  516: { activity: 1, status: 2 },
  1206: { activity: 2, status: 1 },
  1207: { activity: 2, status: 2 },
  500: { activity: 99, name: 'Claims' },
  501: { activity: 99, name: 'Claims' },
  502: { activity: 99, name: 'Claims' },
  503: { activity: 99, name: 'Claims' },
}

/** Class and attributes of an event of this kind; undefined for one that is not known here. */
export function changePart(event: LogEvent, values: Values): ClassPart | undefined {
  const { provider, channel, id } = event
  if (/^AD FS/.test(provider)) return federated(event, values)
  if (/powershell/i.test(provider)) return POWERSHELL[id]?.(values, event)
  const table =
    channel === 'Security' || /Security-Auditing$/.test(provider) ? SECURITY : channel === 'System' ? SYSTEM : {}
  return table[id]?.(values, event)
}

function federated({ id }: LogEvent, values: Values): ClassPart | undefined {
  const kind = FEDERATION[id]
  if (kind === undefined) return undefined
  const { user, groups } = claimsOf(values)
  return defined({
    class_uid: CLASS.authentication,
    activity_id: kind.activity,
    activity_name: kind.name,
    status_id: kind.status,
    user: user === undefined ? { name: 'unknown' } : defined({ ...user, groups }),
    service: { name: 'AD FS' },
    is_remote: true,
    actor: actorOf(values),
  }) as ClassPart
}

function words(values: Values, name: string): string[] {
  return (values.text(name) ?? '').split(/[\s,]+/).filter((word) => word !== '' && word !== '-')
}

function orUnknown(list: readonly string[]): readonly string[] {
  return list.length === 0 ? ['unknown'] : list
}

function sessionPart(values: Values, activity_id: number, prefix: string, more: JsonRecord): ClassPart {
  const user = accountAt(values, prefix) ?? accountAt(values, 'Subject') ?? { name: 'unknown' }
  return defined({
    class_uid: CLASS.authorize_session,
    activity_id,
    user,
    session: logonSession(values, prefix),
    actor: actorOf(values),
    ...more,
  }) as ClassPart
}

function rights(values: Values, activity_id: number, name: string): ClassPart {
  return defined({
    class_uid: CLASS.user_access,
    activity_id,
    privileges: orUnknown(words(values, name)),
    user: accountAt(values, 'Target') ?? { name: 'unknown' },
    actor: actorOf(values),
  }) as ClassPart
}

/** A privilege that was used: by a call of a service, or on an object. */
function privileged(values: Values): ClassPart {
  const path = values.text('ObjectName')
  const name = path ?? values.text('Service') ?? values.text('ObjectServer') ?? 'unknown'
  const authorizations = words(values, 'PrivilegeList').map((privilege) => ({ policy: { name: privilege } }))
  const actor = actorOf(values) ?? { app_name: 'Windows' }
  return {
    class_uid: CLASS.kernel_activity,
    activity_id: 4,
    kernel: defined({ name: baseName(name), path, type_id: 99, type: values.text('ObjectType') ?? 'Service' }),
    actor: authorizations.length === 0 ? actor : { ...actor, authorizations },
  }
}

const VALUE_OPERATIONS: { readonly [operation: string]: number } = { '%%1904': 1, '%%1906': 3 }

/** As Sysmon's: OCSF has registry values in its Windows extension only. */
function registryValue(values: Values): ClassPart {
  const name = values.text('ObjectValueName')
  const path = [values.text('ObjectName'), name].filter((part) => part !== undefined).join('\\') || 'unknown'
  const operation = values.text('OperationType') ?? ''
  const activity_id = ownEntry(VALUE_OPERATIONS, operation) ?? 99
  return defined({
    class_uid: CLASS.kernel_activity,
    activity_id,
    activity_name: activity_id === 99 ? 'SetValue' : undefined,
    kernel: { name: name ?? baseName(path), path, type_id: 99, type: 'Registry Value' },
    actor: actorOf(values) ?? { app_name: 'Windows' },
    status_detail: values.text('NewValue'),
  }) as ClassPart
}

function entity(values: Values, activity_id: number, type: string | undefined, name: string, id?: string): ClassPart {
  const named = values.text(name)
  const uid = id === undefined ? undefined : values.text(id)?.replace(/[{}]/g, '')
  return defined({
    class_uid: CLASS.entity_management,
    activity_id,
    entity: defined({
      name: named ?? (uid === undefined ? 'unknown' : undefined),
      uid,
      type: type ?? values.text('ObjectClass') ?? 'Directory object',
      type_id: 99,
    }),
    actor: actorOf(values),
    comment: values.text('AttributeLDAPDisplayName'),
  }) as ClassPart
}

function lifecycle(activity_id: number, name: string, activity_name?: string): ClassPart {
  return defined({
    class_uid: CLASS.application_lifecycle,
    activity_id,
    activity_name: activity_id === 99 ? activity_name : undefined,
    app: { name, vendor_name: 'Microsoft' },
  }) as ClassPart
}

function script(values: Values, content: string | undefined, uid?: string): ClassPart {
  const path = values.text('Path')
  return {
    class_uid: CLASS.script_activity,
    activity_id: 1,
    script: defined({ type_id: 2, uid, script_content: { value: content ?? '' }, file: fileAt(path) }),
    actor: actorOf(values) ?? { app_name: 'PowerShell' },
  }
}
