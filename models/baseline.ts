import { z } from 'zod'
import { WeirError } from '../core/errors.js'
import { readArtifact, writeArtifact } from './artifact.js'
import { FEATURES, featureHash } from './features.js'
import { quantile } from './threshold.js'

/** Rows of many workloads: `vectors` row by row, and for each row the place of its group in `groups`. */
export type GroupedRows = {
  readonly vectors: Float32Array
  /** Kind and workload group, e.g. `container/nginx:1.27`. */
  readonly groups: readonly string[]
  readonly group_of: Uint32Array
  /** Start of each row's minute, ms since 1970. Rows may come in any order. */
  readonly minutes: Float64Array
}

/** What is usual for one group, in the scale of the vectors. */
export type Baseline = {
  readonly center: Float32Array
  readonly spread: Float32Array
  /** Minutes it was learned from. */
  readonly rows: number
  /** Too young for a spread of its own: `spread` is at least that of all workloads of its kind. */
  readonly provisional: boolean
}

/** Baselines by group and, under `container/*`, by kind. */
export type Baselines = Map<string, Baseline>

/** The name under which the baseline of a group's whole kind stands. */
function kindOf(group: string): string {
  return `${group.slice(0, group.indexOf('/'))}/*`
}

/**
 * Medians and spreads of every group with at least `min_rows` rows, and of every kind. Standardising by group lets
 * one model serve a VM and a function: both become "so many spreads from the usual".
 */
export function fitBaselines(rows: GroupedRows, min_rows: number): Baselines {
  const members = new Map<string, number[]>()
  rows.group_of.forEach((group, row) => {
    const name = rows.groups[group] ?? ''
    for (const key of [name, kindOf(name)]) {
      const list = members.get(key)
      if (list) list.push(row)
      else members.set(key, [row])
    }
  })
  const baselines: Baselines = new Map()
  for (const [key, list] of members) {
    if (list.length >= min_rows) baselines.set(key, fitBaseline(rows.vectors, list))
  }
  return baselines
}

/**
 * Median and spread of the given rows. The spread is the largest of 1.4826 MAD (robust), the standard deviation
 * (which knows what happens once an hour, where the MAD is 0) and the feature's floor.
 */
function fitBaseline(vectors: Float32Array, members: readonly number[]): Baseline {
  const n = members.length
  const center = new Float32Array(FEATURES.length)
  const spread = new Float32Array(FEATURES.length)
  const column = new Float64Array(n)
  FEATURES.forEach(({ floor }, feature) => {
    for (let at = 0; at < n; at++) column[at] = vectors[(members[at] as number) * FEATURES.length + feature] as number
    column.sort()
    const median = quantile(column, 0.5)
    const mean = column.reduce((sum, value) => sum + value, 0) / n
    const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n)
    for (let at = 0; at < n; at++) column[at] = Math.abs((column[at] as number) - median)
    column.sort()
    center[feature] = median
    spread[feature] = Math.max(1.4826 * quantile(column, 0.5), deviation, floor)
  })
  return { center, spread, rows: n, provisional: false }
}

/** A first baseline for a young group: its own medians, and spreads no smaller than those of its kind. */
export function adoptGroup(baselines: Baselines, group: string, vectors: Float32Array): void {
  const kind = baselines.get(kindOf(group))
  if (!kind) return
  const n = vectors.length / FEATURES.length
  const own = fitBaseline(
    vectors,
    Array.from({ length: n }, (_, row) => row),
  )
  const spread = own.spread.map((value, at) => Math.max(value, kind.spread[at] as number))
  baselines.set(group, { ...own, spread, provisional: true })
}

/** Writes the vector in spreads from the group's median to `to` at `offset`. */
export function standardise(baseline: Baseline, vector: Float32Array, start: number, to: Float32Array, offset: number) {
  const { center, spread } = baseline
  for (let at = 0; at < center.length; at++) {
    to[offset + at] = ((vector[start + at] as number) - (center[at] as number)) / (spread[at] as number)
  }
}

/** Saves as an artifact folder. */
export async function saveBaselines(dir: string, baselines: Baselines): Promise<void> {
  const entries = [...baselines].filter(([, baseline]) => !baseline.provisional)
  const flat = (part: 'center' | 'spread') => {
    const values = new Float32Array(entries.length * FEATURES.length)
    entries.forEach(([, baseline], at) => {
      values.set(baseline[part], at * FEATURES.length)
    })
    return values
  }
  const groups = entries.map(([name, { rows }]) => ({ name, rows }))
  const facts = { feature_hash: featureHash(FEATURES), groups }
  await writeArtifact(dir, facts, { center: flat('center'), spread: flat('spread') })
}

const savedShape = z.object({
  feature_hash: z.literal(featureHash(FEATURES)),
  groups: z.array(z.object({ name: z.string(), rows: z.number() })),
})

/** Loads what `saveBaselines` wrote. Throws `not_found` or `bad_input`. */
export async function loadBaselines(dir: string): Promise<Baselines> {
  const { facts, tensors } = await readArtifact(dir)
  const parsed = savedShape.safeParse(facts)
  const width = FEATURES.length
  const whole = (values: Float32Array | undefined) =>
    parsed.success && values?.length === parsed.data.groups.length * width && values.every(Number.isFinite)
  const { center, spread } = tensors
  if (!parsed.success || !center || !spread || !whole(center) || !whole(spread)) {
    const detail = parsed.success ? 'its tensors do not fit its groups' : z.prettifyError(parsed.error)
    throw new WeirError('bad_input', `baselines in ${dir} cannot be used: ${detail}`, { hint: 'Train a new model.' })
  }
  return new Map(
    parsed.data.groups.map(({ name, rows }, at) => {
      const part = (values: Float32Array) => values.slice(at * width, (at + 1) * width)
      return [name, { center: part(center), spread: part(spread), rows, provisional: false }]
    }),
  )
}
