import { CLASS, type OcsfEvent } from '../ocsf/event.js'
import { type Cell, DISTINCT, featureIndex, mark, remember, sourceIndex } from './feature-cell.js'

const at = {
  launches: featureIndex('process_launches'),
  shells: featureIndex('shell_launches'),
  tools: featureIndex('tool_launches'),
  temporary: featureIndex('temporary_launches'),
  command: featureIndex('command_length'),
  out: featureIndex('connections_out'),
  in: featureIndex('connections_in'),
  failed: featureIndex('connections_failed'),
  external: featureIndex('connections_external'),
  bytesOut: featureIndex('bytes_out'),
  bytesIn: featureIndex('bytes_in'),
  http: featureIndex('http_requests'),
  httpErrors: featureIndex('http_errors'),
  dns: featureIndex('dns_queries'),
  files: featureIndex('file_changes'),
  logons: featureIndex('logons'),
  logonFailures: featureIndex('logon_failures'),
  api: featureIndex('api_calls'),
  apiChanges: featureIndex('api_changes'),
  apiErrors: featureIndex('api_errors'),
  apiDenied: featureIndex('api_denied'),
  lifecycle: featureIndex('lifecycle_changes'),
}
const slot = Object.fromEntries(DISTINCT.map((name, place) => [name, place])) as Record<
  (typeof DISTINCT)[number],
  number
>
const source = {
  process: sourceIndex('process'),
  network: sourceIndex('network'),
  dns: sourceIndex('dns'),
  file: sourceIndex('file'),
  logon: sourceIndex('logon'),
  api: sourceIndex('api'),
  metric: sourceIndex('metric'),
  lifecycle: sourceIndex('lifecycle'),
}
const metricFeature = new Map([
  ['cpu_percent', featureIndex('cpu_percent')],
  ['memory_percent', featureIndex('memory_percent')],
  ['network_in_bytes_per_s', featureIndex('network_in')],
  ['network_out_bytes_per_s', featureIndex('network_out')],
  ['process_count', featureIndex('process_count')],
  ['connection_count', featureIndex('connection_count')],
  ['invocations', featureIndex('invocations')],
  ['errors', featureIndex('invocation_errors')],
  ['duration_ms', featureIndex('duration')],
])
const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'fish', 'csh', 'tcsh', 'busybox', 'pwsh'])
const TOOLS = new Set(['curl', 'wget', 'nc', 'ncat', 'netcat', 'socat', 'ftp', 'tftp', 'scp', 'rsync', 'aria2c'])
const TEMPORARY = /^(?:\/tmp\/|\/var\/tmp\/|\/dev\/shm\/|\/run\/user\/|memfd:|\/memfd:|\/proc\/self\/fd\/)/
const DENIED = /denied|unauthori[sz]ed|forbidden/i
/** Private, loopback, link-local, multicast and carrier-grade NAT addresses, IPv4 and IPv6. */
const INTERNAL =
  /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|0\.|22[4-9]\.|23\d\.|::1$|::$|f[cdef]|::ffff:(?:10\.|127\.|192\.168\.))/i

const extractors = new Map<number, (cell: Cell, event: OcsfEvent) => void>([
  [CLASS.process_activity, ofProcess],
  [CLASS.network_activity, ofNetwork],
  [CLASS.http_activity, ofHttp],
  [CLASS.dns_activity, ofDns],
  [CLASS.file_activity, ofFile],
  [CLASS.authentication, ofLogon],
  [CLASS.api_activity, ofApi],
  [CLASS.account_change, ofApi],
  [CLASS.workload_metric, ofMetrics],
  [CLASS.container_lifecycle, ofLifecycle],
])

/** The classes whose events carry behaviour features. */
export const FEATURE_CLASSES: readonly number[] = [...extractors.keys()]

/** Adds what one event says to its cell. Attributes that are absent or of a wrong type count as absent. */
export function extract(cell: Cell, event: OcsfEvent): void {
  cell.events++
  extractors.get(event.class_uid)?.(cell, event)
}

function ofProcess(cell: Cell, event: OcsfEvent): void {
  if (event.activity_id !== 1) return
  const process = event.process
  const name = text(process?.name)
  const path = text(process?.file?.path) ?? name
  bump(cell, at.launches)
  let fresh = false
  if (path !== undefined) {
    fresh = mark(cell, slot.executables, path)
    if (TEMPORARY.test(path)) {
      bump(cell, at.temporary)
      fresh = true
    }
  }
  const base = name ?? path?.slice(path.lastIndexOf('/') + 1)
  if (base !== undefined) {
    if (SHELLS.has(base)) bump(cell, at.shells)
    else if (TOOLS.has(base)) bump(cell, at.tools)
  }
  const parent = text(process?.parent_process?.name) ?? text(event.actor?.process?.name)
  if (parent !== undefined && mark(cell, slot.parents, parent)) fresh = true
  const length = text(process?.cmd_line)?.length ?? 0
  if (length > (cell.sums[at.command] ?? 0)) cell.sums[at.command] = length
  remember(cell, source.process, event.metadata.uid, fresh)
}

