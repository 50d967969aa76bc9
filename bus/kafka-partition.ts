const SEED = 0x9747b28c
const M = 0x5bd1e995
const MAX_REMEMBERED = 100_000

/** The hash (MurmurHash2, 32 bit) that Kafka's own clients use for keys. */
function murmur2(data: Uint8Array): number {
  const { length } = data
  const byte = (at: number) => data[at] as number
  let h = SEED ^ length
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    let k = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    k = Math.imul(k, M)
    k = Math.imul(k ^ (k >>> 24), M)
    h = Math.imul(h, M) ^ k
  }
  const rest = length - whole
  if (rest === 3) h ^= byte(whole + 2) << 16
  if (rest >= 2) h ^= byte(whole + 1) << 8
  if (rest >= 1) h = Math.imul(h ^ byte(whole), M)
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

/** The partition of a key: the same that Java producers choose, so that others may publish beside us. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
}

/** `partitionOf` that remembers: the same few thousand workloads come again and again. */
export function createPartitioner(): (key: string, partitions: number) => number {
  const hashes = new Map<string, number>()
  return (key, partitions) => {
    let hash = hashes.get(key)
    if (hash === undefined) {
      if (hashes.size >= MAX_REMEMBERED) hashes.clear()
      hash = murmur2(Buffer.from(key)) & 0x7fffffff
      hashes.set(key, hash)
    }
    return hash % partitions
  }
}
