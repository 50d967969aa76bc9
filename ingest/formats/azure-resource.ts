import type { Workload } from '../../ocsf/event.js'
import { functionWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defined, type JsonRecord } from './fields.js'

/** The parts of an Azure resource id. Ids are case-insensitive; `name` and the rest keep the case they were written in. */
export type AzureResource = {
  id: string
  subscription?: string
  group?: string
  /** `Microsoft.Compute/virtualMachines` */
  type?: string
  name?: string
  /** Names from the outermost resource to `name`. */
  names: string[]
}

const MAX_PARTS = 40

/** Reads `/subscriptions/S/resourceGroups/G/providers/NS/type/name/...`; where providers nest, the last one counts. */
export function azureResource(id: string | undefined): AzureResource | undefined {
  if (id === undefined || id.length > 4096 || !id.startsWith('/')) return undefined
  const parts = id.split('/', MAX_PARTS).slice(1)
  const lower = parts.map((part) => part.toLowerCase())
  const after = (word: string) => {
    const at = lower.indexOf(word)
    return at < 0 ? undefined : parts[at + 1] || undefined
  }
  const provider = lower.lastIndexOf('providers')
  const namespace = provider < 0 ? undefined : parts[provider + 1]
  const types: string[] = []
  const names: string[] = []
  if (namespace !== undefined) {
    for (let at = provider + 2; at < parts.length; at += 2) {
      types.push(parts[at] as string)
      if (parts[at + 1]) names.push(parts[at + 1] as string)
    }
  }
  const subscription = after('subscriptions')
  const group = after('resourcegroups')
  const name = names.at(-1) ?? group ?? subscription
  const resource: AzureResource = { id, names }
  if (subscription !== undefined) resource.subscription = subscription
  if (group !== undefined) resource.group = group
  if (namespace) resource.type = types.length === 0 ? namespace : `${namespace}/${types.join('/')}`
  if (name !== undefined) resource.name = name
  return resource
}

/** `West Europe` and `westeurope` are one region. */
export function azureRegion(text: string | undefined): string | undefined {
  return text === undefined || text.length > 64 ? undefined : text.toLowerCase().replaceAll(' ', '')
}

/**
 * A function app. Its name is unique in all of Azure, and half of the sources do not say the region: so the region is
 * no part of its identity.
 */
export function azureFunction(subscription: string | undefined, app: string, region: string | undefined): Workload {
  const workload = functionWorkload('azure', subscription?.toLowerCase() ?? 'unknown', 'global', app.toLowerCase())
  const { region: _, ...rest } = workload
  return region === undefined ? rest : { ...rest, region }
}

const SITE = 'microsoft.web/sites'
const VM = 'microsoft.compute/virtualmachines'
const SCALE_SET_VM = 'microsoft.compute/virtualmachinescalesets/virtualmachines'

/** The virtual machine or function app that a resource is or belongs to. */
export function azureWorkload(resource: AzureResource | undefined, region?: string): Workload | undefined {
  const type = resource?.type?.toLowerCase()
  if (resource === undefined || type === undefined) return undefined
  const isOf = (kind: string) => type === kind || type.startsWith(`${kind}/`)
  const [first, second] = resource.names
  if (isOf(SITE) && first !== undefined) return azureFunction(resource.subscription, first, region)
  const where = defined({ provider: 'azure', account: resource.subscription?.toLowerCase(), region })
  if (isOf(VM) && first !== undefined) return vmWorkload(machineId(resource, first, 1), first, where)
  if (isOf(SCALE_SET_VM) && first !== undefined && second !== undefined) {
    return vmWorkload(machineId(resource, second, 2), `${first}_${second}`, { ...where, role: first })
  }
  return undefined
}

/** The machine's own id, without what is below it (an extension, a run command), in lower case. */
function machineId({ id }: AzureResource, _name: string, depth: number): string {
  const lower = id.toLowerCase()
  const at = lower.lastIndexOf('/providers/')
  return lower.slice(1, at).concat(
    lower
      .slice(at)
      .split('/', 3 + 2 * depth)
      .join('/'),
  )
}

/** OCSF `resources` entry of a resource that a call was about. */
export function azureTarget(resource: AzureResource): JsonRecord {
  return defined({
    uid: resource.id,
    name: resource.name,
    type: resource.type,
    group: resource.group === undefined ? undefined : { name: resource.group },
    role_id: 1,
    role: 'Target',
  })
}

/** OCSF `cloud` of an Azure record. */
export function azureCloud(
  subscription: string | undefined,
  tenant: string | undefined,
  region: string | undefined,
): JsonRecord {
  return defined({
    provider: 'Azure',
    account: subscription === undefined ? undefined : { uid: subscription, type: 'Azure Subscription', type_id: 13 },
    org: tenant === undefined ? undefined : { uid: tenant },
    region,
  })
}
