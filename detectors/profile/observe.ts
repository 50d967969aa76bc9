import { CLASS, type OcsfEvent } from '../../ocsf/event.js'
import { domainOf, isPrivate, isTemporary, networkOf, normalName } from './normalise.js'

/** What behaviour is made of. */
export type Kind = 'process' | 'parent' | 'peer' | 'client' | 'port' | 'api_call' | 'api_source'

/** The class of events that shows each kind. */
export const classOf: { readonly [kind in Kind]: number } = {
  process: CLASS.process_activity,
  parent: CLASS.process_activity,
  peer: CLASS.network_activity,
  client: CLASS.network_activity,
  port: CLASS.network_activity,
  api_call: CLASS.api_activity,
  api_source: CLASS.api_activity,
}

/** One thing an event shows its workload do. */
export type Observation = {
  readonly kind: Kind
  /** What is remembered: equal for things that are alike. */
  readonly value: string
  /** As a sentence goes on after the thing's name: `"/tmp/xmrig" was never started`. */
  readonly says: string
  readonly severity_id: 1 | 2 | 3 | 4
  readonly techniques: readonly string[]
}

/** Whose behaviour it is: alike workloads share a profile; a caller in a cloud account that is no workload has its own. */
export function groupOf(event: OcsfEvent): { key: string; name: string } | undefined {
  const { workload } = event
  if (workload) return { key: `${workload.kind}/${workload.group}`, name: `${workload.kind} ${workload.group}` }
  const isCall = event.class_uid === CLASS.api_activity || event.class_uid === CLASS.account_change
  const user = isCall ? event.actor?.user : undefined
  const name = user?.name ?? user?.uid
  if (typeof name !== 'string') return undefined
  const account = user.account?.uid ?? event.cloud?.account?.uid ?? ''
  return { key: `caller/${account}/${name}`, name: `caller ${name}` }
}

/** What an event shows, most telling first; empty for events without behaviour. */
export function observe(event: OcsfEvent): readonly Observation[] {
  switch (event.class_uid) {
    case CLASS.process_activity:
      return event.activity_id === 1 || event.activity_name === 'Existing' ? launched(event) : nothing
    case CLASS.network_activity:
      return event.activity_id === 7 ? listening(event) : event.activity_id === 2 ? nothing : connected(event)
    case CLASS.api_activity:
    case CLASS.account_change:
      return event.api === undefined ? nothing : called(event)
    default:
      return nothing
  }
}

const nothing: readonly Observation[] = []

function launched({ process, actor }: OcsfEvent): readonly Observation[] {
  const path = text(process?.file?.path) ?? text(process?.path) ?? text(process?.name)
  if (path === undefined) return nothing
  const parent = process?.parent_process ?? actor?.process
  const parentName = text(parent?.name) ?? text(actor?.app_name) ?? 'an unknown parent'
  const program = normalName(path)
  return [
    {
      kind: 'process',
      value: program,
      says: `"${path}" was never started`,
      severity_id: isTemporary(path) ? 4 : 3,
      techniques: ['T1059'],
    },
    {
      kind: 'parent',
      value: `${program} < ${normalName(parentName)}`,
      says: `"${path}" was never started by ${parentName}`,
      severity_id: 2,
      techniques: ['T1059'],
    },
  ]
}

function listening({ dst_endpoint, src_endpoint }: OcsfEvent): readonly Observation[] {
  const port = portOf(dst_endpoint?.port ?? src_endpoint?.port)
  return port === undefined ? nothing : [portObservation(port)]
}

function portObservation(port: string): Observation {
  return { kind: 'port', value: port, says: `port ${port} was never open`, severity_id: 3, techniques: ['T1571'] }
}

function connected({ src_endpoint, dst_endpoint, connection_info }: OcsfEvent): readonly Observation[] {
  const ip = text(dst_endpoint?.ip)
  const port = portOf(dst_endpoint?.port)
  if (port === undefined) return nothing
  if (connection_info?.direction_id === 1) return received(port, text(src_endpoint?.ip))
  if (connection_info?.direction_id !== 2 || ip === undefined) return nothing
  const hostname = text(dst_endpoint.hostname) ?? text(dst_endpoint.domain)
  const isOwn = isPrivate(ip)
  const where = isOwn ? 'own networks' : hostname === undefined ? networkOf(ip) : domainOf(hostname)
  return [
    {
      kind: 'peer',
      value: `${where} ${port}`,
      says: isOwn
        ? `port ${port} of its own networks (now ${ip}) was never connected to`
        : `${hostname ?? ip} port ${port} (network ${where}) was never connected to`,
      severity_id: isOwn ? 2 : 3,
      techniques: ['T1071'],
    },
  ]
}

function received(port: string, from: string | undefined): readonly Observation[] {
  const open = portObservation(port)
  if (from === undefined || isPrivate(from)) return [open]
  const client: Observation = {
    kind: 'client',
    value: `${networkOf(from)} ${port}`,
    says: `${from} (network ${networkOf(from)}) never connected to its port ${port}`,
    severity_id: 2,
    techniques: ['T1133'],
  }
  return [open, client]
}

function called({ api, src_endpoint, activity_id, status_id }: OcsfEvent): readonly Observation[] {
  const operation = text(api?.operation)
  if (operation === undefined) return nothing
  const service = text(api?.service?.name)?.replace(/\.amazonaws\.com(\.cn)?$/, '') ?? 'unknown'
  const call = `${service} ${operation}`
  const observations: Observation[] = [
    {
      kind: 'api_call',
      // Lambda writes the version of its interface behind the name.
      value: call.replace(/20\d{6}(v\d+)?$/, ''),
      says: `${call} was never called`,
      // Reading is discovery; changing, and being refused, is worse.
      severity_id: activity_id === 2 && status_id !== 2 ? 2 : 3,
      techniques: ['T1078.004'],
    },
  ]
  const ip = text(src_endpoint?.ip)
  if (ip !== undefined) {
    const network = isPrivate(ip) ? 'own networks' : networkOf(ip)
    observations.push({
      kind: 'api_source',
      value: network,
      says: `calls never came from ${network} (now ${ip})`,
      severity_id: 3,
      techniques: ['T1078.004'],
    })
  }
  return observations
}

/** Ports that the system hands out for a while are one. */
function portOf(port: unknown): string | undefined {
  if (typeof port !== 'number' || port <= 0) return undefined
  return port >= 32_768 ? 'above 32767' : String(port)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
