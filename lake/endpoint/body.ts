import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { messageOf } from '../../core/errors.js'
import { sqlException } from './exception.js'

/** What a request body says: the query, or its tail, and the parameters of a multipart form. */
export type SqlBody = {
  readonly sql: string
  readonly fields: ReadonlyMap<string, string>
}

/** Reads and decompresses a body. Throws QUERY_IS_TOO_LARGE, or BAD_ARGUMENTS for what cannot be read. */
export async function readBody(request: IncomingMessage, max_bytes: number): Promise<SqlBody> {
  const bytes = await collect(decodedBody(request), max_bytes)
  const boundary = /^multipart\/form-data;.*\bboundary="?([^";]{1,200})"?/i.exec(request.headers['content-type'] ?? '')
  if (!boundary) return { sql: text(bytes), fields: new Map() }
  const fields = formFields(text(bytes), boundary[1] ?? '')
  return { sql: fields.get('query') ?? '', fields }
}

/** What was sent, decompressed. Throws BAD_ARGUMENTS for an encoding that is not known here. */
export function decodedBody(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  const decoder = decoderFor(encoding)
  return decoder === undefined ? request : pipeline(request, decoder, () => {})
}

function decoderFor(encoding: string) {
  if (encoding === '' || encoding === 'identity') return undefined
  if (encoding === 'gzip' || encoding === 'x-gzip') return createGunzip()
  if (encoding === 'deflate') return createInflate()
  if (encoding === 'br') return createBrotliDecompress()
  throw sqlException('BAD_ARGUMENTS', `Content-Encoding '${encoding.slice(0, 40)}' is not one of gzip, deflate, br.`)
}

/** All of it. Throws QUERY_IS_TOO_LARGE, or BAD_ARGUMENTS if it breaks off. */
export async function collect(source: Readable, max_bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      size += piece.length
      if (size > max_bytes) throw sqlException('QUERY_IS_TOO_LARGE', `The body is longer than ${max_bytes} bytes.`)
      pieces.push(piece)
    }
  } catch (error) {
    if (size > max_bytes) throw error
    throw sqlException('BAD_ARGUMENTS', `The request body cannot be read: ${messageOf(error)}`)
  }
  return Buffer.concat(pieces, size)
}

function text(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw sqlException('BAD_ARGUMENTS', 'The request body is not valid UTF-8.')
  }
}

function formFields(body: string, boundary: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const part of body.split(`--${boundary}`).slice(1)) {
    if (part.startsWith('--')) return fields
    const separator = part.indexOf('\r\n\r\n')
    const name = /\bname="([^"]*)"/i.exec(part.slice(0, separator))?.[1]
    if (separator < 0 || name === undefined || !part.endsWith('\r\n')) break
    fields.set(name, part.slice(separator + 4, -2))
  }
  throw sqlException('BAD_ARGUMENTS', 'The multipart form is not complete.')
}
