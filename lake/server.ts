import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client'
import { messageOf, WeirError } from '../core/errors.js'
import { type Cluster, onCluster } from './ddl.js'
import type { EncodedBlock } from './encoder.js'
import { isDataFault, lakeFault } from './engine-errors.js'
import { migrate, type Retention } from './migrate.js'
import type { Lake, Params } from './port.js'
import type { ServerLakeConfig } from './server-config.js'
import { serverFault, withoutSecrets } from './server-faults.js'
import { createServerHealth } from './server-health.js'
import { oneStatement } from './statement.js'
import type { Table } from './tables/table.js'
import { within } from './within.js'

/** How a ClickHouse server is reached; lake/server-config.ts explains the fields and has their defaults. */
export type ServerLakeOptions = Omit<ServerLakeConfig, 'url'> & {
  readonly url: string
  /** Days each table keeps its rows, where it is not the table's own number. */
  readonly retention_days?: Retention
}

type ClientConfig = NonNullable<Parameters<typeof createClient>[0]>

/** A server that says nothing at start is given up after so long, ms. */
const start_within_ms = 10_000

/** In every request: exact integers, errors as HTTP status, inserts that are in the table when they return. */
const request_settings: ClickHouseSettings = {
  output_format_json_quote_64bit_integers: 1,
  wait_end_of_query: 1,
  async_insert: 0,
}

/**
 * The lake on a ClickHouse server. Brings its tables up to date, or (`migrate: false`) checks that they are. Throws
 * `unreachable`, `timeout`, `unauthorized` or `forbidden` within 15 s, naming the setting, and `conflict` if the tables are of another version.
 */
export async function openServerLake(options: ServerLakeOptions): Promise<Lake> {
  const lake = serverLake(options)
  try {
    await prepare(lake, options)
    return lake
  } catch (error) {
    await lake.close()
    throw error
  }
}

/** A lake whose server was not asked yet: for `weir migrate`, which prepares it itself. */
export function serverLake(options: ServerLakeOptions): Lake {
  const connect = connector(options)
  // Each has its own sockets: an answer that people wait for never stands in line behind a block of events.
  const [bulk, urgent, reader, asker] = [connect(4), connect(4), connect(8), connect(2)]
  const timeout_ms = options.request_timeout_ms
  const insert_settings = settingsOfInserts(options)
  let closing: Promise<void> | undefined

  async function ask<T>(what: (abort_signal: AbortSignal) => Promise<T>): Promise<T> {
    if (closing) throw new WeirError('lake_failed', 'the lake is closed')
    try {
      return await within(timeout_ms, what)
    } catch (error) {
      throw requestFault(error)
    }
  }

  async function read(sql: string, format: string, params: Params | undefined) {
    const statement = oneStatement(sql)
    return ask(async (abort_signal) => {
      const { stream } = await reader.exec({
        query: `${statement}\nFORMAT ${format}`,
        ...(params === undefined ? {} : { query_params: params }),
        abort_signal,
      })
      return Buffer.concat(await stream.toArray())
    })
  }

  return {
    path: withoutSecrets(options.url),
    client: reader,
    selectBytes: (sql, format, params) => read(sql, format, params),
    async select(sql, params) {
      const text = (await read(sql, 'JSONEachRow', params)).toString('utf8').trimEnd()
      return text === '' ? [] : JSON.parse(`[${text.replaceAll('\n', ',')}]`)
    },
    async command(sql, params) {
      const statement = oneStatement(sql)
      await ask((abort_signal) =>
        urgent.command({
          query: statement,
          ...(params === undefined ? {} : { query_params: params }),
          clickhouse_settings: { max_partitions_per_insert_block: '0' },
          abort_signal,
        }),
      )
    },
    async insertNative(table, block, token) {
      try {
        await ask((signal) => insert(table.fsync ? urgent : bulk, table, block, token, signal))
      } catch (error) {
        // A server that is away, full, read-only or has a new password will be mended; only rows are never mended.
        if (!(error instanceof WeirError) || error.retryable || isDataFault(error) || closing) throw error
        throw new WeirError(error.code, error.message, { retryable: true, cause: error })
      }
    },
    health: createServerHealth({ client: asker, address: options, timeout_ms }),
    close() {
      closing ??= Promise.all([bulk, urgent, reader, asker].map((client) => client.close())).then(() => {})
      return closing
    },
  }

  async function insert(
    client: ClickHouseClient,
    table: Table,
    block: EncodedBlock,
    token: string | undefined,
    abort_signal: AbortSignal,
  ) {
    const names = block.columns.map(({ name }) => name).join(',')
    const { stream } = await client.exec({
      query: `INSERT INTO ${table.name} (${names}) FORMAT Native`,
      values: Readable.from(block.chunks, { objectMode: false }),
      clickhouse_settings: {
        ...insert_settings,
        ...(token === undefined ? {} : { insert_deduplication_token: token }),
      },
      abort_signal,
    })
    await stream.toArray()
  }
}

