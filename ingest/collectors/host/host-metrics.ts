import { readdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { readText } from './procfs.js'

/** One number about the machine. Names and units are those of every workload metric. */
export type Measure = { readonly name: string; readonly value: number; readonly unit: string }

/** Counters of one moment, from which the next moment's rates are made. */
type Counters = {
  readonly at_ms: number
  readonly cpu_busy: number
  readonly cpu_total: number
  readonly disk_read_bytes: number
  readonly disk_write_bytes: number
  readonly network_in_bytes: number
  readonly network_out_bytes: number
}

const SECTOR_BYTES = 512
/** Bridges and container links carry the same bytes a second time. */
const VIRTUAL_INTERFACE = /^(lo|veth|docker|br-|virbr|cni|flannel|cali|cilium|podman|tap|vnet)/

/** Reads the metrics of a Linux machine; rates need two calls, so the first call leaves them out. */
export function linuxMetrics(root: string): () => Promise<Measure[]> {
  const proc = join(root, 'proc')
  let before: Counters | undefined
  return async () => {
    const now = counters(proc)
    const measures = [...levels(proc), ...(await disks(root, proc)), ...(before ? rates(before, now) : [])]
    before = now
    return measures.filter(({ value }) => Number.isFinite(value))
  }
}

function counters(proc: string): Counters {
  const [cpu_busy, cpu_total] = cpuTimes(readText(join(proc, 'stat')) ?? '')
  const [disk_read_bytes, disk_write_bytes] = diskBytes(readText(join(proc, 'diskstats')) ?? '')
  // The interfaces of pid 1 are the machine's, also when Weir itself runs in a container.
  const net = readText(join(proc, '1/net/dev')) ?? readText(join(proc, 'net/dev')) ?? ''
  const [network_in_bytes, network_out_bytes] = networkBytes(net)
  return {
    at_ms: performance.now(),
    cpu_busy,
    cpu_total,
    disk_read_bytes,
    disk_write_bytes,
    network_in_bytes,
    network_out_bytes,
  }
}

function rates(before: Counters, now: Counters): Measure[] {
  const seconds = (now.at_ms - before.at_ms) / 1000
  const rate = (name: keyof Counters) => Math.max(0, Math.round((now[name] - before[name]) / seconds))
  return [
    percent('cpu_percent', now.cpu_busy - before.cpu_busy, now.cpu_total - before.cpu_total),
    { name: 'disk_read_bytes_per_s', value: rate('disk_read_bytes'), unit: 'bytes_per_s' },
    { name: 'disk_write_bytes_per_s', value: rate('disk_write_bytes'), unit: 'bytes_per_s' },
    { name: 'network_in_bytes_per_s', value: rate('network_in_bytes'), unit: 'bytes_per_s' },
    { name: 'network_out_bytes_per_s', value: rate('network_out_bytes'), unit: 'bytes_per_s' },
  ]
}

function levels(proc: string): Measure[] {
  const memory = readText(join(proc, 'meminfo')) ?? ''
  const memory_bytes = (name: string) => Number(memory.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))?.[1]) * 1024
  const total_bytes = memory_bytes('MemTotal')
  const used_bytes = total_bytes - memory_bytes('MemAvailable')
  const load = readText(join(proc, 'loadavg'))?.split(' ') ?? []
  const snmp = readText(join(proc, '1/net/snmp')) ?? readText(join(proc, 'net/snmp')) ?? ''
  return [
    { name: 'memory_used_bytes', value: used_bytes, unit: 'bytes' },
    percent('memory_percent', used_bytes, total_bytes),
    { name: 'load_1m', value: Number(load[0]), unit: 'count' },
    { name: 'process_count', value: processCount(proc), unit: 'count' },
    { name: 'connection_count', value: establishedConnections(snmp), unit: 'count' },
  ]
}

function processCount(proc: string): number {
  return readdirSync(proc).filter((name) => /^\d+$/.test(name)).length
}

