import type { IncomingMessage, ServerResponse } from 'node:http'
import { messageOf } from '../../../core/errors.js'
import type { CollectorDeps } from '../../contract.js'
import { bodyBytes, bodyKind, checkLength, isGzip } from './body.js'
import type { HttpConfig } from './config.js'
import { otlpAnswer, otlpEncoding, otlpRefusal, otlpSignal, pushOtlp } from './otlp-push.js'
import { HttpProblem, problemOf } from './problem.js'
import { type Push, pushDocument, pushLines } from './push.js'
import { type Grant, grantsOf } from './token.js'

/** From here on the pipeline has no room for more senders. */
const FULL_PRESSURE = 0.9
/** How long the rest of a refused body is read and thrown away, so that the sender sees the answer before the connection ends. */
const LINGER_MS = 5000
const JSON_TYPE = 'application/json'

export type RequestHandler = {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** From now on every request is answered 503. */
  refuse(): void
  /** Resolves when no request is being handled. */
  idle(): Promise<void>
}

/** Answers the requests of the push endpoint. */
export function requestHandler(config: HttpConfig, deps: CollectorDeps, grants: readonly Grant[]): RequestHandler {
  const grantOf = grantsOf(grants)
  const active = new Set<Promise<void>>()
  let is_refusing = false

  async function handle(request: IncomingMessage, response: ServerResponse) {
    let push: Push | undefined
    try {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      if (pathname.startsWith('/v1')) return await handleOtlp(request, response, pathname)
      const format = route(request, response)
      if (format === undefined) return
      const kind = bodyKind(request, config)
      if (request.headers.expect) response.writeContinue()
      const bytes = bodyBytes(request, kind, config)
      push = (kind.shape === 'lines' ? pushLines : pushDocument)(bytes, format, deps, config)
      await push.run()
      answer(response, 200, push.progress().receipt)
    } catch (error) {
      if (isGone(request)) {
        deps.refused('connection_lost')
        deps.log.debug(
          { instance: deps.instance, error: messageOf(error) },
          'a sender left before its request was whole',
        )
        return
      }
      refusal(request, response, problemOf(error), push)
    }
  }

  /** The same for an OpenTelemetry exporter, whose answers have its encoding. */
  async function handleOtlp(request: IncomingMessage, response: ServerResponse, pathname: string) {
    const encoding = otlpEncoding(request)
    try {
      const signal = otlpSignal(pathname)
      if (signal === undefined) {
        throw new HttpProblem(404, 'not_found', `There is nothing at ${pathname}.`, 'Use /v1/logs or /v1/metrics.')
      }
      checkAllowed(admit(request), 'otlp')
      checkLength(request, config)
      const push = pushOtlp(request, signal, isGzip(request), deps, config)
      if (request.headers.expect) response.writeContinue()
      await push.run()
      send(response, 200, encoding, otlpAnswer(signal, encoding, push.progress()))
    } catch (error) {
      if (isGone(request)) return deps.refused('connection_lost')
      const problem = problemOf(error)
      deps.refused(problem.code)
      refuse(request, response, problem, encoding, otlpRefusal(encoding, problem))
    }
  }

  /** What the sender may push. Throws for a request that must not be read: no token, not a POST, or no room for it. */
  function admit(request: IncomingMessage): Grant {
    const grant = grantOf(request.headers.authorization)
    if (!grant) {
      const found = request.headers.authorization ? 'The token is wrong.' : 'The request has no token.'
      throw new HttpProblem(401, 'unauthorized', found, 'Send the header Authorization: Bearer <token>.', {
        'www-authenticate': 'Bearer realm="weir"',
      })
    }
    if (request.method !== 'POST') {
      throw new HttpProblem(405, 'method_not_allowed', `${request.method} is not possible here.`, 'Use POST.', {
        allow: 'POST',
      })
    }
    if (is_refusing) {
      throw new HttpProblem(503, 'stopping', 'Weir is stopping.', 'Send the request again later.', {
        'retry-after': '5',
      })
    }
    if (deps.pressure() >= FULL_PRESSURE || active.size >= config.max_concurrent_requests) {
      throw new HttpProblem(
        429,
        'overloaded',
        'Too much is waiting already.',
        'Send the request again after the time in Retry-After.',
        {
          'retry-after': '1',
        },
      )
    }
    return grant
  }

  /** The format to read the body with; undefined if the request is answered already. */
  function route(request: IncomingMessage, response: ServerResponse): string | undefined {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/health') {
      answer(response, is_refusing ? 503 : 200, { status: is_refusing ? 'stopping' : 'ok' })
      return undefined
    }
    const [, ingest, in_path, ...rest] = pathname.split('/')
    if (ingest !== 'ingest' || rest.length > 0) {
      throw new HttpProblem(404, 'not_found', `There is nothing at ${pathname}.`, 'POST events to /ingest/<format>.')
    }
    const grant = admit(request)
    const format = in_path || searchParams.get('format') || config.format
    if (!format || !/^[a-z][a-z0-9_]{0,63}$/.test(format)) {
      throw new HttpProblem(
        404,
        'unknown_format',
        format ? `"${format}" is no format name.` : 'The request names no format.',
        'POST events to /ingest/<format>, for instance /ingest/ocsf.',
      )
    }
    checkAllowed(grant, format)
    return format
  }

  function refusal(request: IncomingMessage, response: ServerResponse, problem: HttpProblem, push: Push | undefined) {
    deps.refused(problem.code)
    if (problem.status >= 500 && problem.code !== 'stopping') {
      deps.log.warn({ instance: deps.instance, code: problem.code, error: problem.message }, 'push refused')
    }
    const { code, message, hint } = problem
    const { accepted, receipt } = push?.progress() ?? { accepted: 0, receipt: undefined }
    // A sender may go on behind `accepted_records`, or repeat everything: what is stored is not stored twice.
    const body = { error: { code, message, hint }, accepted_records: accepted, ...(receipt ? { receipt } : {}) }
    refuse(request, response, problem, JSON_TYPE, jsonLine(body))
  }

  return {
    handle(request, response) {
      const done = handle(request, response).finally(() => active.delete(done))
      active.add(done)
      return done
    },
    refuse() {
      is_refusing = true
    },
    async idle() {
      while (active.size > 0) await Promise.all(active)
    },
  }
}

