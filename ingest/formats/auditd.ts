import { z } from 'zod'
import { drop, type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { defineFormat, type FormatContext } from '../contract.js'
import { type Verdict, verdictOf, verdictPart } from './auditd/access.js'
import { type AuditEvent, auditEvent, type ClassPart } from './auditd/event.js'
import { callOf, callPart, fragmentPart } from './auditd/kernel.js'
import { auditdMapping } from './auditd/mapping.js'
import { errorName } from './auditd/names.js'
import { type AuditRecord, auditPartOf, looksLikeAudit, parseAudit, take } from './auditd/parse.js'
import { userPart } from './auditd/user.js'
import { defined, type JsonRecord, kindOf, setOwn } from './fields.js'
import { type MachineHints, machineOf } from './machine.js'
import { isEventTime, parseTime } from './time.js'

/** Longest text that is looked at; the kernel's longest event is far below. */
const MAX_CHARS = 1024 * 1024

/**
 * Linux audit records as auditd, audispd, ausearch and auoms write them: raw, enriched and interpreted, one line or all
 * lines of an event (`partOf` joins them). Each event becomes one OCSF event by its system call or record type.
 */
export const auditd = defineFormat({
  name: 'auditd',
  summary:
    'Linux audit records (audit.log, audispd, ausearch, auoms): one event for each serial, by system call and record type',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: auditdMapping,
  detect(record) {
    if (typeof record !== 'string' || !looksLikeAudit(record)) return 0
    // A syslog header in front of it is read by `syslog`, which knows the machine from it.
    return /^\s*(node=\S{1,255} )?type ?=/.test(record.slice(0, 400)) ? 0.97 : 0.3
  },
  partOf: auditPartOf,
  create: () => (record, context) => {
    if (typeof record !== 'string') return reject('not_audit', `expected lines of text, found ${kindOf(record)}`)
    return auditOutcome(record, {}, context)
  },
})

/** Audit records found in any transport; `machine` is what that transport says about where they come from. */
export function auditOutcome(text: string, machine: MachineHints, context: FormatContext): Outcome<EventDraft[]> {
  if (text.length > MAX_CHARS) return reject('too_long', `${text.length} characters, at most ${MAX_CHARS} are read`)
  const { records, stray } = parseAudit(text)
  const first = records[0]
  if (!first) return reject('not_audit', `expected type=... msg=audit(time:serial): ..., found ${kindOf(text)}`)
  if (stray > 0) return reject('mixed_lines', `${stray} lines between audit records are not audit records`)
  const time = timeOf(first.stamp)
  if (time === undefined) {
    return reject('bad_time', `audit(${first.stamp}): expected seconds or a date from 1970 to 2200`)
  }
  // Joined lines are of one event; a text with several is taken apart all the same.
  const groups = new Map<string, AuditRecord[]>()
  for (const record of records) {
    const key = `${record.node ?? ''}\n${record.stamp}:${record.serial}`
    const group = groups.get(key)
    if (group) group.push(record)
    else groups.set(key, [record])
  }
  const drafts: EventDraft[] = []
  for (const group of groups.values()) {
    if (group.every(({ type }) => type === 'EOE')) continue
    drafts.push(draftOf(auditEvent(group), timeOf(group[0]?.stamp ?? '') ?? time, machine, context))
  }
  return drafts.length === 0 ? drop('end_of_event') : ok(drafts)
}

/** `1604996384.965`, or a date as ausearch -i writes it (in the time zone of that machine, which it does not say). */
function timeOf(stamp: string): number | undefined {
  const american = /^(\d{2})\/(\d{2})\/(\d{2}|\d{4}) (\d{2}:\d{2}:\d{2}\.\d{1,3})$/.exec(stamp)
  let ms: number | undefined
  if (/^\d{1,11}(\.\d{1,9})?$/.test(stamp)) ms = Math.floor(Number(stamp) * 1000 + 0.0005)
  else if (american) {
    const [, month, day, year = '', clock] = american
    ms = parseTime(`${year.length === 2 ? `20${year}` : year}-${month}-${day}T${clock}`)
  } else ms = parseTime(stamp)
  return ms !== undefined && isEventTime(ms) ? ms : undefined
}

const CALLS = ['SYSCALL', 'AUOMS_EXECVE', 'AUOMS_SYSCALL', 'URINGOP']
const FRAGMENTS = new Set(
  'EXECVE PATH CWD PROCTITLE SOCKADDR OBJ_PID SOCKETCALL FD_PAIR BPRM_FCAPS CAPSET MMAP KERN_MODULE OPENAT2 IPC EOE'.split(
    ' ',
  ),
)

function draftOf(event: AuditEvent, time: number, hints: MachineHints, context: FormatContext): EventDraft {
  const first = event.records[0] as AuditRecord
  const main = event.records.find(({ type }) => !FRAGMENTS.has(type)) ?? first
  const verdict = verdictOf(event)
  const { part, acting } = partOfEvent(event, main, verdict)
  const node = first.node ?? take(acting, 'node')
  const machine = machineOf({ ...hints, hostname: node ?? hints.hostname, os_type_id: 200 }, context)
  const container = take(acting, 'containerid')
  const keys = labelsOf(event)
  const profiles = profilesOf(part, verdict)
  const stamp = `${first.stamp}:${first.serial}`
  const { class_uid, activity_id } = part
  const { status_id, status_code } =
    class_uid === CLASS.detection_finding ? NEW_FINDING : statusOf(event, acting, verdict)
  const draft = { severity_id: 1 } as EventDraft
  if (status_id !== undefined) draft.status_id = status_id
  if (status_code !== undefined) draft.status_code = status_code
  draft.class_uid = class_uid
  draft.activity_id = activity_id
  for (const name in part) draft[name] = part[name]
  if (verdict) for (const name in verdict.attributes) draft[name] = verdict.attributes[name]
  draft.time = time
  draft.message = part.message ?? messageOf(event, main)
  draft.device = machine.device
  draft.metadata = defined({
    product: { name: 'auditd', vendor_name: 'Linux', ...versionOf(main) },
    log_name: 'audit',
    log_provider: 'auditd',
    event_code: main.type,
    original_event_uid: stamp,
    original_time: first.stamp,
    sequence: sequenceOf(first.serial),
    profiles: profiles.length === 0 ? undefined : profiles,
    labels: keys.length === 0 ? undefined : keys,
  })
  if (container !== undefined) draft.workload = containerWorkload(container, container)
  else if (machine.workload) draft.workload = machine.workload
  const unmapped = unmappedOf(event)
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return draft
}

function partOfEvent(
  event: AuditEvent,
  main: AuditRecord,
  verdict: Verdict | undefined,
): { part: ClassPart; acting: AuditRecord } {
  const call = event.of(...CALLS)
  // What a program said about itself or the log counts more than the call that carried it to the kernel.
  const isOwn = /^(CONFIG_CHANGE|LOGIN|ANOM_|INTEGRITY_|MAC_|FEATURE_CHANGE)/.test(main.type)
  const own = isOwn
    ? main
    : event.records.find(({ type }) => /^(CONFIG_CHANGE|LOGIN|ANOM_|INTEGRITY_|MAC_(POLICY|STATUS|CONFIG))/.test(type))
  if (own) {
    const part = userPart(own)
    if (call) part.actor = { ...(part.actor as JsonRecord | undefined), ...callOf(event, call).actor }
    return { part, acting: call ?? own }
  }
  if (call) {
    const calling = callOf(event, call)
    return { part: callPart(event, calling), acting: call }
  }
  if (verdict) return { part: verdictPart(callOf(event, verdict.record), verdict), acting: verdict.record }
  if (main.type === 'SECCOMP' || main.type === 'BPF' || main.type === 'NETFILTER_CFG') {
    return { part: callPart(event, callOf(event, main)), acting: main }
  }
  if (FRAGMENTS.has(main.type)) return { part: fragmentPart(event, main), acting: main }
  return { part: userPart(main), acting: main }
}

type Status = { status_id?: number; status_code?: string }

/** The status of a finding is what became of the finding: whether the call it is about succeeded stays unmapped. */
const NEW_FINDING: Status = { status_id: 1 }

/** Succeeded or not, as the call, the program or the security module says. */
function statusOf(event: AuditEvent, acting: AuditRecord, verdict: Verdict | undefined): Status {
  const success = take(acting, 'success') ?? take(acting, 'res') ?? take(acting, 'result')
  const exit = acting.fields.get('exit')
  const failed = success === undefined ? undefined : /^(no|failed|fail|0|denied)$/i.test(success)
  if (failed === undefined) {
    if (verdict?.denied) return { status_id: 2 }
    return event.of(...CALLS) === undefined ? {} : { status_id: 0 }
  }
  if (failed && exit !== undefined) {
    acting.read.add('exit')
    return { status_id: 2, status_code: errorName(exit) }
  }
  return { status_id: failed ? 2 : 1 }
}

/** Keys of the audit rules that matched. */
function labelsOf(event: AuditEvent): string[] {
  const keys = new Set<string>()
  for (const record of event.records) {
    for (const key of (take(record, 'key') ?? '').split(',')) if (key !== '') keys.add(key)
  }
  return [...keys]
}

/** Classes of which actor and device are an addition of the host profile. */
const HOST_PROFILE = new Set<number>([
  CLASS.authentication,
  CLASS.account_change,
  CLASS.group_management,
  CLASS.entity_management,
  CLASS.network_activity,
  CLASS.ssh_activity,
  CLASS.detection_finding,
  CLASS.application_lifecycle,
])

function profilesOf({ class_uid }: ClassPart, verdict: Verdict | undefined): string[] {
  return [...(HOST_PROFILE.has(class_uid) ? ['host'] : []), ...(verdict ? ['security_control'] : [])]
}

function versionOf(main: AuditRecord): JsonRecord {
  const version = take(main, 'ver')
  return version === undefined ? {} : { version }
}

function sequenceOf(serial: string): number | undefined {
  const number = Number(serial)
  return number <= 2_147_483_647 ? number : undefined
}

function messageOf(event: AuditEvent, main: AuditRecord): string {
  const op = main.fields.get('op')
  const words = op ?? main.words
  const others = event.records.length > 1 ? ` (${event.records.length} records)` : ''
  return words === '' ? `${main.type}${others}` : `${main.type}: ${words.slice(0, 500)}${others}`
}

/** What nobody read, by record type and key; of several records of a type with its number. */
function unmappedOf(event: AuditEvent): JsonRecord {
  const unmapped: JsonRecord = {}
  const seen = new Map<string, number>()
  for (const record of event.records) {
    const n = seen.get(record.type) ?? 0
    seen.set(record.type, n + 1)
    const at = n === 0 ? record.type : `${record.type}[${n}]`
    for (const [key, value] of record.fields) {
      if (!record.read.has(key) && value !== '') setOwn(unmapped, `${at}.${key}`, value)
    }
    for (const [key, value] of record.names) {
      if (!record.read.has(`${key}=`)) setOwn(unmapped, `${at}.${key}`, value)
    }
    if (record.rest !== '') setOwn(unmapped, `${at}.rest`, record.rest)
  }
  return unmapped
}