function ofNetwork(cell: Cell, event: OcsfEvent): void {
  const activity = event.activity_id
  if (activity === 7) return
  const traffic = event.traffic
  add(cell, at.bytesOut, traffic?.bytes_out)
  add(cell, at.bytesIn, traffic?.bytes_in)
  const inbound = event.connection_info?.direction_id === 1
  const remote = inbound ? event.src_endpoint : event.dst_endpoint
  const address = text(remote?.ip) ?? text(remote?.hostname)
  let fresh = address !== undefined && mark(cell, slot.peers, address)
  if (activity === 4 || activity === 5) bump(cell, at.failed)
  else if (inbound) {
    if (activity === 1) bump(cell, at.in)
  } else if (activity === 1) {
    bump(cell, at.out)
    if (address !== undefined && !INTERNAL.test(address)) bump(cell, at.external)
  }
  const port = remote?.port
  if (!inbound && typeof port === 'number' && mark(cell, slot.ports, port)) fresh = true
  remember(cell, source.network, event.metadata.uid, fresh)
}

function ofHttp(cell: Cell, event: OcsfEvent): void {
  bump(cell, at.http)
  const code = event.http_response?.code
  if (typeof code === 'number' && code >= 400) bump(cell, at.httpErrors)
  remember(cell, source.network, event.metadata.uid, false)
}

function ofDns(cell: Cell, event: OcsfEvent): void {
  bump(cell, at.dns)
  const name = text(event.query?.hostname)
  remember(cell, source.dns, event.metadata.uid, name !== undefined && mark(cell, slot.dns_names, name))
}

function ofFile(cell: Cell, event: OcsfEvent): void {
  const activity = event.activity_id
  if (activity !== 1 && activity !== 3 && activity !== 4 && activity !== 5) return
  bump(cell, at.files)
  remember(cell, source.file, event.metadata.uid, false)
}

function ofLogon(cell: Cell, event: OcsfEvent): void {
  if (event.activity_id !== 1) return
  const failed = event.status_id === 2
  bump(cell, failed ? at.logonFailures : at.logons)
  remember(cell, source.logon, event.metadata.uid, failed)
}

function ofApi(cell: Cell, event: OcsfEvent): void {
  const api = event.api
  bump(cell, at.api)
  const activity = event.activity_id
  if (activity === 1 || activity === 3 || activity === 4) bump(cell, at.apiChanges)
  if (event.status_id === 2) {
    bump(cell, at.apiErrors)
    const response = api?.response
    const code = text(response?.error) ?? text(event.status_code)
    if (response?.code === 401 || response?.code === 403 || (code !== undefined && DENIED.test(code))) {
      bump(cell, at.apiDenied)
    }
  }
  const operation = text(api?.operation)
  let fresh = operation !== undefined && mark(cell, slot.api_operations, operation)
  const service = text(api?.service?.name)
  if (service !== undefined && mark(cell, slot.api_services, service)) fresh = true
  const caller = text(event.src_endpoint?.ip)
  if (caller !== undefined && mark(cell, slot.api_sources, caller)) fresh = true
  remember(cell, source.api, event.metadata.uid, fresh)
}

function ofMetrics(cell: Cell, event: OcsfEvent): void {
  const metrics = event.metrics
  if (!Array.isArray(metrics)) return
  for (const metric of metrics) {
    const feature = metricFeature.get(metric?.name)
    if (feature === undefined || typeof metric.value !== 'number' || !Number.isFinite(metric.value)) continue
    add(cell, feature, metric.value)
    cell.samples[feature] = (cell.samples[feature] ?? 0) + 1
  }
  remember(cell, source.metric, event.metadata.uid, false)
}

function ofLifecycle(cell: Cell, event: OcsfEvent): void {
  bump(cell, at.lifecycle)
  remember(cell, source.lifecycle, event.metadata.uid, true)
}

function bump(cell: Cell, feature: number): void {
  cell.sums[feature] = (cell.sums[feature] ?? 0) + 1
}

function add(cell: Cell, feature: number, value: unknown): void {
  if (typeof value === 'number' && value > 0) cell.sums[feature] = (cell.sums[feature] ?? 0) + value
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
