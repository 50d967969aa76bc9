import { join } from 'node:path'
import type { JsonObject, Workload } from '../../../ocsf/event.js'
import { containerWorkload } from '../../../ocsf/workload.js'
import { readText } from './procfs.js'

/** What a control group path tells about a container. */
export type ContainerRef = {
  /** 64 hex digits where the runtime has them. */
  readonly id: string
  readonly runtime?: string
  readonly pod_uuid?: string
}

const RUNTIMES: Record<string, string> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  nerdctl: 'containerd',
}

/**
 * The container of a process from its /proc/<pid>/cgroup, v1 and v2: Docker, containerd, CRI-O, Podman (rootless too),
 * Kubernetes and ECS paths. Undefined for a process of the host, and for a runtime's own monitor processes.
 */
export function containerOfCgroup(cgroup: string): ContainerRef | undefined {
  for (const line of cgroup.split('\n')) {
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1)
    if (path.length < 33 || /-conmon-/.test(path)) continue
    const ids = [...path.matchAll(/(?:^|[/:.-])([0-9a-f]{64}|[0-9a-f]{32}-[0-9]{6,10})(?=$|[/.])/g)]
    const id = ids.at(-1)?.[1]
    if (!id) continue
    const prefix = path.match(new RegExp(`([a-z-]+)[-:/]${id}`))?.[1] ?? ''
    const runtime = RUNTIMES[prefix.replace(/-$/, '')]
    const pod = path.match(/pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})/)?.[1]
    return { id, ...(runtime ? { runtime } : {}), ...(pod ? { pod_uuid: pod.replaceAll('_', '-') } : {}) }
  }
  return undefined
}

/** A container as events show it. */
export type ContainerView = { readonly workload: Workload; readonly container: JsonObject }

/**
 * Names containers. Docker keeps a container's name and image in a file that root may read; without it the
 * name is the short id.
 */
export function containerNames(docker_root: string): (ref: ContainerRef) => ContainerView {
  const known = new Map<string, ContainerView>()
  return (ref) => {
    const cached = known.get(ref.id)
    if (cached) return cached
    if (known.size >= 10_000) known.clear()
    const view = describe(ref, readText(join(docker_root, 'containers', ref.id, 'config.v2.json')))
    known.set(ref.id, view)
    return view
  }
}

function describe(ref: ContainerRef, dockerConfig: string | undefined): ContainerView {
  const short = ref.id.slice(0, 12)
  const { name, image } = dockerNames(dockerConfig)
  return {
    workload: containerWorkload(ref.id, name ?? short, image ? { image } : {}),
    container: {
      uid: short,
      name: name ?? short,
      ...(image ? { image: { name: image } } : {}),
      ...(ref.runtime ? { runtime: ref.runtime } : {}),
      ...(ref.pod_uuid ? { pod_uuid: ref.pod_uuid } : {}),
    },
  }
}

function dockerNames(config: string | undefined): { name?: string; image?: string } {
  if (!config) return {}
  try {
    const parsed: { Name?: unknown; Config?: { Image?: unknown } } = JSON.parse(config)
    return {
      ...(typeof parsed.Name === 'string' ? { name: parsed.Name.replace(/^\//, '') } : {}),
      ...(typeof parsed.Config?.Image === 'string' ? { image: parsed.Config.Image } : {}),
    }
  } catch {
    return {}
  }
}
