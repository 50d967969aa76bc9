import { WeirError } from '../core/errors.js'

const MAGIC = 0x184d2204
const LEAST_MATCH = 4
/** Longer pieces are copied by the engine, shorter ones byte by byte, which is quicker for them. */
const LONG_LITERALS = 24
const LONG_MATCH = 32

type Block = { readonly is_raw: boolean; readonly from: number; readonly to: number }

/**
 * Decompresses an LZ4 frame of at most `most_bytes`. How long it is is counted before memory is taken, and none is taken but the
 * result: libraries for it grow their buffers as they go, in an allocator of their own, which keeps what was freed.
 * Checksums are not looked at: what carries the frame has its own. Throws `bad_input` or `too_large`.
 */
export function decompressLz4(frame: Buffer, most_bytes: number): Buffer {
  const blocks = blocksOf(frame)
  let length = 0
  for (const block of blocks) length += block.is_raw ? block.to - block.from : lengthOf(frame, block)
  if (length > most_bytes) throw new WeirError('too_large', `${length} bytes once decompressed, at most ${most_bytes}`)
  const out = Buffer.allocUnsafeSlow(length)
  let at = 0
  for (const block of blocks) {
    if (block.is_raw) at += frame.copy(out, at, block.from, block.to)
    else at = decode(frame, block, out, at)
  }
  return out
}

function blocksOf(frame: Buffer): Block[] {
  if (frame.length < 7 || frame.readUInt32LE(0) !== MAGIC) throw broken('it does not begin like an LZ4 frame')
  const flags = frame[4] as number
  const [has_length, has_dictionary, has_checksums] = [flags & 8, flags & 1, flags & 16]
  if (has_dictionary) throw broken('it needs a dictionary')
  const blocks: Block[] = []
  for (let at = 7 + (has_length ? 8 : 0); ; ) {
    if (at + 4 > frame.length) throw broken('it has no end')
    const head = frame.readUInt32LE(at)
    if (head === 0) return blocks
    const from = at + 4
    const to = from + (head & 0x7fffffff)
    if (to > frame.length) throw broken('a block is longer than the frame')
    blocks.push({ is_raw: head >>> 31 === 1, from, to })
    at = to + (has_checksums ? 4 : 0)
  }
}

/** Bytes of a block once decompressed. Throws for one that `decode` could not read. */
function lengthOf(frame: Buffer, { from, to }: Block): number {
  let length = 0
  for (let at = from; at < to; ) {
    const token = frame[at++] as number
    let literals = token >> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = byteAt(frame, at++, to)
    }
    at += literals
    length += literals
    if (at === to) return length
    // The offset of a match.
    at += 2
    if (at > to) break
    let match = (token & 15) + LEAST_MATCH
    if (match === 15 + LEAST_MATCH) {
      for (let more = 255; more === 255; match += more) more = byteAt(frame, at++, to)
    }
    length += match
  }
  throw broken('a block ends in the middle')
}

/** Writes a block behind what is there; returns where it ends. */
function decode(frame: Buffer, { from, to }: Block, out: Buffer, begin: number): number {
  let end = begin
  for (let at = from; at < to; ) {
    const token = frame[at++] as number
    let literals = token >> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = frame[at++] as number
    }
    if (literals > LONG_LITERALS) end += frame.copy(out, end, at, at + literals)
    else for (let n = 0; n < literals; n++) out[end++] = frame[at + n] as number
    at += literals
    if (at === to) break
    const offset = (frame[at] as number) | ((frame[at + 1] as number) << 8)
    at += 2
    let match = (token & 15) + LEAST_MATCH
    if (match === 15 + LEAST_MATCH) {
      for (let more = 255; more === 255; match += more) more = frame[at++] as number
    }
    if (offset === 0 || offset > end) throw broken('a block points to before its beginning')
    // A match that reaches into itself repeats, byte by byte.
    if (match > LONG_MATCH && offset >= match) {
      out.copyWithin(end, end - offset, end - offset + match)
      end += match
    } else for (let n = 0; n < match; n++, end++) out[end] = out[end - offset] as number
  }
  return end
}

function byteAt(frame: Buffer, at: number, to: number): number {
  if (at >= to) throw broken('a block ends in the middle')
  return frame[at] as number
}

function broken(why: string): WeirError {
  return new WeirError('bad_input', `not a readable LZ4 frame: ${why}`)
}
