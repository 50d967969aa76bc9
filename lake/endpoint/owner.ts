import type { Readable } from 'node:stream'
import type { Session } from 'chdb'
import type { Staging } from '../staging.js'
import type { SqlAnswer, SqlRequest } from './analyst.js'
import { identifier, literal, parameter } from './assignments.js'
import { collect } from './body.js'
import { engineException, sqlException } from './exception.js'
import { isFormatName } from './formats.js'
import { singleStatement } from './guard.js'
import { isEngineSetting } from './settings.js'

/** Runs statements of users who may do everything: the endpoint as a ClickHouse server has it. */
export type Owner = {
  /** Throws `SqlException`. With `rows`, the statement is `INSERT INTO t (columns) FORMAT Native` and they are its data. */
  run(request: SqlRequest, rows?: Readable): Promise<SqlAnswer>
}

export type OwnerOptions = {
  /** A new session on the lake; every statement gets its own, so that no setting outlives it. */
  readonly open: () => Session
  readonly staging: Staging
  /** Called before a statement that changes something; what it throws is the answer. */
  readonly admit?: () => void | Promise<void>
}

const max_rows_bytes = 256 * 1024 ** 2
const max_set_bytes = 64 * 1024 ** 2
const insert = /^\s*INSERT\s+INTO\s+(?:TABLE\s+)?([\w.`"]+)\s*(\([^()]*\))?\s*FORMAT\s+([A-Za-z]+)\s*;?\s*$/i

/** True if the statement takes its rows from what is sent after it. */
export function takesRows(sql: string): boolean {
  return insert.test(sql)
}

/** An owner on the sessions that `open` gives. */
export function createOwner({ open, staging, admit }: OwnerOptions): Owner {
  return {
    async run(request, rows) {
      const { sql, changes } = singleStatement(request.sql)
      if (!isFormatName(request.default_format)) {
        throw sqlException('UNKNOWN_FORMAT', `Unknown format '${request.default_format.slice(0, 64)}'.`)
      }
      // The rows are read in any case: a refusal before that would look like a broken connection to the sender.
      const chunks = rows ? [await collect(rows, max_rows_bytes)] : undefined
      if (changes) await admit?.()
      const session = await prepared(open, request)
      try {
        if (chunks === undefined) return await answer(session, sql, request.default_format)
        return await staging.withFile(chunks, (file) => answer(session, insertFrom(sql, file), request.default_format))
      } catch (error) {
        throw engineException(error)
      } finally {
        session.close()
      }
    },
  }
}

async function prepared(open: () => Session, request: SqlRequest): Promise<Session> {
  const session = open()
  try {
    if (request.database) await session.queryAsync(`USE ${identifier(request.database)}`)
    // Values of parameters are part of the SET below.
    await session.queryAsync(`SET max_query_size = ${max_set_bytes}`)
    const settings = [...request.settings].filter(([name]) => isEngineSetting(name))
    const assignments = [
      ['output_format_json_quote_64bit_integers', '1'],
      ['async_insert', '0'],
      ['max_insert_threads', '1'],
      ...settings,
    ].map(([name = '', value = '']) => `${identifier(name)} = ${literal(value)}`)
    for (const [name, value] of request.params) assignments.push(`${parameter(name)} = ${literal(value)}`)
    await session.queryAsync(`SET ${assignments.join(', ')}`)
    // Last, because nothing can be set afterwards.
    if (Number(request.settings.get('readonly')) > 0) await session.queryAsync('SET readonly = 1')
    return session
  } catch (error) {
    session.close()
    throw engineException(error)
  }
}

/** The embedded engine reads rows that stand behind a statement as SQL; from a file they are only rows. */
function insertFrom(sql: string, file: string): string {
  const [, table = '', columns = '', format = ''] = insert.exec(sql) ?? []
  if (format !== 'Native') throw sqlException('NOT_IMPLEMENTED', 'Rows are taken in format Native only.')
  const names = columns === '' ? '*' : columns.slice(1, -1)
  return `INSERT INTO ${table} ${columns} SELECT ${names} FROM file(${literal(file)}, Native) SETTINGS max_block_size = 1048576`
}

async function answer(session: Session, sql: string, format: string): Promise<SqlAnswer> {
  const result = await session.queryAsync(sql, { format })
  const bytes = result.bytes()
  return { format, rows_read: result.rowsRead, bytes_read: result.bytesRead, pieces: once(bytes), close() {} }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}
