import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Decompress } from 'fzstd'
import { messageOf, WeirError } from '../../core/errors.js'

const GZIP = [0x1f, 0x8b]
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]

/** The bytes of a stream, decompressed if they begin as gzip or zstd do. `name` is for errors. */
export async function* plainBytes(source: Readable, name: string): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let head = Buffer.alloc(0)
  while (head.length < 4) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, Buffer.from(next.value)])
  }
  const rest = joined(head, chunks)
  try {
    if (begins(head, GZIP)) yield* gunzipped(rest)
    else if (begins(head, ZSTD)) yield* unzstd(rest)
    else yield* rest
  } catch (error) {
    if (error instanceof WeirError) throw error
    throw new WeirError('bad_input', `${name} cannot be read: ${messageOf(error)}`, { cause: error })
  }
}

function begins(head: Buffer, magic: readonly number[]): boolean {
  return magic.every((byte, n) => head[n] === byte)
}

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
}

async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip()
  const feeding = feed(source, gunzip)
  for await (const chunk of gunzip) yield chunk as Buffer
  await feeding
}

/** Writes what there is while it is taken; what goes wrong with the source ends the reader as well. */
async function feed(source: AsyncIterable<Buffer>, into: ReturnType<typeof createGunzip>) {
  try {
    for await (const chunk of source) {
      if (!into.write(chunk)) await new Promise<void>((resolve) => into.once('drain', resolve).once('close', resolve))
      if (into.destroyed) return
    }
    into.end()
  } catch (error) {
    into.destroy(error instanceof Error ? error : new Error(messageOf(error)))
  }
}

async function* unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let ready: Buffer[] = []
  const zstd = new Decompress((data) => {
    // The library may use its buffer again.
    ready.push(Buffer.from(data))
  })
  for await (const chunk of source) {
    zstd.push(chunk)
    yield* ready
    ready = []
  }
  zstd.push(new Uint8Array(0), true)
  yield* ready
}
