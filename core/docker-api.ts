import http from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { type DockerConnection, faultOf, targetOf } from './docker-connection.js'
import { WeirError } from './errors.js'

export type DockerRequest = {
  readonly query?: { readonly [name: string]: string | number | boolean | undefined }
  /** Sent as JSON; bytes are sent as they are (image import). */
  readonly body?: object | Uint8Array
  readonly timeout_ms?: number
  readonly signal?: AbortSignal
}

/** A JSON answer of the engine; its shape is the Engine API's. */
// biome-ignore lint/suspicious/noExplicitAny: the engine's answers are checked where they are read
export type DockerAnswer = any

export type DockerApi = {
  readonly address: string
  /** True if requests travel encrypted over TCP. */
  readonly tls: boolean
  /** The engine's /version, and the API version both sides speak. Asked once; asked again after the engine was unreachable. */
  version(): Promise<{ readonly api: string; readonly engine: string }>
  /**
   * One call. Resolves with the parsed JSON, or undefined if the answer is empty (also for 304 "already so").
   * Rejects with `not_found`, `conflict`, `forbidden`, `unauthorized`, `bad_input`, `timeout`, `unreachable`, `too_large`
   * or `internal` (the engine failed).
   */
  request(method: 'GET' | 'POST' | 'DELETE' | 'PUT', path: string, options?: DockerRequest): Promise<DockerAnswer>
  /**
   * The event stream, one JSON text each, from `since` (seconds.nanoseconds) on. Ends when the engine closes it or `signal`
   * aborts; the caller reconnects. Rejects as `request` does.
   */
  events(options?: {
    readonly since?: string
    readonly until?: string
    readonly signal?: AbortSignal
  }): AsyncGenerator<string>
  /** Closes idle connections. */
  close(): void
}

/** The newest API version this client was written against, and the oldest it understands. */
const NEWEST = '1.51'
const OLDEST = '1.25'
const MAX_ANSWER_BYTES = 32 * 1024 * 1024
const MAX_EVENT_CHARS = 1024 * 1024

/**
 * A client of one Docker engine. Connects on the first call only. Throws `config_invalid` for an address it does not
 * know and for certificate files it cannot read.
 */
export function createDockerApi(connection: DockerConnection): DockerApi {
  const target = targetOf(connection)
  const transport = target.tls ? https : http
  const agent = new transport.Agent({ keepAlive: true, maxSockets: 8, timeout: 60_000 })
  let negotiated: Promise<{ api: string; engine: string }> | undefined

  function open(method: string, path: string, options: DockerRequest): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const bytes = payloadOf(options.body)
      const request = transport.request({
        ...target.options,
        // Only reads may share a connection: one that the engine closed meanwhile can be asked again without harm.
        agent: method === 'GET' ? agent : false,
        method,
        path,
        headers: { ...target.headers, ...bytes.headers },
        ...(options.signal ? { signal: options.signal } : {}),
      })
      const limit = options.timeout_ms ?? connection.timeout_ms
      const timer = setTimeout(() => {
        request.destroy(
          new WeirError(
            'timeout',
            `the Docker engine at ${connection.address} did not answer ${method} ${path} in ${limit} ms`,
            {
              retryable: true,
            },
          ),
        )
      }, limit)
      request.on('response', (response) => {
        response.on('close', () => clearTimeout(timer))
        resolve(response)
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer)
        if (request.reusedSocket && error.code === 'ECONNRESET') open(method, path, options).then(resolve, reject)
        else reject(error)
      })
      request.end(bytes.data)
    })
  }

  async function call(method: string, path: string, options: DockerRequest = {}): Promise<DockerAnswer> {
    let response: http.IncomingMessage
    let text: string
    try {
      response = await open(method, path + queryOf(options.query), options)
      text = await textOf(response, method, path)
    } catch (error) {
      negotiated = undefined
      throw faultOf(error, connection)
    }
    const status = response.statusCode ?? 0
    if (status >= 400) throw refusal(status, text, method, path)
    return parsed(text)
  }

  function version() {
    negotiated ??= call('GET', '/version')
      .then(agree)
      .catch((error) => {
        // An engine that is starting, or a proxy before it, says no at first: it is asked again.
        negotiated = undefined
        throw error
      })
    return negotiated
  }
  const prefixed = async (path: string) => `/v${(await version()).api}${path}`

  return {
    address: connection.address,
    tls: target.tls,
    version,
    async request(method, path, options) {
      return await call(method, await prefixed(path), options)
    },
    async *events({ since, until, signal } = {}) {
      const path = await prefixed('/events')
      let response: http.IncomingMessage
      try {
        // The headers come at once, the body when something happens: the time limit may not cover the stream.
        response = await open('GET', path + queryOf({ since, until }), {
          timeout_ms: 2 ** 31 - 1,
          ...(signal ? { signal } : {}),
        })
      } catch (error) {
        if (signal?.aborted) return
        negotiated = undefined
        throw faultOf(error, connection)
      }
      response.socket.setKeepAlive(true, 30_000)
      if ((response.statusCode ?? 0) >= 400) {
        throw refusal(response.statusCode ?? 0, await textOf(response, 'GET', path), 'GET', path)
      }
      try {
        yield* linesOf(response)
      } catch (error) {
        if (signal?.aborted) return
        negotiated = undefined
        throw faultOf(error, connection)
      } finally {
        response.destroy()
      }
    },
    close: () => agent.destroy(),
  }
}

