import type { Workload } from '../../ocsf/event.js'
import { containerWorkload, podLabels, podWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defined, isObject, type JsonRecord } from './fields.js'
import type { Call } from './k8s-audit-call.js'
import { podSpecOf } from './k8s-audit-flags.js'
import { containerIdOf, imageOf, isUuid } from './kubernetes-objects.js'

const MAX_CONTAINERS = 64

/** Containers of the pod in a call's answer (or request), as OCSF: with their ids once they run. */
export function podContainersOf({ target, request, response }: Call): JsonRecord[] {
  if (target.resource !== 'pods') return []
  const pod = [response, request].find((one) => isObject(one) && isObject(one.status))
  if (!isObject(pod) || !isObject(pod.status)) return []
  const { containerStatuses, ephemeralContainerStatuses } = pod.status
  const statuses = [containerStatuses, ephemeralContainerStatuses].flatMap((list) =>
    Array.isArray(list) ? list.slice(0, MAX_CONTAINERS) : [],
  )
  const uid = isObject(pod.metadata) ? pod.metadata.uid : undefined
  return statuses.slice(0, MAX_CONTAINERS).flatMap((status) => {
    if (!isObject(status) || typeof status.name !== 'string' || status.name === '') return []
    const found = containerIdOf(status.containerID)
    if (found === undefined) return []
    return [
      defined({
        uid: found.id,
        name: status.name,
        runtime: found.runtime,
        orchestrator: 'Kubernetes',
        pod_uuid: isUuid(uid) ? uid : undefined,
        image: imageOf(status.image, status.imageID),
      }),
    ]
  })
}

/**
 * What a call is about: the pod that is its target (as the container, if that is known and only one is meant), else the
 * node that is, else the pod or node that called.
 */
export function workloadOf(
  call: Call,
  options: JsonRecord | undefined,
  containers: readonly JsonRecord[],
): Workload | undefined {
  const { target, identity } = call
  if (target.resource === 'pods') {
    const found = targetPod(call, options, containers)
    if (found !== undefined) return found
  }
  const where = placeOf(call)
  if (target.resource === 'nodes' && target.name !== undefined) {
    const own = identity.is_node && identity.node === target.name ? identity.instance : undefined
    return vmWorkload(own ?? instanceOf(call) ?? target.name, target.name, where)
  }
  const { pod } = identity
  if (pod !== undefined) return podWorkload({ pod: pod.name, namespace: pod.namespace, uid: pod.uid }, where)
  if (identity.is_node && identity.node !== undefined) {
    return vmWorkload(identity.instance ?? identity.node, identity.node, where)
  }
  return undefined
}

function targetPod(call: Call, options: JsonRecord | undefined, containers: readonly JsonRecord[]) {
  const { target, request, response } = call
  const object = [response, request].find((one) => isObject(one) && one.kind !== 'Status' && isObject(one.metadata))
  const meta = isObject(object) && isObject(object.metadata) ? object.metadata : {}
  const pod = target.name ?? textOf(meta.name)
  if (pod === undefined) return undefined
  const named = textOf(options?.container)
  const chosen = named === undefined ? containers : containers.filter(({ name }) => name === named)
  const labels = stringsOf(meta.labels)
  const uid = textOf(meta.uid) ?? target.uid
  const namespace = target.namespace ?? textOf(meta.namespace) ?? 'default'
  const where = { ...placeOf(call), namespace }
  const [only, ...more] = chosen
  if (only !== undefined && more.length === 0) {
    const image = isObject(only.image) ? textOf(only.image.name) : undefined
    const tag = isObject(only.image) ? textOf(only.image.tag) : undefined
    const container = only.name as string
    return containerWorkload(only.uid as string, container, {
      ...where,
      ...(image === undefined ? {} : { image: `${image}${tag === undefined ? '' : `:${tag}`}` }),
      labels: podLabels({ pod, namespace, uid, container }, labels),
    })
  }
  const image = imageIn(object, named)
  return podWorkload(
    { pod, namespace, uid, container: named },
    { ...where, labels, ...(image === undefined ? {} : { image }) },
  )
}

/** The image of the pod's one container, or of the one that is meant. */
function imageIn(object: unknown, container: string | undefined): string | undefined {
  const listed = isObject(object) ? podSpecOf(object)?.containers : undefined
  if (!Array.isArray(listed)) return undefined
  const meant = listed.filter((one) => isObject(one) && (container === undefined || one.name === container))
  return meant.length === 1 && isObject(meant[0]) ? textOf(meant[0].image) : undefined
}

function placeOf({ provider, account, region, cluster }: Call) {
  return defined({ provider: provider?.toLowerCase(), account, region, cluster })
}

/** `aws:///eu-central-1a/i-0abc` is the cloud's name of a node: the same VM as in the cloud's own logs. */
function instanceOf({ request, response }: Call): string | undefined {
  for (const object of [response, request]) {
    const spec = isObject(object) && isObject(object.spec) ? object.spec : undefined
    const id = /^aws:\/\/\/[a-z0-9-]{1,40}\/(i-[0-9a-f]{8,17})$/.exec(
      typeof spec?.providerID === 'string' ? spec.providerID : '',
    )?.[1]
    if (id !== undefined) return id
  }
  return undefined
}

function stringsOf(value: unknown): { [key: string]: string } {
  const labels: { [key: string]: string } = {}
  if (!isObject(value)) return labels
  for (const [key, text] of Object.entries(value).slice(0, 64)) {
    if (typeof text === 'string' && key !== '__proto__') labels[key] = text
  }
  return labels
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