function checkAllowed({ formats }: Grant, format: string) {
  if (formats === undefined || formats.includes(format)) return
  const message = `This token does not allow the format ${format}.`
  throw new HttpProblem(
    403,
    'format_not_allowed',
    message,
    `It allows ${formats.join(', ')}: see tokens of the collector.`,
  )
}

function isGone(request: IncomingMessage): boolean {
  return request.socket.destroyed || (request.destroyed && request.errored !== null && !request.complete)
}

function jsonLine(body: object): Buffer {
  return Buffer.from(`${JSON.stringify(body)}\n`)
}

function answer(response: ServerResponse, status: number, body: object) {
  send(response, status, JSON_TYPE, jsonLine(body))
}

function send(response: ServerResponse, status: number, type: string, body: Buffer) {
  if (response.headersSent || response.destroyed) return
  writeHead(response, status, type, body)
  response.end(body)
}

/**
 * Answers a request whose body may still be on its way. The answer ends when the body has: Node closes the connection with the
 * answer's end, and a sender who is still writing would then see a broken connection instead of the reason.
 */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers }: HttpProblem,
  type: string,
  body: Buffer,
) {
  if (response.headersSent || response.destroyed) return
  if (request.complete) {
    writeHead(response, status, type, body, headers)
    response.end(body)
    return
  }
  writeHead(response, status, type, body, { ...headers, connection: 'close' })
  response.write(body)
  request.unpipe()
  request.on('error', () => {})
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS)
  timer.unref()
  request.once('close', () => {
    clearTimeout(timer)
    response.end()
  })
  request.resume()
}

function writeHead(
  response: ServerResponse,
  status: number,
  type: string,
  body: Buffer,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
}
