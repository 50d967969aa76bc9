import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { basename } from 'node:path/posix'
import { CLASS } from '../../../ocsf/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import type { ClassPart } from './event.js'
import { accountableUser, processOf, sessionOf, userOf } from './objects.js'
import { type AuditRecord, nameFor, take } from './parse.js'

/** Authentication: Logon 1, Logoff 2; what has no activity of its own is named as auditd names it. */
const AUTHENTICATION: { readonly [type: string]: number } = {
  USER_AUTH: 1,
  USER_LOGIN: 1,
  USER_START: 1,
  USER_END: 2,
  USER_LOGOUT: 2,
  USER_ACCT: 99,
  USER_ERR: 99,
  CRED_ACQ: 99,
  CRED_REFR: 99,
  CRED_DISP: 99,
  LOGIN: 99,
  GRP_AUTH: 99,
  CRYPTO_LOGIN: 1,
  CRYPTO_LOGOUT: 2,
}
const ACCOUNT: { readonly [type: string]: number } = {
  ADD_USER: 1,
  DEL_USER: 6,
  USER_CHAUTHTOK: 3,
  ACCT_LOCK: 9,
  ACCT_UNLOCK: 12,
  USER_MGMT: 99,
  CHUSER_ID: 99,
  CHGRP_ID: 99,
  ROLE_ASSIGN: 7,
  ROLE_REMOVE: 8,
}
const GROUP: { readonly [type: string]: number } = { ADD_GROUP: 6, DEL_GROUP: 5, GRP_MGMT: 99, GRP_CHAUTHTOK: 99 }
const APPLICATION: { readonly [type: string]: number } = {
  SERVICE_START: 3,
  SERVICE_STOP: 4,
  SYSTEM_BOOT: 3,
  SYSTEM_SHUTDOWN: 4,
  SYSTEM_RUNLEVEL: 99,
  SOFTWARE_UPDATE: 8,
  VIRT_CONTROL: 99,
}
const LOG: { readonly [type: string]: number } = {
  DAEMON_START: 6,
  DAEMON_RESUME: 6,
  DAEMON_END: 7,
  DAEMON_ABORT: 7,
  DAEMON_ROTATE: 5,
  DAEMON_CONFIG: 99,
  DAEMON_RECONFIG: 99,
  DAEMON_ACCEPT: 99,
  DAEMON_CLOSE: 99,
  DAEMON_ERR: 99,
  CONFIG_CHANGE: 99,
  FEATURE_CHANGE: 99,
  USYS_CONFIG: 99,
}

/** Class and attributes of a record that a program of user space wrote, or that stands for itself. */
export function userPart(record: AuditRecord): ClassPart {
  const { type } = record
  const authentication = ownEntry(AUTHENTICATION, type)
  if (authentication !== undefined) return authenticationPart(record, authentication)
  if (type === 'USER_CMD') return commandPart(record)
  const account = ownEntry(ACCOUNT, type)
  if (account !== undefined) return accountPart(record, account)
  const group = ownEntry(GROUP, type)
  if (group !== undefined) return groupPart(record, group)
  const log = ownEntry(LOG, type)
  if (log !== undefined) return logPart(record, log)
  if (/^(ANOM|INTEGRITY|RESP)_/.test(type) || /^CRYPTO_(REPLAY|FAILURE)_USER$/.test(type)) return findingPart(record)
  if (/^MAC_|^APPARMOR_STATUS$|^LABEL_|^USER_MAC/.test(type)) return policyPart(record)
  if (type === 'CRYPTO_SESSION') return sshPart(record)
  return applicationPart(record, ownEntry(APPLICATION, type) ?? 99)
}

function actorOf(record: AuditRecord): JsonRecord | undefined {
  const actor = defined({ process: processOf(record), user: accountableUser(record), session: sessionOf(record) })
  return Object.keys(actor).length === 0 ? undefined : actor
}

/** The account a record is about: by name, else by number. */
function subjectOf(record: AuditRecord): JsonRecord | undefined {
  const name = take(record, 'acct') ?? nameFor(record, 'id')
  const id = take(record, 'id')
  const uid = id !== undefined && /^\d+$/.test(id) ? id : undefined
  if (name === undefined && id === undefined) return undefined
  return defined({ name: name ?? (uid === undefined ? id : undefined), uid })
}

/** Where a user came from; `addr` may be a name, and `hostname` an address. */
function sourceOf(record: AuditRecord): JsonRecord | undefined {
  const addr = take(record, 'addr')
  const hostname = take(record, 'hostname')
  const ip = [addr, hostname].find((value) => value !== undefined && isIP(value) !== 0)
  const name = [hostname, addr].find((value) => value !== undefined && isIP(value) === 0)
  const local = name !== undefined && ip === undefined && addr === undefined
  // Programs fill in their own host name where nobody came from elsewhere.
  if (local) {
    record.read.delete('hostname')
    return undefined
  }
  const source = defined({ ip, hostname: name })
  return Object.keys(source).length === 0 ? undefined : source
}

