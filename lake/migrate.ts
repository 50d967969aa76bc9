import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WeirError } from '../core/errors.js'
import { packageRoot } from '../core/paths.js'
import {
  type Cluster,
  columnSql,
  createTableSql,
  createViewSql,
  distributedTableSql,
  indexSql,
  onCluster,
  storedName,
  ttlSql,
  viewComment,
} from './ddl.js'
import type { Lake } from './port.js'
import { events } from './tables/events.js'
import { type TableName, tables } from './tables/index.js'
import type { Table } from './tables/table.js'
import { views } from './tables/views.js'

/** Days each table keeps its rows, where it is not the table's own number. 0 keeps them for ever. */
export type Retention = { readonly [table in TableName]?: number }

type Engine = Pick<Lake, 'select' | 'command'>
type StoredColumn = { name: string; type: string; default_kind: string; default_expression: string }

/** A table on its way to this program's definition. */
type Target = {
  readonly engine: Engine
  readonly table: Table
  /** The table that holds the rows. */
  readonly name: string
  readonly done: string[]
  /** ALTER TABLE of the table with the rows; `everywhere`: of the one that is spread over it as well. */
  alter(what: string, everywhere?: boolean): Promise<void>
}

/**
 * Brings the lake to this program's tables. Additions are found by comparing with the engine's own catalogue; everything
 * else is a numbered file in lake/migrations that runs once. Returns what was done, one line each. Throws `conflict` if the
 * lake has a table this program cannot use, or was written by a newer one.
 */
export async function migrate(engine: Engine, retention: Retention = {}, cluster?: Cluster): Promise<string[]> {
  const done: string[] = []
  await runNumbered(engine, done, cluster)
  for (const table of tables) {
    const days = retention[table.name as TableName] ?? table.retention_days
    const name = storedName(table, cluster)
    const stored = await engine.select<StoredColumn>(
      'SELECT name, type, default_kind, default_expression FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
      { table: name },
    )
    if (stored.length === 0) {
      await engine.command(createTableSql(table, days, cluster))
      done.push(`created table ${name}`)
    } else {
      const alter = async (what: string, everywhere = false) => {
        await engine.command(`ALTER TABLE ${name}${onCluster(cluster)} ${what}`)
        if (cluster && everywhere) await engine.command(`ALTER TABLE ${table.name}${onCluster(cluster)} ${what}`)
      }
      await extend({ engine, table, name, done, alter }, days, stored)
    }
    if (cluster) await spread(engine, table, cluster, done)
  }
  await renewViews(engine, done, cluster)
  return done
}

async function renewViews(engine: Engine, done: string[], cluster: Cluster | undefined) {
  const stored = await engine.select<{ name: string; comment: string }>(
    "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND engine = 'View'",
  )
  for (const view of views) {
    if (stored.some(({ name, comment }) => name === view.name && comment === viewComment(view))) continue
    await engine.command(createViewSql(view, cluster))
    done.push(`created view ${view.name}`)
  }
}

/** The table over the shards; it has no rows, so that one of its own is all it takes. */
async function spread(engine: Engine, table: Table, cluster: Cluster, done: string[]) {
  const there = await engine.select(
    'SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    { table: table.name },
  )
  if (there.length > 0) return
  await engine.command(distributedTableSql(table, cluster))
  done.push(`created table ${table.name}`)
}

async function extend(target: Target, days: number, stored: readonly StoredColumn[]) {
  const { engine, table, name, done, alter } = target
  const byName = new Map(stored.map((column) => [column.name, column]))
  for (const column of table.columns) {
    const found = byName.get(column.name)
    if (!found) {
      await alter(`ADD COLUMN IF NOT EXISTS ${columnSql(column)}`, true)
      done.push(`added column ${table.name}.${column.name}`)
    } else if (found.type !== column.type) {
      throw refused(`${table.name}.${column.name} is ${found.type} and must be ${column.type}`)
    } else if ((found.default_kind === 'ALIAS') !== (column.alias !== undefined)) {
      throw refused(`${table.name}.${column.name} is ${found.default_kind || 'a stored column'}`)
    }
  }
  await renewAliases(target, byName)
  const [catalogue] = await engine.select<{ sorting_key: string; partition_key: string; engine_full: string }>(
    'SELECT sorting_key, partition_key, engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}',
    { table: name },
  )
  const sorting_key = table.order_by.join(', ')
  if (catalogue?.sorting_key !== sorting_key) {
    throw refused(`${table.name} is sorted by (${catalogue?.sorting_key}) and must be sorted by (${sorting_key})`)
  }
  await addIndexes(target)
  const ttl = ttlSql(days)
  const has_ttl = catalogue.engine_full.includes(' TTL ')
  if (ttl !== undefined && !catalogue.engine_full.includes(` TTL ${ttl}`)) {
    await alter(`MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`)
    done.push(`${table.name} keeps its rows ${days} days`)
  } else if (ttl === undefined && has_ttl) {
    await alter('REMOVE TTL')
    done.push(`${table.name} keeps its rows for ever`)
  }
}

