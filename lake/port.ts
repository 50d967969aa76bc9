import type { ClickHouseClient } from '@clickhouse/client'
import type { Session } from 'chdb'
import type { WeirError } from '../core/errors.js'
import type { EncodedBlock } from './encoder.js'
import type { Table } from './tables/table.js'

/** Values of `{name:Type}` placeholders in a query. */
export type Params = { readonly [name: string]: string | number | boolean | readonly string[] | readonly number[] }

/** Whether the lake can be read and written. */
export type LakeHealth = {
  /** What is wrong with it, naming the setting. */
  readonly fault: WeirError | undefined
  /** It works, but has not yet read and written nothing for so long. */
  readonly slow_ms?: number
}

/**
 * The lake as the rest of Weir sees it: tables to write blocks to, SQL to read. lake/open.ts has it in this process,
 * lake/server.ts on a ClickHouse server, which takes the same SQL, and the same Native bytes as body of an INSERT.
 */
export type Lake = {
  /** The data folder; of a server, its address. */
  readonly path: string
  /** For reads and for code that is written against ClickHouse. Its per-query settings stay set: prefer `select`. */
  readonly client: ClickHouseClient
  /**
   * Rows of one SELECT, without a FORMAT clause; 64-bit integers are text. Settings go into the statement
   * (`SETTINGS max_threads = 1`), where they hold for it alone. Throws `lake_failed` with the engine's code as `cause`.
   */
  select<R = Record<string, unknown>>(sql: string, params?: Params): Promise<R[]>
  /** The result of one SELECT in the format, as bytes: for results that are large. */
  selectBytes(sql: string, format: string, params?: Params): Promise<Uint8Array>
  /** One statement without a result. SET is refused, because it would hold for everybody afterwards. */
  command(sql: string, params?: Params): Promise<void>
  /**
   * Writes a block; columns the block leaves out get their defaults. Durable when it resolves. With a token, a block whose
   * token was used among the last 1000 of the table is not written again. Throws `lake_failed`, retryable or not.
   */
  insertNative(table: Table, block: EncodedBlock, token?: string): Promise<void>
  /** Never throws. */
  health(): Promise<LakeHealth>
  /** Waits for running statements, then releases the folder. May be called twice. */
  close(): Promise<void>
}

/** The lake in this process. */
export type EmbeddedLake = Lake & {
  /** A connection of its own, with settings of its own (`--name=value`): for analysts. */
  openSession(settings?: readonly string[]): Session
}
