import { hash } from 'node:crypto'
import type { Metadata, Workload } from '../../ocsf/event.js'
import { eventUid } from '../../ocsf/uid.js'
import { functionWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defined, Fields, isObject, type JsonRecord, lastPart, setOwn } from './fields.js'
import { sourceKeys, withKeys } from './source-keys.js'
import { sourceTime } from './source-time.js'

const ENTRY = sourceKeys(
  `logName resource timestamp receiveTimestamp severity insertId httpRequest labels operation trace spanId traceSampled
   sourceLocation textPayload jsonPayload protoPayload`,
)

/** What a log entry may carry: one of these. */
export const PAYLOADS: readonly string[] = ['protoPayload', 'jsonPayload', 'textPayload', 'httpRequest']

/** Fields of an audit log, the payload of its entry. */
const AUDIT = new Set(
  `@type at_sign_type serviceName methodName resourceName resourceLocation resourceOriginalState numResponseItems status
   authenticationInfo authorizationInfo requestMetadata request response metadata serviceData`.split(/\s+/),
)

/**
 * The log entries inside a Pub/Sub message (pushed, or as pulled), a list of entries, or none. An entry keeps the rest
 * of its message as `envelope`; data that is no JSON stays text, for the format to refuse.
 */
export function splitGcp(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value) || 'logName' in value || 'protoPayload' in value) return undefined
  if (Array.isArray(value.entries)) return value.entries
  if (Array.isArray(value.receivedMessages)) return value.receivedMessages.map((entry) => messageOf(entry) ?? entry)
  const single = messageOf(value)
  return single === undefined ? undefined : [single]
}

function messageOf(value: unknown): unknown {
  if (!isObject(value) || !isObject(value.message) || typeof value.message.data !== 'string') return undefined
  const { data, ...message } = value.message
  const { message: _, ackId: _ack, ...rest } = value
  const text = Buffer.from(data as string, 'base64').toString('utf8')
  try {
    const entry = JSON.parse(text) as unknown
    if (!isObject(entry)) return text
    const copy: JsonRecord = {}
    for (const key of Object.keys(entry)) setOwn(copy, key, entry[key])
    copy.envelope = { ...message, ...rest }
    return copy
  } catch {
    return text
  }
}

/**
 * A log entry under documented names: exports to tables write all fields in lower case, and some only the payload of an
 * audit log.
 */
export function gcpEntry(value: unknown): JsonRecord | undefined {
  if (!isObject(value)) return undefined
  const entry = withKeys(value, ENTRY)
  if (typeof entry.methodName !== 'string' || PAYLOADS.some((key) => key in entry)) return entry
  const outer: JsonRecord = {}
  const protoPayload: JsonRecord = {}
  for (const key of Object.keys(entry)) setOwn(AUDIT.has(key) ? protoPayload : outer, key, entry[key])
  return { ...outer, protoPayload }
}

/** `cloudaudit.googleapis.com/activity` of `projects/p/logs/cloudaudit.googleapis.com%2Factivity`. */
export function logOf(entry: JsonRecord): string {
  const { logName } = entry
  if (typeof logName !== 'string' || logName.length > 1024) return ''
  const at = logName.indexOf('/logs/')
  return (at < 0 ? logName : logName.slice(at + 6)).replaceAll(/%2f/gi, '/')
}

/** What every log entry says, whatever its payload. */
export type GcpEntry = {
  fields: Fields
  time: number | undefined
  log: string
  /** Type of the monitored resource: `cloud_run_revision`. */
  type: string | undefined
  /** Labels of the monitored resource. */
  labels: Fields
  project: string | undefined
  region: string | undefined
  zone: string | undefined
  severity: string | undefined
  metadata: Partial<Metadata>
  trace: string | undefined
  span: string | undefined
}

const EMPTY = () => new Fields({}, '')

/** Reads the envelope of an entry; a reason if its time cannot be. */
export function readEntry(entry: JsonRecord, feature: string) {
  const fields = new Fields(entry, '')
  const payload = [entry.protoPayload, entry.jsonPayload].find(isObject)
  const when = sourceTime('timestamp', [fields.any('timestamp'), payload?.timestamp])
  if (when.kind !== 'ok') return when
  const { time, original_time } = when.value
  const resource = fields.object('resource')
  const labels = resource?.object('labels') ?? EMPTY()
  const name = fields.text('logName')
  const insert_id = fields.text('insertId')
  const zone = labels.text('zone')
  const place = labels.text('location') ?? labels.text('region') ?? regionOf(zone)
  const operation = fields.object('operation')
  const received = sourceTime('receiveTimestamp', [fields.any('receiveTimestamp')])
  const trace = lastPart(fields.text('trace'))
  const correlation = operation?.text('id') ?? trace
  const log = logOf(entry)
  const project = labels.text('project_id') ?? /^projects\/([^/]+)/.exec(name ?? '')?.[1]
  const severity = fields.text('severity')
  const uid = entryUid(name, time, original_time, insert_id)
  const read: GcpEntry = {
    fields,
    time,
    log,
    type: resource?.text('type'),
    labels,
    project,
    region: place === undefined || /-[a-z]$/.test(place) ? regionOf(place) : place,
    zone: zone ?? (place !== undefined && /-[a-z]$/.test(place) ? place : undefined),
    severity,
    trace,
    span: fields.text('spanId'),
    metadata: defined({
      product: { name: 'Google Cloud', vendor_name: 'Google', feature: { name: feature } },
      profiles: ['cloud'],
      log_name: log || undefined,
      log_provider: log.includes('/') ? log.slice(0, log.indexOf('/')) : undefined,
      log_level: severity,
      uid,
      original_event_uid: insert_id,
      correlation_uid: correlation,
      original_time,
      logged_time: received.kind === 'ok' ? received.value.time : undefined,
    }),
  }
  return { kind: 'ok', value: read } as const
}