function serviceOf(record: AuditRecord): JsonRecord {
  const exe = record.fields.get('exe')
  return { name: exe === undefined ? 'audit' : basename(exe) || exe }
}

/** Programs that make one user another. */
const SWITCHES = /^(su|sudo|sudoedit|runuser|doas|pkexec|newgrp|polkit-agent-helper-1)$/

function authenticationPart(record: AuditRecord, activity: number): ClassPart {
  const source = sourceOf(record)
  const service = serviceOf(record)
  const actor = actorOf(record)
  const user = subjectOf(record) ?? loginUser(record) ?? userOf(record, 'uid')
  const terminal = record.fields.get('terminal') ?? record.fields.get('tty')
  const session = sessionOf(record)
  const is_switch = activity === 1 && SWITCHES.test(String(service.name))
  const ip = source?.ip as string | undefined
  const is_remote = source !== undefined && ip !== '127.0.0.1' && ip !== '::1'
  const method = methodOf(take(record, 'op'), take(record, 'grantors'))
  return defined({
    class_uid: CLASS.authentication,
    activity_id: is_switch ? 7 : activity,
    activity_name: activity === 99 ? record.type : undefined,
    ...(is_switch ? { account_switch_type_id: 1 } : {}),
    user: user ?? { name: 'unknown' },
    actor,
    service,
    session: session === undefined ? undefined : { ...session, is_remote },
    src_endpoint: source,
    is_remote,
    logon_type_id: logonType(String(service.name), terminal, is_remote),
    ...method,
  })
}

/** LOGIN says which login user a process got; before it had `old-auid`. */
function loginUser(record: AuditRecord): JsonRecord | undefined {
  return record.type === 'LOGIN' ? userOf(record, 'auid') : undefined
}

function logonType(service: string, terminal: string | undefined, is_remote: boolean): number {
  if (/^(cron|crond|atd|anacron)$/.test(service) || terminal === 'cron') return 4
  if (service === 'systemd') return 5
  if (is_remote || service === 'sshd' || service === 'sshd-session' || terminal === 'ssh') return 10
  return 2
}

function methodOf(op: string | undefined, grantors: string | undefined): JsonRecord {
  if (op === undefined || op === 'login' || op === 'success') return {}
  const name = op.startsWith('PAM:') ? `PAM${grantors === undefined ? '' : ` (${grantors})`}` : op
  return { auth_protocol_id: 99, auth_protocol: name }
}

/** A command that sudo ran: decoded, with the folder it was called from. */
function commandPart(record: AuditRecord): ClassPart {
  const cmd_line = take(record, 'cmd')
  const by = actorOf(record)
  const program = cmd_line?.split(' ', 1)[0]
  const pid = (by?.process as JsonRecord | undefined)?.pid
  const process = defined({
    uid: `audit:${record.stamp}:${record.serial}:command`,
    name: program === undefined ? undefined : basename(program) || program,
    cmd_line,
    working_directory: take(record, 'cwd'),
    parent_process: pid === undefined ? undefined : { pid },
  })
  const actor = by ?? { app_name: 'sudo' }
  return { class_uid: CLASS.process_activity, activity_id: 1, launch_type_id: 3, process, actor }
}

function accountPart(record: AuditRecord, activity: number): ClassPart {
  const op = take(record, 'op') ?? ''
  const group = groupName(record)
  if (group !== undefined && /group/.test(op) && record.type === 'USER_MGMT') {
    const activity_id = /add/.test(op) ? 3 : /delet|remov/.test(op) ? 4 : 99
    return groupPart(record, activity_id, group)
  }
  const worded = activity !== 99 ? activity : accountActivity(op)
  return defined({
    class_uid: CLASS.account_change,
    activity_id: worded,
    activity_name: worded === 99 ? op || record.type : undefined,
    user: subjectOf(record) ?? { name: 'unknown' },
    actor: actorOf(record),
    src_endpoint: sourceOf(record),
  })
}

/** The words shadow's programs use for what they did. */
function accountActivity(op: string): number {
  if (/unlock/.test(op)) return 12
  if (/lock/.test(op)) return 9
  if (/password/.test(op)) return 3
  if (/^(add|create)/.test(op)) return 1
  return /^(delet|remov)/.test(op) ? 6 : 99
}

function groupName(record: AuditRecord): string | undefined {
  return record.fields.get('grp') ?? record.fields.get('new_group') ?? record.fields.get('group')
}

function groupPart(record: AuditRecord, activity: number, known?: string): ClassPart {
  const op = take(record, 'op') ?? ''
  for (const key of ['grp', 'new_group', 'group']) take(record, key)
  const acct = take(record, 'acct')
  const name = known ?? groupName(record) ?? (record.type.includes('GROUP') ? acct : undefined)
  const number = take(record, 'id') ?? take(record, 'gid')
  const resolved = nameFor(record, 'id')
  const group = defined({ name: name ?? resolved, uid: number })
  const member = /add|member/.test(op) ? 3 : /delet|remov/.test(op) ? 4 : 99
  const activity_id = activity === 99 && acct !== undefined ? member : activity
  const isMember = (activity_id === 3 || activity_id === 4) && acct !== undefined
  return defined({
    class_uid: CLASS.group_management,
    activity_id,
    activity_name: activity_id === 99 ? op || record.type : undefined,
    group: Object.keys(group).length === 0 ? { name: acct ?? 'unknown' } : group,
    user: isMember ? { name: acct } : undefined,
    actor: actorOf(record),
    src_endpoint: sourceOf(record),
  })
}

