import http from 'node:http'
import https from 'node:https'
import { StringDecoder } from 'node:string_decoder'
import { messageOf, WeirError } from '../../../core/errors.js'
import type { Connection } from './connection.js'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** etcd takes objects of 1.5 MiB; a watch event is one of them as JSON. */
const MAX_LINE_CHARS = 16 * 1024 * 1024

/** An answer that is no success. */
export type Refusal = WeirError & { readonly status: number; readonly retry_after_ms: number | undefined }

export type KubernetesApi = {
  /** The parsed answer. */
  list(path: string, query: Query, signal: AbortSignal): Promise<{ [key: string]: unknown }>
  /** Lines of a watch as they arrive; ends when the server ends it. Rejects if nothing comes for `idle_ms`. */
  watch(path: string, query: Query, idle_ms: number, signal: AbortSignal): AsyncGenerator<string[]>
  close(): void
}

type Query = { readonly [name: string]: string | number | undefined }

/** A client of one API server: reads only, never follows redirects, checks the certificate always. */
export function createKubernetesApi(connection: Connection, timeout_ms: number): KubernetesApi {
  const { server, ca, cert, key, servername } = connection
  const transport = server.protocol === 'https:' ? https : http
  const agent = new transport.Agent({ keepAlive: true, timeout: 600_000 })
  const prefix = server.pathname.replace(/\/$/, '')

  async function open(path: string, query: Query, signal: AbortSignal): Promise<http.IncomingMessage> {
    const token = await connection.token()
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = transport.request({
        agent,
        protocol: server.protocol,
        hostname: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port,
        path: `${prefix}${path}${queryOf(query)}`,
        headers: { Accept: 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
        signal,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(servername === undefined ? {} : { servername }),
      })
      const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeout_ms} ms`)), timeout_ms)
      request.on('close', () => clearTimeout(timer))
      request.on('response', (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      request.on('error', reject)
      request.end()
    }).catch((cause) => {
      throw unreachable(server, cause)
    })
    const status = response.statusCode ?? 0
    if (status === 200) return response
    const text = await bodyOf(response, 64 * 1024).catch(() => '')
    throw refusal(path, status, text, response.headers['retry-after'])
  }

  return {
    async list(path, query, signal) {
      const response = await open(path, query, signal)
      // The beginning came in time; a list that stops in the middle must end as well.
      response.setTimeout(timeout_ms, () => response.destroy(new Error(`nothing for ${timeout_ms} ms`)))
      try {
        const parsed: unknown = JSON.parse(await bodyOf(response, MAX_ANSWER_BYTES))
        if (typeof parsed === 'object' && parsed !== null) return parsed as { [key: string]: unknown }
      } catch (cause) {
        throw unreachable(server, cause)
      }
      throw unreachable(server, new Error(`${path} is not answered by a list`))
    },
    async *watch(path, query, idle_ms, signal) {
      const response = await open(path, { ...query, watch: 1 }, signal)
      response.setTimeout(idle_ms, () => response.destroy(new Error(`nothing for ${idle_ms} ms`)))
      const decoder = new StringDecoder('utf8')
      let rest = ''
      try {
        for await (const chunk of response as AsyncIterable<Buffer>) {
          rest += decoder.write(chunk)
          const lines = rest.split('\n')
          rest = lines.pop() ?? ''
          if (rest.length > MAX_LINE_CHARS) throw new Error(`an event is longer than ${MAX_LINE_CHARS} characters`)
          if (lines.length > 0) yield lines
        }
      } catch (cause) {
        throw unreachable(server, cause)
      } finally {
        response.destroy()
      }
      // What came of a line that the end cut off is sent again by the next watch.
    },
    close: () => agent.destroy(),
  }
}

async function bodyOf(response: http.IncomingMessage, max_bytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > max_bytes) throw new Error(`the answer is larger than ${max_bytes} bytes; make page_size smaller`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const HINTS: { readonly [status: number]: string } = {
  401: 'The token or client certificate is not accepted: is it of this cluster, and not expired?',
  403: 'Grant list and watch: deploy/kubernetes/collector-rbac.yaml.',
  404: 'This cluster does not have it: leave it out of resources.',
}

function refusal(path: string, status: number, body: string, after: string | undefined): Refusal {
  let message = ''
  try {
    message = String((JSON.parse(body) as { message?: unknown }).message ?? '')
  } catch {
    // Proxies answer with pages of their own.
  }
  const code =
    status === 401
      ? 'unauthorized'
      : status === 403
        ? 'forbidden'
        : status === 404
          ? 'not_found'
          : status === 429
            ? 'overloaded'
            : 'unreachable'
  const hint = HINTS[status]
  const error = new WeirError(
    code,
    `${path} is answered ${status}${message === '' ? '' : `: ${message.slice(0, 300)}`}`,
    {
      retryable: true,
      ...(hint === undefined ? {} : { hint }),
    },
  )
  const seconds =
    after === undefined ? Number.NaN : /^\d{1,6}$/.test(after) ? Number(after) : (Date.parse(after) - Date.now()) / 1000
  return Object.assign(error, {
    status,
    retry_after_ms: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  })
}

function unreachable(server: URL, cause: unknown): WeirError {
  if (cause instanceof WeirError) return cause
  const { code } = cause as NodeJS.ErrnoException
  const isTrust = typeof code === 'string' && /CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code)
  return new WeirError('unreachable', `${server.origin}: ${messageOf(cause)}`, {
    retryable: true,
    cause,
    ...(isTrust
      ? { hint: 'The certificate of the API server is not signed by the authority of ca_file, or for another name.' }
      : {}),
  })
}

function queryOf(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return `?${parameters}`
}
