import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Session } from 'chdb'
import { messageOf, WeirError } from '../../core/errors.js'
import type { Service } from '../../core/lifecycle.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import { openStaging, type Staging } from '../staging.js'
import {
  authenticate,
  defaultSqlUsers,
  isMeantForUs,
  requirePasswords,
  requireWriters,
  type SqlUser,
} from './access.js'
import { type Analyst, createAnalyst, type SqlRequest } from './analyst.js'
import { decodedBody } from './body.js'
import { engineException, httpStatus, sqlException } from './exception.js'
import { createGate, type Gate } from './gate.js'
import { defaultSqlLimits, type SqlLimits } from './limits.js'
import { atRevision } from './native-revision.js'
import { createOwner, type Owner, takesRows } from './owner.js'
import { sendAnswer, sendException, sendText } from './reply.js'
import { type HttpQuery, readQuery } from './request.js'

export type SqlEndpointOptions = {
  /** A new session on the lake; every query gets its own. */
  readonly open: () => Session
  /** Address to listen on; one other than loopback needs passwords. Default 127.0.0.1. */
  readonly host?: string
  /** Port to listen on; 0 takes a free one. */
  readonly port: number
  /** Who may query. Default: `default` and `analyst`, without passwords. All of them are read-only. */
  readonly users?: readonly SqlUser[]
  /** Who may do everything, besides. `weir up` names nobody: it is for an endpoint that stands in for a server. */
  readonly writers?: {
    readonly users: readonly SqlUser[]
    /** Called before a statement that changes something; what it throws is the answer. */
    readonly admit?: () => void | Promise<void>
  }
  /** Names, besides addresses and `localhost`, under which clients may call the endpoint. */
  readonly hostnames?: readonly string[]
  readonly limits?: Partial<SqlLimits>
  readonly log: Log
  readonly metrics: Metrics
}

/** ClickHouse's HTTP interface over the embedded engine. */
export type SqlEndpoint = Service & {
  /** Where it listens, e.g. `http://127.0.0.1:8123`. Throws before `start`. */
  readonly url: string
}

/** How long a stop waits for running queries before it ends them, in milliseconds. */
const stop_grace_ms = 2000
/** Statements of writers that run at the same time. */
const writer_places = 8

