import { isIP } from 'node:net'
import { CLASS, type EventDraft, type JsonObject } from '../../ocsf/event.js'
import { containerWorkload, podLabels, podWorkload, vmWorkload } from '../../ocsf/workload.js'
import { brief, defined, isObject, type JsonRecord } from './fields.js'
import { containerIdOf, imageOf, isUuid } from './kubernetes-objects.js'
import { textOf } from './software-report.js'
import { isEventTime, parseTime } from './time.js'

type Draft = Omit<EventDraft, 'severity_id' | 'metadata'>

const MAX_CONTAINERS = 64

/** A container of a pod as the pod's status tells it. */
type Seen = {
  readonly name: string
  readonly status: JsonRecord
  readonly id: string
  readonly runtime: string | undefined
}

/** Containers that have an id: `state` has what they do now, `lastState` how they ended before. */
function containersOf(pod: JsonRecord): Seen[] {
  const status = part(pod, 'status')
  return ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses']
    .flatMap((key) => (Array.isArray(status[key]) ? (status[key] as unknown[]).slice(0, MAX_CONTAINERS) : []))
    .slice(0, MAX_CONTAINERS)
    .flatMap((one) => {
      const found = isObject(one) ? containerIdOf(one.containerID) : undefined
      const name = isObject(one) ? textOf(one.name) : undefined
      return found === undefined || name === undefined
        ? []
        : [{ name, status: one as JsonRecord, id: found.id, runtime: found.runtime }]
    })
}

/** The inventory event of each container of a pod; of the pod itself while no container has an id. */
export function containerInventory(pod: JsonRecord, cluster: string | undefined): Draft[] {
  const status = part(pod, 'status')
  const meta = part(pod, 'metadata')
  const ip = textOf(status.podIP)
  const node = textOf(part(pod, 'spec').nodeName)
  const shared = {
    class_uid: CLASS.inventory_info,
    activity_id: 2,
  }
  const device = (container: JsonRecord | undefined, name: string, uid: unknown) =>
    defined({
      type_id: 99,
      type: 'Container',
      uid: textOf(uid),
      name,
      hostname: textOf(meta.name),
      ip: ip !== undefined && isIP(ip) !== 0 ? ip : undefined,
      container,
    }) as JsonObject
  const seen = containersOf(pod)
  const where = node === undefined ? '' : brief` on ${node}`
  if (seen.length === 0) {
    const name = String(meta.name)
    return [
      {
        ...shared,
        message: brief`Pod ${name}${where} is ${textOf(status.phase) ?? 'in an unknown state'}`,
        device: device(undefined, name, meta.uid),
        workload: podWorkload(podOf(meta), { ...placeOf(meta, cluster), labels: labelsOf(meta) }),
        unmapped: { configuration: configurationOf(pod, undefined) },
      },
    ]
  }
  return seen.map((one) => ({
    ...shared,
    message: brief`Container ${one.name} of pod ${String(meta.name)}${where} is ${stateOf(one.status)}`,
    device: device(containerObject(one, meta), one.name, one.id),
    workload: workloadOf(one, meta, cluster),
    unmapped: { configuration: configurationOf(pod, one.name) },
  }))
}

/** A container of a pod that started or ended, at the time its status says; undefined if it did not. */
export function lifecycleDraft(
  type: 'STARTED' | 'TERMINATED',
  pod: JsonRecord,
  container: unknown,
  cluster: string | undefined,
): Draft | undefined {
  const meta = part(pod, 'metadata')
  for (const found of containersOf(pod)) {
    for (const { id, running, terminated } of statesOf(found.status)) {
      if (id !== container) continue
      const ended = type === 'TERMINATED'
      const said = ended ? terminated?.finishedAt : (running?.startedAt ?? terminated?.startedAt)
      if (said === undefined || (ended && terminated === undefined)) continue
      const time = parseTime(textOf(said) ?? '')
      const one = { ...found, id }
      const exit = terminated?.exitCode
      const isOom = ended && terminated?.reason === 'OOMKilled'
      return defined({
        class_uid: CLASS.container_lifecycle,
        activity_id: ended ? (isOom ? 8 : 3) : 2,
        time: time !== undefined && isEventTime(time) ? time : undefined,
        message: brief`Container ${one.name} of pod ${String(meta.name)} ${ended ? brief`ended: ${textOf(terminated?.reason) ?? 'no reason given'}` : 'started'}`,
        container: containerObject(one, meta),
        exit_code: ended && Number.isInteger(exit) ? exit : undefined,
        status_detail: ended ? textOf(terminated?.reason) : undefined,
        workload: workloadOf(one, meta, cluster),
        // OCSF's severities: what ran out of memory did not end as it should.
        ...(isOom ? { severity_id: 3 } : {}),
      }) as Draft
    }
  }
  return undefined
}

/** What a pod's status knows of its containers: ids with when they started and ended. */
export function statesOf(status: JsonRecord) {
  return (['state', 'lastState'] as const).flatMap((key) => {
    const { running, terminated } = part(status, key)
    const own = key === 'state' ? status.containerID : undefined
    const id = containerIdOf(isObject(terminated) ? (terminated.containerID ?? own) : own)?.id
    if (id === undefined) return []
    return [
      {
        id,
        running: isObject(running) ? running : undefined,
        terminated: isObject(terminated) ? terminated : undefined,
      },
    ]
  })
}

