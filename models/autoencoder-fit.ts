import type * as TensorFlow from '@tensorflow/tfjs-core'
import { createScorer, type Network, scaleRow } from './autoencoder-network.js'
import { chooseBackend } from './backend.js'
import { type Activation, type DenseLayer, randomLayers } from './dense.js'
import { seededRandom, shuffle } from './random.js'
import { alertThreshold, quantile } from './threshold.js'

export type FitSettings = {
  readonly hidden: readonly number[]
  readonly activation: Activation
  readonly epochs: number
  readonly batch_size: number
  readonly learning_rate: number
  readonly patience: number
  readonly holdout_share: number
  readonly input_clip: number
  readonly error_clip: number
  readonly scale_floor: number
  readonly residual_floor: number
  readonly alert_share: number
  readonly margin: number
}

export type Fitted = {
  readonly network: Network
  readonly threshold: number
  readonly backend: string
  readonly metrics: { readonly [name: string]: number }
}

/**
 * Trains on rows in time order; the newest `holdout_share` is kept out of training, stops it early and measures how
 * much worse than training rows new rows score. Synchronous on WASM: call it in a worker (models/train.ts).
 */
export async function fitAutoencoder(
  rows: Float32Array,
  features: number,
  settings: FitSettings,
  seed: number,
  progress?: (share: number, loss: number) => void,
): Promise<Fitted> {
  const started = performance.now()
  const { tf, name: backend } = await chooseBackend()
  const n = rows.length / features
  const held = Math.max(1, Math.round(n * settings.holdout_share))
  const random = seededRandom(seed)
  const scaling = { ...fitScaling(rows, features, n, settings.scale_floor), input_clip: settings.input_clip }
  const input = new Float32Array(rows.length)
  for (let at = 0; at < n; at++) scaleRow(scaling, rows, at * features, input, at * features)

  const initial = randomLayers([features, ...settings.hidden, features], settings.activation, random)
  const trained = await train(tf, initial, input, n - held, held, settings, random, progress)
  const residual = fitResidual(trained.layers, input, rows, scaling, settings)
  const network: Network = { layers: trained.layers, ...scaling, residual, error_clip: settings.error_clip }
  const calibration = calibrate(network, rows, n - held, settings)
  return {
    network,
    threshold: calibration.threshold,
    backend,
    metrics: {
      train_loss: trained.train_loss,
      holdout_loss: trained.holdout_loss,
      epochs: trained.epochs,
      generalisation_gap: calibration.gap,
      score_p50: calibration.p50,
      score_p99: calibration.p99,
      score_max: calibration.max,
      train_ms: Math.round(performance.now() - started),
    },
  }
}

function fitScaling(rows: Float32Array, features: number, n: number, floor: number) {
  const center = new Float32Array(features)
  const scale = new Float32Array(features)
  for (let feature = 0; feature < features; feature++) {
    let sum = 0
    for (let at = feature; at < rows.length; at += features) sum += rows[at] as number
    const mean = sum / n
    let squares = 0
    for (let at = feature; at < rows.length; at += features) squares += ((rows[at] as number) - mean) ** 2
    center[feature] = mean
    scale[feature] = Math.max(Math.sqrt(squares / n), floor)
  }
  return { center, scale }
}

