import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib'
import type { Analyst, SqlAnswer } from './analyst.js'
import { engineException, httpStatus, renderException, type SqlException, sqlException } from './exception.js'
import { contentType } from './formats.js'

export type ReplyOptions = {
  readonly query_id: string
  readonly compress: boolean
  /** Marks an exception in the middle of a result, so that no data can be mistaken for one. 16 letters. */
  readonly tag: string
  readonly elapsed_ns: bigint
  /** Longest wait for a client that stops reading, in milliseconds. */
  readonly max_stall_ms: number
}

/** Sends a result as it comes. An error on the way ends it as ClickHouse >= 25.11 does: marked, and the connection cut. */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  analyst: Analyst,
  answer: SqlAnswer,
  options: ReplyOptions,
): Promise<void> {
  // Who left while the query ran: nothing would ever tell that the answer has gone out.
  if (response.destroyed) return
  commonHeaders(response, analyst, options.query_id)
  response.setHeader('Content-Type', contentType(answer.format))
  response.setHeader('X-ClickHouse-Format', answer.format)
  response.setHeader('X-ClickHouse-Exception-Tag', options.tag)
  response.setHeader('X-ClickHouse-Summary', summary(answer, options.elapsed_ns))
  const encoder = options.compress ? encoderFor(request, response) : undefined
  encoder?.pipe(response)
  const body: Writable = encoder ?? response
  response.statusCode = 200
  response.flushHeaders()
  try {
    for await (const piece of answer.pieces) {
      if (response.destroyed) return
      if (!body.write(piece)) await drained(body, response, options.max_stall_ms)
    }
    await finished(body, response)
  } catch (error) {
    if (response.destroyed) return
    const exception = engineException(error)
    const marked = markedException(renderException(exception, analyst.version), options.tag)
    body.write(marked)
    if (encoder) await new Promise<void>((resolve) => encoder.flush(resolve))
    response.socket?.end()
    throw exception
  }
}

/** Sends an error before any part of a result was sent. */
export function sendException(
  response: ServerResponse,
  analyst: Analyst | undefined,
  exception: SqlException,
  query_id: string | undefined,
): void {
  const body = renderException(exception, analyst?.version ?? 'unknown')
  if (analyst) commonHeaders(response, analyst, query_id)
  response.setHeader('X-ClickHouse-Exception-Code', String(exception.code))
  if (exception.code === 202) response.setHeader('Retry-After', '1')
  sendText(response, httpStatus(exception.code), body)
}

/** A short plain answer. */
export function sendText(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
}

function commonHeaders(response: ServerResponse, analyst: Analyst, query_id: string | undefined): void {
  response.setHeader('X-ClickHouse-Server-Display-Name', analyst.display_name)
  response.setHeader('X-ClickHouse-Timezone', analyst.timezone)
  response.setHeader('X-Content-Type-Options', 'nosniff')
  if (query_id !== undefined) response.setHeader('X-ClickHouse-Query-Id', query_id)
}

function summary(answer: SqlAnswer, elapsed_ns: bigint): string {
  return JSON.stringify({
    read_rows: String(answer.rows_read),
    read_bytes: String(answer.bytes_read),
    written_rows: '0',
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: '0',
    elapsed_ns: String(elapsed_ns),
  })
}

function encoderFor(request: IncomingMessage, response: ServerResponse) {
  const accepted = String(request.headers['accept-encoding'] ?? '')
    .split(',')
    .filter((entry) => !/;\s*q=0(\.0*)?\s*$/.test(entry))
    .map((entry) => entry.split(';')[0]?.trim().toLowerCase())
  const name = ['gzip', 'br', 'deflate'].find((encoding) => accepted.includes(encoding))
  if (name === undefined) return undefined
  response.setHeader('Content-Encoding', name)
  response.setHeader('Vary', 'Accept-Encoding')
  if (name === 'gzip') return createGzip({ level: 3 })
  if (name === 'deflate') return createDeflate({ level: 3 })
  return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 3 } })
}

async function drained(body: Writable, response: ServerResponse, max_stall_ms: number): Promise<void> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), max_stall_ms)
  const closed = () => stop.abort()
  response.once('close', closed)
  try {
    await once(body, 'drain', { signal: stop.signal })
  } catch {
    response.destroy()
    throw sqlException('QUERY_WAS_CANCELLED', 'The client stopped reading the result.')
  } finally {
    clearTimeout(timer)
    response.off('close', closed)
  }
}

async function finished(body: Writable, response: ServerResponse): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    response.once('finish', resolve)
    response.once('close', resolve)
  })
  body.end()
  if (!response.destroyed) await closed
}

/** The end of a result that failed: the reader finds the message from behind, by its length and the tag. */
function markedException(message: string, tag: string): string {
  const line = message.endsWith('\n') ? message : `${message}\n`
  return `\r\n__exception__\r\n${tag}\r\n${line}${Buffer.byteLength(line)} ${tag}\r\n__exception__\r\n`
}
