import { activeBackend } from './backend.js'
import type { Activation, DenseLayer } from './dense.js'
import { createFusedForward, createRowForward, type FusedForward } from './dense.js'

/** Everything an autoencoder needs to score: weights and scaling, nothing of TensorFlow.js. */
export type Network = {
  readonly layers: readonly DenseLayer[]
  /** Per feature: subtracted and divided by before the first layer. */
  readonly center: Float32Array
  readonly scale: Float32Array
  /** Per feature: the usual reconstruction error in scaled units; one unit of surprise. */
  readonly residual: Float32Array
  /** Scaled inputs are clipped here before the network sees them. */
  readonly input_clip: number
  /** Scaled values are clipped here before they are compared with the reconstruction. */
  readonly error_clip: number
}

/** From this many rows on, matrix products on the backend beat the plain loop. */
export const FUSED_FROM_ROWS = 256
const FUSED_CHUNK_ROWS = 8_192

export type Scorer = {
  /** Mean squared surprise of each row: about 1 on normal rows. */
  score(rows: Float32Array): Float32Array
  /** Squared surprise per feature of one row, and the reconstruction in the unit of the input. */
  residuals(row: Float32Array): { squared: Float32Array; expected: Float32Array }
  /** Frees what a backend holds. */
  dispose(): void
}

/** Scores with the plain loop, or on the backend (if one was chosen) when there are many rows; results agree within 1e-5. */
export function createScorer(network: Network): Scorer {
  const features = network.center.length
  const forwardRow = createRowForward(network.layers)
  const scaled = new Float32Array(features)
  let fused: FusedForward | undefined

  function loop(rows: Float32Array, scores: Float32Array) {
    for (let at = 0; at < scores.length; at++) {
      scaleRow(network, rows, at * features, scaled, 0)
      scores[at] = surprise(network, rows, at * features, forwardRow(scaled, 0), 0)
    }
  }

  function onBackend(forward: FusedForward, rows: Float32Array, scores: Float32Array) {
    for (let from = 0; from < scores.length; from += FUSED_CHUNK_ROWS) {
      const n = Math.min(FUSED_CHUNK_ROWS, scores.length - from)
      const input = new Float32Array(n * features)
      for (let at = 0; at < n; at++) scaleRow(network, rows, (from + at) * features, input, at * features)
      const output = forward.run(input, n)
      for (let at = 0; at < n; at++) {
        scores[from + at] = surprise(network, rows, (from + at) * features, output, at * features)
      }
    }
  }

  return {
    score(rows) {
      const scores = new Float32Array(rows.length / features)
      const backend = scores.length >= FUSED_FROM_ROWS ? activeBackend() : undefined
      if (backend === undefined) loop(rows, scores)
      else {
        fused ??= createFusedForward(backend.tf, network.layers)
        onBackend(fused, rows, scores)
      }
      return scores
    },
    residuals(row) {
      scaleRow(network, row, 0, scaled, 0)
      const output = forwardRow(scaled, 0)
      const squared = new Float32Array(features)
      const expected = new Float32Array(features)
      for (let at = 0; at < features; at++) {
        squared[at] = surpriseOf(network, row[at] as number, at, output[at] as number) ** 2
        expected[at] = (output[at] as number) * (network.scale[at] as number) + (network.center[at] as number)
      }
      return { squared, expected }
    },
    dispose() {
      fused?.dispose()
      fused = undefined
    },
  }
}

/** What the network sees of a row: centred, scaled, clipped. */
export function scaleRow(
  network: Pick<Network, 'center' | 'scale' | 'input_clip'>,
  from: Float32Array,
  start: number,
  to: Float32Array,
  offset: number,
): void {
  const { center, scale, input_clip } = network
  for (let at = 0; at < center.length; at++) {
    const value = ((from[start + at] as number) - (center[at] as number)) / (scale[at] as number)
    to[offset + at] = Math.min(Math.max(value, -input_clip), input_clip)
  }
}

function surprise(network: Network, rows: Float32Array, start: number, output: Float32Array, offset: number): number {
  const features = network.center.length
  let sum = 0
  for (let at = 0; at < features; at++) {
    const error = surpriseOf(network, rows[start + at] as number, at, output[offset + at] as number)
    sum += error * error
  }
  return sum / features
}

function surpriseOf(network: Network, value: number, at: number, reconstructed: number): number {
  const clip = network.error_clip
  const scaled = (value - (network.center[at] as number)) / (network.scale[at] as number)
  return (Math.min(Math.max(scaled, -clip), clip) - reconstructed) / (network.residual[at] as number)
}

/** The network as named tensors plus the facts that rebuild it. */
export function packNetwork(network: Network): {
  tensors: Record<string, Float32Array>
  shape: { widths: number[]; activations: Activation[]; input_clip: number; error_clip: number }
} {
  const { layers, center, scale, residual, input_clip, error_clip } = network
  const tensors: Record<string, Float32Array> = { center, scale, residual }
  layers.forEach((layer, at) => {
    tensors[`kernel_${at}`] = layer.kernel
    tensors[`bias_${at}`] = layer.bias
  })
  const widths = [center.length, ...layers.map((layer) => layer.outputs)]
  return { tensors, shape: { widths, activations: layers.map((layer) => layer.activation), input_clip, error_clip } }
}

/** The opposite of `packNetwork`. Returns undefined if a tensor is missing or of another size, or a number is not finite. */
export function unpackNetwork(
  tensors: { readonly [name: string]: Float32Array },
  shape: { widths: readonly number[]; activations: readonly Activation[]; input_clip: number; error_clip: number },
): Network | undefined {
  const features = shape.widths[0] ?? 0
  let whole = true
  const take = (name: string, length: number) => {
    const values = tensors[name]
    if (values?.length !== length || !values.every(Number.isFinite)) whole = false
    return values ?? new Float32Array(length)
  }
  const layers = shape.activations.map((activation, at): DenseLayer => {
    const inputs = shape.widths[at] ?? 0
    const outputs = shape.widths[at + 1] ?? 0
    return {
      inputs,
      outputs,
      activation,
      kernel: take(`kernel_${at}`, inputs * outputs),
      bias: take(`bias_${at}`, outputs),
    }
  })
  const network: Network = {
    layers,
    center: take('center', features),
    scale: take('scale', features),
    residual: take('residual', features),
    input_clip: shape.input_clip,
    error_clip: shape.error_clip,
  }
  return whole && layers.at(-1)?.outputs === features ? network : undefined
}
