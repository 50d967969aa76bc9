import type { Workload } from '../../ocsf/event.js'
import { containerWorkload, POD_LABELS, podLabels, podWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import { fileOf } from './kernel-calls.js'
import { containerIdOf, imageOf, isUuid } from './kubernetes-objects.js'
import { isEventTime, parseTime } from './time.js'

const EXECUTABLE = 8
const NOBODY = 4_294_967_295
const MAX_ANCESTORS = 32
const MAX_LABELS = 64

/** The pod of a process, read once. */
type Pod = {
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly labels: { [key: string]: string }
}

/** OCSF process of the event's process, with its parent and ancestors; and its pod. */
export function processOf(subject: Fields, event: Fields): { process: JsonRecord; pod: Pod | undefined } {
  const { process, pod } = one(subject)
  const parent = event.object('parent')
  const parent_uid = subject.text('parent_exec_id')
  const parent_process = parent === undefined ? undefined : one(parent).process
  parent?.any('parent_exec_id')
  if (parent_process !== undefined) {
    parent_process.uid ??= parent_uid
    process.parent_process = parent_process
  } else if (parent_uid !== undefined) process.parent_process = { uid: parent_uid }
  const ancestors = event.list('ancestors') ?? []
  const ancestry: JsonRecord[] = []
  for (const [n, entry] of ancestors.slice(0, MAX_ANCESTORS).entries()) {
    if (!isObject(entry)) continue
    const { uid, pid, name, cmd_line, created_time, file } = one(event.element('ancestors', n, entry)).process
    const path = isObject(file) ? file.path : undefined
    ancestry.push(defined({ uid, pid, name, cmd_line, created_time, path }))
  }
  if (ancestry.length > 0) process.ancestry = ancestry
  return { process, pod }
}

/** Who acted in a start or an end: the parent, as far as it is known. */
export function actorOf(process: JsonRecord): JsonRecord {
  const { parent_process } = process
  return { process: isObject(parent_process) ? parent_process : process }
}

/** The container of a process. */
export function containerOf(process: JsonRecord): JsonRecord | undefined {
  return isObject(process.container) ? process.container : undefined
}

function one(fields: Fields): { process: JsonRecord; pod: Pod | undefined } {
  const pid = fields.whole('pid')
  const tid = fields.whole('tid')
  const path = fields.text('binary')
  const arguments_text = fields.text('arguments')
  const start = fields.text('start_time')
  const created = start === undefined ? undefined : parseTime(start)
  const { pod, container, namespace_pid } = placeOf(fields)
  const auid = fields.whole('auid')
  const xattributes = attributesOf(fields)
  const uid = fields.text('exec_id')
  const working_directory = fields.text('cwd')
  const user = userOf(fields)
  const environment_variables = environmentOf(fields)
  const process: JsonRecord = {}
  if (pid !== undefined) process.pid = pid
  if (uid !== undefined) process.uid = uid
  if (tid !== undefined && tid !== pid) process.tid = tid
  if (path !== undefined) {
    process.name = path.slice(path.lastIndexOf('/') + 1) || path
    process.path = path
    process.cmd_line = arguments_text === undefined ? path : `${path} ${arguments_text}`
  } else if (arguments_text !== undefined) process.cmd_line = arguments_text
  if (working_directory !== undefined) process.working_directory = working_directory
  if (created !== undefined && isEventTime(created)) process.created_time = created
  if (path?.startsWith('/')) process.file = fileOf(path, EXECUTABLE)
  if (user !== undefined) process.user = user
  if (auid !== undefined && auid !== NOBODY) process.session = { uid_alt: String(auid) }
  if (container !== undefined) process.container = container
  if (namespace_pid !== undefined && Number.isInteger(namespace_pid)) process.namespace_pid = namespace_pid
  if (environment_variables !== undefined) process.environment_variables = environment_variables
  if (xattributes !== undefined) process.xattributes = xattributes
  if (pid === undefined && uid === undefined) process.uid = 'unknown'
  return { process, pod }
}

function userOf(fields: Fields): JsonRecord | undefined {
  const uid = fields.whole('uid')
  const name = fields.object('user')?.text('name')
  return uid === undefined && name === undefined
    ? undefined
    : defined({ uid: uid === undefined ? undefined : String(uid), name })
}

/** Capabilities, namespaces and flags belong to a process and have no attributes of their own. */
function attributesOf(fields: Fields): JsonRecord | undefined {
  const attributes = defined({
    flags: fields.text('flags'),
    capabilities: fields.any('cap'),
    namespaces: fields.any('ns'),
    credentials: fields.any('process_credentials'),
    binary_properties: fields.any('binary_properties'),
    in_init_tree: fields.any('in_init_tree'),
  })
  return Object.keys(attributes).length === 0 ? undefined : attributes
}

function environmentOf(fields: Fields): JsonRecord[] | undefined {
  const list = fields.list('environment_variables')
  if (list === undefined) return undefined
  const variables = list.slice(0, 256).flatMap((entry) => {
    const key = isObject(entry) ? entry.key : undefined
    const value = isObject(entry) ? (entry.value ?? '') : undefined
    return typeof key === 'string' && typeof value === 'string' ? [{ name: key, value }] : []
  })
  if (variables.length !== list.length) fields.keep('environment_variables')
  return variables.length === 0 ? undefined : variables
}

type Place = { pod?: Pod; container?: JsonRecord; namespace_pid?: number | undefined }

/** The container and pod of a process; `docker` is the beginning of the container's id. */
function placeOf(fields: Fields): Place {
  const pod = fields.object('pod')
  const own = pod?.object('container')
  const short = fields.text('docker')
  const found = containerIdOf(own?.text('id')) ?? containerIdOf(short)
  if (found === undefined && pod === undefined) {
    if (short !== undefined) fields.keep('docker')
    return {}
  }
  const name = own?.text('name')
  const facts = pod === undefined ? undefined : podOf(pod, name)
  const image = own?.object('image')
  const tags: { name: string; value: string }[] = []
  const workload = pod?.text('workload')
  if (workload !== undefined) tags.push({ name: 'workload', value: workload })
  const workload_kind = pod?.text('workload_kind')
  if (workload_kind !== undefined) tags.push({ name: 'workload_kind', value: workload_kind })
  const privileged = own?.object('security_context')?.boolean('privileged')
  if (privileged !== undefined) tags.push({ name: 'privileged', value: String(privileged) })
  const labels: string[] = []
  for (const key in facts?.labels) labels.push(`${key}=${facts?.labels[key]}`)
  const pod_uid = facts?.labels[POD_LABELS.uid]
  const called = name ?? (found === undefined ? facts?.name : undefined)
  const container: JsonRecord = {}
  if (found !== undefined) container.uid = found.id
  if (called !== undefined) container.name = called
  if (found?.runtime !== undefined) container.runtime = found.runtime
  const made_from = image === undefined ? undefined : imageOf(image.text('name'), image.text('id'))
  if (made_from !== undefined) container.image = made_from
  if (pod !== undefined) container.orchestrator = 'Kubernetes'
  if (isUuid(pod_uid)) container.pod_uuid = pod_uid
  if (labels.length > 0) container.labels = labels
  if (tags.length > 0) container.tags = tags
  const place: Place = { namespace_pid: own?.number('pid') }
  if (facts !== undefined) place.pod = facts
  if (found !== undefined || called !== undefined) place.container = container
  return place
}

function podOf(pod: Fields, container: string | undefined): Pod {
  const labels: { [key: string]: string } = {}
  const own = pod.object('pod_labels')
  for (const key of own?.unread().slice(0, MAX_LABELS) ?? []) {
    const value = own?.any(key)
    if (typeof value === 'string' && key !== '__proto__') labels[key] = value
    else own?.keep(key)
  }
  const name = pod.text('name')
  const namespace = pod.text('namespace')
  const uid = pod.text('uid')
  return {
    name,
    namespace,
    labels: name === undefined ? labels : podLabels({ pod: name, namespace, uid, container }, labels),
  }
}

/** The container, else the pod, else the node. */
export function workloadOf(
  process: JsonRecord,
  pod: Pod | undefined,
  { node, cluster }: { node: string | undefined; cluster: string | undefined },
): Workload | undefined {
  const container = containerOf(process)
  if (container !== undefined) {
    const { namespace, labels } = pod ?? {}
    const { uid, name, image } = container
    const reference = isObject(image) && typeof image.name === 'string' ? image.name : undefined
    const tag = isObject(image) && typeof image.tag === 'string' ? `:${image.tag}` : ''
    const extra = defined({ cluster, namespace, labels, image: reference === undefined ? undefined : reference + tag })
    if (typeof uid === 'string') {
      return containerWorkload(uid, typeof name === 'string' ? name : uid.slice(0, 12), extra)
    }
    if (pod?.name !== undefined) return podWorkload({ pod: pod.name, namespace }, extra)
  }
  return node === undefined ? undefined : vmWorkload(node, node, defined({ cluster }))
}
