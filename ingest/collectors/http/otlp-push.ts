import type { IncomingMessage } from 'node:http'
import type { CollectorDeps } from '../../contract.js'
import { splitOtlp } from '../../formats/otlp.js'
import { bodyBytes, tooLarge } from './body.js'
import type { HttpConfig } from './config.js'
import { decodeOtlp, encodeOtlpAnswer, encodeOtlpStatus, type OtlpSignal } from './otlp-messages.js'
import { HttpProblem } from './problem.js'
import { chunkedEmits, type Progress, type Push } from './push.js'

/** The two encodings of OTLP over HTTP; the answer has the one of the request. */
export type OtlpEncoding = 'application/json' | 'application/x-protobuf'

/** The encoding that a request asks for; JSON where it is neither, so that the refusal can be read. */
export function otlpEncoding(request: IncomingMessage): OtlpEncoding {
  const type = (request.headers['content-type'] ?? '').toLowerCase().split(';', 1)[0]?.trim()
  return type === 'application/x-protobuf' ? type : 'application/json'
}

/** The signal of `/v1/logs` or `/v1/metrics`; a clear refusal for traces, undefined for another path. */
export function otlpSignal(pathname: string): OtlpSignal | undefined {
  if (pathname === '/v1/logs') return 'logs'
  if (pathname === '/v1/metrics') return 'metrics'
  if (pathname !== '/v1/traces' && pathname !== '/v1development/profiles') return undefined
  throw new HttpProblem(
    404,
    'no_traces',
    'Weir takes OpenTelemetry logs and metrics, no traces or profiles.',
    'Leave this exporter out of the pipelines for traces and profiles.',
  )
}

/** Sends the log records or metrics of one export request to the pipeline. Nothing is sent unless the whole body parses. */
export function pushOtlp(
  request: IncomingMessage,
  signal: OtlpSignal,
  is_gzip: boolean,
  deps: CollectorDeps,
  config: HttpConfig,
): Push {
  let n_records = 0
  const chunks = chunkedEmits('otlp', deps, () => n_records)
  return {
    progress: chunks.progress,
    async run() {
      const bytes = await whole(bodyBytes(request, { shape: 'document', is_gzip }, config), config.max_document_bytes)
      const records = splitOtlp(parse(signal, otlpEncoding(request), bytes)) ?? []
      const chars = bytes.length / Math.max(1, records.length)
      try {
        for (const data of records) {
          n_records++
          await chunks.add({ data }, chars)
        }
      } finally {
        await chunks.flush()
      }
    },
  }
}

async function whole(bytes: AsyncIterable<Buffer>, max_bytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of bytes) {
    length += part.length
    if (length > max_bytes) throw tooLarge('export request', length, max_bytes, 'max_document_bytes')
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function parse(signal: OtlpSignal, encoding: OtlpEncoding, bytes: Buffer): unknown {
  try {
    return encoding === 'application/json' ? JSON.parse(bytes.toString('utf8')) : decodeOtlp(signal, bytes)
  } catch (error) {
    throw new HttpProblem(
      400,
      'invalid_otlp',
      `The body is no export request for ${signal} in ${encoding}: ${(error as Error).message}`,
      'Send what an OTLP/HTTP exporter sends, to the path of its signal.',
    )
  }
}

/** The answer that all was taken, or how much became dead letters (kept, with the reason: not to be sent again). */
export function otlpAnswer(signal: OtlpSignal, encoding: OtlpEncoding, { receipt }: Progress): Buffer {
  const rejected = receipt.dead_lettered
  const count = signal === 'logs' ? 'rejectedLogRecords' : 'rejectedDataPoints'
  const message = `${rejected} of ${receipt.records} became dead letters; see the table dead_letters`
  const answer = rejected === 0 ? {} : { partialSuccess: { [count]: String(rejected), errorMessage: message } }
  return encoding === 'application/json'
    ? Buffer.from(JSON.stringify(answer))
    : Buffer.from(encodeOtlpAnswer(signal, answer))
}

/** gRPC's number for an HTTP status. */
const CODES: { readonly [status: number]: number } = { 400: 3, 401: 16, 403: 7, 404: 12, 413: 8, 429: 8, 503: 14 }

/** The answer to a refused export request. */
export function otlpRefusal(encoding: OtlpEncoding, { status, message, hint }: HttpProblem): Buffer {
  const body = { code: CODES[status] ?? 2, message: `${message} ${hint}` }
  return encoding === 'application/json' ? Buffer.from(JSON.stringify(body)) : Buffer.from(encodeOtlpStatus(body))
}