/** A node: the virtual machine that the cloud's own logs name, where it says so. */
export function nodeInventory(node: JsonRecord, cluster: string | undefined): Draft {
  const meta = part(node, 'metadata')
  const status = part(node, 'status')
  const info = part(status, 'nodeInfo')
  const name = String(meta.name)
  const instance = /^aws:\/\/\/[a-z0-9-]{1,40}\/(i-[0-9a-f]{8,17})$/.exec(
    textOf(part(node, 'spec').providerID) ?? '',
  )?.[1]
  const addresses = (Array.isArray(status.addresses) ? status.addresses.slice(0, 16) : []).filter(isObject)
  const ip = addresses.find(({ type, address }) => type === 'InternalIP' && isIP(String(address)) !== 0)?.address
  const os = textOf(info.osImage)
  return {
    class_uid: CLASS.inventory_info,
    activity_id: 2,
    message: brief`Node ${name}${os === undefined ? '' : brief` (${os})`}`,
    device: defined({
      type_id: instance === undefined ? 1 : 6,
      uid: textOf(info.machineID) ?? textOf(meta.uid),
      instance_uid: instance,
      hostname: name,
      ip,
      os:
        os === undefined
          ? undefined
          : defined({
              name: os,
              type_id: textOf(info.operatingSystem) === 'windows' ? 100 : 200,
              kernel_release: textOf(info.kernelVersion),
            }),
    }) as JsonObject,
    workload: vmWorkload(instance ?? name, name, cluster === undefined ? {} : { cluster }),
    unmapped: {
      configuration: defined({
        kubelet: textOf(info.kubeletVersion),
        runtime: textOf(info.containerRuntimeVersion),
        unschedulable: part(node, 'spec').unschedulable === true,
      }),
    },
  }
}

function workloadOf(one: Seen, meta: JsonRecord, cluster: string | undefined) {
  const image = textOf(one.status.image)
  return containerWorkload(one.id, one.name, {
    ...placeOf(meta, cluster),
    ...(image === undefined ? {} : { image }),
    labels: podLabels({ ...podOf(meta), container: one.name }, labelsOf(meta)),
  })
}

function podOf(meta: JsonRecord) {
  return { pod: String(meta.name), namespace: textOf(meta.namespace) ?? 'default', uid: textOf(meta.uid) }
}

function placeOf(meta: JsonRecord, cluster: string | undefined) {
  return { ...(cluster === undefined ? {} : { cluster }), namespace: textOf(meta.namespace) ?? 'default' }
}

function containerObject({ id, name, runtime, status }: Seen, meta: JsonRecord): JsonRecord {
  return defined({
    uid: id,
    name,
    runtime,
    orchestrator: 'Kubernetes',
    pod_uuid: isUuid(meta.uid) ? meta.uid : undefined,
    image: imageOf(status.image, status.imageID),
  })
}

function stateOf(status: JsonRecord): string {
  return Object.keys(part(status, 'state'))[0]?.slice(0, 32) ?? 'in an unknown state'
}

/** What decides how much harm a container can do; the same names as for containers of Docker. */
function configurationOf(pod: JsonRecord, name: string | undefined): JsonObject {
  const spec = part(pod, 'spec')
  const containers = ['containers', 'initContainers', 'ephemeralContainers']
    .flatMap((key) => (Array.isArray(spec[key]) ? (spec[key] as unknown[]).slice(0, MAX_CONTAINERS) : []))
    .filter(isObject)
    .filter((one) => name === undefined || one.name === name)
  const security = containers.map((one) => part(one, 'securityContext'))
  const volumes = (Array.isArray(spec.volumes) ? spec.volumes.slice(0, 256) : []).filter(isObject)
  const paths = volumes.flatMap((one) => textOf(part(one, 'hostPath').path) ?? [])
  const texts = (key: string) =>
    security.flatMap((one) => {
      const list = part(one, 'capabilities')[key]
      return Array.isArray(list) ? list.slice(0, 64).filter((entry): entry is string => typeof entry === 'string') : []
    })
  return {
    privileged: security.some((one) => one.privileged === true),
    host_namespaces: [
      ...(spec.hostPID === true ? ['pid'] : []),
      ...(spec.hostNetwork === true ? ['network'] : []),
      ...(spec.hostIPC === true ? ['ipc'] : []),
    ],
    capabilities_added: texts('add'),
    capabilities_dropped: texts('drop'),
    host_paths: paths,
    mounts_host_root: paths.includes('/'),
    mounts_engine_socket: paths.some((path) => /(^|\/)(docker|containerd|crio|podman)\.sock$/.test(path)),
    read_only_root: security.length > 0 && security.every((one) => one.readOnlyRootFilesystem === true),
    runs_as_root_allowed: !security.every(
      (one) => (one.runAsNonRoot ?? part(spec, 'securityContext').runAsNonRoot) === true,
    ),
    service_account: textOf(spec.serviceAccountName) ?? '',
    service_account_token: spec.automountServiceAccountToken !== false,
    node: textOf(spec.nodeName) ?? '',
  }
}

function labelsOf({ labels }: JsonRecord): { [key: string]: string } {
  const result: { [key: string]: string } = {}
  if (!isObject(labels)) return result
  for (const [key, text] of Object.entries(labels).slice(0, 64)) {
    if (typeof text === 'string' && key !== '__proto__') result[key] = text
  }
  return result
}

function part(value: JsonRecord, key: string): JsonRecord {
  const found = value[key]
  return isObject(found) ? found : {}
}
