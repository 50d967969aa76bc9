import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { aboutContainer } from './docker-event.js'
import type { ContainerFacts, EngineHost } from './docker-objects.js'
import { isObject, type JsonRecord } from './fields.js'
import { parseTime } from './time.js'

/** Counters of one container at one time, from the engine's much larger answer. Absent where the engine does not count. */
export type DockerSample = {
  /** ms since 1970, by the engine's clock. */
  readonly time: number
  /** Processor time used since the start, all cores, ns. */
  readonly cpu_total_ns?: number
  readonly memory_used_bytes?: number
  readonly memory_limit_bytes?: number
  readonly network_in_bytes?: number
  readonly network_out_bytes?: number
  readonly disk_read_bytes?: number
  readonly disk_write_bytes?: number
  readonly process_count?: number
}

/** The counters in an answer of `GET /containers/{id}/stats`; undefined if it has none (the container has just ended). */
export function dockerSample(stats: unknown): DockerSample | undefined {
  if (!isObject(stats) || typeof stats.read !== 'string') return undefined
  const time = parseTime(stats.read)
  if (time === undefined || time <= 0) return undefined
  const memory = part(stats, 'memory_stats')
  const detail = part(memory, 'stats')
  const usage = count(memory.usage)
  // The page cache that the kernel may drop at any time is not what the container needs; `docker stats` leaves it out too.
  const cache = count(detail.total_inactive_file) ?? count(detail.inactive_file) ?? 0
  const networks = isObject(stats.networks) ? Object.values(stats.networks).filter(isObject) : undefined
  const blocks = part(stats, 'blkio_stats').io_service_bytes_recursive
  return definedNumbers({
    time,
    cpu_total_ns: count(part(part(stats, 'cpu_stats'), 'cpu_usage').total_usage),
    memory_used_bytes: usage === undefined ? undefined : Math.max(0, usage - cache),
    memory_limit_bytes: count(memory.limit),
    network_in_bytes: networks && sum(networks.map((network) => network.rx_bytes)),
    network_out_bytes: networks && sum(networks.map((network) => network.tx_bytes)),
    disk_read_bytes: bytesOf(blocks, 'read'),
    disk_write_bytes: bytesOf(blocks, 'write'),
    process_count: count(part(stats, 'pids_stats').current),
  }) as DockerSample | undefined
}

/** The metrics of one container: levels from `now`, rates from the difference to `before`. Empty list if there are none. */
export function statsEvents(
  now: DockerSample,
  before: DockerSample | undefined,
  facts: ContainerFacts,
  host: EngineHost | undefined,
): EventDraft[] {
  const metrics = [...levels(now), ...(before && before.time < now.time ? rates(now, before) : [])]
  if (metrics.length === 0) return []
  return [
    {
      class_uid: CLASS.workload_metric,
      activity_id: 2,
      time: now.time,
      severity_id: 1,
      metadata: { product: { name: 'Docker Engine', vendor_name: 'Docker' }, log_name: 'stats' },
      metrics,
      device: aboutContainer(facts, host).device,
      workload: aboutContainer(facts, host).workload,
    },
  ]
}

type Metric = { name: string; value: number; unit: string }

function levels(now: DockerSample): Metric[] {
  const { memory_used_bytes, memory_limit_bytes, process_count } = now
  const metrics: Metric[] = []
  if (memory_used_bytes !== undefined) {
    metrics.push({ name: 'memory_used_bytes', value: memory_used_bytes, unit: 'bytes' })
    if (memory_limit_bytes) {
      metrics.push({
        name: 'memory_percent',
        value: round((memory_used_bytes / memory_limit_bytes) * 100),
        unit: 'percent',
      })
    }
  }
  if (process_count !== undefined) metrics.push({ name: 'process_count', value: process_count, unit: 'count' })
  return metrics
}

const RATES = ['network_in', 'network_out', 'disk_read', 'disk_write'] as const

/** A counter that went back belongs to a container that was started again: no rate then. */
function rates(now: DockerSample, before: DockerSample): Metric[] {
  const elapsed_ms = now.time - before.time
  const grown = (key: keyof DockerSample) => {
    const [a, b] = [before[key], now[key]]
    return a === undefined || b === undefined || b < a ? undefined : b - a
  }
  const metrics: Metric[] = []
  const cpu = grown('cpu_total_ns')
  // 100 is one core, as `docker stats` and top show it.
  if (cpu !== undefined) metrics.push({ name: 'cpu_percent', value: round(cpu / 1e4 / elapsed_ms), unit: 'percent' })
  for (const name of RATES) {
    const bytes = grown(`${name}_bytes`)
    if (bytes === undefined) continue
    metrics.push({ name: `${name}_bytes_per_s`, value: round((bytes * 1000) / elapsed_ms), unit: 'bytes_per_s' })
  }
  return metrics
}

function bytesOf(rows: unknown, operation: 'read' | 'write'): number | undefined {
  if (!Array.isArray(rows)) return undefined
  return sum(rows.filter((row) => isObject(row) && String(row.op).toLowerCase() === operation).map((row) => row.value))
}

function part(value: JsonRecord, key: string): JsonRecord {
  const found = value[key]
  return isObject(found) ? found : {}
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

function sum(values: readonly unknown[]): number {
  return values.reduce((total: number, value) => total + (count(value) ?? 0), 0)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function definedNumbers(values: { [key: string]: number | undefined }): { [key: string]: number } {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined))
}
