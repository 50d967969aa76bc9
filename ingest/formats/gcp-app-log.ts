import { type Outcome, ok } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { type AppSource, httpEvent, logEvent } from './app-events.js'
import { defined, type Fields, isObject, type JsonRecord, ownEntry } from './fields.js'
import { type GcpEntry, gcpCloud, gcpWorkload, readEntry } from './gcp-entry.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { profilesOf } from './profiles.js'

/** A line of a function or service, or the log of a request to it (or to a load balancer). */
export function appLog(record: JsonRecord): Outcome<EventDraft[]> {
  const head = readEntry(record, 'logs')
  if (head.kind !== 'ok') return head
  const entry = head.value
  const { fields } = entry
  const labels = fields.object('labels')
  const workload = gcpWorkload(entry, undefined)
  const execution = labels?.text('execution_id') ?? labels?.text('run.googleapis.com/execution_name')
  const product = { name: productName(entry), vendor_name: 'Google', feature: { name: entry.log || 'logs' } }
  const uid = entry.trace ?? execution
  const source: AppSource = {
    time: entry.time,
    cloud: gcpCloud(entry),
    workload,
    trace: uid === undefined ? undefined : { uid },
    metadata: defined({
      ...entry.metadata,
      product,
      correlation_uid: execution ?? entry.metadata.correlation_uid,
    }),
  }
  const request = fields.object('httpRequest')
  const draft = request === undefined ? line(entry, source) : requestEvent(entry, source, request)
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function productName({ type }: GcpEntry): string {
  if (type === 'cloud_function') return 'Cloud Functions'
  return type?.startsWith('cloud_run') ? 'Cloud Run' : 'Cloud Logging'
}

function requestEvent(entry: GcpEntry, source: AppSource, request: Fields): EventDraft {
  const client = endpointOf(request.text('remoteIp'))
  const server = endpointOf(request.text('serverIp'))
  const name = source.workload?.name ?? entry.labels.text('backend_service_name')
  const size = request.number('requestSize')
  const answer = request.number('responseSize')
  const draft = httpEvent(source, {
    method: request.text('requestMethod'),
    url: request.text('requestUrl'),
    code: request.number('status'),
    request: defined({
      user_agent: request.text('userAgent'),
      referrer: request.text('referer'),
      version: request.text('protocol'),
      length: counted(size),
    }),
    response: defined({ length: counted(answer) }),
    src_endpoint: client,
    dst_endpoint: defined({ ...server, svc_name: name ?? entry.log ?? 'unknown' }),
    duration: secondsOf(request.text('latency')),
  })
  const balancer = entry.type?.endsWith('_load_balancer') === true ? balancerOf(entry) : undefined
  const payload = payloadOf(entry)
  const detail = payload?.text('statusDetails')
  const policy = payload?.object('enforcedSecurityPolicy')
  Object.assign(
    draft,
    severityOf(entry.severity),
    defined({ load_balancer: balancer, status_detail: detail }),
    policy === undefined ? {} : armorOf(policy),
  )
  draft.metadata = { ...draft.metadata, profiles: profilesOf(CLASS.http_activity, draft) ?? [] }
  return draft
}

function payloadOf({ fields }: GcpEntry): Fields | undefined {
  const payload = fields.has('jsonPayload') ? fields.object('jsonPayload') : undefined
  // The type of the payload says only that a load balancer wrote it.
  payload?.any('@type')
  payload?.any('at_sign_type')
  return payload
}

/** What the console calls a load balancer is its URL map; a forwarding rule is its way in. */
function balancerOf({ labels }: GcpEntry): JsonRecord | undefined {
  const name = labels.text('url_map_name') ?? labels.text('target_proxy_name')
  const uid = labels.text('forwarding_rule_name')
  return name === undefined && uid === undefined ? undefined : defined({ name, uid })
}

const VERDICTS: { readonly [outcome: string]: JsonRecord } = {
  ACCEPT: { action_id: 1, disposition_id: 1 },
  DENY: { action_id: 2, disposition_id: 2 },
}

/** The rule of Cloud Armor that decided. */
function armorOf(policy: Fields): JsonRecord {
  const name = policy.text('name')
  const priority = policy.text('priority')
  const expressions = policy.texts('preconfiguredExprIds')
  const action = policy.text('configuredAction')
  const outcome = policy.text('outcome')
  const rule = defined({
    name,
    uid: priority,
    type: action,
    category: 'Cloud Armor',
    match_details: expressions.length === 0 ? undefined : expressions,
  })
  const verdict = outcome === undefined ? undefined : ownEntry(VERDICTS, outcome)
  if (verdict === undefined) policy.keep('outcome')
  return { ...verdict, ...(name === undefined && priority === undefined ? {} : { firewall_rule: rule }) }
}

function counted(bytes: number | undefined): number | undefined {
  return bytes !== undefined && Number.isInteger(bytes) && bytes >= 0 && bytes <= 4e9 ? bytes : undefined
}

/** ms of `0.123456s`. */
function secondsOf(text: string | undefined): number | undefined {
  const match = text === undefined || text.length > 32 ? null : /^(\d+(?:\.\d+)?)s$/.exec(text)
  return match === null ? undefined : Number(match[1]) * 1000
}

const STOPPED = /^Function execution took (\d{1,9}) ms[,.] finished with status:? ?(?:code:? )?'?([\w ]{1,40})/

function line(entry: GcpEntry, source: AppSource): EventDraft {
  const { fields } = entry
  const payload = fields.object('jsonPayload')
  const message = fields.text('textPayload') ?? payload?.text('message') ?? payload?.text('msg')
  const name = source.workload?.name ?? entry.type ?? entry.log
  const stopped = message === undefined ? null : STOPPED.exec(message.slice(0, 200))
  const isStart = message?.startsWith('Function execution started') === true
  const version = entry.labels.text('revision_name') ?? source.workload?.version
  const app = defined({ name: name || 'unknown', uid: source.workload?.uid, version })
  const draft = logEvent(source, app, {
    message,
    severity: severityOf(entry.severity),
    activity: stopped === null ? (isStart ? 'Start' : 'Log') : 'Stop',
  })
  if (stopped !== null) {
    const isOk = stopped[2] === 'ok' || /^[123]\d\d$/.test(stopped[2] ?? '')
    Object.assign(draft, { duration: Number(stopped[1]), status_id: isOk ? 1 : 2, status_code: stopped[2] })
  }
  const place = fields.object('sourceLocation')
  if (place !== undefined && isObject(draft.metadata)) {
    const file = place.text('file')
    const row = place.number('line')
    const called = place.text('function')
    draft.metadata.log_source = [file, row, called].filter((part) => part !== undefined).join(':') || 'source'
  }
  return draft
}