/** An endpoint that is not listening yet. Throws `config_invalid` where a user without a password could be reached from outside. */
export function createSqlEndpoint(options: SqlEndpointOptions): SqlEndpoint {
  const host = options.host ?? '127.0.0.1'
  const users = options.users ?? defaultSqlUsers
  const writers = options.writers?.users ?? []
  requirePasswords(host, users)
  requireWriters(writers, users)
  const limits: SqlLimits = { ...defaultSqlLimits, ...options.limits }
  const context = {
    users: [...users, ...writers],
    writers: new Set(writers),
    limits,
    hostnames: new Set([host, ...(options.hostnames ?? [])].map((name) => name.toLowerCase())),
    writers_gate: createGate(writer_places, 1_000, 60_000),
    gate: createGate(limits.max_concurrent_queries, limits.max_queued_queries, limits.max_queue_ms),
    log: options.log,
    metrics: options.metrics,
    running: new Set<AbortController>(),
  }
  let server: Server | undefined
  let analyst: Analyst | undefined
  let staging: Staging | undefined
  let url: string | undefined

  return {
    name: 'sql_endpoint',
    get url() {
      if (url === undefined) throw new WeirError('internal', 'the SQL endpoint is not started')
      return url
    },
    async start() {
      const ready = await createAnalyst({ open: options.open, limits })
      if (options.writers) staging = await openStaging()
      const owner = staging && createOwner({ open: options.open, staging, ...options.writers })
      const listening = createServer({ maxHeaderSize: limits.max_query_bytes + 65_536 }, (request, response) => {
        void handle({ ...context, analyst: ready, owner }, request, response)
      })
      listening.requestTimeout = 60_000
      try {
        await listen(listening, host, options.port)
      } catch (error) {
        ready.close()
        await staging?.close()
        throw error
      }
      server = listening
      analyst = ready
      const { port } = listening.address() as AddressInfo
      url = `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
    },
    async stop() {
      const stopping = server
      server = undefined
      if (!stopping) return
      const closed = new Promise<void>((resolve) => stopping.close(() => resolve()))
      stopping.closeIdleConnections()
      const timer = setTimeout(() => {
        for (const query of context.running) query.abort()
        stopping.closeAllConnections()
      }, stop_grace_ms)
      await closed
      clearTimeout(timer)
      analyst?.close()
      await staging?.close()
    },
  }
}

type Context = {
  readonly analyst: Analyst
  readonly owner: Owner | undefined
  readonly writers: ReadonlySet<SqlUser>
  readonly writers_gate: Gate
  readonly users: readonly SqlUser[]
  readonly limits: SqlLimits
  readonly hostnames: ReadonlySet<string>
  readonly gate: Gate
  readonly log: Log
  readonly metrics: Metrics
  readonly running: Set<AbortController>
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      reject(
        new WeirError('port_in_use', `the SQL endpoint cannot listen on ${host}:${port}: another program does`, {
          hint: 'Stop that program or set another port.',
        }),
      )
    })
    server.listen(port, host.replace(/^\[|\]$/g, ''), resolve)
  })
}

async function handle(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on('error', () => {})
  try {
    if (!isMeantForUs(request, context.hostnames)) {
      return sendText(
        response,
        403,
        'This host name or origin is not allowed here (see hostnames in the configuration).\n',
      )
    }
    const target = request.url ?? '/'
    const url = URL.canParse(target, 'http://endpoint') ? new URL(target, 'http://endpoint') : undefined
    if (!url) return sendText(response, 400, 'The request target is no URL.\n')
    if (request.method !== 'GET' && request.method !== 'POST' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, POST')
      return sendText(response, 405, 'Only GET, HEAD and POST are known here.\n')
    }
    if (isHealthCheck(request, url)) return sendText(response, 200, 'Ok.\n')
    if (url.pathname !== '/' && url.pathname !== '/query') {
      return sendText(
        response,
        404,
        `There is no handle ${url.pathname}\n\nUse / or /ping for health checks.\nOr /replicas_status for more sophisticated health checks.\n\nSend queries from your program with POST method or GET /?query=...\n`,
      )
    }
    await answer(context, request, response, url)
  } catch (error) {
    context.log.error({ err: messageOf(error) }, 'SQL endpoint failed to answer')
    response.destroy()
  }
}

function isHealthCheck(request: IncomingMessage, url: URL): boolean {
  if (url.pathname === '/ping' || url.pathname === '/replicas_status') return true
  return url.pathname === '/' && request.method !== 'POST' && !url.searchParams.has('query')
}

async function answer(context: Context, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const started = process.hrtime.bigint()
  const query = new AbortController()
  const gone = () => query.abort()
  response.once('close', gone)
  context.running.add(query)
  let read: HttpQuery | undefined
  let outcome = 'ok'
  try {
    const user = authenticate(request, url, context.users)
    const owner = context.writers.has(user) ? context.owner : undefined
    const carries_rows = owner !== undefined && takesRows(url.searchParams.get('query') ?? '')
    read = await readQuery(request, url, context.limits, carries_rows)
    const run = !owner
      ? context.analyst.run
      : (given: SqlRequest) => owner.run(given, carries_rows ? decodedBody(request) : undefined)
    const gate = owner ? context.writers_gate : context.gate
    await runQuery({ ...context, gate, run }, request, response, read, query.signal, started)
  } catch (error) {
    const exception = engineException(error)
    outcome = exception.type
    if (httpStatus(exception.code) === 500)
      context.log.debug({ code: exception.code, type: exception.type }, 'query failed')
    if (!response.headersSent) {
      // What the client still sends is not read, so the connection cannot carry another request.
      if (!request.complete) response.setHeader('Connection', 'close')
      sendException(response, context.analyst, exception, read?.query_id)
    }
  } finally {
    context.running.delete(query)
    response.off('close', gone)
    context.metrics.count('sql_queries', { outcome })
    context.metrics.observe('sql_query', { outcome }, Number(process.hrtime.bigint() - started) / 1e6)
  }
}

async function runQuery(
  context: Context & Pick<Analyst, 'run'>,
  request: IncomingMessage,
  response: ServerResponse,
  query: HttpQuery,
  signal: AbortSignal,
  started: bigint,
): Promise<void> {
  if (query.sql.trim() === '') throw sqlException('SYNTAX_ERROR', 'Syntax error: the query is empty.')
  const leave = await context.gate.enter(signal)
  try {
    const result = await context.run({ ...query, signal })
    try {
      if (request.method === 'HEAD') return sendText(response, 200, '')
      const pieces =
        result.format === 'Native' ? atRevision(result.pieces, query.client_protocol_version) : result.pieces
      await sendAnswer(
        request,
        response,
        context.analyst,
        { ...result, pieces },
        {
          query_id: query.query_id,
          compress: query.compress,
          tag: exceptionTag(),
          elapsed_ns: process.hrtime.bigint() - started,
          max_stall_ms: context.limits.max_stall_ms,
        },
      )
    } finally {
      result.close()
    }
  } finally {
    leave()
  }
}

function exceptionTag(): string {
  return Array.from(randomBytes(16), (byte) => String.fromCharCode(97 + (byte % 26))).join('')
}
