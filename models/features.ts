import { createHash } from 'node:crypto'
import type { Feature } from './contract.js'

/** Where the evidence of a feature comes from: the events of these classes. */
export const EVIDENCE_SOURCES = ['process', 'network', 'dns', 'file', 'logon', 'api', 'metric', 'lifecycle'] as const
export type EvidenceSource = (typeof EVIDENCE_SOURCES)[number]

export type BehaviourFeature = Feature & {
  /** In a reason a person reads: "connections to 41 ..." uses these words. */
  readonly words: string
  readonly source: EvidenceSource
  /** `log`: the vector holds log(1 + value); counts and bytes live on that scale. `linear`: the value itself. */
  readonly scale: 'log' | 'linear'
  /** Smallest spread that counts as one step, in the vector's scale: keeps quiet features from shouting. */
  readonly floor: number
}

function count(name: string, words: string, source: EvidenceSource, summary: string, floor = 0.5): BehaviourFeature {
  return { name, unit: 'count', words, source, scale: 'log', floor, summary }
}

/** What a workload did in one minute, in the order of the vector. The order and names are part of every artifact. */
export const FEATURES: readonly BehaviourFeature[] = [
  count('process_launches', 'process launches', 'process', 'Processes started'),
  count('executables', 'different executables', 'process', 'Distinct executables started'),
  count('parents', 'different parent processes', 'process', 'Distinct processes that started others'),
  count('shell_launches', 'shells started', 'process', 'Launches of a command interpreter', 0.4),
  count('tool_launches', 'download tools started', 'process', 'Launches of curl, wget, nc and the like', 0.35),
  count(
    'temporary_launches',
    'programs started from temporary folders',
    'process',
    'Launches from world-writable paths',
    0.3,
  ),
  {
    name: 'command_length',
    unit: 'characters',
    words: 'longest command line',
    source: 'process',
    scale: 'log',
    floor: 1,
    summary: 'Length of the longest command line',
  },
  count('connections_out', 'outbound connections', 'network', 'Connections opened by the workload'),
  count('connections_in', 'inbound connections', 'network', 'Connections accepted by the workload'),
  count('connections_failed', 'failed connections', 'network', 'Connections that failed or were refused'),
  count(
    'connections_external',
    'connections to public addresses',
    'network',
    'Outbound connections to public addresses',
    0.4,
  ),
  count('peers', 'different peers', 'network', 'Distinct remote addresses'),
  count('ports', 'different remote ports', 'network', 'Distinct destination ports of outbound connections'),
  {
    name: 'bytes_out',
    unit: 'bytes',
    words: 'bytes sent',
    source: 'network',
    scale: 'log',
    floor: 2,
    summary: 'Bytes sent in reported connections',
  },
  {
    name: 'bytes_in',
    unit: 'bytes',
    words: 'bytes received',
    source: 'network',
    scale: 'log',
    floor: 2,
    summary: 'Bytes received in reported connections',
  },
  count('http_requests', 'HTTP requests', 'network', 'HTTP requests'),
  count('http_errors', 'HTTP errors', 'network', 'HTTP answers with status 400 or more'),
  count('dns_queries', 'DNS queries', 'dns', 'DNS queries'),
  count('dns_names', 'different DNS names', 'dns', 'Distinct names asked for'),
  count('file_changes', 'file changes', 'file', 'Files created, changed, renamed or deleted'),
  count('logons', 'log-ins', 'logon', 'Successful authentications'),
  count('logon_failures', 'failed log-ins', 'logon', 'Failed authentications'),
  count('api_calls', 'API calls', 'api', 'API calls'),
  count('api_operations', 'different API operations', 'api', 'Distinct operations called', 0.35),
  count('api_services', 'different API services', 'api', 'Distinct services called', 0.35),
  count('api_sources', 'different API caller addresses', 'api', 'Distinct source addresses of API calls'),
  count('api_changes', 'API calls that change something', 'api', 'Create, update and delete calls'),
  count('api_errors', 'failed API calls', 'api', 'API calls that failed', 0.4),
  count('api_denied', 'denied API calls', 'api', 'API calls refused for lack of permission', 0.3),
  {
    name: 'cpu_percent',
    unit: 'percent',
    words: 'cpu',
    source: 'metric',
    scale: 'linear',
    floor: 5,
    summary: 'Mean CPU use',
  },
  {
    name: 'memory_percent',
    unit: 'percent',
    words: 'memory',
    source: 'metric',
    scale: 'linear',
    floor: 5,
    summary: 'Mean memory use',
  },
  {
    name: 'network_in',
    unit: 'bytes_per_s',
    words: 'network in',
    source: 'metric',
    scale: 'log',
    floor: 1,
    summary: 'Mean inbound traffic',
  },
  {
    name: 'network_out',
    unit: 'bytes_per_s',
    words: 'network out',
    source: 'metric',
    scale: 'log',
    floor: 1,
    summary: 'Mean outbound traffic',
  },
  count('process_count', 'running processes', 'metric', 'Mean number of processes', 0.3),
  count('connection_count', 'open connections', 'metric', 'Mean number of open connections'),
  count('invocations', 'invocations', 'metric', 'Function invocations'),
  count('invocation_errors', 'failed invocations', 'metric', 'Failed function invocations'),
  {
    name: 'duration',
    unit: 'ms',
    words: 'mean duration',
    source: 'metric',
    scale: 'log',
    floor: 0.5,
    summary: 'Mean duration of an invocation',
  },
  count('lifecycle_changes', 'container starts, stops and changes', 'lifecycle', 'Container engine events'),
]

/** Names a list of features: artifacts made for another list, order, unit or scale are refused. */
export function featureHash(features: readonly Feature[]): string {
  const parts = features.map((feature) => [feature.name, feature.unit, 'scale' in feature ? feature.scale : ''])
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

/** A vector entry in the unit of its feature: undoes the logarithm. Never negative, because nothing here can be. */
export function inUnit(feature: BehaviourFeature, entry: number): number {
  return Math.max(0, feature.scale === 'log' ? Math.expm1(entry) : entry)
}
