import { isUtf8 } from 'node:buffer'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { messageOf } from '../../../core/errors.js'
import type { FormatDefinition, RawRecord } from '../../contract.js'
import { createHeader } from '../../header.js'
import { unzstd } from '../../zstd.js'

const GZIP = [0x1f, 0x8b]
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]
const PARQUET = [0x50, 0x41, 0x52, 0x31]
/** The longest text there can be; what has more bytes cannot be read whole. */
const MAX_TEXT_BYTES = 512 * 1024 * 1024

const gunzipped = promisify(gunzip)

/**
 * The records of an object: decompressed by what it begins with (gzip, zstd), then one JSON document (an array gives its
 * elements) or lines behind their header. What cannot be read is one record with a fault, so that it becomes a dead letter.
 */
export async function recordsOf(
  bytes: Uint8Array,
  source: string,
  max_bytes: number,
  definition: FormatDefinition,
): Promise<RawRecord[]> {
  const fault = (reason: string, detail: string) => [faultyObject(source, reason, detail)]
  const limit = Math.min(max_bytes, MAX_TEXT_BYTES)
  let plain: Buffer
  try {
    plain = await decompressed(bytes, limit)
  } catch (error) {
    const is_too_large = error instanceof RangeError
    return fault(is_too_large ? 'object_too_large' : 'cannot_decompress', messageOf(error))
  }
  if (plain.length > limit) return fault('object_too_large', `more than ${limit} bytes (max_object_bytes)`)
  if (startsWith(plain, PARQUET)) return fault('parquet_not_supported', 'expected JSON or lines of text, found Parquet')
  if (!isUtf8(plain)) return fault('invalid_utf8', 'expected UTF-8')
  try {
    return recordsIn(plain.toString('utf8').trim(), source, definition)
  } catch (error) {
    return fault('object_too_large', messageOf(error))
  }
}

/** The record that an object becomes which cannot be read: it has the object's name, since there is nothing else to keep. */
export function faultyObject(source: string, reason: string, detail: string): RawRecord {
  return { data: source, position: source, fault: { reason, detail: `${source}: ${detail}` } }
}

function recordsIn(text: string, source: string, definition: FormatDefinition): RawRecord[] {
  const document = /^[[{]/.test(text) ? parsed(text) : undefined
  if (Array.isArray(document)) {
    return document.map((data, n) => ({
      data: isObject(data) ? data : JSON.stringify(data),
      position: `${source}#${n}`,
    }))
  }
  if (isObject(document)) return [{ data: document, position: source }]
  const lines = text.split(/\r?\n/)
  const header = createHeader(definition)
  return lines.flatMap((data, n) => {
    return data.trim() === '' ? [] : (header.place({ data, position: `${source}#${n}` }) ?? [])
  })
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

async function decompressed(bytes: Uint8Array, max_bytes: number): Promise<Buffer> {
  if (startsWith(bytes, GZIP)) return gunzipped(bytes, { maxOutputLength: max_bytes })
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return startsWith(bytes, ZSTD) ? unzstd(buffer, max_bytes) : buffer
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte)
}

/** The text as one JSON document; undefined if it is several, one a line. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
