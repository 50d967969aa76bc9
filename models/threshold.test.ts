import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from './random.js'
import { alertThreshold, quantile } from './threshold.js'

/** Scores with an exponential tail, as sums of squares have. */
function scores(n: number, seed: number): Float32Array {
  const random = seededRandom(seed)
  return Float32Array.from({ length: n }, () => 0.05 - Math.log(1 - random()))
}

describe('alert threshold', () => {
  it('keeps about the budget on new data of the same kind', (t) => {
    let above = 0
    for (let seed = 1; seed <= 20; seed++) {
      const threshold = alertThreshold(scores(5_000, seed), 1e-3, 1)
      above += scores(5_000, 100 + seed).filter((score) => score > threshold).length
    }
    t.diagnostic(`${above} of 100,000 above; the budget is 100`)
    assert.ok(above <= 100 && above > 0)
  })

  it('is not lower with fewer rows, a smaller budget or a larger margin', () => {
    const some = scores(5_000, 1)
    assert.ok(alertThreshold(some, 1e-4, 1) >= alertThreshold(some, 1e-2, 1))
    assert.ok(alertThreshold(some, 1e-3, 2) > alertThreshold(some, 1e-3, 1))
    for (const n of [20, 100, 400]) {
      const few = scores(n, 3)
      assert.ok(alertThreshold(few, 1e-4, 1) > few.reduce((largest, score) => Math.max(largest, score)), `${n} rows`)
    }
  })

  it('stays finite and positive on constant scores', () => {
    for (const value of [0, 1e-12, 1, 900]) {
      const threshold = alertThreshold(new Float32Array(300).fill(value), 1e-3, 1.4)
      assert.ok(Number.isFinite(threshold) && threshold > 0 && threshold >= value, `${value} gives ${threshold}`)
    }
  })

  it('interpolates quantiles', () => {
    assert.equal(quantile(Float64Array.of(1, 2, 3, 4), 0.5), 2.5)
    assert.equal(quantile(Float64Array.of(7), 0.99), 7)
    assert.ok(Number.isNaN(quantile(new Float64Array(0), 0.5)))
  })
})
