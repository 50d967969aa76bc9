import type { Workload } from '../../ocsf/event.js'
import { containerWorkload, podLabels, podWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import { fileOf } from './kernel-calls.js'
import { imageOf, isUuid } from './kubernetes-objects.js'
import { isEventTime } from './time.js'

/** Who did it and where. */
export type Context = {
  readonly process: JsonRecord
  readonly container?: JsonRecord
  readonly device: JsonRecord
  readonly workload?: Workload
}

const EXECUTABLE = 8
const CONTAINER_ID = /^[0-9a-f]{12,64}$/

/** The process, container, device and workload of a flat event. */
export function contextOf(fields: Fields, time: number | undefined): Context {
  const host = fields.text('hostName')
  const { container, labels } = containerOf(fields)
  const process = processOf(fields, container, time)
  const device =
    container === undefined
      ? { hostname: host ?? 'unknown', type_id: 0 }
      : // The host name is that of the container's own name space.
        defined({ uid: container.uid, name: host ?? container.name, type_id: 99, type: 'Container', container })
  return defined({ process, container, device, workload: workloadOf(container, labels, host) })
}

function processOf(fields: Fields, container: JsonRecord | undefined, time: number | undefined): JsonRecord {
  const own = fields.whole('processId')
  const pid = fields.whole('hostProcessId') ?? own
  const thread = fields.whole('threadId')
  const tid = fields.whole('hostThreadId') ?? thread
  const parent_own = fields.whole('parentProcessId')
  const parent_pid = fields.whole('hostParentProcessId') ?? parent_own
  const uid = fields.whole('processEntityId')
  const parent_uid = fields.whole('parentEntityId')
  const user = fields.whole('userId')
  const path = fields.object('executable')?.text('path')
  const started = fields.number('threadStartTime')
  const created = started === undefined ? undefined : Math.floor(started / 1e6)
  // A thread's start is the process's only for the first thread; older versions count from the boot.
  const isOwnStart = created !== undefined && tid === pid && isEventTime(created) && created > 1e12
  if (!isOwnStart || (time !== undefined && created > time)) fields.keep('threadStartTime')
  const parent = defined({
    pid: parent_pid === 0 && parent_uid === undefined ? undefined : parent_pid,
    uid: parent_uid === undefined || parent_uid === 0 ? undefined : String(parent_uid),
    namespace_pid: container === undefined ? undefined : parent_own,
  })
  const hasParent = parent.pid !== undefined || parent.uid !== undefined
  const process = defined({
    pid,
    uid: uid === undefined || uid === 0 ? undefined : String(uid),
    name: fields.text('processName'),
    tid: tid === pid ? undefined : tid,
    namespace_pid: container === undefined ? undefined : own,
    created_time: isOwnStart ? created : undefined,
    path,
    file: path === undefined ? undefined : fileOf(path, EXECUTABLE),
    user: user === undefined ? undefined : { uid: String(user) },
    parent_process: hasParent ? parent : undefined,
    container,
  })
  return process.pid === undefined && process.uid === undefined ? { ...process, uid: 'unknown' } : process
}

function containerOf(fields: Fields): { container?: JsonRecord; labels?: { [key: string]: string } } {
  const own = fields.object('container')
  const short = fields.text('containerId')
  const said = own?.text('id') ?? short
  const kubernetes = fields.object('kubernetes')
  const pod = kubernetes?.text('podName')
  const namespace = kubernetes?.text('podNamespace')
  const uid = kubernetes?.text('podUID')
  const pod_labels = kubernetes?.any('labels')
  const id = said !== undefined && CONTAINER_ID.test(said) ? said : undefined
  if (id === undefined && pod === undefined) {
    if (said !== undefined) fields.keep('containerId')
    return {}
  }
  const name = own?.text('name')
  // Sandboxes hold the pod together and run nothing: they must not stand for its container.
  const sandbox = kubernetes?.boolean('podSandbox') === true
  const labels =
    pod === undefined
      ? undefined
      : podLabels({ pod, namespace, uid, container: sandbox ? 'POD' : name }, textsIn(pod_labels))
  const list = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return defined({
    labels,
    container: defined({
      uid: id,
      name: name ?? (id === undefined ? pod : undefined),
      image: imageOf(own?.text('image'), own?.text('imageDigest')),
      orchestrator: pod === undefined ? undefined : 'Kubernetes',
      pod_uuid: isUuid(uid) ? uid : undefined,
      labels: list.length === 0 ? undefined : list,
    }),
  })
}

function textsIn(value: unknown): { [key: string]: string } {
  const texts: { [key: string]: string } = {}
  if (!isObject(value)) return texts
  for (const [key, text] of Object.entries(value).slice(0, 64)) {
    if (typeof text === 'string' && key !== '__proto__') texts[key] = text
  }
  return texts
}

/** The workload of a container as OCSF writes it, else of the host. */
export function workloadOf(
  container: JsonRecord | undefined,
  labels: { [key: string]: string } | undefined,
  host: string | undefined,
): Workload | undefined {
  if (container === undefined) return host === undefined ? undefined : vmWorkload(host, host)
  const { uid, name, image } = container
  const reference = isObject(image) && typeof image.name === 'string' ? image.name : undefined
  const tag = isObject(image) && typeof image.tag === 'string' ? `:${image.tag}` : ''
  const namespace = labels?.['io.kubernetes.pod.namespace']
  const extra = defined({ namespace, labels, image: reference === undefined ? undefined : reference + tag })
  if (typeof uid === 'string') return containerWorkload(uid, typeof name === 'string' ? name : uid.slice(0, 12), extra)
  const pod = labels?.['io.kubernetes.pod.name']
  return pod === undefined ? undefined : podWorkload({ pod, namespace }, extra)
}
