import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import kafkajs from 'kafkajs'
import { compressFrame } from 'lz4-napi'
import { WeirError } from '../core/errors.js'
import type { MemoryBound } from '../core/memory.js'
import { decompressLz4 } from './lz4.js'

/** A batch is 1 MiB or so before it is compressed: what grows beyond this was made to fill memory. */
const MOST_BYTES = 64 * 2 ** 20
/** A batch waits so long for room before the fetch it is of goes on without it, ms. A fetch has one for each partition at least. */
const ROOM_WITHIN_MS = 100
const ADVICE = 'Let whoever writes the topic use lz4, zstd, gzip or none, or set compression.type of the topic.'

const gzip = promisify(zlib.gzip)
const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)

type Codec = {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

/** kafkajs has one registry for the process, which has one bound. */
let memory: MemoryBound | undefined

/**
 * kafkajs knows the numbers of the codecs and brings gzip only. lz4 is read and written, gzip too, zstd is read; Snappy is an error
 * that says so. What a fetch becomes is bounded here, because brokers count compressed bytes: with a `bound`, a batch
 * that there is no room for is left for the next fetch.
 */
export function registerKafkaCodecs(bound?: MemoryBound) {
  memory = bound ?? memory
  const { LZ4, GZIP, ZSTD, Snappy } = kafkajs.CompressionTypes
  const codecs = kafkajs.CompressionCodecs as Record<number, () => Codec>
  const reading = (decompress: (bytes: Buffer) => Buffer | Promise<Buffer>) => async (bytes: Buffer) => {
    if (memory && !(await memory.room('new', ROOM_WITHIN_MS))) throw cutOff()
    return decompress(bytes)
  }
  codecs[LZ4] = () => ({ compress: ({ buffer }) => compressFrame(buffer), decompress: reading(unlz4) })
  codecs[GZIP] = () => ({ compress: ({ buffer }) => gzip(buffer), decompress: reading(ungzip) })
  codecs[ZSTD] = () => ({ compress: refuse, decompress: reading(unzstd) })
  codecs[Snappy] = () => {
    throw unreadable('a batch is compressed with Snappy, which cannot be read')
  }
}

/** kafkajs takes this for a batch at the end of a fetch that is not all there: it hands on what came before, and asks for the rest next. */
function cutOff(): Error {
  return Object.assign(new Error('no room for more of this fetch'), { name: 'KafkaJSPartialMessageError' })
}

async function refuse(): Promise<never> {
  throw new WeirError('unsupported', 'zstd is read, not written')
}

function unlz4(bytes: Buffer): Buffer {
  try {
    return decompressLz4(bytes, MOST_BYTES)
  } catch (cause) {
    throw unreadable(`a batch compressed with lz4 cannot be decompressed: ${(cause as Error).message}`, cause)
  }
}

async function ungzip(bytes: Buffer): Promise<Buffer> {
  try {
    return await gunzip(bytes, { maxOutputLength: MOST_BYTES })
  } catch (cause) {
    throw unreadable(`a batch compressed with gzip cannot be decompressed: ${(cause as Error).message}`, cause)
  }
}

function unzstd(bytes: Buffer): Buffer {
  const pieces: Uint8Array[] = []
  let length = 0
  const stream = new Decompress((piece) => {
    length += piece.length
    if (length > MOST_BYTES) throw unreadable(`a batch has more than ${MOST_BYTES} bytes once decompressed`)
    // The library may use its buffer again.
    pieces.push(Buffer.from(piece))
  })
  try {
    stream.push(bytes, true)
  } catch (cause) {
    if (cause instanceof WeirError) throw cause
    throw unreadable(`a batch compressed with zstd cannot be decompressed: ${(cause as Error).message}`, cause)
  }
  return Buffer.concat(pieces)
}

/** `retriable` is what kafkajs looks at: it need not fetch the batch again. */
function unreadable(what: string, cause?: unknown): WeirError {
  const error = new WeirError('unsupported', `${what}. ${ADVICE}`, { hint: ADVICE, cause })
  return Object.assign(error, { retriable: false })
}