async function train(
  tf: typeof TensorFlow,
  initial: readonly DenseLayer[],
  input: Float32Array,
  n: number,
  held: number,
  settings: FitSettings,
  random: () => number,
  progress?: (share: number, loss: number) => void,
) {
  const { layers, sequential } = await import('@tensorflow/tfjs-layers')
  const features = initial[0]?.inputs ?? 0
  const model = sequential({
    layers: initial.map((layer, at) =>
      layers.dense({
        units: layer.outputs,
        activation: layer.activation,
        ...(at === 0 ? { inputShape: [features] } : {}),
      }),
    ),
  })
  const optimizer = tf.train.adam(settings.learning_rate)
  model.compile({ optimizer, loss: 'meanSquaredError' })
  const start = initial.flatMap((layer) => [
    tf.tensor2d(layer.kernel, [layer.inputs, layer.outputs]),
    tf.tensor1d(layer.bias),
  ])
  model.setWeights(start)
  tf.dispose(start)
  const holdout = tf.tensor2d(input.subarray(n * features), [held, features])
  const readWeights = () => model.getWeights().map((weight) => weight.dataSync().slice() as Float32Array)

  const order = Uint32Array.from({ length: n }, (_, at) => at)
  const batch = new Float32Array(settings.batch_size * features)
  let best = { loss: Number.POSITIVE_INFINITY, epoch: 0, weights: readWeights() }
  let train_loss = 0
  let epoch = 0
  while (epoch < settings.epochs && epoch - best.epoch < settings.patience) {
    shuffle(order, random)
    let sum = 0
    for (let from = 0; from < n; from += settings.batch_size) {
      const size = Math.min(settings.batch_size, n - from)
      for (let at = 0; at < size; at++) {
        const row = (order[from + at] as number) * features
        batch.set(input.subarray(row, row + features), at * features)
      }
      const values = tf.tensor2d(batch.subarray(0, size * features), [size, features])
      sum += ((await model.trainOnBatch(values, values)) as number) * size
      values.dispose()
    }
    train_loss = sum / n
    epoch++
    const loss = tf.tidy(() => {
      const output = model.predictOnBatch(holdout) as TensorFlow.Tensor
      return tf.losses.meanSquaredError(holdout, output).dataSync()[0] as number
    })
    if (loss < best.loss * 0.99) best = { loss, epoch, weights: readWeights() }
    progress?.(Math.min(1, epoch / settings.epochs), train_loss)
  }
  holdout.dispose()
  optimizer.dispose()
  model.dispose()
  const trained = initial.map(
    (layer, at): DenseLayer => ({
      ...layer,
      kernel: best.weights[at * 2] as Float32Array,
      bias: best.weights[at * 2 + 1] as Float32Array,
    }),
  )
  return { layers: trained, train_loss, holdout_loss: best.loss, epochs: epoch }
}

/** Root mean square of the reconstruction error per feature, errors beyond the input clip counted as the clip. */
function fitResidual(
  layers: readonly DenseLayer[],
  input: Float32Array,
  rows: Float32Array,
  scaling: { center: Float32Array; scale: Float32Array; input_clip: number },
  settings: FitSettings,
): Float32Array {
  const features = scaling.center.length
  const n = rows.length / features
  const one = new Float32Array(features).fill(1)
  const scorer = createScorer({ layers, ...scaling, residual: one, error_clip: settings.input_clip })
  const sums = new Float64Array(features)
  for (let at = 0; at < n; at++) {
    const { squared } = scorer.residuals(rows.subarray(at * features, (at + 1) * features))
    for (let feature = 0; feature < features; feature++) {
      sums[feature] = (sums[feature] as number) + (squared[feature] as number)
    }
  }
  return Float32Array.from(sums, (sum) => Math.max(Math.sqrt(sum / (input.length / features)), settings.residual_floor))
}

/** The threshold from all normal rows: rare routine (a deployment a day) may be missing in the holdout alone. */
function calibrate(network: Network, rows: Float32Array, trained: number, settings: FitSettings) {
  const scorer = createScorer(network)
  const scores = scorer.score(rows)
  scorer.dispose()
  const before = scores.slice(0, trained).sort()
  const after = scores.slice(trained).sort()
  // Rows the network was trained on score too well; this is by how much, measured on those it was not.
  const gap = Math.min(Math.max(quantile(after, 0.95) / Math.max(quantile(before, 0.95), 1e-6), 1), 3)
  for (let at = 0; at < trained; at++) scores[at] = (scores[at] as number) * gap
  const sorted = scores.slice().sort()
  return {
    threshold: alertThreshold(scores, settings.alert_share, settings.margin),
    gap,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted[sorted.length - 1] as number,
  }
}
