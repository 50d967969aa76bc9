import { z } from 'zod'
import { WeirError } from '../core/errors.js'
import { readArtifact, writeArtifact } from './artifact.js'
import { fitAutoencoder } from './autoencoder-fit.js'
import { createScorer, type Network, packNetwork, type Scorer, unpackNetwork } from './autoencoder-network.js'
import { defineModel, type Feature, type Manifest, type Model } from './contract.js'
import { featureHash } from './features.js'

const config = z.strictObject({
  hidden: z
    .array(z.int().min(1).max(1024))
    .min(1)
    .max(7)
    .default([16, 8, 16])
    .describe('Widths of the hidden layers, first to last.'),
  activation: z
    .enum(['tanh', 'elu'])
    .default('tanh')
    .describe('Activation of the hidden layers. tanh is bounded, so that what was never seen is not reproduced.'),
  epochs: z.int().min(1).max(10_000).default(40).describe('Most passes over the training rows.'),
  batch_size: z.int().min(1).max(65_536).default(512).describe('Rows in one training step.'),
  learning_rate: z.number().positive().max(1).default(0.01).describe('Step size of the Adam optimiser.'),
  patience: z.int().min(1).default(6).describe('Passes without a better loss on the held-out rows before it stops.'),
  holdout_share: z.number().min(0.05).max(0.5).default(0.2).describe('Share of the newest rows kept out of training.'),
  input_clip: z.number().positive().default(6).describe('Scaled inputs beyond this many spreads are clipped.'),
  error_clip: z.number().positive().default(30).describe('Errors count up to this many spreads of a feature.'),
  scale_floor: z.number().positive().default(0.01).describe('Smallest spread of a feature, in its own unit.'),
  residual_floor: z.number().positive().default(0.1).describe('Smallest usual error of a feature, in spreads.'),
  alert_share: z.number().positive().max(0.5).default(0.001).describe('Share of normal rows that may score above.'),
  margin: z.number().min(1).max(10).default(1.4).describe('The estimated threshold is multiplied by this.'),
  min_rows: z.int().min(20).default(200).describe('Fewer training rows are refused.'),
})
export type AutoencoderConfig = z.output<typeof config>

const savedShape = z.object({
  model: z.literal('autoencoder'),
  created_time: z.number(),
  feature_hash: z.string(),
  features: z.array(z.string()),
  rows: z.number(),
  data_range: z.object({ from: z.number(), to: z.number() }),
  seed: z.number(),
  backend: z.string(),
  threshold: z.number().positive(),
  metrics: z.record(z.string(), z.number()),
  network: z.object({
    widths: z.array(z.int().positive()).min(2),
    activations: z.array(z.enum(['linear', 'tanh', 'elu'])),
    input_clip: z.number().positive(),
    error_clip: z.number().positive(),
  }),
})

/** A dense autoencoder: it learns to reproduce normal rows through a narrow middle; what it cannot reproduce is new. */
export const autoencoder = defineModel({
  name: 'autoencoder',
  summary: 'Dense autoencoder: the squared reconstruction error, in units of what is usual for each feature',
  config,
  example: {},
  create: (settings, features) => createAutoencoder(settings, features),
})

function createAutoencoder(settings: AutoencoderConfig, features: readonly Feature[]): Model {
  const hash = featureHash(features)
  let manifest: Manifest | undefined
  let network: Network | undefined
  let scorer: Scorer | undefined

  function become(next: Network, facts: Manifest) {
    scorer?.dispose()
    network = next
    scorer = createScorer(next)
    manifest = facts
  }

  function ready(values: Float32Array, rows?: number): Scorer {
    if (!scorer) throw new WeirError('bad_input', 'the autoencoder is not trained: call fit or load first')
    checkRows(values, features.length, rows)
    return scorer
  }

  return {
    get manifest() {
      return manifest
    },
    async fit(rows, range, { seed, progress }) {
      const n = checkRows(rows, features.length)
      if (n < settings.min_rows) {
        throw new WeirError('bad_input', `training needs at least ${settings.min_rows} rows, got ${n}`)
      }
      const bad = rows.findIndex((value) => !Number.isFinite(value))
      if (bad >= 0) {
        const feature = features[bad % features.length]?.name
        const row = Math.floor(bad / features.length)
        throw new WeirError(
          'bad_input',
          `training row ${row} has ${rows[bad]} in "${feature}"; expected a finite number`,
        )
      }
      const fitted = await fitAutoencoder(rows, features.length, settings, seed, progress)
      const facts: Manifest = {
        model: 'autoencoder',
        created_time: Date.now(),
        feature_hash: hash,
        features: features.map((feature) => feature.name),
        rows: n,
        data_range: range,
        seed,
        backend: fitted.backend,
        threshold: fitted.threshold,
        metrics: fitted.metrics,
      }
      become(fitted.network, facts)
      return facts
    },
    score: (rows) => ready(rows).score(rows),
    explain(row) {
      const { squared, expected } = ready(row, 1).residuals(row)
      const total = squared.reduce((sum, value) => sum + value, 0)
      const contributions = features.map((feature, at) => ({
        feature: feature.name,
        value: row[at] as number,
        expected: expected[at] as number,
        share: total > 0 ? (squared[at] as number) / total : 0,
      }))
      contributions.sort((a, b) => b.share - a.share)
      return { score: total / features.length, contributions }
    },
    async save(dir) {
      if (!network || !manifest) throw new WeirError('bad_input', 'there is nothing to save: the model is not trained')
      const { tensors, shape } = packNetwork(network)
      await writeArtifact(dir, { ...manifest, network: shape }, tensors)
    },
    async load(dir) {
      const { facts, tensors } = await readArtifact(dir)
      const parsed = savedShape.safeParse(facts)
      if (!parsed.success) throw unusable(dir, z.prettifyError(parsed.error))
      const { network: shape, ...loaded } = parsed.data
      if (loaded.feature_hash !== hash) {
        throw unusable(dir, `it was made for the features ${loaded.feature_hash}, this version has ${hash}`)
      }
      const unpacked = unpackNetwork(tensors, shape)
      if (!unpacked || unpacked.center.length !== features.length)
        throw unusable(dir, 'its tensors do not fit its shape')
      become(unpacked, loaded)
    },
  }
}

function checkRows(rows: Float32Array, features: number, expected?: number): number {
  const n = rows.length / features
  if (!Number.isInteger(n) || (expected !== undefined && n !== expected)) {
    throw new WeirError('bad_input', `expected rows of ${features} features, got ${rows.length} numbers`)
  }
  return n
}

function unusable(dir: string, detail: string): WeirError {
  return new WeirError('bad_input', `model artifact ${dir} cannot be used: ${detail}`, { hint: 'Train a new model.' })
}
