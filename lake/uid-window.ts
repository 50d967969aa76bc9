import { randomInt } from 'node:crypto'

const first_size = 4_096
const middle_size = 65_536

/** Where the key of an event is: the number it got when it was added. */
export type UidWindow = {
  readonly size: number
  /** The number of the key, or -1. */
  find(low: number, high: number): number
  /** Adds a key that is not there and forgets the oldest beyond the capacity. Returns its number; numbers ascend by one. */
  add(low: number, high: number): number
  /** Forgets the key with this number, so that it can come again. */
  remove(number: number): void
}

/**
 * The uids of the newest rows of a table, as 64-bit keys: a ring in order of arrival, and an open-addressing index into
 * it. 16 to 24 bytes a key of the capacity once it is busy. Two different uids share a key once in 2^64.
 */
export function createUidWindow(capacity: number): UidWindow {
  let ring_size = Math.min(capacity, first_size)
  let lows = new Uint32Array(ring_size)
  let highs = new Uint32Array(ring_size)
  /** Slot in the ring plus one; 0 is free. */
  let index = new Uint32Array(slotsFor(ring_size))
  let mask = index.length - 1
  /** Number of the next key, and of the oldest that is kept. */
  let next = 0
  let oldest = 0
  let size = 0

  // Senders choose uids. Without a secret they could choose many that begin their search at the same place.
  const [low_secret, high_secret] = secrets()

  function homeOf(low: number, high: number): number {
    const mixed = Math.imul(low ^ (low >>> 15), low_secret) ^ Math.imul(high ^ (high >>> 15), high_secret)
    return (mixed ^ (mixed >>> 15)) & mask
  }

  function probe(low: number, high: number): number {
    let at = homeOf(low, high)
    for (;;) {
      const slot = index[at] ?? 0
      if (slot === 0) return at
      if (lows[slot - 1] === low && highs[slot - 1] === high) return at
      at = (at + 1) & mask
    }
  }

  function numberOf(slot: number): number {
    const newest = (next - 1) % ring_size
    return next - 1 - ((newest - slot + ring_size) % ring_size)
  }

  /** Frees a place in the index and closes the gap that linear probing would stumble over. */
  function free(at: number) {
    let gap = at
    for (let scan = (gap + 1) & mask; ; scan = (scan + 1) & mask) {
      const slot = index[scan] ?? 0
      if (slot === 0) break
      const home = homeOf(lows[slot - 1] ?? 0, highs[slot - 1] ?? 0)
      if (((scan - home) & mask) >= ((scan - gap) & mask)) {
        index[gap] = slot
        gap = scan
      }
    }
    index[gap] = 0
    size--
  }

  function forget(number: number) {
    const slot = number % ring_size
    const at = probe(lows[slot] ?? 0, highs[slot] ?? 0)
    if (index[at] === slot + 1) free(at)
  }

  /**
   * A larger ring: first a middle size, then all of it, because moving a large index would hold the main thread. Runs only while
   * nothing was evicted, so every kept number is its own slot.
   */
  function grow() {
    const kept = index.filter((slot) => slot !== 0)
    ring_size = ring_size < middle_size ? Math.min(capacity, middle_size) : capacity
    lows = extended(lows, ring_size)
    highs = extended(highs, ring_size)
    index = new Uint32Array(slotsFor(ring_size))
    mask = index.length - 1
    for (const slot of kept) index[probe(lows[slot - 1] ?? 0, highs[slot - 1] ?? 0)] = slot
  }

  return {
    get size() {
      return size
    },
    find(low, high) {
      const slot = index[probe(low, high)] ?? 0
      return slot === 0 ? -1 : numberOf(slot - 1)
    },
    add(low, high) {
      if (next - oldest >= ring_size) {
        if (ring_size < capacity) grow()
        else forget(oldest++)
      }
      const slot = next % ring_size
      lows[slot] = low
      highs[slot] = high
      index[probe(low, high)] = slot + 1
      size++
      return next++
    },
    remove(number) {
      if (number >= oldest && number < next) forget(number)
    },
  }
}

/** Two odd multipliers, other ones in every process. */
function secrets(): [number, number] {
  const odd = () => (randomInt(2 ** 32) | 1) >>> 0
  return [odd(), odd()]
}

function slotsFor(ring_size: number): number {
  return 2 ** Math.ceil(Math.log2(ring_size * 2))
}

function extended(data: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const bigger = new Uint32Array(size)
  bigger.set(data)
  return bigger
}
