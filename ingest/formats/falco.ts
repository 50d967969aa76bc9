import { hash } from 'node:crypto'
import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Metadata, type Workload } from '../../ocsf/event.js'
import { eventUid } from '../../ocsf/uid.js'
import { containerWorkload, podLabels, podWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defineFormat } from '../contract.js'
import { integerOf, textOf } from './falco-fields.js'
import { mapping } from './falco-mapping.js'
import { evidenceOf } from './falco-objects.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { attacksOf } from './mitre.js'
import { splitShipped } from './shipper.js'
import { isEventTime, parseTime } from './time.js'

/** Falco's priorities (syslog's) as OCSF severities. */
const SEVERITY: { readonly [priority: string]: number } = {
  emergency: 6,
  alert: 5,
  critical: 5,
  error: 4,
  warning: 3,
  notice: 2,
  informational: 1,
  info: 1,
  debug: 1,
}

const WORDS = ['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Informational', 'Debug'] as const

/** Names that Falco gives to messages about itself begin like this; they are rule names, not prose. */
const INTERNAL = 'Falco internal:'

/**
 * Falco alerts as its JSON output, http_output and falcosidekick send them. An alert becomes a Detection Finding: what a
 * foreign detector said, evidence for ours. What Falco says about itself (lost system calls) becomes coverage.
 */
export const falco = defineFormat({
  name: 'falco',
  summary: 'Falco alerts (JSON output, http_output, falcosidekick) as detection findings; its own drops as coverage',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping,
  split: (record) => splitShipped(record, isAlert),
  detect(shipped) {
    const record = splitShipped(shipped, isAlert)?.[0] ?? shipped
    if (!isObject(record) || typeof record.rule !== 'string' || typeof record.priority !== 'string') return 0
    return isObject(record.output_fields) ? 0.95 : 0.7
  },
  create: () => (shipped) => {
    const record = splitShipped(shipped, isAlert)?.[0] ?? shipped
    if (!isObject(record))
      return reject('not_falco', `expected an object with rule and priority, found ${kindOf(record)}`)
    const fields = new Fields(record, '')
    const head = readHead(fields)
    if (head.kind !== 'ok') return head
    const draft = head.value.isInternal ? coverage(head.value) : finding(head.value)
    const unmapped = head.value.fields.rest(fields.rest())
    if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
    return ok([draft])
  },
})

function isAlert(record: JsonRecord): boolean {
  return typeof record.rule === 'string' && record.priority !== undefined
}

type Head = {
  rule: string
  output: string | undefined
  source: string
  isInternal: boolean
  tags: string[]
  hostname: string | undefined
  uid: string
  time: number | undefined
  severity: { severity_id: number; severity?: string }
  metadata: Partial<Metadata>
  fields: Fields
}

function readHead(record: Fields): Outcome<Head> {
  const rule = record.text('rule')
  const priority = priorityOf(record)
  if (rule === undefined || priority === undefined) {
    return reject('not_falco', record.lacks(rule === undefined ? 'rule' : 'priority'))
  }
  const output = record.text('output')
  const source = record.text('source') ?? 'syscall'
  const original_time = record.text('time')
  const fields = outputFieldsOf(record)
  const hostname = record.text('hostname') ?? textOf(fields, 'evt.hostname')
  const time = timeOf(original_time, fields)
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `time: expected a date from 1970 to 2200, found ${kindOf(original_time ?? time)}`)
  }
  const tags = record.texts('tags')
  const uuid = record.text('uuid')
  const identity = [rule, output, hostname, original_time].join('\n')
  const uid = uuid ?? eventUid(time ?? 0, hash('sha256', identity, 'hex'))
  const metadata: Partial<Metadata> = defined({
    product: { name: 'Falco', vendor_name: 'The Falco Project', feature: { name: source } },
    log_name: source,
    event_code: rule,
    uid: uuid,
    original_time,
    labels: tags.length === 0 ? undefined : tags,
  })
  const isInternal = source === 'internal' || rule.startsWith(INTERNAL)
  const severity = severityOf(priority)
  return ok({ rule, output, source, isInternal, tags, hostname, uid, time, severity, metadata, fields })
}

/**
 * Rules choose the output fields, and each may be of any type: one that is not of its documented type stays unmapped,
 * and the alert is not lost for it.
 */
function outputFieldsOf(record: Fields): Fields {
  const value = record.any('output_fields')
  if (!isObject(value)) record.keep('output_fields')
  return new Fields(isObject(value) ? value : {}, '')
}

/** The word for it; the gRPC output may write the number (0 is emergency). */
function priorityOf(record: Fields): string | undefined {
  const value = record.any('priority')
  if (typeof value === 'number') return WORDS[value] ?? String(value)
  return record.text('priority')
}

/** The alert's own time, else the event's in nanoseconds; undefined (time of receipt) if neither can be read. */
function timeOf(original: string | undefined, fields: Fields): number | undefined {
  const ns = fields.any('evt.time')
  if (typeof ns !== 'number') fields.keep('evt.time')
  const parsed = original === undefined ? undefined : parseTime(original)
  return parsed === undefined && typeof ns === 'number' ? Math.floor(ns / 1e6) : parsed
}

function severityOf(priority: string): { severity_id: number; severity?: string } {
  const known = Object.hasOwn(SEVERITY, priority.toLowerCase()) ? SEVERITY[priority.toLowerCase()] : undefined
  return known === undefined ? { severity_id: 99, severity: priority } : { severity_id: known }
}

