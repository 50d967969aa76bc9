/** The ClickHouse types the encoder in lake/native.ts can write. */
export type ColumnType =
  | 'String'
  | 'LowCardinality(String)'
  | 'FixedString(10)'
  | 'UInt8'
  | 'UInt16'
  | 'UInt32'
  | 'UInt64'
  | 'Int32'
  | 'Int64'
  | 'Float64'
  | 'Bool'
  | 'DateTime64(3)'
  | 'Array(String)'

/** One column, defined once: DDL, encoder, reader and reference docs come from it. */
export type Column = {
  readonly name: string
  readonly type: ColumnType
  /** What it holds, one sentence with the unit. */
  readonly doc: string
  readonly codec?: string
  /** Dotted path of the attribute in the OCSF event; absent where the value is computed. */
  readonly path?: string
  /** The event always has it: its zero is a value, not a gap. */
  readonly required?: true
  /** Filled by the engine when the row is written. */
  readonly default?: string
  /** Not stored: computed from other columns whenever it is read. */
  readonly alias?: string
}

export type SkipIndex = {
  readonly name: string
  readonly expression: string
  readonly type: string
  readonly granularity: number
}

export type Table = {
  readonly name: string
  /** One sentence: what a row is. */
  readonly doc: string
  readonly columns: readonly Column[]
  readonly engine: string
  readonly partition_by: string
  readonly order_by: readonly string[]
  readonly indexes: readonly SkipIndex[]
  /** Days a row is kept after it was stored, unless the configuration says otherwise; 0 keeps it for ever. */
  readonly retention_days: number
  /** What is written is on the disk, not in the page cache, when it is acknowledged: for rows that other machines act on. */
  readonly fsync: boolean
}

/** A value a row can hold before it is encoded. */
export type Cell = string | number | boolean | readonly string[] | undefined
/** One row of a low-volume table by column name; what is absent takes the column's default. */
export type Row = { readonly [column: string]: Cell }

/** The columns that are stored and written by Weir (not computed by the engine). */
export function storedColumns(table: Table): readonly Column[] {
  return table.columns.filter((column) => column.alias === undefined && column.default === undefined)
}

/** Short words that repeat. */
export function word(name: string, doc: string, path?: string): Column {
  return { name, type: 'LowCardinality(String)', doc, codec: 'ZSTD(1)', ...(path === undefined ? {} : { path }) }
}

/** Text that repeats little. */
export function text(name: string, doc: string, path?: string): Column {
  return { name, type: 'String', doc, codec: 'ZSTD(3)', ...(path === undefined ? {} : { path }) }
}

/** A whole number. */
export function whole(
  name: string,
  type: 'UInt8' | 'UInt16' | 'UInt32' | 'UInt64' | 'Int32' | 'Int64',
  doc: string,
  path?: string,
): Column {
  return {
    name,
    type,
    doc,
    codec: type === 'UInt8' ? 'ZSTD(1)' : 'T64, ZSTD(1)',
    ...(path === undefined ? {} : { path }),
  }
}

/** Milliseconds since 1970, shown as a time in UTC. */
export function moment(name: string, doc: string, path?: string): Column {
  return { name, type: 'DateTime64(3)', doc, codec: 'Delta, ZSTD(1)', ...(path === undefined ? {} : { path }) }
}

/** When the engine stored the row. Retention counts from it. */
export const ingested_time: Column = {
  name: 'ingested_time',
  type: 'DateTime64(3)',
  doc: 'When the row was stored; retention counts from it',
  codec: 'Delta, ZSTD(1)',
  default: 'now64(3)',
}

/** The workload columns every table has. */
export const workload_columns: readonly Column[] = [
  word('workload_uid', 'Stable identity of the workload, e.g. container/3f2a9c0d11ee', 'workload.uid'),
  word('workload_kind', 'vm, container or function', 'workload.kind'),
  word('workload_name', 'What a person calls the workload', 'workload.name'),
  word('workload_group', 'What the workload should behave like: image, function and version, role', 'workload.group'),
]
