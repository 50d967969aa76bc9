import { randomUUID } from 'node:crypto'
import type { ChdbQueryStream, Session } from 'chdb'
import { identifier, literal, parameter } from './assignments.js'
import { engineException, sqlErrors, sqlException } from './exception.js'
import { isFormatName, isPiecewise } from './formats.js'
import { inspect, outsideTableFunctions, type Statement, singleReader } from './guard.js'
import type { SqlLimits } from './limits.js'
import { engineSettings } from './settings.js'

/** One query of an analyst. */
export type SqlRequest = {
  readonly sql: string
  /** Values of `{name:Type}` placeholders, written as in ClickHouse's TSV. */
  readonly params: ReadonlyMap<string, string>
  /** Settings of this query alone. */
  readonly settings: ReadonlyMap<string, string>
  /** The database that unqualified table names belong to. */
  readonly database: string | undefined
  /** Format of the result if the statement names none. */
  readonly default_format: string
  /** True if the result must be complete before its first byte is handed out. */
  readonly whole: boolean
  /** Ends the query in the engine. */
  readonly signal: AbortSignal
}

export type SqlAnswer = {
  readonly format: string
  /** Rows and bytes the engine read; 0 for a streamed result, whose reading is not over yet. */
  readonly rows_read: number
  readonly bytes_read: number
  /** The result. Throws `SqlException` when the engine fails on the way. */
  readonly pieces: AsyncIterable<Uint8Array>
  /** Frees what the query holds; to be called when the pieces are not wanted any more, also after the last one. */
  close(): void
}

/** Runs queries of people who may read and nothing else. */
export type Analyst = {
  readonly version: string
  readonly timezone: string
  readonly display_name: string
  /** Throws `SqlException` with ClickHouse's code. */
  run(request: SqlRequest): Promise<SqlAnswer>
  close(): void
}

export type AnalystOptions = {
  /** A new session on the lake. Every query gets its own, so that no setting outlives it. */
  readonly open: () => Session
  readonly limits: SqlLimits
}

/** Results above this many bytes are streamed where the format allows it. */
const whole_result_bytes = 16 * 1024 ** 2
const parsed_cache_entries = 500

/** Asks the engine for what the guard needs to know and returns the analyst. Throws `SqlException` if the lake does not answer. */
export async function createAnalyst({ open, limits }: AnalystOptions): Promise<Analyst> {
  const parser = open()
  await parser.queryAsync(
    `SET max_query_size = ${limits.max_query_bytes * 4 + 1024}, implicit_select = 0, readonly = 1`,
  )
  const [facts] = await rows<{ version: string; timezone: string; display_name: string }>(
    parser,
    'SELECT version() AS version, timezone() AS timezone, displayName() AS display_name',
  )
  if (!facts) throw sqlException('STD_EXCEPTION', 'the engine did not tell its version')
  const functions = await rows<{ name: string }>(parser, 'SELECT name FROM system.table_functions')
  const forbidden = outsideTableFunctions(functions.map((row) => row.name))
  const settings = await rows<{ name: string }>(parser, 'SELECT name FROM system.settings')
  const known = new Set(settings.map((row) => row.name))
  const parse = createParser(parser, forbidden, limits.max_query_bytes)

  return {
    ...facts,
    async run(request) {
      const reader = singleReader(request.sql)
      if (!isFormatName(request.default_format)) {
        throw sqlException('UNKNOWN_FORMAT', `Unknown format '${request.default_format.slice(0, 64)}'.`)
      }
      const wanted = engineSettings(request.settings, limits, (name) => known.has(name))
      // A session of its own per query makes USE pointless; clients send it all the same.
      if (reader.kind === 'USE') return empty(request.default_format)
      const statement = await parse(reader.sql)
      return await execute(open, request, statement, wanted, limits)
    },
    close: () => parser.close(),
  }
}

/** The statement as the engine's own parser writes it back, checked. Dashboards repeat themselves: the last ones are remembered. */
function createParser(session: Session, forbidden: ReadonlySet<string>, max_query_bytes: number) {
  const seen = new Map<string, Statement>()
  return async (sql: string): Promise<Statement> => {
    if (Buffer.byteLength(sql) > max_query_bytes) {
      throw sqlException('QUERY_IS_TOO_LARGE', `The query is longer than ${max_query_bytes} bytes.`)
    }
    const known = seen.get(sql)
    if (known) return known
    const canonical = await session
      .queryAsync(`SELECT formatQuerySingleLine(${literal(sql)})`, { format: 'RawBLOB' })
      .then((result) => result.text())
      .catch((error: unknown) => {
        throw engineException(error)
      })
    const statement = inspect(canonical, forbidden)
    if (seen.size >= parsed_cache_entries) seen.delete(seen.keys().next().value ?? '')
    if (sql.length < 10_000) seen.set(sql, statement)
    return statement
  }
}