/** How full the fullest file system on a block device is: one full disk is enough to stop a machine. */
async function disks(root: string, proc: string): Promise<Measure[]> {
  const mounts = readText(join(proc, '1/mounts')) ?? readText(join(proc, 'mounts')) ?? ''
  const points = new Map<string, string>()
  for (const line of mounts.split('\n')) {
    const [device, point, type] = line.split(' ')
    if (!device?.startsWith('/dev/') || !point || type === 'squashfs' || type === 'iso9660') continue
    if (!points.has(device)) points.set(device, point.replaceAll('\\040', ' '))
  }
  if (points.size === 0) points.set('root', '/')
  const used = await Promise.all(
    [...points.values()].map(async (point) => {
      const stat = await statfs(join(root, point)).catch(() => undefined)
      return stat && stat.blocks > 0 ? (100 * (stat.blocks - stat.bavail)) / stat.blocks : Number.NaN
    }),
  )
  const known = used.filter(Number.isFinite)
  return known.length > 0 ? [percent('disk_used_percent', Math.max(...known), 100)] : []
}

/** [busy, total] ticks of all cores from /proc/stat; waiting for disks is not busy. */
export function cpuTimes(stat: string): [number, number] {
  const ticks = (stat.split('\n', 1)[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number)
  const total = ticks.reduce((sum, value) => sum + value, 0)
  return [total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total]
}

/** [read, written] bytes of whole disks from /proc/diskstats; partitions and stacked devices would count twice. */
export function diskBytes(diskstats: string): [number, number] {
  let read = 0
  let written = 0
  for (const line of diskstats.split('\n')) {
    const fields = line.trim().split(/\s+/)
    const name = fields[2] ?? ''
    if (!/^([svh]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/.test(name)) continue
    read += Number(fields[5]) * SECTOR_BYTES
    written += Number(fields[9]) * SECTOR_BYTES
  }
  return [read, written]
}

/** [received, sent] bytes of the machine's own interfaces from /proc/net/dev. */
export function networkBytes(dev: string): [number, number] {
  let received = 0
  let sent = 0
  for (const line of dev.split('\n').slice(2)) {
    const [name, values] = line.split(':')
    if (!name || !values || VIRTUAL_INTERFACE.test(name.trim())) continue
    const fields = values.trim().split(/\s+/)
    received += Number(fields[0])
    sent += Number(fields[8])
  }
  return [received, sent]
}

/** Established TCP connections, IPv4 and IPv6, from /proc/net/snmp. */
export function establishedConnections(snmp: string): number {
  const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Tcp:'))
  const at = names?.split(' ').indexOf('CurrEstab') ?? -1
  return at === -1 ? Number.NaN : Number(values?.split(' ')[at])
}

function percent(name: string, part: number, whole: number): Measure {
  return { name, value: Math.round((10_000 * part) / whole) / 100, unit: 'percent' }
}

/** Metrics where there is no /proc: fewer, read through a library that starts system programs. */
export async function portableMetrics(): Promise<Measure[]> {
  const { currentLoad, mem, fsSize, networkStats, processes } = await import('systeminformation')
  const [load, memory, file_systems, networks, running] = await Promise.all([
    currentLoad(),
    mem(),
    fsSize(),
    networkStats(),
    processes(),
  ])
  const sum = (values: readonly number[]) => Math.round(values.reduce((total, value) => total + (value || 0), 0))
  return [
    percent('cpu_percent', load.currentLoad, 100),
    { name: 'memory_used_bytes', value: memory.active, unit: 'bytes' },
    percent('memory_percent', memory.active, memory.total),
    percent('disk_used_percent', Math.max(...file_systems.map(({ use }) => use)), 100),
    { name: 'network_in_bytes_per_s', value: sum(networks.map(({ rx_sec }) => rx_sec)), unit: 'bytes_per_s' },
    { name: 'network_out_bytes_per_s', value: sum(networks.map(({ tx_sec }) => tx_sec)), unit: 'bytes_per_s' },
    { name: 'process_count', value: running.all, unit: 'count' },
    { name: 'load_1m', value: load.avgLoad * availableParallelism(), unit: 'count' },
  ].filter(({ value }) => Number.isFinite(value))
}
