import { createHash } from 'node:crypto'
import type { Column, SkipIndex, Table } from './tables/table.js'
import type { View } from './tables/views.js'

/** A column as it stands in CREATE TABLE and ALTER TABLE. */
export function columnSql(column: Column): string {
  const parts = [`\`${column.name}\` ${column.type}`]
  if (column.default !== undefined) parts.push(`DEFAULT ${column.default}`)
  if (column.alias !== undefined) parts.push(`ALIAS ${column.alias}`)
  parts.push(`COMMENT ${literal(column.doc)}`)
  if (column.alias === undefined && column.codec !== undefined) parts.push(`CODEC(${column.codec})`)
  return parts.join(' ')
}

/** A skip index as it stands in CREATE TABLE and ALTER TABLE. */
export function indexSql(index: SkipIndex): string {
  return `INDEX ${index.name} ${index.expression} TYPE ${index.type} GRANULARITY ${index.granularity}`
}

/** The TTL expression, or undefined if rows are kept for ever. */
export function ttlSql(retention_days: number): string | undefined {
  return retention_days === 0 ? undefined : `toDateTime(ingested_time) + toIntervalDay(${retention_days})`
}

/** A cluster of ClickHouse servers, and the database on it. */
export type Cluster = { readonly name: string; readonly database: string }

/** The table that holds the rows: on a cluster the one that everybody names is spread over those of the shards. */
export function storedName(table: Table, cluster: Cluster | undefined): string {
  return cluster ? `${table.name}_local` : table.name
}

/** `ON CLUSTER ...` where there is one. */
export function onCluster(cluster: Cluster | undefined): string {
  return cluster ? ` ON CLUSTER \`${cluster.name}\`` : ''
}

/** CREATE TABLE of a table, with the retention it has by itself or the given one. */
export function createTableSql(table: Table, retention_days: number = table.retention_days, cluster?: Cluster): string {
  const ttl = ttlSql(retention_days)
  const settings = [
    ...(cluster
      ? ['replicated_deduplication_window = 1000', 'replicated_deduplication_window_seconds = 604800']
      : ['non_replicated_deduplication_window = 1000']),
    'ttl_only_drop_parts = 1',
    // Rows of many columns cost more to merge than to insert: twice as many parts at a time, and half as often.
    'merge_selector_base = 10',
    // Column by column takes less memory but half as long again; it begins where the memory matters.
    'vertical_merge_algorithm_min_rows_to_activate = 2000000',
    ...(table.fsync ? ['fsync_after_insert = 1', 'fsync_part_directory = 1'] : []),
  ]
  return [
    `CREATE TABLE IF NOT EXISTS ${storedName(table, cluster)}${onCluster(cluster)}`,
    '(',
    [...table.columns.map(columnSql), ...table.indexes.map(indexSql)].map((line) => `    ${line}`).join(',\n'),
    ')',
    `ENGINE = ${cluster ? replicated(table.engine) : table.engine}`,
    ...(table.partition_by === 'tuple()' ? [] : [`PARTITION BY ${table.partition_by}`]),
    `ORDER BY (${table.order_by.join(', ')})`,
    ...(ttl === undefined ? [] : [`TTL ${ttl}`]),
    `SETTINGS ${settings.join(', ')}`,
    `COMMENT ${literal(table.doc)}`,
  ].join('\n')
}

/** CREATE VIEW of a view; an older one of the same name is replaced. */
export function createViewSql(view: View, cluster?: Cluster): string {
  return `CREATE OR REPLACE VIEW ${view.name}${onCluster(cluster)} AS\n${view.select}\nCOMMENT ${literal(viewComment(view))}`
}

/** The comment of a stored view, by which an older one is recognised. */
export function viewComment(view: View): string {
  return `${view.doc} (${createHash('sha256').update(view.select).digest('hex').slice(0, 12)})`
}

/** One history a shard; the macros are the server's own. */
function replicated(engine: string): string {
  return `Replicated${engine}('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')`
}

/**
 * CREATE TABLE of the table that spreads reads and writes over the shards. A workload's rows are on one shard, so that what
 * is written twice meets and is recognised.
 */
export function distributedTableSql(table: Table, cluster: Cluster): string {
  const has = (name: string) => table.columns.some((column) => column.name === name)
  const key = ['workload_uid', 'metadata_uid'].find(has) ?? table.order_by[0]
  const columns = table.columns.map(({ codec: _, ...column }) => `    ${columnSql(column)}`)
  return [
    `CREATE TABLE IF NOT EXISTS ${table.name}${onCluster(cluster)}`,
    '(',
    columns.join(',\n'),
    ')',
    `ENGINE = Distributed(\`${cluster.name}\`, ${cluster.database}, ${storedName(table, cluster)}, cityHash64(${key}))`,
    `COMMENT ${literal(table.doc)}`,
  ].join('\n')
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
