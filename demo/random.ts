import { seededRandom } from '../models/random.js'

/** Draws of several kinds from one seeded stream: the same seed gives the same recording. */
export function seeded(seed: number) {
  /** Uniform in [0, 1). */
  const next = seededRandom(seed)
  return {
    next,
    /** Whole number in [from, to]. */
    int: (from: number, to: number) => from + Math.floor(next() * (to - from + 1)),
    /** Around `mean`, never negative (sum of uniforms: close to normal). */
    around: (mean: number, spread: number) =>
      Math.max(0, mean + spread * (next() + next() + next() + next() - 2) * Math.sqrt(3)),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
    hex: (length: number) => Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join(''),
  }
}
export type Random = ReturnType<typeof seeded>
