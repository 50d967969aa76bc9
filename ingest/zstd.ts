import { Decompress } from 'fzstd'

/** The `zstd` program refuses larger windows as well. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024
const SKIPPABLE = 0x184d2a50
const FRAME = 0xfd2fb528

/** Decompresses zstd. Throws a RangeError where more than `max_bytes` would come out, before they take memory. */
export function unzstd(bytes: Buffer, max_bytes: number): Buffer {
  const parts: Buffer[] = []
  let length = 0
  const limit = (more: number) => {
    if (more > max_bytes) throw new RangeError(`more than ${max_bytes} bytes when decompressed`)
  }
  // The library reserves a window as large as a frame says, whatever the frame then holds.
  limit(checkWindows(bytes))
  const zstd = new Decompress((data) => {
    length += data.length
    limit(length)
    parts.push(Buffer.from(data))
  })
  zstd.push(bytes, true)
  return Buffer.concat(parts, length)
}

/** Goes from frame to frame: the largest content that one promises, having refused windows that are too large. */
function checkWindows(bytes: Buffer): number {
  let largest = 0
  // The longest head of a frame; zeroes where the bytes end before.
  const head = Buffer.alloc(18)
  for (let at = 0; at + 5 <= bytes.length; ) {
    bytes.copy(head.fill(0), 0, at)
    const magic = head.readUInt32LE(0)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + head.readUInt32LE(4)
      continue
    }
    // Broken: whoever decompresses says so.
    if (magic !== FRAME) break
    const flags = head.readUInt8(4)
    const is_single = (flags & 32) !== 0
    const size_bytes = [is_single ? 1 : 0, 2, 4, 8][flags >> 6] as number
    const size_at = (is_single ? 5 : 6) + ([0, 1, 2, 4][flags & 3] as number)
    if (is_single) {
      const size = Number(head.readBigUInt64LE(size_at) & ((1n << BigInt(size_bytes * 8)) - 1n))
      largest = Math.max(largest, size + (size_bytes === 2 ? 256 : 0))
    } else {
      const descriptor = head.readUInt8(5)
      const window = 2 ** (10 + (descriptor >> 3)) * (1 + (descriptor & 7) / 8)
      if (window > MAX_WINDOW_BYTES)
        throw new Error(`a window of ${window} bytes, at most ${MAX_WINDOW_BYTES} are read`)
    }
    at = endOfBlocks(bytes, at + size_at + size_bytes) + (flags & 4 ? 4 : 0)
  }
  return largest
}

function endOfBlocks(bytes: Buffer, from: number): number {
  for (let at = from; at + 3 <= bytes.length; ) {
    const head = bytes.readUIntLE(at, 3)
    const is_repeated = ((head >> 1) & 3) === 1
    at += 3 + (is_repeated ? 1 : head >> 3)
    if ((head & 1) === 1) return at
  }
  return bytes.length
}
