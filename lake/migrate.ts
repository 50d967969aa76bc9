import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WeirError } from '../core/errors.js'
import { packageRoot } from '../core/paths.js'
import { columnSql, createTableSql, createViewSql, indexSql, ttlSql, viewComment } from './ddl.js'
import type { Lake } from './port.js'
import { type TableName, tables } from './tables/index.js'
import type { Table } from './tables/table.js'
import { views } from './tables/views.js'

/** Days each table keeps its rows, where it is not the table's own number. 0 keeps them for ever. */
export type Retention = { readonly [table in TableName]?: number }

type Engine = Pick<Lake, 'select' | 'command'>
type StoredColumn = { name: string; type: string; default_kind: string; default_expression: string }

/**
 * Brings the lake to this program's tables. Additions are found by comparing with the engine's own catalogue; everything
 * else is a numbered file in lake/migrations that runs once. Returns what was done, one line each. Throws `conflict` if the
 * lake has a table this program cannot use, or was written by a newer one.
 */
export async function migrate(engine: Engine, retention: Retention = {}): Promise<string[]> {
  const done: string[] = []
  await runNumbered(engine, done)
  for (const table of tables) {
    const days = retention[table.name as TableName] ?? table.retention_days
    const stored = await engine.select<StoredColumn>(
      'SELECT name, type, default_kind, default_expression FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
      { table: table.name },
    )
    if (stored.length === 0) {
      await engine.command(createTableSql(table, days))
      done.push(`created table ${table.name}`)
    } else {
      await extend(engine, table, days, stored, done)
    }
  }
  await renewViews(engine, done)
  return done
}

async function renewViews(engine: Engine, done: string[]) {
  const stored = await engine.select<{ name: string; comment: string }>(
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
  )
  for (const view of views) {
    if (stored.some(({ name, comment }) => name === view.name && comment === viewComment(view))) continue
    await engine.command(createViewSql(view))
    done.push(`created view ${view.name}`)
  }
}

async function extend(engine: Engine, table: Table, days: number, stored: readonly StoredColumn[], done: string[]) {
  const byName = new Map(stored.map((column) => [column.name, column]))
  for (const column of table.columns) {
    const found = byName.get(column.name)
    if (!found) {
      await engine.command(`ALTER TABLE ${table.name} ADD COLUMN ${columnSql(column)}`)
      done.push(`added column ${table.name}.${column.name}`)
    } else if (found.type !== column.type) {
      throw refused(`${table.name}.${column.name} is ${found.type} and must be ${column.type}`)
    } else if ((found.default_kind === 'ALIAS') !== (column.alias !== undefined)) {
      throw refused(`${table.name}.${column.name} is ${found.default_kind || 'a stored column'}`)
    }
  }
  await renewAliases(engine, table, byName, done)
  const [catalogue] = await engine.select<{ sorting_key: string; partition_key: string; engine_full: string }>(
    'SELECT sorting_key, partition_key, engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    { table: table.name },
  )
  const sorting_key = table.order_by.join(', ')
  if (catalogue?.sorting_key !== sorting_key) {
    throw refused(`${table.name} is sorted by (${catalogue?.sorting_key}) and must be sorted by (${sorting_key})`)
  }
  await addIndexes(engine, table, done)
  const ttl = ttlSql(days)
  const has_ttl = catalogue.engine_full.includes(' TTL ')
  if (ttl !== undefined && !catalogue.engine_full.includes(` TTL ${ttl}`)) {
    await engine.command(`ALTER TABLE ${table.name} MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`)
    done.push(`${table.name} keeps its rows ${days} days`)
  } else if (ttl === undefined && has_ttl) {
    await engine.command(`ALTER TABLE ${table.name} REMOVE TTL`)
    done.push(`${table.name} keeps its rows for ever`)
  }
}

/** An alias is only a formula: it is replaced where it is not this program's. */
async function renewAliases(engine: Engine, table: Table, stored: Map<string, StoredColumn>, done: string[]) {
  for (const column of table.columns) {
    const found = stored.get(column.name)
    if (!found || column.alias === undefined) continue
    const [formatted] = await engine.select<{ sql: string }>(
      "SELECT formatQuerySingleLine(concat('SELECT ', {formula:String})) AS sql",
      { formula: column.alias },
    )
    if (formatted?.sql === `SELECT ${found.default_expression}`) continue
    await engine.command(`ALTER TABLE ${table.name} MODIFY COLUMN ${columnSql(column)}`)
    done.push(`renewed ${table.name}.${column.name}`)
  }
}

async function addIndexes(engine: Engine, table: Table, done: string[]) {
  const stored = await engine.select<{ name: string }>(
    'SELECT name FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = {table:String}',
    { table: table.name },
  )
  const known = new Set(stored.map(({ name }) => name))
  for (const index of table.indexes) {
    if (known.has(index.name)) continue
    await engine.command(`ALTER TABLE ${table.name} ADD ${indexSql(index)}`)
    done.push(`added index ${table.name}.${index.name}`)
  }
}

function refused(what: string): WeirError {
  return new WeirError('conflict', `this lake cannot be brought up to date: ${what}`, {
    hint: 'Start with the version of Weir that wrote it, or with another data folder.',
  })
}

type NumberedFile = { readonly number: number; readonly name: string; readonly sql: string }

/** lake/migrations/NNNN-what-it-does.sql, statements separated by a line with only a semicolon. */
function numberedFiles(): NumberedFile[] {
  const folder = join(packageRoot, 'lake', 'migrations')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 4)), name, sql: readFileSync(join(folder, name), 'utf8') }))
}

async function runNumbered(engine: Engine, done: string[]) {
  const files = numberedFiles()
  const exists = await engine.select(
    "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'",
  )
  const is_new = exists.length === 0
  await engine.command(
    'CREATE TABLE IF NOT EXISTS migrations (number UInt32, name String, applied_time DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY number',
  )
  const applied = new Set(
    (await engine.select<{ number: number }>('SELECT number FROM migrations')).map((row) => row.number),
  )
  const newest = Math.max(0, ...files.map((file) => file.number))
  const unknown = [...applied].find((number) => number > newest)
  if (unknown !== undefined) throw refused(`it has migration ${unknown}, which this version does not know`)
  for (const file of files) {
    if (applied.has(file.number)) continue
    // A new lake is created as the files leave an old one.
    if (!is_new) for (const statement of file.sql.split(/^;$/m)) if (statement.trim()) await engine.command(statement)
    await engine.command('INSERT INTO migrations (number, name) SELECT {number:UInt32}, {name:String}', {
      number: file.number,
      name: file.name,
    })
    if (!is_new) done.push(`ran ${file.name}`)
  }
}
