import type { Outcome } from '../../../core/outcome.js'
import { ok, reject } from '../../../core/outcome.js'
import { CLASS, type EventDraft } from '../../../ocsf/event.js'
import type { FormatContext } from '../../contract.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord } from '../fields.js'
import { type MachineHints, machineOf } from '../machine.js'
import { profilesOf } from '../profiles.js'
import { actorOf } from './account.js'
import type { LogEvent } from './event.js'
import { securityPart } from './security.js'
import { sysmonPart } from './sysmon.js'
import { timeOf, type Values, valuesOf } from './values.js'

const LEVELS: { readonly [level: number]: number } = { 0: 1, 1: 5, 2: 4, 3: 3, 4: 1, 5: 1 }

/** The OCSF event of a log event of Windows or Sysmon. */
export function logEventOutcome(event: LogEvent, hints: MachineHints, context: FormatContext): Outcome<EventDraft[]> {
  const values = valuesOf(event)
  const happened = values.text('UtcTime')
  const time = timeOf(happened) ?? timeOf(event.time)
  if (time === undefined && event.time !== undefined) {
    return reject('bad_time', `time: expected a date from 1970 to 2200, found ${event.time.slice(0, 80)}`)
  }
  const isLinux = event.provider === 'Linux-Sysmon'
  const isSysmon = isLinux || /sysmon/i.test(event.provider)
  const part = isSysmon ? sysmonPart(event, values) : (securityPart(event, values) ?? anyPart(event, values))
  const machine = machineOf(
    {
      ...hints,
      resource: values.text('_ResourceId') ?? hints.resource,
      hostname: event.computer ?? hints.hostname,
      os_type_id: isLinux ? 200 : 100,
    },
    context,
  )
  const { class_uid, activity_id, ...rest } = part
  const draft: EventDraft = {
    severity_id: LEVELS[event.level ?? 4] ?? 1,
    ...successOf(event, values),
    class_uid,
    activity_id,
    ...rest,
    message: part.message ?? describe(event, values),
    device: machine.device,
  }
  if (time !== undefined) draft.time = time
  // OCSF wants an end of the question; the resolver is not named.
  if (class_uid === CLASS.dns_activity) draft.src_endpoint = { hostname: event.computer ?? hints.hostname ?? 'unknown' }
  const profiles = profilesOf(class_uid, draft)
  draft.metadata = defined({
    product: productOf(event, isSysmon),
    log_name: event.channel,
    log_provider: event.provider,
    log_level: values.text('EventLevelName'),
    tenant_uid: values.text('TenantId'),
    event_code: String(event.id),
    original_event_uid: event.record_id,
    original_time: happened ?? event.time,
    logged_time: timeOf(values.text('TimeCollected')),
    log_version: text(event.unmapped['System.Version']),
    profiles,
  })
  const agent = defined({ uid: values.text('SourceComputerId'), name: values.text('ManagementGroupName') })
  if ((agent.uid ?? agent.name) !== undefined) {
    machine.device.agent_list = [{ ...agent, type_id: 99, type: 'Log Analytics' }]
  }
  if (machine.workload) draft.workload = machine.workload
  readRepeated(values)
  const { 'System.Version': _, ...around } = event.unmapped
  const unmapped: JsonRecord = { ...around, ...values.rest() }
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

const PATHS = ['ProcessName', 'NewProcessName', 'Image'] as const

/** Log Analytics joins what stands apart in the event: `DOMAIN\\name`, `3 - Network`, the name of a path. */
function readRepeated(values: Values) {
  for (const [joined, prefix] of [
    ['SubjectAccount', 'Subject'],
    ['TargetAccount', 'Target'],
    ['Account', 'Subject'],
    ['Account', 'Target'],
  ] as const) {
    const whole = values.peek(joined)
    if (whole === undefined) continue
    const domain = values.peek(`${prefix}DomainName`) ?? ''
    const account = `${domain}\\${values.peek(`${prefix}UserName`) ?? ''}`
    if (whole.toLowerCase() === account.toLowerCase()) values.text(joined)
  }
  if (values.peek('LogonTypeName')?.startsWith(`${values.peek('LogonType')} `)) values.text('LogonTypeName')
  for (const name of ['Process', 'process']) {
    const last = values.peek(name)
    if (last === undefined) continue
    const isRepeated = PATHS.some((path) => values.peek(path)?.endsWith(`\\${last}`))
    if (isRepeated) values.text(name)
  }
}

function productOf({ provider }: LogEvent, isSysmon: boolean): JsonRecord {
  const name = isSysmon ? 'Sysmon' : 'Windows'
  return { name, vendor_name: 'Microsoft', ...(isSysmon ? {} : { feature: { name: provider } }) }
}

/** Audit success and failure are keywords; a Security event that says neither succeeded. */
function successOf(event: LogEvent, values: Values): JsonRecord {
  const keywords = String(event.unmapped['System.Keywords'] ?? values.text('Keywords') ?? '')
  if (/Audit Failure|^0x8010/i.test(keywords)) return { status_id: 2 }
  return event.channel === 'Security' || /Audit Success|^0x8020/i.test(keywords) ? { status_id: 1 } : {}
}

function describe(event: LogEvent, values: Values): string {
  const text = values.text('Activity') ?? values.text('RenderedDescription') ?? values.text('Message')
  return (text ?? `${event.provider} event ${event.id}`).slice(0, 4000)
}

/** An event of another provider: what an application said. */
function anyPart({ provider, level, id }: LogEvent, values: Values): ClassPart {
  const actor = values.peek('SubjectUserName') === undefined ? undefined : actorOf(values)
  const isError = level !== undefined && level >= 1 && level <= 3
  if (isError) return { class_uid: CLASS.application_error, activity_id: 1, status_code: String(id) }
  return {
    class_uid: CLASS.application_lifecycle,
    activity_id: 99,
    activity_name: (values.text('Activity') ?? `Event ${id}`).slice(0, 200),
    app: { name: provider, vendor_name: 'Microsoft' },
    ...(actor === undefined ? {} : { actor }),
  }
}
