import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { createClient } from '@clickhouse/client'
import type { Session } from 'chdb'
import { messageOf, WeirError } from '../core/errors.js'
import type { EncodedBlock } from './encoder.js'
import { type Engine, loadEngine } from './engine.js'
import { lakeFault } from './engine-errors.js'
import { lakeHolder } from './holder.js'
import { migrate, type Retention } from './migrate.js'
import type { EmbeddedLake, Params } from './port.js'
import { openStaging } from './staging.js'
import { oneStatement } from './statement.js'
import type { Table } from './tables/table.js'

type ClientConfig = NonNullable<Parameters<typeof createClient>[0]>

export type LakeOptions = {
  /** Data folder; made if it is not there. One process at a time can use it. */
  readonly path: string
  /** Days each table keeps its rows, where it is not the table's own number. */
  readonly retention_days?: Retention
  /** Memory the engine may take for one statement, bytes; 0 leaves it to the engine. */
  readonly max_memory_bytes?: number
  /** False leaves the tables as they are. */
  readonly migrate?: boolean
}

/** Merges can wait, the pipeline and whoever asks cannot: a quarter of the cores, and those only when nobody else wants them. */
const merge_settings = [
  `--background_pool_size=${Math.max(1, Math.floor(availableParallelism() / 4))}`,
  '--os_threads_nice_value_merge_mutate=10',
]

/** Settings of every session of ours: exact integers in JSON, inserts that are in the table when they return. */
const session_settings = ['--output_format_json_quote_64bit_integers=1', '--async_insert=0', ...merge_settings]

/**
 * Opens the embedded lake and brings its tables up to date. Throws `lake_locked` if another process uses the folder,
 * `forbidden` if the folder cannot be used, `conflict` if the lake is of another version.
 */
export async function openLake(options: LakeOptions): Promise<EmbeddedLake> {
  const path = resolve(options.path)
  makeFolder(path)
  const memory = options.max_memory_bytes ? [`--max_memory_usage=${options.max_memory_bytes}`] : []
  // A session runs one statement after the other: reads have their own, and so have findings and responses, which people
  // and responders wait for, while a block of events is written.
  const engine = await loadEngine()
  const writer = openFirst(engine, path, [...session_settings, ...memory])
  let lake: EmbeddedLake | undefined
  try {
    const another = () => new engine.Session(path, { connectionArgs: [...session_settings, ...memory] })
    lake = await embeddedLake(engine, path, { writer, urgent: another(), reader: another() })
    if (options.migrate !== false) await migrate(lake, options.retention_days)
    return lake
  } catch (error) {
    if (lake) await lake.close()
    else writer.close()
    throw error
  }
}

type Sessions = { writer: Session; urgent: Session; reader: Session }

async function embeddedLake(engine: Engine, path: string, { writer, urgent, reader }: Sessions): Promise<EmbeddedLake> {
  const staging = await openStaging()
  const client = createClient({
    // The two packages bring a copy of the same connection type each.
    connection: engine.createChdbConnection({ path }) as unknown as NonNullable<ClientConfig['connection']>,
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
  })
  let closing: Promise<void> | undefined

  async function selectBytes(sql: string, format: string, params?: Params): Promise<Uint8Array> {
    return (await run(reader, oneStatement(sql), format, params)).bytes()
  }

  return {
    path,
    client,
    selectBytes,
    async select(sql, params) {
      const text = (await run(reader, oneStatement(sql), 'JSONEachRow', params)).text().trimEnd()
      // One array: a string value never holds a raw newline in this format.
      return text === '' ? [] : JSON.parse(`[${text.replaceAll('\n', ',')}]`)
    },
    async command(sql, params) {
      await run(writer, oneStatement(sql), 'Null', params)
    },
    insertNative: (table, block, token) =>
      staging.withFile(block.chunks, async (file) => {
        await run(table.fsync ? urgent : writer, insertSql(table, block, file, token), 'Null')
      }),
    async health() {
      return { fault: writer.open ? undefined : new WeirError('lake_failed', 'the lake is closed') }
    },
    openSession: (settings = []) => new engine.Session(path, { connectionArgs: [...session_settings, ...settings] }),
    close() {
      closing ??= (async () => {
        await client.close()
        reader.close()
        urgent.close()
        writer.close()
        await engine.drainPending()
        await staging.close()
      })()
      return closing
    },
  }
}

async function run(session: Session, sql: string, format: string, params?: Params) {
  if (!session.open) throw new WeirError('lake_failed', 'the lake is closed')
  try {
    return params === undefined
      ? await session.queryAsync(sql, { format })
      : await session.queryBindAsync(sql, params, { format })
  } catch (error) {
    throw lakeFault(error, 'the engine refused a statement')
  }
}

/** The rows never become SQL: the engine reads them from the file with a parser that knows only values. */
function insertSql(table: Table, block: EncodedBlock, file: string, token: string | undefined): string {
  const names = block.columns.map(({ name }) => `\`${name}\``).join(', ')
  const structure = block.columns.map(({ name, type }) => `\`${name}\` ${type}`).join(', ')
  // One block stays one part a partition; a backlog may span many days.
  const settings = [
    'max_partitions_per_insert_block = 0',
    'max_block_size = 1000000',
    'max_insert_threads = 1',
    // The uid window has seen to it that no row comes twice; looking for that in each block costs half of the insert.
    'optimize_on_insert = 0',
    ...(token === undefined ? [] : [`insert_deduplication_token = ${literal(token)}`]),
  ]
  return `INSERT INTO ${table.name} (${names}) SELECT ${names} FROM file(${literal(file)}, Native, ${literal(structure)}) SETTINGS ${settings.join(', ')}`
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function makeFolder(path: string) {
  try {
    if (existsSync(path)) return
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chmodSync(path, 0o700)
  } catch (error) {
    throw new WeirError('forbidden', `the data folder ${path} cannot be made: ${messageOf(error)}`, {
      hint: 'Choose a folder this user may write to.',
      cause: error,
    })
  }
}

function openFirst(engine: Engine, path: string, settings: readonly string[]): Session {
  try {
    return new engine.Session(path, { connectionArgs: settings })
  } catch (error) {
    const holder = lakeHolder(path)
    if (holder !== undefined && holder !== process.pid) {
      throw new WeirError('lake_locked', `the lake in ${path} is in use by process ${holder}`, {
        hint: 'Ask the running Weir through its SQL endpoint, stop it, or use another data folder.',
        cause: error,
      })
    }
    throw new WeirError('lake_failed', `the lake in ${path} cannot be opened: ${messageOf(error)}`, {
      hint: 'Check that this user may read and write the folder; one process can have one lake open.',
      cause: error,
    })
  }
}
