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

/** CREATE TABLE of a table, with the retention it has by itself or the given one. */
export function createTableSql(table: Table, retention_days: number = table.retention_days): string {
  const ttl = ttlSql(retention_days)
  const settings = [
    'non_replicated_deduplication_window = 1000',
    'ttl_only_drop_parts = 1',
    ...(table.fsync ? ['fsync_after_insert = 1', 'fsync_part_directory = 1'] : []),
  ]
  return [
    `CREATE TABLE IF NOT EXISTS ${table.name}`,
    '(',
    [...table.columns.map(columnSql), ...table.indexes.map(indexSql)].map((line) => `    ${line}`).join(',\n'),
    ')',
    `ENGINE = ${table.engine}`,
    ...(table.partition_by === 'tuple()' ? [] : [`PARTITION BY ${table.partition_by}`]),
    `ORDER BY (${table.order_by.join(', ')})`,
    ...(ttl === undefined ? [] : [`TTL ${ttl}`]),
    `SETTINGS ${settings.join(', ')}`,
    `COMMENT ${literal(table.doc)}`,
  ].join('\n')
}

/** CREATE VIEW of a view; an older one of the same name is replaced. */
export function createViewSql(view: View): string {
  return `CREATE OR REPLACE VIEW ${view.name} AS\n${view.select}\nCOMMENT ${literal(viewComment(view))}`
}

/** The comment of a stored view, by which an older one is recognised. */
export function viewComment(view: View): string {
  return `${view.doc} (${createHash('sha256').update(view.select).digest('hex').slice(0, 12)})`
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
