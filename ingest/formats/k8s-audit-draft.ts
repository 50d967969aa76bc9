import { isIP } from 'node:net'
import { CLASS, type EventDraft, type Metadata } from '../../ocsf/event.js'
import { defined, isObject, type JsonRecord } from './fields.js'
import type { Call } from './k8s-audit-call.js'
import { flagsOf } from './k8s-audit-flags.js'
import { podContainersOf, workloadOf } from './k8s-audit-workload.js'

/** Verbs of the API, and the methods of calls that are about no resource, as OCSF activities. */
const ACTIVITIES: { readonly [verb: string]: number } = {
  create: 1,
  post: 1,
  get: 2,
  list: 2,
  watch: 2,
  head: 2,
  options: 2,
  update: 3,
  patch: 3,
  put: 3,
  delete: 4,
  deletecollection: 4,
}

/** The API Activity of a call. */
export function draftOf(call: Call): EventDraft {
  const { verb, target, identity, code, failed } = call
  const activity_id = Object.hasOwn(ACTIVITIES, verb) ? (ACTIVITIES[verb] as number) : 99
  const query = queryOf(call.uri)
  const containers = podContainersOf(call)
  const workload = workloadOf(call, query.options, containers)
  const message = call.error
  const draft: EventDraft = {
    class_uid: CLASS.api_activity,
    activity_id,
    severity_id: 1,
    status_id: failed === undefined ? 0 : failed ? 2 : 1,
    message: messageOf(call, query.options),
    actor: actorOf(call),
    api: apiOf(call, query.options, containers),
    src_endpoint: sourceOf(call),
    dst_endpoint: { svc_name: 'kube-apiserver', ...(call.cluster === undefined ? {} : { domain: call.cluster }) },
    metadata: metadataOf(call),
  }
  if (activity_id === 99) draft.activity_name = verb.slice(0, 64)
  const resource = resourceOf(call)
  if (resource !== undefined) draft.resources = [resource]
  if (call.time !== undefined) draft.time = call.time
  if (call.start_time !== undefined) {
    draft.start_time = call.start_time
    if (call.time !== undefined && call.stage === 'ResponseComplete') {
      draft.end_time = call.time
      if (call.time >= call.start_time) draft.duration = call.time - call.start_time
    }
  }
  if (call.status_code !== undefined) draft.status_code = call.status_code
  const detail = message ?? (failed ? call.reason : undefined)
  if (detail !== undefined) draft.status_detail = detail
  const http = httpOf(call, query)
  if (http !== undefined) draft.http_request = http
  if (code !== undefined) draft.http_response = defined({ code, status: call.reason })
  if (call.provider !== undefined) draft.cloud = cloudOf(call, call.provider)
  if (workload !== undefined) draft.workload = workload
  // OCSF has resources for what is called; without a resource (/healthz) there is the path.
  if (target.resource === undefined && resource === undefined && call.uri !== undefined) {
    draft.resources = [{ name: call.uri.slice(0, 256), type: 'path' }]
  }
  if (identity.node !== undefined && !identity.is_node) draft.src_endpoint.hostname = identity.node
  return draft
}

function actorOf({ identity, user_agent, decisions }: Call): JsonRecord {
  const authorizations = decisions.map(({ decision, policy }) => defined({ decision, policy }))
  // Some exports leave the user out; then the program is all that is known.
  const app_name = user_agent?.split(/[/ ]/, 1)[0]?.slice(0, 128)
  return defined({
    user: identity.user,
    session: identity.session,
    app_name: app_name || (identity.user === undefined && identity.session === undefined ? 'unknown' : undefined),
    authorizations: authorizations.length === 0 ? undefined : authorizations,
  })
}

function apiOf(call: Call, options: JsonRecord | undefined, containers: readonly JsonRecord[]): JsonRecord {
  const { target, verb, code, reason, error, failed, response } = call
  const flags = flagsOf(call, options)
  const answer = defined({
    code,
    message: reason,
    error: failed ? reason : undefined,
    error_message: failed ? error : undefined,
    data: response,
    containers: containers.length === 0 ? undefined : containers,
  })
  return defined({
    operation: verb,
    version: target.version,
    group: target.group === undefined ? undefined : { name: target.group },
    service: { name: 'kube-apiserver' },
    request: defined({
      // OCSF wants every request identified; some exports leave the audit id out.
      uid: call.audit_id ?? 'unknown',
      // exec, attach and portforward have their parameters in the address and no body.
      data: call.request ?? options,
      flags: flags.length === 0 ? undefined : flags,
    }),
    response: Object.keys(answer).length === 0 ? undefined : answer,
  })
}