async function prepare(lake: Lake, options: ServerLakeOptions): Promise<void> {
  await naming(options, () => ensureDatabase(options))
  const cluster = serverCluster(options)
  const engine = options.migrate ? lake : { select: lake.select, command: async () => {} }
  // A server that answers may take its time: tables are made on all servers of a cluster.
  const done = await naming(options, () => migrate(engine, options.retention_days, cluster))
  if (!options.migrate && done.length > 0) {
    throw new WeirError(
      'conflict',
      `the tables of database ${options.database} are not up to date: ${done.join(', ')}`,
      {
        hint: 'Run weir migrate, or set lake.migrate to true.',
      },
    )
  }
  const { fault } = await lake.health()
  if (fault) throw fault
}

/** Does something that a start needs; faults name the setting that they depend on. */
export async function naming<T>(options: ServerLakeOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof WeirError && error.code !== 'lake_failed') throw error
    throw serverFault(error instanceof WeirError ? (error.cause ?? error) : error, options)
  }
}

/** Asks for the database, which proves address, user and password, and makes it if it is missing. */
export async function ensureDatabase(options: ServerLakeOptions): Promise<void> {
  await within(start_within_ms, (abort_signal) => makeDatabase(options, abort_signal))
}

async function makeDatabase(options: ServerLakeOptions, abort_signal: AbortSignal): Promise<void> {
  const { database } = options
  const client = connector({ ...options, database: 'default' })(1)
  try {
    const found = await client.query({
      query: 'SELECT count() FROM system.databases WHERE name = {database:String}',
      query_params: { database },
      format: 'TabSeparated',
      abort_signal,
    })
    if ((await found.text()).trim() !== '0') return
    if (!options.migrate) {
      throw new WeirError('not_found', `lake.database: there is no database ${database}`, { hint: 'Run weir migrate.' })
    }
    await client.command({ query: createDatabaseSql(options), abort_signal })
  } finally {
    await client.close()
  }
}

/** CREATE DATABASE of the lake's database. */
export function createDatabaseSql(options: ServerLakeOptions): string {
  return `CREATE DATABASE IF NOT EXISTS \`${options.database}\`${onCluster(serverCluster(options))}`
}

/** The configured cluster. */
export function serverCluster({ cluster, database }: ServerLakeOptions): Cluster | undefined {
  return cluster === undefined ? undefined : { name: cluster, database }
}

/** Makes clients of this server, each with so many connections at most. */
function connector(options: ServerLakeOptions): (connections: number) => ClickHouseClient {
  const url = new URL(options.url)
  const { pathname } = url
  url.pathname = ''
  const tls = certificates(options.tls)
  return (max_open_connections) =>
    createClient({
      url,
      ...(pathname === '/' ? {} : { pathname }),
      username: options.user,
      password: options.password,
      database: options.database,
      application: 'weir',
      request_timeout: options.request_timeout_ms,
      max_open_connections,
      // Longer values than an address may hold, such as lists of workloads, travel in a form.
      use_multipart_params_auto: true,
      ...(tls ? { tls } : {}),
      clickhouse_settings: request_settings,
      log: { level: ClickHouseLogLevel.OFF },
    })
}

function certificates({ ca_file, cert_file, key_file }: ServerLakeOptions['tls']): ClientConfig['tls'] {
  if (ca_file === undefined) {
    if (cert_file === undefined && key_file === undefined) return undefined
    throw new WeirError('setting_missing', 'lake.tls: a certificate of this client needs ca_file as well', {
      hint: 'Set lake.tls.ca_file.',
    })
  }
  const ca_cert = pem('ca_file', ca_file)
  if (cert_file === undefined || key_file === undefined) return { ca_cert }
  return { ca_cert, cert: pem('cert_file', cert_file), key: pem('key_file', key_file) }
}

function pem(field: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new WeirError('config_invalid', `lake.tls.${field}: ${messageOf(error)}`, { cause: error })
  }
}

function settingsOfInserts({ cluster, insert_quorum }: ServerLakeOptions): ClickHouseSettings {
  return {
    // One block stays one part a partition; a backlog may span many days.
    max_partitions_per_insert_block: '0',
    ...(cluster === undefined ? {} : { distributed_foreground_insert: 1 }),
    ...(insert_quorum === 0 ? {} : { insert_quorum: String(insert_quorum) }),
  }
}

/** A fault of one request: what ClickHouse says by its code, and everything between us and ClickHouse as passing. */
function requestFault(error: unknown): WeirError {
  return lakeFault(error, 'ClickHouse', true)
}