/** What happened to the audit log itself: somebody who stops it is hiding something. */
function logPart(record: AuditRecord, activity: number): ClassPart {
  const enabled = record.type === 'CONFIG_CHANGE' ? take(record, 'audit_enabled') : undefined
  const activity_id = enabled === undefined ? activity : enabled === '0' ? 10 : 9
  const op = take(record, 'op')
  return defined({
    class_uid: CLASS.event_log_activity,
    activity_id,
    activity_name: activity_id === 99 ? (op ?? record.type) : undefined,
    log_name: 'audit',
    log_provider: record.type.startsWith('DAEMON_') ? 'auditd' : 'kernel',
    log_type_id: 1,
    actor: actorOf(record),
  })
}

function findingPart(record: AuditRecord): ClassPart {
  const actor = actorOf(record)
  const user = subjectOf(record)
  const source = sourceOf(record)
  const title = record.type
  const file = take(record, 'name') ?? take(record, 'file')
  const evidence = defined({
    actor,
    process: actor?.process,
    user,
    src_endpoint: source,
    file: file === undefined ? undefined : { name: basename(file) || file, path: file, type_id: 1 },
  })
  const op = take(record, 'op')
  return defined({
    class_uid: CLASS.detection_finding,
    activity_id: 1,
    severity_id: /ANOM_(ABEND|PROMISCUOUS)|INTEGRITY_(RULE|STATUS)/.test(title) ? 2 : 3,
    is_alert: true,
    finding_info: defined({
      uid: hash('sha256', `${record.node ?? ''}\n${record.stamp}:${record.serial}\n${title}`, 'hex').slice(0, 32),
      title,
      desc: op ?? (record.words || undefined),
      analytic: { name: title, type_id: 1, category: 'auditd' },
      data_sources: ['auditd'],
    }),
    evidences: Object.keys(evidence).length === 0 ? undefined : [evidence],
    actor,
  })
}

/** SELinux and AppArmor policies that were loaded, replaced or switched off. */
function policyPart(record: AuditRecord): ClassPart {
  const operation = take(record, 'operation') ?? take(record, 'op') ?? ''
  const apparmor = record.fields.has('apparmor') || record.type.startsWith('APPARMOR')
  take(record, 'apparmor')
  const name = apparmor ? (take(record, 'name') ?? 'AppArmor') : (take(record, 'bool') ?? 'SELinux')
  const enforcing = take(record, 'enforcing')
  const removed = operation === 'profile_remove' || operation === 'delete'
  const activity_id = enforcing === '0' ? 9 : enforcing === '1' ? 8 : operation === 'profile_load' ? 1 : removed ? 4 : 3
  return defined({
    class_uid: CLASS.entity_management,
    activity_id,
    entity: { name, type_id: 5, policy: { name: apparmor ? 'AppArmor' : 'SELinux' } },
    actor: actorOf(record),
    comment: operation || undefined,
  })
}

/** sshd tells which ciphers a session began with. */
function sshPart(record: AuditRecord): ClassPart {
  const port = (key: string) => {
    const text = take(record, key)
    return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined
  }
  const source = sourceOf(record)
  const local = take(record, 'laddr')
  const to = defined({ ip: local !== undefined && isIP(local) !== 0 ? local : undefined, port: port('lport') })
  const from = source === undefined ? undefined : defined({ ...source, port: port('rport') })
  if (from === undefined && to.ip === undefined) return applicationPart(record, 99)
  const ended = take(record, 'op') === 'destroy'
  return defined({
    class_uid: CLASS.ssh_activity,
    activity_id: ended ? 2 : 1,
    src_endpoint: from,
    dst_endpoint: to.ip === undefined ? undefined : to,
    actor: actorOf(record),
  })
}

/** Services, boot and shutdown; and every other record of a program, named as auditd names it. */
function applicationPart(record: AuditRecord, activity_id: number): ClassPart {
  const name = take(record, 'unit') ?? take(record, 'sw') ?? take(record, 'vm') ?? programName(record)
  const kind = /^SYSTEM_/.test(record.type) ? 'Linux' : name
  return defined({
    class_uid: CLASS.application_lifecycle,
    activity_id,
    activity_name: activity_id === 99 ? (take(record, 'op') ?? record.type) : undefined,
    app: { name: kind ?? 'audit', vendor_name: 'Linux' },
    actor: actorOf(record),
  })
}

function programName(record: AuditRecord): string | undefined {
  const exe = record.fields.get('exe')
  return exe === undefined ? record.fields.get('comm') : basename(exe) || exe
}
