import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import { accountAt, actorOf, logonSession, processOf } from './account.js'
import { changePart } from './changes.js'
import type { LogEvent } from './event.js'
import { integrityId } from './sysmon.js'
import { baseName, endpointOf, fileAt, userOf, type Values } from './values.js'

type Maker = (values: Values, event: LogEvent) => ClassPart

/** Class and attributes of a Windows Security event by its number; undefined for one that is not known here. */
export function securityPart(event: LogEvent, values: Values): ClassPart | undefined {
  return MAKERS[event.id]?.(values, event) ?? changePart(event, values)
}

/** Events of the kinds of group, five each: created, member added, member removed, deleted, changed. */
const GROUP_EVENTS: readonly (readonly number[])[] = [
  [4727, 4728, 4729, 4730, 4737],
  [4731, 4732, 4733, 4734, 4735],
  [4754, 4756, 4757, 4758, 4755],
  [4744, 4746, 4747, 4748, 4745],
  [4749, 4751, 4752, 4753, 4750],
  [4759, 4761, 4762, 4763, 4760],
  [4783, 4785, 4786, 4789, 4784],
  [4790, 4787, 4788, 4792, 4791],
]
const GROUP_ACTIVITIES = [6, 3, 4, 5, 99]

function groupMakers(): { [id: number]: Maker } {
  const makers: { [id: number]: Maker } = {}
  for (const ids of GROUP_EVENTS) {
    for (const [n, id] of ids.entries()) makers[id] = (values) => group(GROUP_ACTIVITIES[n] ?? 99, values)
  }
  return makers
}

const MAKERS: { readonly [id: number]: Maker } = {
  1102: (values) => log(1, values),
  1100: (values) => log(7, values),
  1101: (values) => log(99, values, 'Events dropped'),
  1104: (values) => log(99, values, 'Log full'),
  1105: (values) => log(4, values),
  4719: (values) => log(99, values, 'Audit policy change'),
  4715: (values) => log(99, values, 'Audit policy change'),
  4902: (values) => log(99, values, 'Audit policy change'),
  4904: (values) => log(99, values, 'Source registered'),
  4905: (values) => log(99, values, 'Source unregistered'),
  4906: (values) => log(99, values, 'Audit policy change'),
  4908: (values) => log(99, values, 'Audit policy change'),
  4912: (values) => log(99, values, 'Audit policy change'),
  4624: (values) => logon(1, 1, values),
  4625: (values) => logon(1, 2, values),
  4649: (values) => logon(1, 2, values),
  4634: (values) => logon(2, 1, values),
  4647: (values) => logon(2, 1, values),
  4648: (values) => logon(7, 1, values),
  4672: privileges,
  4768: (values) => ticket(3, values),
  4769: (values) => ticket(4, values),
  4772: (values) => ticket(3, values, true),
  4773: (values) => ticket(4, values, true),
  4777: (values) => logon(1, 2, values),
  4770: (values) => ticket(5, values),
  4771: (values) => ticket(6, values),
  4776: (values) => logon(1, values.text('Status') === '0x0' ? 1 : 2, values),
  4778: (values) => logon(1, 1, values),
  4801: (values) => logon(1, 1, values),
  4800: (values) => ({ ...logon(99, 1, values), activity_name: 'Lock' }),
  4779: (values) => logon(2, 1, values),
  4656: (values) => object(values, 14),
  4658: (values) => object(values, 99, 'Handle closed'),
  4690: (values) => object(values, 99, 'Handle duplicated'),
  4985: (values) => object(values, 99, 'Transaction changed'),
  4660: (values) => object(values, 4),
  4661: (values) => object(values, 14),
  4662: (values) => object(values, 99, values.text('OperationType') ?? 'Operation'),
  4659: (values) => object(values, 14),
  4691: (values) => object(values, accessActivity(values)),
  4663: (values) => object(values, accessActivity(values)),
  4670: (values) => object(values, 7),
  4907: (values) => object(values, 7),
  4688: launched,
  4689: (values) => {
    const process = processOf(values) ?? { uid: 'unknown' }
    const code = values.integer('Status')
    return defined({ ...processPart(2, process, values), exit_code: code }) as ClassPart
  },
  4697: (values) => service(values),
  7045: (values) => service(values),
  4698: (values) => job(1, values),
  4699: (values) => job(3, values),
  4700: (values) => job(4, values),
  4701: (values) => job(5, values),
  4702: (values) => job(2, values),
  4720: (values) => account(1, values),
  4722: (values) => account(2, values),
  4723: (values) => account(3, values),
  4724: (values) => account(4, values),
  4725: (values) => account(5, values),
  4726: (values) => account(6, values),
  4738: (values) => account(99, values, 'Change'),
  4740: (values) => account(9, values),
  4741: (values) => account(1, values),
  4742: (values) => account(99, values, 'Change'),
  4743: (values) => account(6, values),
  4765: (values) => account(99, values, 'SID history added'),
  4766: (values) => account(99, values, 'SID history added'),
  4780: (values) => account(99, values, 'Permissions set'),
  4782: (values) => account(99, values, 'Password hash accessed'),
  4794: (values) => account(4, values),
  4798: (values) => account(99, values, 'Groups enumerated'),
  4767: (values) => account(12, values),
  4781: (values) => account(99, values, 'Rename'),
  4799: (values) => group(99, values, 'Members enumerated'),
  4764: (values) => group(99, values, 'Type changed'),
  ...groupMakers(),
  5140: share,
  5145: share,
  5156: (values) => connection(1, values),
  5157: (values) => connection(5, values),
  5158: (values) => connection(7, values),
  5159: (values) => connection(5, values),
  5154: (values) => connection(7, values),
  5155: (values) => connection(5, values),
  5150: (values) => connection(5, values),
  5151: (values) => connection(5, values),
  5153: (values) => connection(5, values),
  5152: (values) => connection(5, values),
}

