import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Metadata } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { defineFormat, type FormatContext } from '../contract.js'
import type { ClassPart } from './auditd/event.js'
import { looksLikeAudit } from './auditd/parse.js'
import { auditOutcome } from './auditd.js'
import { defined, isObject, type JsonRecord, kindOf, setOwn } from './fields.js'
import { type MachineHints, machineOf } from './machine.js'
import { profilesOf } from './profiles.js'
import { accounts, login, pam, su, sudo } from './syslog/accounts.js'
import { FACILITIES, LEVELS, parseLine, type SyslogMessage } from './syslog/header.js'
import { parseObject, sureOfObject, type Wrapped } from './syslog/json.js'
import { syslogMapping } from './syslog/mapping.js'
import type { Reader } from './syslog/part.js'
import { sshd } from './syslog/sshd.js'
import { cron, kernel, systemd } from './syslog/system.js'
import { holdsSysmon, sysmonOutcome } from './sysmon_linux.js'

const MAX_CHARS = 1024 * 1024

/** Syslog levels as OCSF severities: emergency is fatal, notice low. */
const SEVERITY = [6, 5, 5, 4, 3, 2, 1, 1] as const

/**
 * Messages of Unix systems: RFC 5424 and RFC 3164 lines, and the objects that the journal, Log Analytics and shippers make
 * of them. What sshd, sudo, su, PAM, cron, systemd, the account tools and the kernel say becomes the class it is about.
 */
export const syslog = defineFormat({
  name: 'syslog',
  summary: 'Syslog (RFC 5424, RFC 3164) and the journal: sshd, sudo, su, PAM, cron, systemd, accounts, kernel',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: syslogMapping,
  detect(record) {
    if (isObject(record)) return sureOfObject(record)
    if (typeof record !== 'string' || record.includes('\n') || record.startsWith('{')) return 0
    const message = parseLine(record.slice(0, 2000), Date.UTC(2026, 0, 1))
    if (!message) return 0
    if (message.notation === 'RFC 5424') return 0.9
    return message.app === undefined ? 0.2 : message.level === undefined ? 0.6 : 0.85
  },
  create: () => (record, context) => {
    if (typeof record !== 'string') return reject('not_syslog', `expected a line of text, found ${kindOf(record)}`)
    if (record.length > MAX_CHARS) {
      return reject('too_long', `${record.length} characters, at most ${MAX_CHARS} are read`)
    }
    return /^\s*\{/.test(record.slice(0, 100)) ? objectOutcome(record, context) : lineOutcome(record, context)
  },
})

function lineOutcome(line: string, context: FormatContext): Outcome<EventDraft[]> {
  const message = parseLine(line, context.received_time)
  if (message) return messageOutcome({ message, unmapped: {} }, context)
  return reject('not_syslog', `expected <priority>, or a date, a host name and a tag, found ${kindOf(line)}`)
}

function objectOutcome(text: string, context: FormatContext): Outcome<EventDraft[]> {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return reject('invalid_json', 'begins as a JSON object, and is none')
  }
  const wrapped = isObject(record) ? parseObject(record, context.received_time) : undefined
  if (!wrapped) return reject('not_syslog', 'no text was found under MESSAGE, SyslogMessage, message or msg')
  return messageOutcome(wrapped, context)
}

function messageOutcome(wrapped: Wrapped, context: FormatContext): Outcome<EventDraft[]> {
  const { message } = wrapped
  if (holdsSysmon(message.text)) return withWrapping(sysmonOutcome(message.text, context), wrapped)
  const hints: MachineHints = {
    hostname: message.hostname,
    uid: wrapped.machine_id,
    ip: wrapped.ip ?? message.data.get('origin.ip'),
    resource: wrapped.resource,
  }
  if (looksLikeAudit(message.text) && /^(kernel|audit|auditd|audispd|auoms|audisp-syslog)?$/.test(message.app ?? '')) {
    const outcome = auditOutcome(message.text, hints, context)
    if (outcome.kind !== 'reject') return withWrapping(outcome, wrapped)
  }
  return ok([draftOf(wrapped, hints, context)])
}

function withWrapping(outcome: Outcome<EventDraft[]>, { unmapped, tenant }: Wrapped): Outcome<EventDraft[]> {
  if (outcome.kind !== 'ok') return outcome
  for (const draft of outcome.value) {
    if (Object.keys(unmapped).length > 0) draft.unmapped = { ...unmapped, ...draft.unmapped }
    if (tenant !== undefined && draft.metadata) draft.metadata.tenant_uid = tenant
  }
  return outcome
}

