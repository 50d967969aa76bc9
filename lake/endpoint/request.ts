import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { SqlRequest } from './analyst.js'
import { readBody } from './body.js'
import { sqlException } from './exception.js'
import type { SqlLimits } from './limits.js'
import { measurableTypes } from './native-revision.js'

/** A query as it came over HTTP. */
export type HttpQuery = Omit<SqlRequest, 'signal'> & {
  readonly query_id: string
  /** The client may be answered in a compressed body. */
  readonly compress: boolean
  /** The revision of ClickHouse's native protocol that Native blocks are to be written in; 0 means plain. */
  readonly client_protocol_version: number
}

const own = new Set(['query', 'query_id', 'database', 'default_format', 'user', 'password', 'compress', 'decompress'])

/** Takes a request apart as ClickHouse does; a body that is rows (`carries_rows`) is left unread. Throws `SqlException`. */
export async function readQuery(
  request: IncomingMessage,
  url: URL,
  limits: SqlLimits,
  carries_rows = false,
): Promise<HttpQuery> {
  const query = url.searchParams
  for (const name of ['compress', 'decompress']) {
    if (isOn(query.get(name))) {
      throw sqlException(
        'BAD_ARGUMENTS',
        `${name}=1 (blocks of the native protocol) is not supported here; use enable_http_compression=1 with Accept-Encoding: gzip instead.`,
      )
    }
  }
  const body = request.method === 'POST' && !carries_rows ? await readBody(request, limits.max_body_bytes) : undefined
  const sql = [query.get('query') ?? '', body?.sql ?? ''].filter((part) => part !== '').join('\n')
  const params = new Map<string, string>()
  const settings = new Map<string, string>()
  for (const [name, value] of [...query, ...(body?.fields ?? [])]) {
    if (name.startsWith('param_')) params.set(name.slice('param_'.length), value)
    else if (!own.has(name)) settings.set(name, value)
  }
  const version = protocolVersion(query.get('client_protocol_version'))
  if (version > 0) {
    for (const [name, value] of measurableTypes) settings.set(name, value)
  }
  return {
    sql,
    params,
    settings,
    database: header(request, 'x-clickhouse-database') ?? query.get('database') ?? undefined,
    default_format: query.get('default_format') ?? header(request, 'x-clickhouse-format') ?? 'TabSeparated',
    whole: isOn(query.get('wait_end_of_query')),
    query_id: queryId(query.get('query_id') ?? header(request, 'x-clickhouse-query-id')),
    compress: isOn(query.get('enable_http_compression')),
    client_protocol_version: version,
  }
}

function protocolVersion(given: string | null): number {
  const version = Number(given ?? '0')
  return Number.isSafeInteger(version) && version > 0 ? version : 0
}

function isOn(value: string | null): boolean {
  return value === '1' || value === 'true'
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** The id goes back in a header, so it must be made of what headers may hold. */
function queryId(given: string | null | undefined): string {
  if (given === null || given === undefined || given === '') return randomUUID()
  if (/^[\x21-\x7e]{1,256}$/.test(given)) return given
  throw sqlException('BAD_ARGUMENTS', 'query_id is up to 256 printable ASCII characters.')
}
