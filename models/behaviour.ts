import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { z } from 'zod'
import { WeirError } from '../core/errors.js'
import { autoencoder } from './autoencoder.js'
import {
  adoptGroup,
  type Baselines,
  fitBaselines,
  type GroupedRows,
  loadBaselines,
  saveBaselines,
  standardise,
} from './baseline.js'
import type { FitOptions, Manifest } from './contract.js'
import { type BehaviourFeature, FEATURES, inUnit } from './features.js'

export type BehaviourConfig = z.input<typeof autoencoder.config> & {
  /** Groups with fewer training rows get no baseline of their own. */
  readonly min_group_rows: number
}

/** One feature's part in a score, in the feature's own unit. */
export type BehaviourPart = {
  readonly feature: BehaviourFeature
  readonly value: number
  /** Median of the group. */
  readonly usual: number
  /** What the model expects next to the minute's other features. */
  readonly expected: number
  /** How many of the group's spreads the value is from the usual, with sign. */
  readonly spreads: number
  /** Part of the score, 0 to 1. */
  readonly share: number
}

export type BehaviourRow = { readonly group: string; readonly vector: Float32Array }

/** Baselines by group plus one autoencoder over the standardised rows of all groups. */
export type BehaviourModel = {
  readonly manifest: Manifest | undefined
  fit(rows: GroupedRows, range: { from: number; to: number }, options: FitOptions): Promise<Manifest>
  /** Is there a baseline for this group? Others score NaN. */
  knows(group: string): boolean
  /** True while the group's baseline is a first one from few minutes. */
  provisional(group: string): boolean
  /** Gives a young group a first baseline from its rows; does nothing if its whole kind is unknown. */
  adopt(group: string, vectors: Float32Array): void
  /** One score a row; above `manifest.threshold` is unusual. */
  score(rows: readonly BehaviourRow[]): Float32Array
  /** Score and the parts it is made of, largest first. The group must be known. */
  explain(row: BehaviourRow): { score: number; parts: BehaviourPart[] }
  save(dir: string): Promise<void>
  load(dir: string): Promise<void>
}

const WIDTH = FEATURES.length

/** Builds an untrained behaviour model. */
export function createBehaviourModel({ min_group_rows, ...config }: BehaviourConfig): BehaviourModel {
  // Rows come in spreads of their group, so one spread is the least that counts; the floor says it again for the
  // pooled rows, or a feature that is quiet everywhere would be blown up.
  const model = autoencoder.create(
    autoencoder.config.parse({ scale_floor: 1, residual_floor: 0.4, ...config }),
    FEATURES,
  )
  let baselines: Baselines = new Map()

  function baselineOf(group: string) {
    const baseline = baselines.get(group)
    if (!baseline) throw new WeirError('bad_input', `there is no baseline for ${group}`)
    return baseline
  }

  return {
    get manifest() {
      return model.manifest
    },
    async fit(rows, range, options) {
      const bad = rows.vectors.findIndex((value) => !Number.isFinite(value))
      if (bad >= 0) {
        const name = FEATURES[bad % WIDTH]?.name
        throw new WeirError(
          'bad_input',
          `training row ${Math.floor(bad / WIDTH)} has ${rows.vectors[bad]} in "${name}"`,
        )
      }
      baselines = fitBaselines(rows, min_group_rows)
      const standard = new Float32Array(rows.vectors.length)
      let used = 0
      for (const row of inTimeOrder(rows)) {
        const baseline = baselines.get(rows.groups[rows.group_of[row] as number] ?? '')
        if (baseline) standardise(baseline, rows.vectors, row * WIDTH, standard, used++ * WIDTH)
      }
      return model.fit(standard.subarray(0, used * WIDTH), range, options)
    },
    knows: (group) => baselines.has(group),
    provisional: (group) => baselines.get(group)?.provisional ?? false,
    adopt: (group, vectors) => adoptGroup(baselines, group, vectors),
    score(rows) {
      const known = rows.flatMap((row, at) => (baselines.has(row.group) ? [at] : []))
      const standard = new Float32Array(known.length * WIDTH)
      known.forEach((row, at) => {
        const { group, vector } = rows[row] as BehaviourRow
        standardise(baselineOf(group), vector, 0, standard, at * WIDTH)
      })
      const scores = new Float32Array(rows.length).fill(Number.NaN)
      if (known.length === 0) return scores
      model.score(standard).forEach((score, at) => {
        scores[known[at] as number] = score
      })
      return scores
    },
    explain({ group, vector }) {
      const baseline = baselineOf(group)
      const standard = new Float32Array(WIDTH)
      standardise(baseline, vector, 0, standard, 0)
      const { score, contributions } = model.explain(standard)
      const parts = contributions.map(({ feature: name, expected, share }): BehaviourPart => {
        const at = FEATURES.findIndex((feature) => feature.name === name)
        const feature = FEATURES[at] as BehaviourFeature
        const center = baseline.center[at] as number
        return {
          feature,
          value: inUnit(feature, vector[at] as number),
          usual: inUnit(feature, center),
          expected: inUnit(feature, expected * (baseline.spread[at] as number) + center),
          spreads: standard[at] as number,
          share,
        }
      })
      return { score, parts }
    },
    async save(dir) {
      const fresh = join(dirname(dir), `.${basename(dir)}.new`)
      await rm(fresh, { recursive: true, force: true })
      await mkdir(fresh, { recursive: true, mode: 0o700 })
      await model.save(join(fresh, 'model'))
      await saveBaselines(join(fresh, 'baselines'), baselines)
      await rm(dir, { recursive: true, force: true })
      await rename(fresh, dir)
    },
    async load(dir) {
      const loaded = await loadBaselines(join(dir, 'baselines'))
      await model.load(join(dir, 'model'))
      baselines = loaded
    },
  }
}

/** Places of the rows, oldest first; rows of one minute by group, so that the order depends on nothing else. */
function inTimeOrder({ minutes, group_of }: GroupedRows): Uint32Array {
  const order = Uint32Array.from(minutes, (_, row) => row)
  const by = (values: ArrayLike<number>, a: number, b: number) => (values[a] as number) - (values[b] as number)
  return order.sort((a, b) => by(minutes, a, b) || by(group_of, a, b) || a - b)
}
