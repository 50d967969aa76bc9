import type { Workload } from '../ocsf/event.js'
import { EVIDENCE_SOURCES, type EvidenceSource, FEATURES } from './features.js'

const index = new Map(FEATURES.map((feature, at) => [feature.name, at]))

/** Where a feature stands in the vector. Throws on a name that is not a feature: a typo, found at import. */
export function featureIndex(name: string): number {
  const at = index.get(name)
  if (at === undefined) throw new Error(`there is no feature "${name}"`)
  return at
}

/** Bits of one linear counter: exact enough (2 %) for some hundred distinct values, saturates near 7,000. */
const BITS = 1024
const WORDS = BITS / 32
/** Features that count distinct values, each with its bitmap. */
export const DISTINCT = [
  'executables',
  'parents',
  'peers',
  'ports',
  'dns_names',
  'api_operations',
  'api_services',
  'api_sources',
] as const
const distinctFeatures = DISTINCT.map(featureIndex)
/** Gauges: the mean of what was reported in the minute; the last one is carried over a silent minute. */
export const GAUGES = [
  'cpu_percent',
  'memory_percent',
  'network_in',
  'network_out',
  'process_count',
  'connection_count',
  'duration',
] as const
const gaugeFeatures = GAUGES.map(featureIndex)
const logScale = FEATURES.map((feature) => feature.scale === 'log')
/** Uids kept for each source: what brought something new comes first. */
const FRESH_LIMIT = 12
const PLAIN_LIMIT = 4

/** Everything known of one workload in one minute; reused, because a busy lake opens thousands of them a minute. */
export type Cell = {
  workload: Workload
  /** Number of the window since 1970. */
  window: number
  events: number
  readonly sums: Float64Array
  readonly samples: Uint16Array
  readonly bits: Uint32Array
  readonly evidence: string[][]
}

/** An empty cell. About 1.6 KB plus the uids of evidence. */
export function createCell(workload: Workload, window: number): Cell {
  return {
    workload,
    window,
    events: 0,
    sums: new Float64Array(FEATURES.length),
    samples: new Uint16Array(FEATURES.length),
    bits: new Uint32Array(DISTINCT.length * WORDS),
    evidence: EVIDENCE_SOURCES.map(() => []),
  }
}

/** Makes a used cell an empty one of another workload and window. */
export function resetCell(cell: Cell, workload: Workload, window: number): void {
  cell.workload = workload
  cell.window = window
  cell.events = 0
  cell.sums.fill(0)
  cell.samples.fill(0)
  cell.bits.fill(0)
  for (let at = 0; at < cell.evidence.length; at++) cell.evidence[at] = []
}

/** Marks a value in the counter `slot` (a place in DISTINCT). True if it was not seen in this minute before. */
export function mark(cell: Cell, slot: number, value: string | number): boolean {
  const bit = (typeof value === 'number' ? mix(value) : hashText(value)) & (BITS - 1)
  const word = slot * WORDS + (bit >>> 5)
  const mask = 1 << (bit & 31)
  const held = cell.bits[word] ?? 0
  if (held & mask) return false
  cell.bits[word] = held | mask
  cell.sums[distinctFeatures[slot] ?? 0] = (cell.sums[distinctFeatures[slot] ?? 0] ?? 0) + 1
  return true
}

/** Keeps the event's uid as evidence while there is room; `fresh` events have more of it. */
export function remember(cell: Cell, source: number, uid: string | undefined, fresh: boolean): void {
  const kept = cell.evidence[source]
  if (uid !== undefined && kept && kept.length < (fresh ? FRESH_LIMIT : PLAIN_LIMIT)) kept.push(uid)
}

/** The number of a source, for `remember`. */
export function sourceIndex(source: EvidenceSource): number {
  return EVIDENCE_SOURCES.indexOf(source)
}

/**
 * The vector of a finished minute. `carried` are the workload's last gauges (NaN where never seen): they fill silent
 * gauges and are brought up to date.
 */
export function vectorOf(cell: Cell, carried: Float64Array): Float32Array {
  const vector = new Float32Array(FEATURES.length)
  const { sums, samples } = cell
  for (const feature of distinctFeatures) sums[feature] = distinctEstimate(sums[feature] ?? 0)
  for (let at = 0; at < gaugeFeatures.length; at++) {
    const feature = gaugeFeatures[at] ?? 0
    const seen = samples[feature] ?? 0
    if (seen > 0) carried[at] = (sums[feature] ?? 0) / seen
    sums[feature] = carried[at] ?? 0
  }
  for (let at = 0; at < vector.length; at++) {
    const value = sums[at] ?? 0
    vector[at] = logScale[at] ? Math.log1p(Math.max(0, value)) : value
  }
  return vector
}

/** Linear counting (Whang, Vander-Zanden and Taylor 1990): distinct values from the share of bits that are set. */
function distinctEstimate(set: number): number {
  return -BITS * Math.log(1 - Math.min(set, BITS - 1) / BITS)
}

/** FNV-1a over at most 96 characters, then mixed, because only the low bits are used. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  const length = Math.min(text.length, 96)
  for (let at = 0; at < length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mix(hash)
}

function mix(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  return hash ^ (hash >>> 16)
}