async function execute(
  open: () => Session,
  request: SqlRequest,
  statement: Statement,
  settings: Map<string, string>,
  limits: SqlLimits,
): Promise<SqlAnswer> {
  const format = statement.format ?? request.default_format
  const streams = statement.streamable && !request.whole && isPiecewise(format) && !settings.has('extremes')
  const limit = Number(settings.get('max_result_bytes'))
  const cap = streams ? whole_result_bytes : limits.max_buffered_bytes
  const capped = new Map(settings).set('max_result_bytes', String(limit === 0 ? cap : Math.min(limit, cap)))
  try {
    return await whole(open, request, statement.sql, format, capped)
  } catch (error) {
    const exception = engineException(error)
    if (!streams || exception.code !== sqlErrors.TOO_MANY_ROWS_OR_BYTES) throw exception
    return await streamed(open, request, statement.sql, format, settings)
  }
}

async function whole(
  open: () => Session,
  request: SqlRequest,
  sql: string,
  format: string,
  settings: ReadonlyMap<string, string>,
): Promise<SqlAnswer> {
  const { session, cancel } = await prepared(open, request, settings)
  try {
    const result = await session.queryAsync(sql, { format })
    const bytes = result.bytes()
    return { format, rows_read: result.rowsRead, bytes_read: result.bytesRead, pieces: once(bytes), close() {} }
  } finally {
    request.signal.removeEventListener('abort', cancel)
    session.close()
  }
}

async function streamed(
  open: () => Session,
  request: SqlRequest,
  sql: string,
  format: string,
  settings: ReadonlyMap<string, string>,
): Promise<SqlAnswer> {
  const { session, cancel } = await prepared(open, request, settings)
  let stream: ChdbQueryStream | undefined
  const close = () => {
    request.signal.removeEventListener('abort', cancel)
    stream?.cancel()
    session.close()
  }
  try {
    stream = session.queryStream(sql, { format })
    const source = stream[Symbol.asyncIterator]()
    // The first piece decides between an error answer and a result that begins.
    const first = await source.next()
    return { format, rows_read: 0, bytes_read: 0, pieces: streamPieces(first, source), close }
  } catch (error) {
    close()
    throw engineException(error)
  }
}

async function* streamPieces(
  first: IteratorResult<{ raw(): Uint8Array }>,
  source: AsyncIterator<{ raw(): Uint8Array }>,
): AsyncGenerator<Uint8Array> {
  try {
    for (let next = first; !next.done; next = await source.next()) yield next.value.raw()
  } catch (error) {
    throw engineException(error)
  }
}

/** A session that has the request's settings and can only read from here on: `readonly` cannot be taken back. */
async function prepared(open: () => Session, request: SqlRequest, settings: ReadonlyMap<string, string>) {
  if (request.signal.aborted) throw sqlException('QUERY_WAS_CANCELLED', 'Query was cancelled.')
  const session = open()
  const marker = `weir:${randomUUID()}`
  const cancel = () => kill(open, marker)
  try {
    if (request.database !== undefined && request.database !== '') {
      await session.queryAsync(`USE ${identifier(request.database)}`)
    }
    const assignments = [...settings, ['log_comment', marker] as const].map(
      ([name, value]) => `${identifier(name)} = ${literal(value)}`,
    )
    for (const [name, value] of request.params) assignments.push(`${parameter(name)} = ${literal(value)}`)
    await session.queryAsync(`SET ${assignments.join(', ')}, readonly = 1`)
  } catch (error) {
    session.close()
    throw engineException(error)
  }
  request.signal.addEventListener('abort', cancel, { once: true })
  return { session, cancel }
}

/**
 * Ends a running query. Called on this thread (about a millisecond), because the threads of the pool may all be
 * busy with the very queries that are to end.
 */
function kill(open: () => Session, marker: string): void {
  const session = open()
  try {
    session.query(`KILL QUERY WHERE Settings['log_comment'] = ${literal(marker)} ASYNC`)
  } finally {
    session.close()
  }
}

function empty(format: string): SqlAnswer {
  return { format, rows_read: 0, bytes_read: 0, pieces: once(new Uint8Array(0)), close() {} }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

async function rows<Row>(session: Session, sql: string): Promise<Row[]> {
  try {
    const text = (await session.queryAsync(sql, { format: 'JSONEachRow' })).text()
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Row]))
  } catch (error) {
    throw engineException(error)
  }
}
