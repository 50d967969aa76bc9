import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WeirError } from './errors.js'
import type { HealthBoard } from './health.js'
import type { Service } from './lifecycle.js'
import type { Metrics } from './metrics.js'

/** The port that is tried when none is configured. */
export const DEFAULT_HEALTH_PORT = 8871

export type HealthServerOptions = {
  readonly host: string
  /** Absent: `DEFAULT_HEALTH_PORT`, or a free one if that is taken; 0: a free one. */
  readonly port?: number | undefined
  readonly board: HealthBoard
  readonly metrics: Metrics
  /** What else `/health` says of this process. */
  readonly about: () => Record<string, unknown>
}

/** `/health`, `/ready` and `/metrics` of one process. */
export type HealthServer = Service & { url(): string | undefined }

type Answer = { status: number; type: string; body: string }

/**
 * `/health`: 200 while the process runs. `/ready`: 200 if every required dependency works, else 503; JSON with each of them.
 * `/metrics`: Prometheus text. Nothing here needs a secret, and nothing can be changed.
 */
export function createHealthServer(options: HealthServerOptions): HealthServer {
  const { host, port, board, metrics, about } = options
  let server: Server | undefined

  async function answerTo(path: string): Promise<Answer> {
    switch (path) {
      case '/health':
        return json(200, { status: 'alive', ...about() })
      case '/ready':
        return json(board.isReady() ? 200 : 503, {
          ready: board.isReady(),
          dependencies: board.states().map((state) => ({ ...state, since: new Date(state.since).toISOString() })),
        })
      case '/metrics':
        return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await metrics.text() }
      default:
        return json(404, { error: 'there is /health, /ready and /metrics' })
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse) {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const path = new URL(request.url ?? '/', 'http://weir').pathname
    const { status, type, body } = isRead ? await answerTo(path) : json(405, { error: 'only GET' })
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  async function listen(on: number): Promise<Server> {
    const candidate = createServer((request, response) => {
      handle(request, response).catch(() => response.destroy())
    })
    candidate.requestTimeout = 10_000
    candidate.listen(on, host)
    await once(candidate, 'listening')
    return candidate
  }

  return {
    name: 'health endpoint',
    url() {
      const address = server?.address() as AddressInfo | null | undefined
      if (!address) return undefined
      return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
    },
    async start() {
      try {
        server = await listen(port ?? DEFAULT_HEALTH_PORT).catch((error) => {
          if (port === undefined && error.code === 'EADDRINUSE') return listen(0)
          throw error
        })
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        throw new WeirError('port_in_use', `cannot listen on ${host}:${port ?? DEFAULT_HEALTH_PORT} (${code})`, {
          hint: 'Set http.host and http.port to an address and a port that are free on this machine.',
          cause: error,
        })
      }
    },
    async stop() {
      const closing = server
      server = undefined
      if (!closing) return
      closing.closeAllConnections()
      await new Promise((resolve) => closing.close(resolve))
    },
  }
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}