function finding({ rule, output, source, tags, hostname, uid, time, severity, metadata, fields }: Head): EventDraft {
  const attacks = attacksOf(tags)
  const related = textOf(fields, 'ct.id')
  const evidence = evidenceOf(fields, uid)
  const resources = evidence?.resources ?? targetOf(fields)
  const rest = evidence?.resources === undefined ? evidence : withoutResources(evidence)
  const cloud = cloudOf(fields)
  const actor = actorOf(evidence)
  const isHost = source.startsWith('syscall')
  const workload = isHost ? workloadOf(evidence, resources, hostname) : podOf(resources, fields)
  const profiles: string[] = []
  if (actor) profiles.push('host')
  if (cloud) profiles.push('cloud')
  const draft: EventDraft = {
    class_uid: CLASS.detection_finding,
    activity_id: 1,
    status_id: 1,
    is_alert: true,
    severity_id: severity.severity_id,
  }
  if (severity.severity !== undefined) draft.severity = severity.severity
  draft.message = output ?? rule
  draft.finding_info = defined({
    uid,
    title: rule,
    desc: output,
    created_time: time,
    analytic: { name: rule, type_id: 1, category: source },
    data_sources: [source],
    attacks: attacks.length === 0 ? undefined : attacks,
    related_events: related === undefined ? undefined : [{ uid: related }],
  })
  if (profiles.length > 0) metadata.profiles = profiles
  // A plugin's alert is about a cluster or an account; the machine that Falco runs on only reports it.
  if (!isHost && hostname !== undefined) metadata.reporter = { hostname }
  draft.metadata = metadata
  if (time !== undefined) draft.time = time
  if (rest) draft.evidences = [rest]
  if (actor) draft.actor = actor
  if (resources) draft.resources = resources
  if (cloud) draft.cloud = cloud
  if (isHost && hostname !== undefined) draft.device = deviceOf(hostname)
  if (workload) draft.workload = workload
  return draft
}

/** A copy, because an object that loses an attribute is slow from then on. */
function withoutResources({ resources: _, ...rest }: JsonRecord): JsonRecord {
  return rest
}

/** Falco says only the name; what kind of machine it is nobody knows. */
function deviceOf(hostname: string) {
  return { hostname, type_id: 0 }
}

/** Who acted: the process and its user, or the account of an audit log. */
function actorOf(evidence: JsonRecord | undefined): JsonRecord | undefined {
  if (!evidence) return undefined
  if (evidence.actor) return evidence.actor as JsonRecord
  const { process, user } = evidence
  return process || user ? defined({ process, user }) : undefined
}

/** What a Kubernetes or GitHub call was about. */
function targetOf(fields: Fields): JsonRecord[] | undefined {
  const repository = textOf(fields, 'github.repo')
  if (repository !== undefined) return [{ name: repository, type: 'repository' }]
  const name = textOf(fields, 'ka.target.name')
  if (name === undefined) return undefined
  const namespace = textOf(fields, 'ka.target.namespace')
  const type = [textOf(fields, 'ka.target.resource'), textOf(fields, 'ka.target.subresource')].filter(Boolean).join('/')
  return [defined({ name, type: type || undefined, namespace })]
}

function cloudOf(fields: Fields): JsonRecord | undefined {
  const region = textOf(fields, 'ct.region')
  const uid = textOf(fields, 'ct.recipientaccountid')
  if (region === undefined && uid === undefined) return undefined
  return defined({
    provider: 'AWS',
    region,
    account: uid === undefined ? undefined : { uid },
  })
}

/** The container the alert names, else the host: Falco writes `host` for processes outside of containers. */
function workloadOf(
  evidence: JsonRecord | undefined,
  resources: unknown,
  hostname: string | undefined,
): Workload | undefined {
  const container = evidence?.container as { uid?: string; name?: string; image?: JsonRecord } | undefined
  if (container?.uid === undefined) return hostname === undefined ? undefined : vmWorkload(hostname, hostname)
  const { image } = container
  const reference = image?.name === undefined ? undefined : `${image.name}${image.tag ? `:${image.tag}` : ''}`
  const pod = (resources as { name: string; type: string; namespace?: string; uid?: string }[] | undefined)?.[0]
  const labels =
    pod?.type === 'pod'
      ? podLabels({ pod: pod.name, namespace: pod.namespace, uid: pod.uid, container: container.name })
      : undefined
  return containerWorkload(
    container.uid,
    container.name ?? container.uid,
    defined({ image: reference, namespace: pod?.namespace, labels }),
  )
}

/** The pod that a call of the Kubernetes API was about. */
function podOf(resources: unknown, fields: Fields): Workload | undefined {
  const [target] = (resources ?? []) as { name: string; type?: string; namespace?: string }[]
  if (target?.type !== 'pods' && target?.type?.startsWith('pods/') !== true) return undefined
  const data = fields.any('ka.uri.param[container]')
  const container = typeof data === 'string' ? data : undefined
  const cluster = textOf(fields, 'ka.cluster.name')
  return podWorkload({ pod: target.name, namespace: target.namespace, container }, defined({ cluster }))
}

/** Falco about itself. `n_drops` counts the system calls it did not see: blindness that an attacker may cause. */
function coverage({ rule, output, hostname, time, severity, metadata, fields }: Head): EventDraft {
  const lost = integerOf(fields, 'n_drops')
  const isMetrics = rule === 'Falco internal: metrics snapshot'
  return defined({
    class_uid: CLASS.coverage,
    activity_id: 1,
    status_id: isMetrics ? 1 : 3,
    ...severity,
    time,
    message: output ?? rule,
    source: defined({ name: 'falco', format: 'falco', instance: hostname }),
    lost_count: lost === undefined || lost < 0 ? undefined : lost,
    device: hostname === undefined ? undefined : deviceOf(hostname),
    metadata: { ...metadata, profiles: ['host'] },
  })
}
