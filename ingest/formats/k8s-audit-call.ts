import { type Outcome, ok, reject } from '../../core/outcome.js'
import { Fields, isObject, type JsonRecord } from './fields.js'
import type { Wrapped } from './k8s-audit-envelope.js'
import { type Identity, identityOf } from './k8s-audit-identity.js'
import { isEventTime, parseTime } from './time.js'

/** What was called. */
export type Target = {
  group?: string | undefined
  version?: string | undefined
  resource?: string | undefined
  subresource?: string | undefined
  namespace?: string | undefined
  name?: string | undefined
  uid?: string | undefined
  resource_version?: string | undefined
}

/** Whether an authorizer or admission plugin let the call through, and why. */
export type Decision = { readonly decision: string; readonly policy?: JsonRecord }

/** One call of the API server, whoever logged it. */
export type Call = {
  verb: string
  target: Target
  identity: Identity
  audit_id?: string | undefined
  stage?: string | undefined
  level?: string | undefined
  log_version?: string | undefined
  uri?: string | undefined
  user_agent?: string | undefined
  /** Client first, then the proxies on the way. */
  sources: readonly string[]
  /** HTTP status. */
  code?: number | undefined
  /** What the source calls the outcome. */
  status_code?: string | undefined
  failed: boolean | undefined
  reason?: string | undefined
  error?: string | undefined
  request?: unknown
  response?: unknown
  decisions: readonly Decision[]
  tags: readonly { name: string; value: string }[]
  time?: number | undefined
  start_time?: number | undefined
  original_time?: string | undefined
  logged_time?: number | undefined
  provider?: string | undefined
  account?: string | undefined
  region?: string | undefined
  zone?: string | undefined
  cluster?: string | undefined
  feature: string
  log_name: string
  reporter?: string | undefined
  record_uid?: string | undefined
  /** What the source of a log calls the entry, if its clients cannot choose it. */
  uid?: string | undefined
  /** Every field that was not read. */
  rest: () => JsonRecord
}

const FEATURES: { readonly [provider: string]: string } = { AWS: 'Amazon EKS', Azure: 'Azure Kubernetes Service' }

/** Reads an audit.k8s.io event (v1, and the older v1beta1 and v1alpha1). */
export function callOf(event: JsonRecord, wrapped: Wrapped): Outcome<Call> {
  const fields = new Fields(event, '')
  const verb = fields.text('verb')
  if (verb === undefined) {
    return reject('not_kubernetes_audit', fields.lacks('verb'))
  }
  fields.any('kind')
  const times = timesOf(fields)
  const stage = fields.text('stage')
  const status = fields.object('responseStatus')
  const code = status?.number('code')
  const word = status?.text('status')
  const meta = status?.any('metadata')
  if (isObject(meta) && Object.keys(meta).length > 0) status?.keep('metadata')
  const identity = identityOf(fields)
  const annotations = annotationsOf(fields.object('annotations'))
  const response = fields.any('responseObject')
  const failed = failedOf(code, word, stage)
  const account = wrapped.account ?? identity.account
  const provider = wrapped.provider ?? (identity.is_aws ? 'AWS' : undefined)
  return ok({
    verb,
    target: targetOf(fields),
    identity,
    audit_id: fields.text('auditID'),
    stage,
    level: fields.text('level'),
    log_version: fields.text('apiVersion'),
    uri: fields.text('requestURI'),
    user_agent: fields.text('userAgent'),
    sources: fields.texts('sourceIPs'),
    code: code === undefined || Number.isInteger(code) ? code : undefined,
    status_code: code === undefined ? undefined : String(code),
    failed,
    reason: status?.text('reason'),
    error: status?.text('message'),
    request: fields.any('requestObject'),
    response,
    decisions: annotations.decisions,
    tags: annotations.tags,
    time: times.time,
    start_time: times.start_time,
    original_time: times.original_time,
    logged_time: wrapped.logged_time,
    provider,
    account,
    region: wrapped.region ?? regionOf(response),
    cluster: wrapped.cluster,
    feature: FEATURES[provider ?? ''] ?? 'Audit',
    log_name: wrapped.log_name ?? 'audit',
    reporter: wrapped.reporter,
    rest: () => Object.assign(fields.rest(), wrapped.rest),
  })
}

/** The time of this stage, as OCSF's own mapping has it, and when the request came. */
function timesOf(fields: Fields): Pick<Call, 'time' | 'start_time' | 'original_time'> {
  const received = fields.text('requestReceivedTimestamp')
  const staged = fields.text('stageTimestamp')
  // v1beta1 has its time twice more, to the second.
  const created = fields.object('metadata')?.text('creationTimestamp')
  const old = fields.text('timestamp') ?? created
  const only = received ?? staged ?? old
  const start_time = received === undefined ? undefined : parseTime(received)
  const time = only === undefined ? undefined : parseTime(staged ?? only)
  return { time: time ?? start_time, start_time, original_time: staged ?? only }
}

function failedOf(code: number | undefined, word: string | undefined, stage: string | undefined): boolean | undefined {
  if (stage === 'Panic' || word === 'Failure') return true
  if (code !== undefined) return code >= 400
  if (word === 'Success') return false
  // RequestReceived: nobody knows yet.
  return undefined
}

function targetOf(fields: Fields): Target {
  const reference = fields.object('objectRef')
  return {
    group: reference?.text('apiGroup'),
    version: reference?.text('apiVersion'),
    resource: reference?.text('resource'),
    subresource: reference?.text('subresource'),
    namespace: reference?.text('namespace'),
    name: reference?.text('name'),
    uid: reference?.text('uid'),
    resource_version: reference?.text('resourceVersion'),
  }
}

const DECISION = 'authorization.k8s.io/decision'
const REASON = 'authorization.k8s.io/reason'

/** The authorizer's decision; every other annotation is a tag of the event. */
export function annotationsOf(fields: Fields | undefined): Pick<Call, 'decisions' | 'tags'> {
  if (fields === undefined) return { decisions: [], tags: [] }
  const decision = fields.text(DECISION)
  const reason = fields.text(REASON)
  const tags: { name: string; value: string }[] = []
  for (const name of fields.unread().slice(0, 64)) {
    const value = fields.any(name)
    if (typeof value === 'string') tags.push({ name, value })
    else fields.keep(name)
  }
  return { decisions: decision === undefined ? [] : [{ decision, ...policyOf(reason) }], tags }
}

/** `RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to Group "c"`: the binding is the policy that decided. */
function policyOf(reason: string | undefined): { policy?: JsonRecord } {
  if (reason === undefined) return {}
  const name = /^RBAC: allowed by (?:Cluster)?RoleBinding "([^"]{1,300})"/.exec(reason)?.[1]
  const type = /^([A-Za-z]{2,20}): /.exec(reason)?.[1] ?? 'authorization'
  return { policy: { ...(name === undefined ? {} : { name }), type, desc: reason } }
}

/** Nodes of a cloud carry their region as a label. */
function regionOf(response: unknown): string | undefined {
  const labels = isObject(response) && isObject(response.metadata) ? response.metadata.labels : undefined
  const region = isObject(labels) ? labels['topology.kubernetes.io/region'] : undefined
  return typeof region === 'string' && region !== '' ? region : undefined
}

/** Times that OCSF accepts. */
export function timeIn(text: string | undefined): number | undefined {
  const time = text === undefined ? undefined : parseTime(text)
  return time !== undefined && isEventTime(time) ? time : undefined
}
