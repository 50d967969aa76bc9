import { type Outcome, ok, reject } from '../../core/outcome.js'
import { Fields, isObject, type JsonRecord } from './fields.js'
import { callerOf, entryUid } from './gcp-entry.js'
import { annotationsOf, type Call, type Decision, type Target, timeIn } from './k8s-audit-call.js'
import { userOf } from './k8s-audit-identity.js'
import { isEventTime, parseTime } from './time.js'

/** HTTP statuses of the gRPC codes that Cloud Logging writes, so that every cluster's log says 403 for forbidden. */
const HTTP_OF_GRPC: { readonly [code: number]: number } = {
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
}

/** True for a LogEntry of Cloud Logging that is the audit log of a cluster itself (not of the service that manages it). */
export function isGke(record: JsonRecord): boolean {
  const payload = record.protoPayload
  if (!isObject(payload) || typeof payload.methodName !== 'string') return false
  return (
    payload.serviceName === 'k8s.io' || (payload.serviceName === undefined && payload.methodName.startsWith('io.k8s.'))
  )
}

/** Reads a LogEntry whose protoPayload is an AuditLog of the service `k8s.io`. */
export function gkeCallOf(record: JsonRecord): Outcome<Call> {
  const entry = new Fields(record, '')
  const payload = entry.object('protoPayload') as Fields
  const method = payload.text('methodName')
  if (method === undefined) return reject('not_kubernetes_audit', 'protoPayload.methodName: required, not found')
  for (const key of ['serviceName', '@type', 'at_sign_type']) payload.any(key)
  // Some exports keep it beside the payload.
  const grants = grantsOf(payload.has('authorizationInfo') ? payload : entry)
  const resource_name = payload.text('resourceName') ?? grants.resource
  const { verb, target } = calledOf(method, resource_name)
  const status = payload.object('status')
  const grpc = status?.number('code')
  const request_info = payload.object('requestMetadata')
  const place = placeOf(entry.object('resource'))
  const operation = entry.object('operation')
  const { decisions, tags } = annotationsOf(entry.object('labels'))
  const identity = principalOf(payload.object('authenticationInfo'))
  const original_time = entry.text('timestamp') ?? payload.text('timestamp')
  const received = entry.text('receiveTimestamp')
  const time = original_time === undefined ? timeIn(received) : parseTime(original_time)
  const caller = callerOf(request_info)
  const log = entry.text('logName')
  const insert_id = entry.text('insertId')
  const producer = operation?.any('producer')
  if (producer !== 'k8s.io') operation?.keep('producer')
  return ok({
    verb,
    target,
    identity,
    // What Cloud Logging calls the entry stands for the request that has no operation.
    audit_id: operation?.text('id') ?? insert_id,
    user_agent: request_info?.text('callerSuppliedUserAgent'),
    sources: caller === undefined ? [] : [caller],
    uri: resource_name === undefined ? undefined : uriOf(resource_name),
    code: grpc === undefined ? undefined : HTTP_OF_GRPC[grpc],
    status_code: grpc === undefined ? undefined : String(grpc),
    failed: grpc !== undefined && grpc !== 0,
    error: status?.text('message'),
    request: payload.any('request'),
    response: payload.any('response'),
    decisions: decisions.length > 0 ? decisions : grants.decisions,
    tags,
    time,
    original_time,
    logged_time: timeIn(received),
    level: entry.text('severity'),
    ...place,
    provider: 'GCP',
    feature: 'Google Kubernetes Engine',
    log_name: log === undefined ? 'cloudaudit.googleapis.com' : decodeLog(log),
    record_uid: insert_id,
    uid: time !== undefined && isEventTime(time) ? entryUid(log, time, original_time, insert_id) : undefined,
    rest: () => entry.rest(),
  })
}

/** `projects/shop/logs/cloudaudit.googleapis.com%2Factivity` is the log `cloudaudit.googleapis.com/activity`. */
function decodeLog(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).replace(/%2F/gi, '/')
}

/** The API's own path of a resource name: group `core` stands below /api. */
function uriOf(name: string): string {
  if (name.startsWith('core/')) return `/api/${name.slice('core/'.length)}`
  return /^[a-z0-9.-]{1,253}\/v\d/.test(name) ? `/apis/${name}` : `/${name}`
}

/** `io.k8s.core.v1.pods.exec.create` with `core/v1/namespaces/shop/pods/api-1/exec`. */
function calledOf(method: string, name: string | undefined): { verb: string; target: Target } {
  const words = method.slice(0, 512).split('.')
  const verb = words.pop() as string
  const version_at = words.findIndex((word) => /^v\d+((alpha|beta)\d+)?$/.test(word))
  const [resource, subresource] = version_at < 0 ? [] : words.slice(version_at + 1)
  const parts = (name ?? '').slice(0, 2048).split('/')
  const [group, version] = version_at < 0 ? [] : parts
  const isIn = parts[2] === 'namespaces' && parts.length > 4
  const rest = isIn ? parts.slice(4) : parts.slice(2)
  return {
    verb,
    target: {
      group: group === 'core' ? undefined : group || undefined,
      version: version || words[version_at],
      resource: resource ?? (rest[0] || undefined),
      subresource: subresource ?? rest[2],
      namespace: isIn ? parts[3] : resource === 'namespaces' ? rest[1] : undefined,
      name: rest[1] || undefined,
    },
  }
}

function principalOf(fields: Fields | undefined): Call['identity'] {
  const email = fields?.text('principalEmail') ?? fields?.text('authoritySelector')
  const uid_alt = fields?.text('principalSubject')
  const user = userOf({ name: email ?? uid_alt, uid: undefined, groups: [], uid_alt })
  const is_node = email?.startsWith('system:node:') === true
  return {
    ...(user === undefined ? {} : { user }),
    ...(is_node && email !== undefined ? { node: email.slice('system:node:'.length) } : {}),
    is_node,
    is_aws: false,
  }
}

/** Cloud Logging's own account of what was asked for, and on what. */
function grantsOf(holder: Fields): { decisions: Decision[]; resource: string | undefined } {
  const list = holder.list('authorizationInfo') ?? []
  const decisions: Decision[] = []
  let resource: string | undefined
  for (const [n, entry] of list.slice(0, 16).entries()) {
    if (!isObject(entry)) continue
    const fields = holder.element('authorizationInfo', n, entry)
    const granted = fields.boolean('granted')
    const permission = fields.text('permission')
    resource ??= fields.text('resource')
    fields.any('resource')
    if (permission === undefined && granted === undefined) continue
    decisions.push({
      decision: granted === true ? 'allow' : 'forbid',
      ...(permission === undefined ? {} : { policy: { name: permission, type: 'permission' } }),
    })
  }
  return { decisions, resource }
}

function placeOf(resource: Fields | undefined): Pick<Call, 'account' | 'region' | 'zone' | 'cluster'> {
  resource?.any('type')
  const labels = resource?.object('labels')
  const location = labels?.text('location')
  const zone = location !== undefined && /-[a-z]$/.test(location) ? location : undefined
  return {
    account: labels?.text('project_id'),
    region: zone === undefined ? location : zone.slice(0, -2),
    zone,
    cluster: labels?.text('cluster_name'),
  }
}
