/** A quantile of sorted numbers, linearly interpolated. */
export function quantile(sorted: Float64Array | Float32Array, share: number): number {
  if (sorted.length === 0) return Number.NaN
  const at = Math.min(Math.max(share, 0), 1) * (sorted.length - 1)
  const low = sorted[Math.floor(at)] as number
  const high = sorted[Math.ceil(at)] as number
  return low + (high - low) * (at - Math.floor(at))
}

/**
 * The score that a share `alert_share` of normal rows is expected to exceed, from the scores of normal rows.
 *
 * Peaks over threshold (Pickands-Balkema-de Haan; for alerting Siffer et al., "Anomaly Detection in Streams with
 * Extreme Value Theory", KDD 2017): the excesses of log scores over their 98 % quantile t follow a generalised Pareto
 * distribution with scale s and shape k, so the wanted quantile is t + s/k ((alert_share n / excesses)^-k - 1).
 * s and k come from probability-weighted moments (Hosking and Wallis 1987), which stay sane with few excesses. Logs,
 * because scores are sums of squares with heavy tails. The result is widened by `margin` and by 1/sqrt(excesses),
 * the order of the estimate's own error, is never below the largest normal score that was seen when that is rarer
 * than the budget allows, and never more than ten times it.
 */
export function alertThreshold(scores: Float32Array, alert_share: number, margin: number): number {
  const sorted = Float64Array.from(scores, (score) => Math.log(Math.max(score, 1e-9))).sort()
  const n = sorted.length
  const base = quantile(sorted, 0.98)
  const excesses = sorted.filter((value) => value > base).map((value) => value - base)
  const largest = sorted[n - 1] as number
  let wanted = largest
  if (excesses.length >= 10) {
    const { scale, shape } = paretoFit(excesses)
    const rarity = (alert_share * n) / excesses.length
    wanted = base + (Math.abs(shape) < 1e-6 ? -scale * Math.log(rarity) : (scale / shape) * (rarity ** -shape - 1))
  }
  if (alert_share * n <= 1) wanted = Math.max(wanted, largest)
  const widened = Math.log(margin) + 1 / Math.sqrt(Math.max(1, excesses.length))
  return Math.exp(Math.min(Math.max(wanted, base) + widened, largest + Math.log(10)))
}

/** Scale and shape (positive = heavy tail) of a generalised Pareto distribution from ascending excesses. */
function paretoFit(excesses: Float64Array): { scale: number; shape: number } {
  const n = excesses.length
  let mean = 0
  let weighted = 0
  for (let at = 0; at < n; at++) {
    const value = excesses[at] as number
    mean += value / n
    weighted += (value * (1 - (at + 0.65) / n)) / n
  }
  const spread = mean - 2 * weighted
  if (!(spread > 1e-9)) return { scale: Math.max(mean, 1e-6), shape: 0 }
  const shape = Math.min(Math.max(2 - mean / spread, -0.5), 0.5)
  return { scale: Math.max(1e-6, mean * (1 - shape)), shape }
}
