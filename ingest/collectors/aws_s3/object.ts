import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import { decompress } from 'fzstd'
import type { FormatDefinition, RawRecord } from '../../contract.js'
import { createHeader } from '../../header.js'

const GZIP = [0x1f, 0x8b]
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]
const PARQUET = [0x50, 0x41, 0x52, 0x31]

/**
 * The records of an object: decompressed by what it begins with (gzip, zstd), then one JSON document (an array gives its
 * elements) or lines behind their header. What cannot be read is one record with a fault, so that it becomes a dead letter.
 */
export function recordsOf(
  bytes: Uint8Array,
  source: string,
  max_bytes: number,
  definition: FormatDefinition,
): RawRecord[] {
  const fault = (reason: string, detail: string): RawRecord[] => [
    { data: source, position: source, fault: { reason, detail: `${source}: ${detail}` } },
  ]
  let plain: Buffer
  try {
    plain = decompressed(bytes, max_bytes)
  } catch (error) {
    return fault('cannot_decompress', (error as Error).message)
  }
  if (plain.length > max_bytes) return fault('object_too_large', `more than ${max_bytes} bytes (max_object_bytes)`)
  if (startsWith(plain, PARQUET)) return fault('parquet_not_supported', 'expected JSON or lines of text, found Parquet')
  if (!isUtf8(plain)) return fault('invalid_utf8', 'expected UTF-8')
  const text = plain.toString('utf8').trim()
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

function decompressed(bytes: Uint8Array, max_bytes: number): Buffer {
  if (startsWith(bytes, GZIP)) return gunzipSync(bytes, { maxOutputLength: max_bytes })
  if (startsWith(bytes, ZSTD)) return Buffer.from(decompress(bytes))
  return Buffer.from(bytes)
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