function log(activity_id: number, values: Values, activity_name?: string): ClassPart {
  const actor = actorOf(values)
  return defined({
    class_uid: CLASS.event_log_activity,
    activity_id,
    activity_name,
    log_name: 'Security',
    log_type_id: 1,
    actor,
  }) as ClassPart
}

const PROTOCOLS: { readonly [name: string]: number } = { NTLM: 1, Kerberos: 2 }

/** Sessions that come and go name the account without a prefix. */
function accountOf(values: Values): JsonRecord | undefined {
  const name = values.text('AccountName')
  return name === undefined ? undefined : defined({ name, domain: values.text('AccountDomain') })
}

function logon(activity_id: number, status_id: number, values: Values): ClassPart {
  const type = values.integer('LogonType')
  const ip = values.text('IpAddress') ?? values.text('ClientAddress')
  const hostname = values.text('WorkstationName') ?? values.text('Workstation') ?? values.text('ClientName')
  const source = endpointOf(ip, values.integer('IpPort'), hostname)
  const protocol = values.text('AuthenticationPackageName') ?? values.text('PackageName')
  const process = values.text('LogonProcessName')
  const target = accountAt(values, 'Target') ?? accountOf(values) ?? userOf(values.text('TargetUserName'))
  const session = logonSession(values, 'Target')
  const known =
    protocol === undefined
      ? undefined
      : ownEntry(PROTOCOLS, /^(NTLM|MICROSOFT_AUTH)/.test(protocol) ? 'NTLM' : protocol)
  const is_remote = source?.ip !== undefined && source.ip !== '127.0.0.1' && source.ip !== '::1'
  const elevated = values.text('ElevatedToken')
  const code = values.text('SubStatus') ?? values.text('Status')
  return defined({
    class_uid: CLASS.authentication,
    activity_id,
    ...(activity_id === 7 ? { account_switch_type_id: 1 } : {}),
    status_id,
    status_code: status_id === 2 ? code : undefined,
    status_detail: status_id === 2 ? values.text('FailureReason') : undefined,
    user:
      target === undefined
        ? { name: 'unknown' }
        : elevated === '%%1842'
          ? { ...target, type_id: target.type_id ?? 2 }
          : target,
    actor: actorOf(values),
    service: { name: process ?? 'Windows' },
    logon_type_id:
      type === undefined
        ? undefined
        : [0, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13].includes(type)
          ? type === 0
            ? 1
            : type
          : 99,
    is_remote,
    session: session === undefined ? undefined : { ...session, is_remote },
    src_endpoint: source,
    dst_endpoint: endpointOf(undefined, undefined, values.text('TargetServerName')),
    ...(protocol === undefined
      ? {}
      : known === undefined
        ? { auth_protocol_id: 99, auth_protocol: protocol }
        : defined({ auth_protocol_id: known, auth_protocol: values.text('LmPackageName') })),
  }) as ClassPart
}

function ticket(activity_id: number, values: Values, isFailure = false): ClassPart {
  const failed = isFailure || (values.text('Status') ?? values.text('FailureCode') ?? '0x0') !== '0x0'
  const part = logon(activity_id, failed ? 2 : 1, values)
  const service = values.text('ServiceName')
  const flags = values.text('TicketOptions')
  const type = values.text('TicketEncryptionType')
  const token = defined({
    type_id: activity_id === 4 ? 2 : 1,
    kerberos_flags: flags,
    encryption_details: type === undefined ? undefined : { type },
  })
  return {
    ...part,
    ...(flags === undefined && type === undefined ? {} : { authentication_token: token }),
    auth_protocol_id: 2,
    service: defined({ name: service ?? 'krbtgt', uid: values.text('ServiceSid') }),
  }
}

