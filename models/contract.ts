import type { z } from 'zod'
import type { Definition } from '../core/define.js'

/** One feature of a vector: where it stands, what it counts. The hash of this list guards artifacts against drift. */
export type Feature = { readonly name: string; readonly unit: string; readonly summary: string }

export type FitOptions = {
  /** Same seed, same data, same weights. */
  readonly seed: number
  /** Called after every epoch with the share done (0 to 1) and the training loss. */
  readonly progress?: (share: number, loss: number) => void
}

/** What a score is made of: the features that contributed most, largest first. */
export type Contribution = {
  readonly feature: string
  readonly value: number
  readonly expected: number
  readonly share: number
}

export type Score = { readonly score: number; readonly contributions: readonly Contribution[] }

export type Manifest = {
  readonly model: string
  readonly created_time: number
  readonly feature_hash: string
  readonly features: readonly string[]
  readonly rows: number
  readonly data_range: { readonly from: number; readonly to: number }
  readonly seed: number
  readonly backend: string
  /** Scores above it are anomalies; in the unit of `score`. */
  readonly threshold: number
  readonly metrics: { readonly [name: string]: number }
}

/** Features in, score and explanation out. Shapes: rows are Float32Array of length rows * features, row-major. */
export type Model = {
  readonly manifest: Manifest | undefined
  /** Trains on normal rows [rows, features] and sets the threshold. Throws `bad_input` with too few rows or NaN. */
  fit(rows: Float32Array, range: { from: number; to: number }, options: FitOptions): Promise<Manifest>
  /** Scores rows [rows, features] into one number each: fast path for streams. Throws `bad_input` when not trained. */
  score(rows: Float32Array): Float32Array
  /** Score of one row with its explanation. */
  explain(row: Float32Array): Score
  save(dir: string): Promise<void>
  load(dir: string): Promise<void>
}

export type ModelDefinition<Config extends z.ZodType = z.ZodType> = Definition<Config> & {
  create(config: z.output<Config>, features: readonly Feature[]): Model
}

/** Gives the compiler the config type; adds nothing at run time. */
export function defineModel<Config extends z.ZodType>(definition: ModelDefinition<Config>): ModelDefinition<Config> {
  return definition
}
