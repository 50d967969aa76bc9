import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import { callerOf, type GcpEntry, gcpCloud, gcpWorkload, readEntry } from './gcp-entry.js'
import { gcpActivity, rpcCode } from './gcp-operations.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { sourceTime } from './source-time.js'

const KINDS: { readonly [log: string]: string } = {
  'cloudaudit.googleapis.com/activity': 'admin activity',
  'cloudaudit.googleapis.com/data_access': 'data access',
  'cloudaudit.googleapis.com/system_event': 'system event',
  'cloudaudit.googleapis.com/policy': 'policy denied',
  'cloudaudit.googleapis.com/access_transparency': 'access transparency',
}

/** Google sign-ins, which Workspace shares with Cloud. */
const LOGINS: { readonly [method: string]: number } = {
  loginSuccess: 1,
  loginFailure: 1,
  loginVerification: 1,
  loginChallenge: 1,
  riskySensitiveActionAllowed: 1,
  logout: 2,
}

/** One audit log entry as API Activity, a sign-in as Authentication. */
export function auditLog(record: JsonRecord): Outcome<EventDraft[]> {
  const head = readEntry(record, 'audit')
  if (head.kind !== 'ok') return head
  const entry = head.value
  const { fields } = entry
  const payload = fields.object('protoPayload')
  if (payload === undefined) return reject('not_gcp_audit', 'protoPayload: required, expected an object')
  const granted = authorizationsOf(payload)
  const method = payload.text('methodName') ?? granted[0]?.permission ?? 'unknown'
  const service = payload.text('serviceName') ?? serviceOfMethod(method)
  const resource_name = payload.text('resourceName') ?? granted[0]?.resource
  const request = payload.object('requestMetadata')
  const address = callerOf(request)
  const agent = request?.text('callerSuppliedUserAgent')
  const status = statusOf(payload, granted)
  const login = service === 'login.googleapis.com' ? LOGINS[method.slice(method.lastIndexOf('.') + 1)] : undefined
  const activity_id = login ?? gcpActivity(method)
  const actor = actorOf(payload, granted)
  const workload = gcpWorkload(entry, resource_name)
  const feature = KINDS[entry.log]
  const place = placeOf(payload)
  const asked = sourceTime('time', [request?.object('requestAttributes')?.any('time')])
  const product = {
    name: 'Cloud Audit Logs',
    vendor_name: 'Google',
    ...(feature ? { feature: { name: feature } } : {}),
  }
  const draft: EventDraft = {
    class_uid: login === undefined ? CLASS.api_activity : CLASS.authentication,
    activity_id,
    ...severityOf(entry.severity ?? payload.text('severity')),
  }
  if (entry.time !== undefined) draft.time = entry.time
  if (asked.kind === 'ok' && asked.value.time !== undefined) draft.start_time = asked.value.time
  draft.status_id = status.status_id
  if (status.status_code !== undefined) draft.status_code = status.status_code
  if (status.status_detail !== undefined) draft.status_detail = status.status_detail
  if (workload !== undefined) draft.workload = workload
  if (agent !== undefined) draft.http_request = { user_agent: agent }
  draft.actor = { ...actor, user: actor.user ?? { name: 'Unknown', type_id: 0 } }
  draft.api = apiOf(entry, payload, method, service, status)
  draft.cloud = gcpCloud({ project: entry.project, zone: entry.zone, region: entry.region ?? place })
  draft.src_endpoint = { ...(endpointOf(address) ?? { name: 'unknown' }), ...networkOf(request) }
  draft.dst_endpoint = destinationOf(request, service)
  draft.metadata = { ...entry.metadata, product, event_code: method }
  if (activity_id === 99) draft.activity_name = method
  if (login === undefined) {
    const resources = resourcesOf(entry, payload, resource_name, granted, place)
    if (resources.length > 0) draft.resources = resources
  } else {
    draft.user = actor.user ?? { name: 'Unknown', type_id: 0 }
    draft.is_remote = true
    draft.service = { name: service ?? 'login.googleapis.com' }
  }
  const labels = labelsOf(fields.object('labels'))
  if (labels.length > 0) draft.metadata = { ...draft.metadata, labels }
  // The type of the payload says only that it is an audit log.
  payload.any('@type')
  payload.any('at_sign_type')
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** Some exports leave the service out; methods begin with it: `v1.compute.firewalls.insert`, `iam.roles.update`. */
function serviceOfMethod(method: string): string | undefined {
  if (method.startsWith('io.k8s.')) return 'k8s.io'
  const short = method.slice(0, 200)
  const [, name] =
    /^(?:v\d+|alpha|beta)\.([a-z]+)\./.exec(short) ??
    /^google\.(?:cloud\.)?([a-z]+)\./.exec(short) ??
    /^([a-z]+)\.[a-z]\w+(?:\.[a-z]\w+)+$/.exec(short) ??
    []
  return name === undefined ? undefined : `${name}.googleapis.com`
}

type Grant = {
  permission: string | undefined
  resource: string | undefined
  granted: boolean | undefined
  data: { type?: string }
}

function authorizationsOf(payload: Fields): Grant[] {
  const grants: Grant[] = []
  for (const [n, value] of (payload.list('authorizationInfo') ?? []).slice(0, 64).entries()) {
    if (!isObject(value)) continue
    const fields = payload.element('authorizationInfo', n, value)
    const attributes = fields.object('resourceAttributes')
    const name = attributes?.text('name')
    const resource = fields.text('resource') ?? name
    // The name is mostly the resource again.
    if (name !== resource) attributes?.keep('name')
    const data = defined({
      type: attributes?.text('type'),
      service: attributes?.text('service'),
      permission_type: fields.text('permissionType'),
    })
    grants.push({ permission: fields.text('permission'), resource, granted: fields.boolean('granted'), data })
  }
  return grants
}

function actorOf(payload: Fields, grants: readonly Grant[]): JsonRecord {
  const info = payload.object('authenticationInfo')
  const subject = info?.text('principalSubject')
  const [kind, subject_name] = subject?.includes(':') ? splitOnce(subject) : [undefined, subject]
  const email = info?.text('principalEmail')
  const name = email ?? subject_name ?? info?.text('authoritySelector')
  const isService =
    kind === 'serviceAccount' || email?.endsWith('gserviceaccount.com') || name?.startsWith('system:') === true
  const user =
    name === undefined
      ? undefined
      : defined({
          name,
          uid: subject,
          email_addr: email?.includes('@') ? email : undefined,
          type_id: isService ? 4 : 1,
          credential_uid: info?.text('serviceAccountKeyName')?.replace(/^.{0,300}\/keys\//, ''),
        })
  const violations = violationsOf(payload)
  const checked = grants
    .filter(({ permission }) => permission !== undefined)
    .map(({ permission, resource, granted, data }) =>
      defined({
        decision: granted === undefined ? undefined : granted ? 'Allowed' : 'Denied',
        policy: defined({ name: permission, uid: resource, data: Object.keys(data).length === 0 ? undefined : data }),
      }),
    )
  const app_uid = info?.object('oauthInfo')?.text('oauthClientId')
  return defined({
    user,
    app_uid,
    authorizations: checked.length + violations.length === 0 ? undefined : [...checked, ...violations],
    invoked_by: delegatesOf(info),
  })
}

/** Constraints of the organization that a request broke. */
function violationsOf(payload: Fields): JsonRecord[] {
  const info = payload.object('policyViolationInfo')?.object('orgPolicyViolationInfo')
  const found: JsonRecord[] = []
  for (const [n, entry] of (info?.list('violationInfo') ?? []).slice(0, 64).entries()) {
    const violation = isObject(entry) ? info?.element('violationInfo', n, entry) : undefined
    const name = violation?.text('constraint')
    if (name === undefined) continue
    const desc = violation?.text('errorMessage')
    found.push({ decision: 'Denied', policy: defined({ name, desc, type: violation?.text('policyType') }) })
  }
  return found
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(':')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** The first of those who used the identity of the service account. */
function delegatesOf(info: Fields | undefined): string | undefined {
  const list = info?.list('serviceAccountDelegationInfo')
  if (list === undefined) return undefined
  info?.keep('serviceAccountDelegationInfo')
  const first = list[0]
  const principal = isObject(first) && isObject(first.firstPartyPrincipal) ? first.firstPartyPrincipal : first
  if (!isObject(principal)) return undefined
  const name = principal.principalEmail ?? principal.principalSubject
  return typeof name === 'string' && name !== '' ? name : undefined
}

type Status = { status_id: number; status_code?: string; status_detail?: string; details?: unknown }

function statusOf(payload: Fields, grants: readonly Grant[]): Status {
  const status = payload.object('status')
  const code = status?.number('code')
  const message = status?.text('message')
  const details = payload.has('response') ? undefined : status?.any('details')
  if (code !== undefined && code !== 0)
    return defined({ status_id: 2, status_code: rpcCode(code), status_detail: message, details })
  const isFailure = message !== undefined && message !== 'OK'
  const isDenied = grants.length > 0 && grants.every(({ granted }) => granted === false)
  if (isFailure || (isDenied && code === undefined)) {
    const status_code = isDenied ? 'PERMISSION_DENIED' : undefined
    return defined({ status_id: 2, status_code, status_detail: message, details })
  }
  return { status_id: 1, ...(code === 0 ? { status_code: 'OK' } : {}) }
}

function apiOf(entry: GcpEntry, payload: Fields, operation: string, service: string | undefined, status: Status) {
  const id = entry.metadata.correlation_uid ?? entry.metadata.original_event_uid
  const failed = status.status_id === 2
  const response = defined({
    data: payload.any('response') ?? status.details,
    error: failed ? status.status_code : undefined,
    error_message: failed ? status.status_detail : undefined,
  })
  return defined({
    operation,
    service: service === undefined ? undefined : { name: service },
    version: /(?:^|\.)(v\d+(?:(?:alpha|beta)\d*)?)\./.exec(operation.slice(0, 300))?.[1],
    request: defined({ uid: typeof id === 'string' ? id : 'unknown', data: payload.any('request') }),
    response: Object.keys(response).length === 0 ? undefined : response,
  })
}

/** The resource that was asked for, then those that permissions were checked on. */
function resourcesOf(
  entry: GcpEntry,
  payload: Fields,
  name: string | undefined,
  grants: readonly Grant[],
  place: string | undefined,
) {
  const extra = defined({
    service_data: payload.any('serviceData'),
    metadata: payload.any('metadata'),
    original_state: payload.any('resourceOriginalState'),
  })
  const labels = labelsOf(entry.labels)
  const first = defined({
    uid: name,
    name: name === undefined ? (entry.type ?? entry.project) : name.slice(name.lastIndexOf('/') + 1) || name,
    type: entry.type,
    labels: labels.length === 0 ? undefined : labels,
    data: Object.keys(extra).length === 0 ? undefined : extra,
    region: place,
    role_id: 1,
    role: 'Target',
  })
  const resources: JsonRecord[] = first.name === undefined ? [] : [first]
  const seen = new Set([name])
  for (const { resource, data } of grants) {
    if (resource === undefined || seen.has(resource)) continue
    seen.add(resource)
    const name = resource.slice(resource.lastIndexOf('/') + 1) || resource
    resources.push(defined({ uid: resource, name, type: data.type, role_id: 4, role: 'Related' }))
  }
  return resources
}

/** `key: value` of what nobody has read yet. */
function labelsOf(labels: Fields | undefined): string[] {
  const pairs: string[] = []
  for (const key of (labels?.unread() ?? []).slice(0, 64)) {
    const value = labels?.text(key)
    if (value !== undefined) pairs.push(`${key}: ${value}`)
  }
  return pairs
}

function placeOf(payload: Fields): string | undefined {
  const places = payload.object('resourceLocation')?.list('currentLocations')
  const first = places?.[0]
  return typeof first === 'string' && first !== '' ? first : undefined
}

/** `//compute.googleapis.com/projects/p/global/networks/n` */
function networkOf(request: Fields | undefined): { vpc_uid?: string } {
  return defined({ vpc_uid: request?.text('callerNetwork') })
}

function destinationOf(request: Fields | undefined, service: string | undefined): JsonRecord {
  const attributes = request?.object('destinationAttributes')
  const port = attributes?.number('port')
  const address = endpointOf(attributes?.text('ip'))
  return defined({
    ip: address?.ip,
    port: port !== undefined && Number.isInteger(port) && port > 0 && port <= 65535 ? port : undefined,
    svc_name: service ?? 'unknown',
  })
}