/** An alias is only a formula: it is replaced where it is not this program's. */
async function renewAliases({ engine, table, done, alter }: Target, stored: Map<string, StoredColumn>) {
  for (const column of table.columns) {
    const found = stored.get(column.name)
    if (!found || column.alias === undefined) continue
    const [formatted] = await engine.select<{ sql: string }>(
      "SELECT formatQuerySingleLine(concat('SELECT ', {formula:String})) AS sql",
      { formula: column.alias },
    )
    if (formatted?.sql === `SELECT ${found.default_expression}`) continue
    await alter(`MODIFY COLUMN ${columnSql(column)}`, true)
    done.push(`renewed ${table.name}.${column.name}`)
  }
}

async function addIndexes({ engine, table, name, done, alter }: Target) {
  const stored = await engine.select<{ name: string }>(
    'SELECT name FROM system.data_skipping_indices WHERE database = currentDatabase() AND table = {table:String}',
    { table: name },
  )
  const known = new Set(stored.map((row) => row.name))
  for (const index of table.indexes) {
    if (known.has(index.name)) continue
    await alter(`ADD INDEX IF NOT EXISTS ${indexSql(index).slice('INDEX '.length)}`)
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

async function runNumbered(engine: Engine, done: string[], cluster: Cluster | undefined) {
  const files = numberedFiles()
  const there = await engine.select<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN ('migrations', {events:String})",
    { events: storedName(events, cluster) },
  )
  // Judged by a table that is made after the files are noted: processes that start together on a new server agree.
  const is_new = there.every(({ name }) => name === 'migrations')
  const is_noted = there.some(({ name }) => name === 'migrations')
  if (!is_noted) {
    // The same on every server of a cluster, whatever its shard.
    const kept_by = cluster
      ? `ReplicatedMergeTree('/clickhouse/tables/{database}/migrations', '{shard}-{replica}')`
      : 'MergeTree'
    await engine.command(
      `CREATE TABLE IF NOT EXISTS migrations${onCluster(cluster)} (number UInt32, name String, applied_time DateTime DEFAULT now()) ENGINE = ${kept_by} ORDER BY number`,
    )
  }
  const rows = !is_noted ? [] : await engine.select<{ number: number }>('SELECT number FROM migrations')
  const applied = new Set(rows.map((row) => row.number))
  const newest = Math.max(0, ...files.map((file) => file.number))
  const unknown = [...applied].find((number) => number > newest)
  if (unknown !== undefined) throw refused(`it has migration ${unknown}, which this version does not know`)
  for (const file of files) {
    if (applied.has(file.number)) continue
    // A new lake is created as the files leave an old one.
    if (!is_new) for (const statement of statementsOf(file, cluster)) await engine.command(statement)
    await engine.command(`INSERT INTO migrations (number, name) SELECT ${file.number}, '${file.name}'`)
    if (!is_new) done.push(`ran ${file.name}`)
  }
}

/** On a cluster a table is two: the one with the rows, and the one that is spread over it. */
function statementsOf(file: NumberedFile, cluster: Cluster | undefined): string[] {
  const statements = file.sql.split(/^;$/m).filter((statement) => statement.trim() !== '')
  if (!cluster) return statements
  return statements.flatMap((statement) =>
    ['_local', ''].map((suffix) =>
      statement.replace(/^ALTER TABLE (\w+)/m, `ALTER TABLE $1${suffix}${onCluster(cluster)}`),
    ),
  )
}
