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
    dst_endpoint:
      call.cluster === undefined
        ? { svc_name: 'kube-apiserver' }
        : { svc_name: 'kube-apiserver', domain: call.cluster },
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
  const { user, session } = identity
  // Some exports leave the user out; then the program is all that is known.
  const app_name = programOf(user_agent) || (user === undefined && session === undefined ? 'unknown' : undefined)
  const actor: JsonRecord = {}
  if (user !== undefined) actor.user = user
  if (session !== undefined) actor.session = session
  if (app_name !== undefined) actor.app_name = app_name
  if (decisions.length > 0) {
    actor.authorizations = decisions.map(({ decision, policy }) =>
      policy === undefined ? { decision } : { decision, policy },
    )
  }
  return actor
}

/** The first word of a user agent: the program, without its version. */
function programOf(user_agent: string | undefined): string | undefined {
  if (user_agent === undefined) return undefined
  let end = 0
  while (end < user_agent.length && end < 128 && user_agent[end] !== '/' && user_agent[end] !== ' ') end++
  return user_agent.slice(0, end)
}

function apiOf(call: Call, options: JsonRecord | undefined, containers: readonly JsonRecord[]): JsonRecord {
  const { target, verb, code, reason, error, failed, response } = call
  const flags = flagsOf(call, options)
  // OCSF wants every request identified; some exports leave the audit id out.
  const asked: JsonRecord = { uid: call.audit_id ?? 'unknown' }
  // exec, attach and portforward have their parameters in the address and no body.
  const data = call.request ?? options
  if (data !== undefined) asked.data = data
  if (flags.length > 0) asked.flags = flags
  const answer: JsonRecord = {}
  if (code !== undefined) answer.code = code
  if (reason !== undefined) answer.message = reason
  if (failed && reason !== undefined) answer.error = reason
  if (failed && error !== undefined) answer.error_message = error
  if (response !== undefined) answer.data = response
  if (containers.length > 0) answer.containers = containers
  const api: JsonRecord = { operation: verb }
  if (target.version !== undefined) api.version = target.version
  if (target.group !== undefined) api.group = { name: target.group }
  api.service = { name: 'kube-apiserver' }
  api.request = asked
  if (Object.keys(answer).length > 0) api.response = answer
  return api
}

/** What was called. A call for all of a kind has no name: the kind stands for it. */
function resourceOf({ target, request, response }: Call): JsonRecord | undefined {
  const { resource, subresource, namespace, uid, resource_version, name } = target
  if (resource === undefined && name === undefined) return undefined
  const meta = metaOf(response) ?? metaOf(request)
  const found = name ?? textIn(meta, 'name') ?? textIn(meta, 'generateName')
  const label = found ?? resource
  const id = uid ?? textIn(meta, 'uid')
  const labels = labelsOf(meta)
  const object: JsonRecord = {}
  if (label !== undefined) object.name = label
  if (id !== undefined) object.uid = id
  if (resource !== undefined) object.type = resource
  if (namespace !== undefined) object.namespace = namespace
  if (resource_version !== undefined) object.version = resource_version
  object.role_id = 1
  if (subresource !== undefined) object.data = { subresource }
  if (labels !== undefined) object.labels = labels
  return object
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
  const ip = addresses[0]
  const { pod } = identity
  // GKE hides addresses inside the cluster and of Google behind words.
  const source: JsonRecord = ip === undefined ? { svc_name: sources[0] || programOf(user_agent) || 'unknown' } : { ip }
  if (addresses.length > 1) source.intermediate_ips = addresses.slice(1)
  if (pod !== undefined) {
    source.name = pod.name
    if (pod.uid !== undefined) source.uid = pod.uid
  }
  return source
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
  const { provider, feature, level, log_version, stage, audit_id, original_time, logged_time, reporter, tags } = call
  const original_event_uid = call.record_uid ?? audit_id
  const metadata: Partial<Metadata> = {
    product: { name: 'Kubernetes', vendor_name: provider ?? 'CNCF', feature: { name: feature } },
  }
  if (provider !== undefined) metadata.profiles = ['cloud']
  metadata.log_name = call.log_name
  if (level !== undefined) metadata.log_level = level
  if (log_version !== undefined) metadata.log_version = log_version
  metadata.log_provider = feature
  if (stage !== undefined) metadata.event_code = stage
  // Clients may choose the audit id, so it cannot be the uid: one could make an event look like a repetition.
  if (call.uid !== undefined) metadata.uid = call.uid
  if (audit_id !== undefined) metadata.correlation_uid = audit_id
  if (original_event_uid !== undefined) metadata.original_event_uid = original_event_uid
  if (original_time !== undefined) metadata.original_time = original_time
  if (logged_time !== undefined) metadata.logged_time = logged_time
  if (reporter !== undefined) metadata.reporter = { name: reporter }
  if (tags.length > 0) metadata.tags = [...tags]
  return metadata
}

function messageOf({ identity, verb, target, code, uri }: Call, options: JsonRecord | undefined): string {
  const { resource, subresource, namespace, name } = target
  const who = identity.user?.name ?? 'unknown'
  const kind = joined(resource, subresource, '/') || uri?.slice(0, 128) || ''
  const which = joined(namespace, name, '/')
  const command = options?.command === undefined ? '' : listOf(options.command).slice(0, 64).join(' ')
  const what = joined(joined(verb, kind, ' '), which, ' ')
  return `${who}: ${what}${command === '' ? '' : ` (${command.slice(0, 256)})`}${code === undefined ? '' : `: ${code}`}`
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

/** Both with something between them, where there are both. */
function joined(first: string | undefined, second: string | undefined, between: string): string {
  if (!first) return second ?? ''
  return second ? first + between + second : first
}

function textIn(value: JsonRecord | undefined, key: string): string | undefined {
  const found = value?.[key]
  return typeof found === 'string' && found !== '' ? found : undefined
}
