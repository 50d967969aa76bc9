import { Decompress } from 'fzstd'
import kafkajs from 'kafkajs'
import { compressFrame, decompressFrame } from 'lz4-napi'
import { WeirError } from '../core/errors.js'

/** A batch is 1 MiB or so as it travels: what grows beyond this was made to fill memory. */
const MOST_BYTES = 256 * 2 ** 20
const ADVICE = 'Let whoever writes the topic use lz4, zstd, gzip or none, or set compression.type of the topic.'

type Codec = {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>
  decompress(bytes: Buffer): Promise<Buffer>
}

/**
 * kafkajs knows the numbers of the codecs and brings gzip only. lz4 is read and written, zstd is read; Snappy is an error that
 * says so. Its registry is one of the process.
 */
export function registerKafkaCodecs() {
  const { LZ4, ZSTD, Snappy } = kafkajs.CompressionTypes
  const codecs = kafkajs.CompressionCodecs as Record<number, () => Codec>
  codecs[LZ4] = () => ({
    compress: ({ buffer }) => compressFrame(buffer),
    decompress: (bytes) => decompressFrame(bytes),
  })
  codecs[ZSTD] = () => ({ compress: refuse, decompress: async (bytes) => unzstd(bytes) })
  codecs[Snappy] = () => {
    throw unreadable('a batch is compressed with Snappy, which cannot be read')
  }
}

async function refuse(): Promise<never> {
  throw new WeirError('unsupported', 'zstd is read, not written')
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
