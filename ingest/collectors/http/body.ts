import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import type { HttpConfig } from './config.js'
import { HttpProblem } from './problem.js'

/** Small bodies compress arbitrarily well; the ratio counts from here. */
const RATIO_FROM_BYTES = 1024 * 1024

/** What the headers say about the body. */
export type BodyKind = { readonly shape: 'lines' | 'document'; readonly is_gzip: boolean }

const LINES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
  'text/plain',
])

/** Throws 413 if the request says that its body is too long. */
export function checkLength(request: IncomingMessage, config: HttpConfig) {
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > config.max_body_bytes) throw tooLarge('body', length, config.max_body_bytes, 'max_body_bytes')
}

/** Whether the body is compressed. Throws 415 for an encoding other than gzip. */
export function isGzip(request: IncomingMessage): boolean {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new HttpProblem(
      415,
      'unsupported_encoding',
      `Content-Encoding "${encoding}" is not understood.`,
      'Send the body with Content-Encoding: gzip, or without compression.',
      { 'accept-encoding': 'gzip' },
    )
  }
  return encoding !== 'identity'
}

/** Reads the headers. Throws 413 or 415 when the body need not be read at all. */
export function bodyKind(request: IncomingMessage, config: HttpConfig): BodyKind {
  checkLength(request, config)
  const is_gzip = isGzip(request)
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.map((parameter) => parameter.trim().match(/^charset="?([^"]*)"?$/)?.[1]).find(Boolean)
  if (charset && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') {
    throw new HttpProblem(
      415,
      'unsupported_charset',
      `charset "${charset}" is not understood.`,
      'Send the body in UTF-8.',
    )
  }
  if (LINES.has(type.trim())) return { shape: 'lines', is_gzip }
  if (type.trim() === 'application/json') return { shape: 'document', is_gzip }
  throw new HttpProblem(
    415,
    'unsupported_media_type',
    type.trim() === '' ? 'The request has no Content-Type.' : `Content-Type "${type.trim()}" is not understood.`,
    'Use application/x-ndjson for one record a line, application/json for one object or an array, text/plain for lines of text.',
    { accept: 'application/x-ndjson, application/json, text/plain' },
  )
}

/** The body's bytes, decompressed, within all limits. Errors of the body are HttpProblems; those of the connection are not. */
export async function* bodyBytes(request: IncomingMessage, kind: BodyKind, config: HttpConfig): AsyncGenerator<Buffer> {
  let sent_bytes = 0
  let bytes = 0
  function count(chunk: Buffer) {
    sent_bytes += chunk.length
    if (sent_bytes > config.max_body_bytes) throw tooLarge('body', sent_bytes, config.max_body_bytes, 'max_body_bytes')
  }
  const stream = kind.is_gzip ? gunzipped(request, count) : sent(request, count)
  try {
    for await (const chunk of stream) {
      bytes += chunk.length
      if (bytes > config.max_decompressed_bytes) {
        throw tooLarge('decompressed body', bytes, config.max_decompressed_bytes, 'max_decompressed_bytes')
      }
      if (bytes > RATIO_FROM_BYTES && bytes > sent_bytes * config.max_compression_ratio) {
        throw new HttpProblem(
          413,
          'compression_bomb',
          `${sent_bytes} compressed bytes became more than ${bytes} bytes, the limit is ${config.max_compression_ratio} to 1.`,
          'Send smaller bodies, or raise max_compression_ratio.',
        )
      }
      yield chunk
    }
  } catch (error) {
    throw isZlibError(error) ? invalidGzip(error) : error
  }
}

/** The bytes as sent. Leaving the loop early must not destroy the request: its connection still carries the answer. */
async function* sent(request: IncomingMessage, count: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    count(chunk)
    yield chunk
  }
}

/** As `sent`, decompressed. Piped by hand, because `pipeline` destroys the request when the data is bad. */
function gunzipped(request: IncomingMessage, count: (chunk: Buffer) => void): AsyncIterable<Buffer> {
  const gunzip = createGunzip()
  request.on('data', (chunk: Buffer) => {
    try {
      count(chunk)
    } catch (error) {
      gunzip.destroy(error as Error)
    }
  })
  request.once('error', (error) => gunzip.destroy(error))
  return request.pipe(gunzip)
}

function isZlibError(error: unknown): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' && code.startsWith('Z_')
}

function invalidGzip(error: NodeJS.ErrnoException): HttpProblem {
  return new HttpProblem(
    400,
    'invalid_gzip',
    `The body is not whole gzip data: ${error.message} (${error.code}).`,
    'Compress the whole body again, or send it without Content-Encoding.',
  )
}

/** The refusal of something beyond its limit. */
export function tooLarge(what: string, found_bytes: number, limit_bytes: number, setting: string): HttpProblem {
  return new HttpProblem(
    413,
    'too_large',
    `The ${what} has at least ${found_bytes} bytes, the limit is ${limit_bytes}.`,
    `Send it in smaller parts, or raise ${setting}.`,
  )
}
