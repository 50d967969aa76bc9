import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { WeirError } from '../../core/errors.js'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { type HttpConfig, httpConfig } from './http/config.js'
import { requestHandler } from './http/handler.js'
import { type Grant, keptToken } from './http/token.js'

/** How long requests that are still arriving may take when Weir stops. */
const STOP_GRACE_MS = 5000

/** Where other programs push events to. */
export const http = defineCollector({
  name: 'http',
  summary:
    'Push endpoint: POST /ingest/<format> with NDJSON, a JSON object or array, or lines of text; gzip, bearer token.',
  config: httpConfig,
  example: { port: 8870, format: 'ocsf' },
  formats: [],
  create: createHttp,
})

/** The http collector also tells where it listens, since the port may be any free one. */
export type HttpCollector = Collector & {
  /** `http://127.0.0.1:8870`; undefined while it does not listen. */
  url(): string | undefined
}

function createHttp(config: HttpConfig, deps: CollectorDeps): HttpCollector {
  const token_path = join(deps.state_dir, 'token')
  let server: Server | undefined
  let handler: ReturnType<typeof requestHandler> | undefined

  function url(): string | undefined {
    const address = server?.address() as AddressInfo | null | undefined
    if (!address) return undefined
    const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `${config.tls ? 'https' : 'http'}://${name}:${address.port}`
  }

  const named = Object.values(config.tokens)
  async function grants(): Promise<Grant[]> {
    if (config.token !== undefined) return [{ token: config.token }, ...named]
    return named.length > 0 ? named : [{ token: await keptToken(token_path) }]
  }

  return {
    url,
    async start() {
      const requests = requestHandler(config, deps, await grants())
      handler = requests
      server = await createListener(config, (request, response) => void requests.handle(request, response))
      server.on('checkContinue', (request, response) => void requests.handle(request, response))
      await listen(server, config)
    },
    async stop() {
      const stopping = server
      if (!stopping) return
      handler?.refuse()
      const closed = new Promise<void>((resolve) => stopping.close(() => resolve()))
      stopping.closeIdleConnections()
      const timer = setTimeout(() => stopping.closeAllConnections(), STOP_GRACE_MS)
      await handler?.idle()
      stopping.closeIdleConnections()
      await closed
      clearTimeout(timer)
      server = undefined
    },
    describe() {
      const where = url() ?? `${config.tls ? 'https' : 'http'}://${config.host}:${config.port}`
      const path = config.format ? `/ingest (${config.format}) or /ingest/<format>` : '/ingest/<format>'
      const configured = named.length + (config.token === undefined ? 0 : 1)
      const key = [`the token in ${token_path}`, 'the configured token'][configured] ?? `one of ${configured} tokens`
      return `POST ${where}${path} with ${key}`
    },
  }
}

async function createListener(
  config: HttpConfig,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const limits = {
    requestTimeout: config.request_timeout_ms,
    headersTimeout: Math.min(config.headers_timeout_ms, config.request_timeout_ms),
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: 65_000,
  }
  if (!config.tls) return createServer(limits, handle)
  const [cert, key] = await Promise.all([readPem(config.tls.cert_file), readPem(config.tls.key_file)])
  return createTlsServer({ ...limits, cert, key }, handle)
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new WeirError('config_invalid', `${path} cannot be read`, {
      hint: 'tls needs two readable PEM files.',
      cause,
    })
  }
}

function listen(server: Server, { host, port }: HttpConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const in_use = cause.code === 'EADDRINUSE'
      reject(
        new WeirError(in_use ? 'port_in_use' : 'config_invalid', `cannot listen on ${host}:${port} (${cause.code})`, {
          hint: in_use
            ? 'Stop the program that listens there, or set another port for this http collector.'
            : 'Set host to an address of this machine, and a port that this user may open.',
          cause,
        }),
      )
    })
    server.listen(port, host, () => resolve())
  })
}