function privileges(values: Values): ClassPart {
  const list = (values.text('PrivilegeList') ?? '').split(/\s+/).filter((word) => word !== '')
  const user = accountAt(values, 'Subject') ?? { name: 'unknown' }
  return defined({
    class_uid: CLASS.authorize_session,
    activity_id: 1,
    user,
    privileges: list.length === 0 ? ['unknown'] : list,
    session: logonSession(values, 'Subject'),
  }) as ClassPart
}

function processPart(activity_id: number, process: JsonRecord, values: Values): ClassPart {
  const user = accountAt(values, 'Subject')
  const session = logonSession(values, 'Subject')
  const actor = defined({ process: process.parent_process ?? process, user, session })
  return { class_uid: CLASS.process_activity, activity_id, process, actor }
}

function launched(values: Values): ClassPart {
  const path = values.text('NewProcessName')
  const parent_path = values.text('ParentProcessName')
  const parent_pid = values.integer('ProcessId')
  const level = values.text('MandatoryLabel')
  const parent = defined({
    pid: parent_pid,
    name: parent_path === undefined ? undefined : baseName(parent_path),
    file: fileAt(parent_path),
  })
  const pid = values.integer('NewProcessId')
  const process = defined({
    pid,
    uid: pid === undefined ? 'unknown' : undefined,
    name: path === undefined ? undefined : baseName(path),
    file: fileAt(path),
    cmd_line: values.text('CommandLine'),
    integrity_id: integrityId(level),
    user: accountAt(values, 'Target') ?? accountAt(values, 'Subject'),
    parent_process: parent_pid === undefined ? undefined : parent,
  })
  return processPart(1, process, values)
}

/** Bits of a file's access mask, the strongest first. */
function accessActivity(values: Values): number {
  const mask = Number(values.text('AccessMask') ?? Number.NaN)
  if (!Number.isInteger(mask)) return 99
  if (mask & 0x1_0000) return 4
  if (mask & 0xc_0000) return 7
  if (mask & 0x6) return 3
  if (mask & 0x110) return 6
  return mask & 0x1 ? 2 : 14
}

const FILE_LIKE = /^(File|Directory|SymbolicLink)$/

/** Access to a kernel object: files are files, registry keys and all others kernel objects. */
function object(values: Values, activity_id: number, activity_name?: string): ClassPart {
  const type = values.text('ObjectType') ?? 'Object'
  const name = values.text('ObjectName') ?? type
  const actor = actorOf(values) ?? { app_name: 'Windows' }
  const mask = Number(values.text('AccessMask') ?? Number.NaN)
  if (FILE_LIKE.test(type)) {
    const file = fileAt(
      name,
      defined({ type_id: type === 'Directory' ? 2 : 1, security_descriptor: values.text('NewSd') }),
    )
    return defined({
      class_uid: CLASS.file_activity,
      activity_id,
      activity_name: activity_id === 99 ? (activity_name ?? 'Access') : undefined,
      file,
      actor,
      access_mask: Number.isInteger(mask) && mask <= 2_147_483_647 ? mask : undefined,
    }) as ClassPart
  }
  const kernel_activity = activity_id === 4 ? 3 : activity_id === 2 ? 2 : 99
  return {
    class_uid: CLASS.kernel_activity,
    activity_id: kernel_activity,
    ...(kernel_activity === 99 ? { activity_name: activity_name ?? OBJECT_WORDS[activity_id] ?? 'Access' } : {}),
    kernel: { name: baseName(name), path: name, type_id: 99, type: type === 'Key' ? 'Registry Key' : type },
    actor,
  }
}

const OBJECT_WORDS: { readonly [activity: number]: string } = {
  14: 'Open',
  7: 'Set Security',
  3: 'Write',
  6: 'Set Attributes',
}

function service(values: Values): ClassPart {
  const path = values.text('ServiceFileName') ?? values.text('ImagePath')
  return defined({
    class_uid: CLASS.application_lifecycle,
    activity_id: 1,
    app: defined({ name: values.text('ServiceName') ?? 'unknown', path }),
    actor: actorOf(values),
  }) as ClassPart
}