/** Google: entries with the same log, time and insert id are one entry. Undefined where one of them is missing. */
export function entryUid(
  log_name: string | undefined,
  time: number | undefined,
  original_time: string | undefined,
  insert_id: string | undefined,
): string | undefined {
  if (insert_id === undefined || time === undefined || log_name === undefined) return undefined
  return eventUid(time, hash('sha256', `${log_name}\n${original_time}\n${insert_id}`, 'hex'))
}

/** Where a request came from; the field has two spellings, and some exports write both. */
export function callerOf(request: Fields | undefined): string | undefined {
  const address = request?.text('callerIp') ?? request?.text('callerIP')
  if (request?.text('callerIP') !== address) request?.keep('callerIP')
  return address
}

/** `us-central1` of the zone `us-central1-f`. */
function regionOf(zone: string | undefined): string | undefined {
  return zone === undefined || zone.length > 64 ? undefined : zone.replace(/-[a-z]$/, '')
}

/** OCSF `cloud` of an entry. */
export function gcpCloud({ project, region, zone }: Pick<GcpEntry, 'project' | 'region' | 'zone'>): JsonRecord {
  return defined({
    provider: 'GCP',
    account: project === undefined ? undefined : { uid: project, type: 'GCP Project', type_id: 11 },
    project_uid: project,
    region,
    zone,
  })
}

/**
 * A Cloud Function or Cloud Run service. A function of the second generation runs as a service, whose name is the
 * function's in lower case and with hyphens: both are one workload.
 */
export function gcpFunction(project: string, region: string, name: string, revision?: string): Workload {
  const service = name.toLowerCase().replaceAll('_', '-')
  return functionWorkload('gcp', project, region, service, revision === undefined ? {} : { version: revision })
}

/** A Compute Engine instance: by its name where it is known, because flow logs know no other id. */
export function gcpMachine(project: string, zone: string, name: string): Workload {
  const where = defined({ provider: 'gcp', account: project, region: regionOf(zone) })
  return vmWorkload(`projects/${project}/zones/${zone}/instances/${name}`, name, where)
}

/** The workload that a monitored resource, or the name of an audited resource, is or belongs to. */
export function gcpWorkload(entry: GcpEntry, resource_name: string | undefined): Workload | undefined {
  const { labels, project = 'unknown', region = 'unknown', zone } = entry
  const path = resource_name?.length === undefined || resource_name.length > 1024 ? '' : resource_name
  const named = /(?:^|\/)(?:locations\/([^/]+)\/(?:functions|services|jobs)|namespaces\/[^/]+\/services)\/([^/]+)/.exec(
    path,
  )
  if (named !== null && /^(?:run|cloudfunctions)/.test(String(serviceOf(entry)))) {
    return gcpFunction(project, named[1] ?? region, named[2] as string)
  }
  switch (entry.type) {
    case 'cloud_function': {
      const name = labels.text('function_name') ?? named?.[2]
      return name === undefined ? undefined : gcpFunction(project, named?.[1] ?? region, name)
    }
    case 'cloud_run_revision':
    case 'cloud_run_job': {
      const name = labels.text('service_name') ?? labels.text('job_name') ?? named?.[2]
      const revision = labels.text('revision_name')
      return name === undefined ? undefined : gcpFunction(project, region, name, revision)
    }
  }
  const machine = /(?:^|\/)zones\/([^/]+)\/instances\/([^/]+)/.exec(path)
  if (machine !== null) return gcpMachine(project, machine[1] as string, machine[2] as string)
  if (entry.type !== 'gce_instance') return undefined
  const id = labels.text('instance_id')
  return id === undefined
    ? undefined
    : vmWorkload(id, id, defined({ provider: 'gcp', account: project, region: regionOf(zone) }))
}

function serviceOf({ fields, log, type }: GcpEntry): string {
  const payload = fields.any('protoPayload')
  const service = isObject(payload) && typeof payload.serviceName === 'string' ? payload.serviceName : undefined
  return service ?? (type?.startsWith('cloud_run') ? 'run' : type === 'cloud_function' ? 'cloudfunctions' : log)
}