const READERS: { readonly [app: string]: readonly Reader[] } = {
  sshd: [sshd],
  'sshd-session': [sshd],
  'sshd-auth': [sshd],
  sudo: [sudo],
  su: [su],
  login: [login],
  'systemd-logind': [login],
  CRON: [cron],
  cron: [cron],
  crond: [cron],
  '/usr/sbin/cron': [cron],
  crontab: [cron],
  systemd: [systemd],
  kernel: [kernel],
  useradd: [accounts],
  usermod: [accounts],
  userdel: [accounts],
  groupadd: [accounts],
  groupmod: [accounts],
  groupdel: [accounts],
  gpasswd: [accounts],
  chage: [accounts],
  chfn: [accounts],
  chsh: [accounts],
  passwd: [accounts],
}

function partOf(message: SyslogMessage): ClassPart {
  const { app, text } = message
  const readers = app !== undefined && Object.hasOwn(READERS, app) ? READERS[app] : undefined
  // Patterns are bounded; the rest of a long text tells no more.
  const words = text.slice(0, 70_000).trim()
  if (readers !== undefined) {
    for (const read of readers) {
      const part = read(words, message)
      if (part) return part
    }
  }
  return pam(words, message) ?? anyPart(message)
}

/** Any other message: an error where its level or its first word says so, else what an application reported. */
function anyPart({ app, level, text }: SyslogMessage): ClassPart {
  const isError = level === undefined ? /^(error|fatal|panic|critical)\b/i.test(text.slice(0, 40)) : level <= 4
  if (isError) return { class_uid: CLASS.application_error, activity_id: 1 }
  return {
    class_uid: CLASS.application_lifecycle,
    activity_id: 99,
    activity_name: 'Message',
    app: { name: app ?? 'syslog' },
  }
}

function draftOf(wrapped: Wrapped, hints: MachineHints, context: FormatContext): EventDraft {
  const { message } = wrapped
  const part = partOf(message)
  const machine = machineOf({ ...hints, os_type_id: message.app === 'kernel' ? 200 : undefined }, context)
  const { class_uid, activity_id, actor, ...rest } = part
  const draft: EventDraft = {
    severity_id: message.level === undefined ? 1 : (SEVERITY[message.level] ?? 1),
    class_uid,
    activity_id,
    ...rest,
    message: message.text.slice(0, 16_384),
    device: machine.device,
  }
  if (message.time !== undefined) draft.time = message.time
  const acting = actorOf(actor as JsonRecord | undefined, wrapped)
  if (acting) draft.actor = acting
  const { container } = wrapped
  if (container) {
    const { id, name, image } = container
    draft.device = {
      ...machine.device,
      container: defined({ uid: id, name, image: image === undefined ? undefined : { name: image, uid: image } }),
    }
    draft.workload = containerWorkload(id, name ?? id, image === undefined ? {} : { image })
  } else if (machine.workload) draft.workload = machine.workload
  draft.metadata = metadataOf(wrapped, profilesOf(class_uid, draft))
  const unmapped = { ...wrapped.unmapped }
  for (const [key, value] of message.data) if (!USED_DATA.has(key)) setOwn(unmapped, key, value)
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return draft
}

const USED_DATA = new Set(['origin.ip', 'meta.sequenceId', 'origin.software', 'origin.swVersion'])

/** Who acted: what the words say, and the process that wrote them. */
function actorOf(said: JsonRecord | undefined, { message, process, unit }: Wrapped): JsonRecord | undefined {
  if (said?.process !== undefined || message.app === 'kernel') return said
  const name = process?.name ?? message.app
  const { exe, cmd_line, uid } = process ?? {}
  const writer = defined({
    pid: message.pid,
    name,
    cmd_line,
    file: exe === undefined ? undefined : { name: exe.slice(exe.lastIndexOf('/') + 1) || exe, path: exe, type_id: 1 },
    user: uid === undefined ? undefined : { uid },
  })
  const actor = defined({ ...said, process: message.pid === undefined ? undefined : writer, app_name: unit })
  return Object.keys(actor).length === 0 ? undefined : actor
}

function metadataOf({ message, uid, tenant }: Wrapped, profiles: string[] | undefined): Partial<Metadata> {
  const { facility, level, app, data } = message
  const sequence = Number(data.get('meta.sequenceId') ?? Number.NaN)
  return defined({
    product: defined({
      name: data.get('origin.software') ?? app ?? 'syslog',
      version: data.get('origin.swVersion'),
    }),
    log_name: facility === undefined ? 'syslog' : FACILITIES[facility],
    log_provider: app,
    log_format: message.notation,
    log_level: level === undefined ? undefined : LEVELS[level],
    event_code: message.message_id,
    tenant_uid: tenant,
    original_event_uid: uid,
    original_time: message.original_time,
    sequence: Number.isInteger(sequence) && sequence >= 0 && sequence <= 2_147_483_647 ? sequence : undefined,
    profiles,
  })
}
