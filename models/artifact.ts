import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { endianness } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { messageOf, WeirError } from '../core/errors.js'

const FORMAT = 1

/** Numbers by name, the content of a weights file. */
export type Tensors = { readonly [name: string]: Float32Array }

/**
 * Writes `manifest.json` (facts plus the checksum of the weights) and `weights.bin` into a new folder `dir`, readable
 * by the owner only. The folder appears as a whole or not at all; one that was there is replaced.
 */
export async function writeArtifact(dir: string, facts: object, tensors: Tensors): Promise<void> {
  const weights = packTensors(tensors)
  const layout = Object.entries(tensors).map(([name, values]) => ({ name, length: values.length }))
  const manifest = { ...facts, format: FORMAT, weights: { sha256: sha256(weights), layout } }
  const unique = randomBytes(6).toString('hex')
  const fresh = join(dirname(dir), `.${basename(dir)}.${unique}.new`)
  const old = join(dirname(dir), `.${basename(dir)}.${unique}.old`)
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  try {
    await writeDurably(join(fresh, 'weights.bin'), weights)
    await writeDurably(join(fresh, 'manifest.json'), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
    await rename(dir, old).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    await rename(fresh, dir)
  } finally {
    await rm(fresh, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
}

/** Reads what `writeArtifact` wrote. Throws `not_found` or `bad_input` (damaged, other format), naming the file. */
export async function readArtifact(dir: string): Promise<{ facts: Record<string, unknown>; tensors: Tensors }> {
  const manifestFile = join(dir, 'manifest.json')
  const weightsFile = join(dir, 'weights.bin')
  const text = await readPart(manifestFile)
  const weights = await readPart(weightsFile)
  let manifest: { format?: unknown; weights?: { sha256?: unknown; layout?: unknown } } & Record<string, unknown>
  try {
    manifest = JSON.parse(text.toString('utf8'))
  } catch (error) {
    throw damaged(manifestFile, messageOf(error))
  }
  if (typeof manifest !== 'object' || manifest === null) throw damaged(manifestFile, 'it is not an object')
  if (manifest.format !== FORMAT) throw damaged(manifestFile, `format ${manifest.format}, expected ${FORMAT}`)
  const found = sha256(weights)
  if (manifest.weights?.sha256 !== found) {
    throw damaged(weightsFile, `its sha256 is ${found}, the manifest says ${manifest.weights?.sha256}`)
  }
  return { facts: manifest, tensors: unpackTensors(weights, manifest.weights.layout, manifestFile) }
}

async function readPart(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new WeirError('not_found', `model artifact: ${file} cannot be read: ${messageOf(cause)}`, {
      hint: 'Train again, or restore the folder.',
      cause,
    })
  }
}

async function writeDurably(file: string, content: Buffer): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Little-endian on every machine. Copies whole arrays: a loop over the numbers would hold the event loop for long. */
function packTensors(tensors: Tensors): Buffer {
  const parts = Object.values(tensors).map((values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength))
  const packed = Buffer.concat(parts)
  return endianness() === 'LE' ? packed : packed.swap32()
}

function unpackTensors(packed: Buffer, layout: unknown, manifestFile: string): Tensors {
  const tensors: Record<string, Float32Array> = {}
  let offset = 0
  for (const entry of Array.isArray(layout) ? layout : []) {
    const { name, length } = entry as { name?: unknown; length?: unknown }
    if (typeof name !== 'string' || !Number.isSafeInteger(length) || offset + Number(length) * 4 > packed.length) {
      throw damaged(manifestFile, 'weights.layout does not fit weights.bin')
    }
    const bytes = Buffer.alloc(Number(length) * 4)
    packed.copy(bytes, 0, offset)
    if (endianness() === 'BE') bytes.swap32()
    tensors[name] = new Float32Array(bytes.buffer, bytes.byteOffset, Number(length))
    offset += bytes.length
  }
  if (offset !== packed.length) throw damaged(manifestFile, 'weights.layout does not cover weights.bin')
  return tensors
}

function damaged(file: string, detail: string): WeirError {
  return new WeirError('bad_input', `model artifact: ${file} is damaged or of another version: ${detail}`, {
    hint: 'Remove the folder; a new model is trained from the lake.',
  })
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
