import { z } from 'zod'
import type { OcsfEvent, Workload } from '../ocsf/event.js'
import { containerWorkload, POD_LABELS } from '../ocsf/workload.js'

/** What the container of a pod is known as. */
type Known = Pick<Workload, 'uid' | 'name' | 'group' | 'image'>

/** Pods whose containers are remembered; the one not heard of for longest is forgotten first. */
const MAX_PODS = 20_000
const MAX_CONTAINERS = 32

export type PodTable = {
  /**
   * Learns which containers a pod has from events that know both (Falco, Tetragon, Docker, the status of a pod in the
   * audit log), and gives an event about a pod whose container is known that container's identity. Changes the event.
   */
  join(event: OcsfEvent): void
  /** All that is known, to be kept over a restart. */
  known(): PodTableContent
  /** Takes in what was kept, behind what this process has seen itself. */
  remember(content: PodTableContent): void
}

const contentSchema = z.array(
  z.tuple([
    z.string(),
    z.array(
      z.tuple([
        z.string(),
        z.object({ uid: z.string(), name: z.string(), group: z.string(), image: z.string().optional() }),
      ]),
    ),
  ]),
)

/** Pods by namespace and name, each with its containers by name; the one heard of last at the end. */
export type PodTableContent = z.output<typeof contentSchema>

/** What was kept, if it is that. */
export function podTableContent(kept: unknown): PodTableContent | undefined {
  return contentSchema.safeParse(kept).data
}

/**
 * Pod -> containers, as far as the events of this process, or of it before a restart, have shown it. A pod with several containers is resolved only
 * if the event names one of them: an unknown container is better than the wrong one.
 */
export function createPodTable(): PodTable {
  const pods = new Map<string, Map<string, Known>>()

  function learn(key: string, container: string, known: Known) {
    const containers = pods.get(key) ?? new Map<string, Known>()
    pods.delete(key)
    pods.set(key, containers)
    if (containers.size < MAX_CONTAINERS || containers.has(container)) containers.set(container, known)
    if (pods.size > MAX_PODS) pods.delete(pods.keys().next().value as string)
  }

  return {
    join(event) {
      const { workload } = event
      if (workload?.kind !== 'container') return
      const pod = workload.labels?.[POD_LABELS.pod]
      if (pod === undefined) return
      const key = `${workload.namespace ?? workload.labels?.[POD_LABELS.namespace] ?? 'default'}/${pod}`
      const container = workload.labels?.[POD_LABELS.container]
      if (workload.uid.startsWith('container/')) {
        const { uid, name, group, image } = workload
        // A sandbox ("pause") holds the pod's namespaces and runs nothing.
        if (container !== 'POD') {
          learn(key, container ?? '', { uid, name, group, ...(image === undefined ? {} : { image }) })
        }
        return
      }
      for (const listed of containersOf(event)) learn(key, listed.name, listed.known)
      const containers = pods.get(key)
      const found = containers && (named(containers, container) ?? only(containers, container))
      if (found) event.workload = { ...workload, ...found }
    },
    known: () => [...pods].map(([key, containers]) => [key, [...containers]] as PodTableContent[number]),
    remember(content) {
      const seen = [...pods]
      pods.clear()
      const kept = content.map(([key, containers]) => [key, new Map(containers as [string, Known][])] as const)
      for (const [key, containers] of [...kept, ...seen].slice(-MAX_PODS)) {
        pods.delete(key)
        pods.set(key, containers)
      }
    },
  }
}

function named(containers: ReadonlyMap<string, Known>, container: string | undefined): Known | undefined {
  return container === undefined ? undefined : containers.get(container)
}

/** The one container there is, unless another one was meant. A source that knows no name calls it ''. */
function only(containers: ReadonlyMap<string, Known>, container: string | undefined): Known | undefined {
  const [first, ...more] = new Map([...containers].map(([name, known]) => [known.uid, { name, known }])).values()
  if (first === undefined || more.length > 0) return undefined
  return container === undefined || first.name === '' || first.name === container ? first.known : undefined
}

/** Containers that the answer to an API call lists. */
function containersOf(event: OcsfEvent): { name: string; known: Known }[] {
  const listed: unknown = event.api?.response?.containers ?? event.api?.request?.containers
  if (!Array.isArray(listed)) return []
  return listed.slice(0, MAX_CONTAINERS).flatMap(({ uid, name, image }) => {
    if (typeof uid !== 'string' || typeof name !== 'string') return []
    const reference = image?.name === undefined ? undefined : `${image.name}${image.tag ? `:${image.tag}` : ''}`
    const made = containerWorkload(uid, name, reference === undefined ? {} : { image: reference })
    const { group, ...rest } = made
    return [{ name, known: { uid: rest.uid, name, group, ...(reference === undefined ? {} : { image: reference }) } }]
  })
}