function job(activity_id: number, values: Values): ClassPart {
  const name = values.text('TaskName') ?? 'unknown'
  const content = values.text('TaskContent') ?? values.text('TaskContentNew')
  const command =
    content === undefined ? undefined : /<Command>([^<]{1,2000})<\/Command>/.exec(content.slice(0, 50_000))?.[1]
  return defined({
    class_uid: CLASS.scheduled_job_activity,
    activity_id,
    job: defined({ name, cmd_line: command }),
    actor: actorOf(values),
  }) as ClassPart
}

function account(activity_id: number, values: Values, activity_name?: string): ClassPart {
  const known = accountAt(values, 'Target') ?? { name: values.text('SamAccountName') ?? 'unknown' }
  if (values.peek('SamAccountName') === known.name) values.text('SamAccountName')
  const user = defined({
    ...known,
    display_name: values.text('DisplayName'),
    uid_alt: values.text('UserPrincipalName'),
  })
  return defined({
    class_uid: CLASS.account_change,
    activity_id,
    activity_name,
    user,
    actor: actorOf(values),
  }) as ClassPart
}

function group(activity_id: number, values: Values, activity_name = 'Change'): ClassPart {
  const target = accountAt(values, 'Target')
  const member = values.text('MemberName')
  const sid = values.text('MemberSid')
  const isMember = activity_id === 3 || activity_id === 4
  const user = defined({ name: member, uid: sid })
  return defined({
    class_uid: CLASS.group_management,
    activity_id,
    activity_name: activity_id === 99 ? activity_name : undefined,
    group:
      target === undefined
        ? { name: 'unknown' }
        : defined({ name: target.name, uid: target.uid, domain: target.domain }),
    user: isMember && Object.keys(user).length > 0 ? user : undefined,
    actor: actorOf(values),
  }) as ClassPart
}

function share(values: Values): ClassPart {
  const name = values.text('RelativeTargetName')
  const path = values.text('ShareName') ?? 'unknown'
  const whole = name === undefined ? path : `${path}\\${name}`
  const mask = Number(values.text('AccessMask') ?? Number.NaN)
  const source = endpointOf(values.text('IpAddress'), values.integer('IpPort'))
  const actor = actorOf(values) ?? { app_name: 'Windows' }
  return {
    class_uid: CLASS.file_activity,
    activity_id: 14,
    file: fileAt(whole),
    ...(Number.isInteger(mask) && mask <= 2_147_483_647 ? { access_mask: mask } : {}),
    actor:
      source === undefined
        ? actor
        : { ...actor, session: { ...(actor.session as JsonRecord | undefined), is_remote: true } },
    ...(source === undefined ? {} : { message: `Share accessed from ${source.ip ?? source.hostname}` }),
  }
}

const NUMBERS: { readonly [protocol: string]: string } = { 6: 'tcp', 17: 'udp', 1: 'icmp', 58: 'icmpv6' }

/** The filter of the Windows Filtering Platform that decided, and the layer it stands in. */
function filterOf(values: Values): JsonRecord | undefined {
  const uid = values.text('FilterRTID')
  return uid === undefined
    ? undefined
    : defined({ uid, type: values.text('LayerName'), category: values.text('LayerRTID') })
}

/** Who the other end is, where the connection was authenticated by IPsec. */
function ownerOf(values: Values): JsonRecord | undefined {
  const uid = values.text('RemoteUserID')
  values.text('RemoteMachineID')
  return uid === undefined || uid === 'S-1-0-0' ? undefined : { uid }
}

function connection(activity_id: number, values: Values): ClassPart {
  const direction = values.text('Direction')
  const inbound = direction === '%%14592' || direction?.toLowerCase() === 'inbound'
  const outbound = direction === '%%14593' || direction?.toLowerCase() === 'outbound'
  const local = endpointOf(values.text('SourceAddress'), values.integer('SourcePort'))
  const remote = endpointOf(values.text('DestAddress'), values.integer('DestPort'))
  const number = values.integer('Protocol')
  const process = processOf(values)
  // What listens has no other end.
  const ends =
    activity_id === 7 || remote === undefined
      ? { dst_endpoint: local ?? { name: 'unknown' } }
      : { src_endpoint: local, dst_endpoint: defined({ ...remote, owner: ownerOf(values) }) }
  return defined({
    class_uid: CLASS.network_activity,
    activity_id,
    ...defined(ends),
    is_src_dst_assignment_known: true,
    connection_info: defined({
      direction_id: inbound ? 1 : outbound ? 2 : 0,
      protocol_num: number,
      protocol_name: number === undefined ? undefined : NUMBERS[number],
    }),
    actor: process === undefined ? undefined : { process },
    firewall_rule: filterOf(values),
    ...(activity_id === 5 ? { action_id: 2, disposition_id: 2 } : { action_id: 1, disposition_id: 1 }),
  }) as ClassPart
}
