import type { OcsfEvent, Workload } from './event.js'
import { containerWorkload, functionWorkload, vmWorkload } from './workload.js'

/**
 * The workload of an event that does not name one, from the standard objects: a container (the event's, its device's or
 * its process's), else a function among `resources`, else `device`. Undefined if the event concerns no workload: unlike
 * events must not become the behaviour of one machine called unknown. Any input.
 */
export function deriveWorkload(event: OcsfEvent): Workload | undefined {
  const where = cloudOf(event)
  const container =
    inside(event, 'container') ??
    inside(event.device, 'container') ??
    inside(event.process, 'container') ??
    inside(inside(event.actor, 'process'), 'container')
  const id = text(container, 'uid') ?? text(container, 'name')
  if (id !== undefined) {
    const image = text(inside(container, 'image'), 'name')
    return containerWorkload(id, text(container, 'name') ?? id, image === undefined ? where : { ...where, image })
  }
  return functionOf(event, where) ?? deviceOf(event, where)
}

type Where = { provider?: string; account?: string; region?: string }

function cloudOf(event: OcsfEvent): Where {
  const cloud = event.cloud
  const provider = text(cloud, 'provider')
  const account = text(inside(cloud, 'account'), 'uid')
  const region = text(cloud, 'region')
  return {
    ...(provider === undefined ? {} : { provider: provider.toLowerCase() }),
    ...(account === undefined ? {} : { account }),
    ...(region === undefined ? {} : { region }),
  }
}

function functionOf(event: OcsfEvent, where: Where): Workload | undefined {
  if (!Array.isArray(event.resources)) return undefined
  for (const resource of event.resources.slice(0, 16)) {
    const name = text(resource, 'name')
    if (name === undefined || !/function/i.test(text(resource, 'type') ?? '')) continue
    const version = text(resource, 'version')
    const { provider = 'unknown', account = 'unknown', region = 'unknown' } = where
    return functionWorkload(provider, account, region, name, version === undefined ? {} : { version })
  }
  return undefined
}

/** Desktop, laptop, tablet, mobile, browser: a person's device, from which they signed in, is no workload. */
const PERSONAL: readonly unknown[] = [2, 3, 4, 5, 8]

/** What scanners examine: workloads are made of them, and they are none themselves. */
const ARTIFACTS = new Set([
  'Container Image',
  'Repository',
  'File System',
  'Kubernetes Resource',
  'Virtual Machine Image',
  'Software',
])

function deviceOf(event: OcsfEvent, where: Where): Workload | undefined {
  const device = event.device
  if (ARTIFACTS.has(text(device, 'type') ?? '')) return undefined
  if (PERSONAL.includes(inside(device, 'type_id'))) return undefined
  const name = text(device, 'hostname') ?? text(device, 'name')
  const id = text(device, 'instance_uid') ?? text(device, 'uid') ?? name ?? text(device, 'ip')
  // OCSF requires a device where a record names no machine: formats then say `unknown`, and that is nobody.
  if (id === undefined || id === 'unknown') return undefined
  const image = text(inside(device, 'image'), 'name')
  return vmWorkload(id, name ?? id, image === undefined ? where : { ...where, image })
}

function inside(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Record<string, unknown>)[name] ?? undefined
}

function text(value: unknown, name: string): string | undefined {
  const found = inside(value, name)
  return typeof found === 'string' && found !== '' ? found : undefined
}
