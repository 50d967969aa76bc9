import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from 'chdb'
import { messageOf, WeirError } from '../core/errors.js'
import { createAnalyst } from './endpoint/analyst.js'
import { findEndpoint } from './endpoint/discovery.js'
import { defaultSqlLimits } from './endpoint/limits.js'
import { remotePieces } from './endpoint/remote.js'
import { lakeHolder } from './holder.js'

export type RunSqlOptions = {
  readonly sql: string
  /** Format of the result if the statement names none, e.g. `PrettyCompact`. */
  readonly format: string
  /** Weir's data folder; the lake is in `lake` below it. */
  readonly data_dir: string
  /** Folder of the lake if it is elsewhere. */
  readonly lake_path?: string
  /** An endpoint or ClickHouse server to ask instead of looking for one. */
  readonly url?: string
  readonly user?: string
  readonly password?: string
  readonly database?: string
  /** Asks the server to refuse what writes, for a user who might; one who may only read cannot ask that. */
  readonly only_reads?: boolean
  /** Values of `{name:Type}` placeholders. */
  readonly params?: Readonly<Record<string, string>>
  /** Takes one piece of the result after the other; the next comes when it has resolved. */
  readonly write: (piece: Uint8Array) => Promise<void>
  readonly signal?: AbortSignal
}

/**
 * Runs one reading statement: at the endpoint of the Weir that has the lake open, else in the lake itself. Throws
 * `SqlException` for what is wrong with the statement, `lake_locked` if another process has the lake without
 * answering SQL, `not_found` if there is no lake, `unreachable` for a given URL that does not answer.
 */
export async function runSql(options: RunSqlOptions): Promise<void> {
  if (options.url !== undefined)
    return await pass(
      remotePieces({ ...options, url: options.url, settings: options.only_reads ? { readonly: '1' } : {} }),
      options.write,
    )
  const running = findEndpoint(options.data_dir)
  if (running) {
    try {
      return await pass(remotePieces({ ...options, url: running.url }), options.write)
    } catch (error) {
      // The process id may have been given to another program since: then nobody listens, and the lake is free.
      if (!(error instanceof WeirError) || error.code !== 'unreachable') throw error
    }
  }
  await runInLake(options)
}

async function pass(pieces: AsyncIterable<Uint8Array>, write: RunSqlOptions['write']): Promise<void> {
  for await (const piece of pieces) await write(piece)
}

async function runInLake(options: RunSqlOptions): Promise<void> {
  const path = options.lake_path ?? join(options.data_dir, 'lake')
  requireFolder(path)
  // Loading the engine takes longer than most queries; whoever asks a running endpoint does without.
  const engine = await import('chdb')
  const open = () => openExisting(engine.Session, path)
  // The first session keeps the engine open between the short-lived ones of the queries.
  const keeper = open()
  try {
    const analyst = await createAnalyst({ open, limits: defaultSqlLimits })
    try {
      const answer = await analyst.run({
        sql: options.sql,
        params: new Map(Object.entries(options.params ?? {})),
        settings: new Map(),
        database: undefined,
        default_format: options.format,
        whole: false,
        signal: options.signal ?? new AbortController().signal,
      })
      try {
        await pass(answer.pieces, options.write)
      } finally {
        answer.close()
      }
    } finally {
      analyst.close()
    }
  } finally {
    keeper.close()
  }
}

function requireFolder(path: string): void {
  if (existsSync(path)) return
  throw new WeirError('not_found', `there is no lake in ${path}`, {
    hint: 'Start `weir up` once, or name the data folder.',
  })
}

function openExisting(Engine: typeof Session, path: string): Session {
  try {
    return new Engine(path)
  } catch (error) {
    const holder = lakeHolder(path)
    if (holder !== undefined && holder !== process.pid) {
      throw new WeirError('lake_locked', `process ${holder} has the lake in ${path} open and answers no SQL`, {
        hint: 'Stop that process, or start `weir up` there, which answers SQL.',
        retryable: true,
        cause: error,
      })
    }
    throw new WeirError('lake_failed', `the lake in ${path} cannot be opened: ${messageOf(error)}`, { cause: error })
  }
}
