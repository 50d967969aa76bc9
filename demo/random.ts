/** A seeded random number generator (mulberry32, public domain): the same seed gives the same recording. */
export function seeded(seed: number) {
  let state = seed >>> 0
  /** Uniform in [0, 1). */
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
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
