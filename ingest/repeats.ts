import { hash } from 'node:crypto'

/** How often this text came before in one delivery. */
export type Repeats = (text: string) => number

/**
 * Tells equal records without a position apart by how often they came before: sent again, the same delivery gives the
 * same numbers. Remembers digests, because a delivery may be larger than the memory.
 */
export function createRepeats(): Repeats {
  const seen = new Map<string, number>()
  return (text) => {
    const key = text.length < 16 ? text : hash('sha1', text, 'base64').slice(0, 16)
    const n = seen.get(key) ?? 0
    seen.set(key, n + 1)
    return n
  }
}