/** What was called. A call for all of a kind has no name: the kind stands for it. */
function resourceOf({ target, request, response }: Call): JsonRecord | undefined {
  const { resource, subresource, namespace, uid, resource_version, name } = target
  if (resource === undefined && name === undefined) return undefined
  const meta = metaOf(response) ?? metaOf(request)
  const found = name ?? textIn(meta, 'name') ?? textIn(meta, 'generateName')
  return defined({
    name: found ?? resource,
    uid: uid ?? textIn(meta, 'uid'),
    type: resource,
    namespace,
    version: resource_version,
    role_id: 1,
    data: subresource === undefined ? undefined : { subresource },
    labels: labelsOf(meta),
  })
}

/** metadata of an object of the API; a Status or a list has none of a resource. */
function metaOf(value: unknown): JsonRecord | undefined {
  if (!isObject(value) || value.kind === 'Status' || Array.isArray(value.items)) return undefined
  return isObject(value.metadata) ? value.metadata : undefined
}

function labelsOf(meta: JsonRecord | undefined): string[] | undefined {
  if (!isObject(meta?.labels)) return undefined
  const labels = Object.entries(meta.labels)
    .filter(([, value]) => typeof value === 'string')
    .slice(0, 64)
    .map(([key, value]) => `${key}=${value}`)
  return labels.length === 0 ? undefined : labels
}

function sourceOf({ sources, identity, user_agent }: Call): JsonRecord {
  const addresses = sources.filter((address) => isIP(address) !== 0)
  const [ip, ...proxies] = addresses
  const { pod } = identity
  const program = user_agent?.split(/[/ ]/, 1)[0]?.slice(0, 128)
  return defined({
    ip,
    // GKE hides addresses inside the cluster and of Google behind words.
    svc_name: ip === undefined ? sources[0] || program || 'unknown' : undefined,
    intermediate_ips: proxies.length === 0 ? undefined : proxies,
    name: pod?.name,
    uid: pod?.uid,
  })
}

type Query = { path?: string; query?: string; options?: JsonRecord }

/** Path, query and parameters of an address; a parameter that comes several times (command) is a list. */
function queryOf(uri: string | undefined): Query {
  if (uri === undefined) return {}
  const at = uri.indexOf('?')
  if (at < 0) return { path: uri }
  const query = uri.slice(at + 1)
  const options: JsonRecord = {}
  for (const [key, value] of new URLSearchParams(query.slice(0, 8192))) {
    if (key === '__proto__' || key === '') continue
    const known = Object.hasOwn(options, key) ? options[key] : undefined
    options[key] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value]
  }
  return { path: uri.slice(0, at), query, ...(Object.keys(options).length === 0 ? {} : { options }) }
}

function httpOf(call: Call, { path, query }: Query): JsonRecord | undefined {
  const { user_agent, identity } = call
  const request = defined({
    user_agent,
    url: path ? defined({ path, query_string: query || undefined }) : undefined,
    http_headers: identity.impersonation,
  })
  return Object.keys(request).length === 0 ? undefined : request
}

function cloudOf({ account, region, zone }: Call, provider: string): JsonRecord {
  return defined({ provider, account: account === undefined ? undefined : { uid: account }, region, zone })
}

function metadataOf(call: Call): Partial<Metadata> {
  return defined({
    product: defined({ name: 'Kubernetes', vendor_name: call.provider ?? 'CNCF', feature: { name: call.feature } }),
    profiles: call.provider === undefined ? undefined : ['cloud'],
    log_name: call.log_name,
    log_level: call.level,
    log_version: call.log_version,
    log_provider: call.feature,
    event_code: call.stage,
    // Clients may choose the audit id, so it cannot be the uid: one could make an event look like a repetition.
    correlation_uid: call.audit_id,
    original_event_uid: call.record_uid ?? call.audit_id,
    original_time: call.original_time,
    logged_time: call.logged_time,
    reporter: call.reporter === undefined ? undefined : { name: call.reporter },
    tags: call.tags.length === 0 ? undefined : [...call.tags],
  })
}

function messageOf({ identity, verb, target, code, uri }: Call, options: JsonRecord | undefined): string {
  const { resource, subresource, namespace, name } = target
  const who = identity.user?.name ?? 'unknown'
  const kind = [resource, subresource].filter(Boolean).join('/') || uri?.slice(0, 128) || ''
  const which = [namespace, name].filter(Boolean).join('/')
  const command = [options?.command ?? []].flat().join(' ')
  const what = [verb, kind, which].filter(Boolean).join(' ')
  return `${who}: ${what}${command === '' ? '' : ` (${command.slice(0, 256)})`}${code === undefined ? '' : `: ${code}`}`
}

function textIn(value: JsonRecord | undefined, key: string): string | undefined {
  const found = value?.[key]
  return typeof found === 'string' && found !== '' ? found : undefined
}