function payloadOf(body: object | Uint8Array | undefined): {
  headers: Record<string, string | number>
  data?: Uint8Array
} {
  if (body === undefined) return { headers: {} }
  const binary = body instanceof Uint8Array
  const data = binary ? body : Buffer.from(JSON.stringify(body))
  const type = binary ? 'application/x-tar' : 'application/json'
  return { headers: { 'Content-Type': type, 'Content-Length': data.byteLength }, data }
}

function queryOf(query: DockerRequest['query']): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) parameters.set(name, String(value))
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

async function textOf(response: http.IncomingMessage, method: string, path: string): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) {
      response.destroy()
      throw new WeirError('too_large', `the answer to ${method} ${path} is larger than ${MAX_ANSWER_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Objects of a stream that are separated by line breaks. */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    rest += decoder.write(chunk)
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_EVENT_CHARS) {
      throw new WeirError('too_large', `an event of the Docker engine is longer than ${MAX_EVENT_CHARS} characters`)
    }
    for (const line of lines) if (line.trim() !== '') yield line
  }
  if (rest.trim() !== '') yield rest
}

function parsed(text: string): DockerAnswer {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Progress answers (import, pull) are several objects, one a line; `/_ping` is a word.
    return text
  }
}

/** The highest version both sides know. */
function agree(answer: DockerAnswer): { api: string; engine: string } {
  const theirs = String(answer?.ApiVersion ?? '')
  const least = String(answer?.MinAPIVersion ?? OLDEST)
  if (!/^\d+\.\d+$/.test(theirs)) {
    throw new WeirError('unsupported', 'what answers there is not a Docker engine: its /version has no ApiVersion', {
      hint: 'Check the address.',
    })
  }
  if (older(theirs, OLDEST) || older(NEWEST, least)) {
    throw new WeirError(
      'unsupported',
      `the engine speaks API ${least} to ${theirs}, Weir speaks ${OLDEST} to ${NEWEST}`,
      {
        hint: 'Use a Docker engine from 1.13 on that still answers one of these versions.',
      },
    )
  }
  return { api: older(theirs, NEWEST) ? theirs : NEWEST, engine: String(answer.Version ?? '') }
}

function older(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number)
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number)
  return aMajor === bMajor ? aMinor < bMinor : aMajor < bMajor
}

const CODES = { 400: 'bad_input', 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 409: 'conflict' } as const

function refusal(status: number, text: string, method: string, path: string): WeirError {
  const answer = parsed(text)
  const said = typeof answer?.message === 'string' ? answer.message : text.slice(0, 500)
  const code = CODES[status as keyof typeof CODES] ?? 'internal'
  return new WeirError(code, `the Docker engine answered ${status} to ${method} ${path}: ${said.trim()}`, {
    retryable: status >= 500,
  })
}
