/** What one analyst query may take. 0 means no limit, as in ClickHouse. */
export type SqlLimits = {
  /** Longest query text, in UTF-8 bytes. */
  readonly max_query_bytes: number
  /** Largest request body after decompression, in bytes. */
  readonly max_body_bytes: number
  /** Longest execution of one query, in milliseconds. */
  readonly max_execution_ms: number
  /** Most rows of one result. */
  readonly max_result_rows: number
  /** Most bytes of one result, in the engine's memory. */
  readonly max_result_bytes: number
  /** Most bytes of a result in a format that must be built as a whole (JSON, Parquet, Pretty ...). */
  readonly max_buffered_bytes: number
  /** Most memory of one query, in bytes. */
  readonly max_memory_bytes: number
  /** Queries that run at the same time. Each holds one of libuv's threads (4 unless UV_THREADPOOL_SIZE says more). */
  readonly max_concurrent_queries: number
  /** Queries that may wait for their turn; more are refused. */
  readonly max_queued_queries: number
  /** Longest wait for a turn, in milliseconds. */
  readonly max_queue_ms: number
  /** Longest time a client may stop reading a streamed result, in milliseconds. */
  readonly max_stall_ms: number
}

export const defaultSqlLimits: SqlLimits = {
  max_query_bytes: 1024 * 1024,
  max_body_bytes: 8 * 1024 * 1024,
  max_execution_ms: 60_000,
  max_result_rows: 0,
  max_result_bytes: 4 * 1024 ** 3,
  max_buffered_bytes: 256 * 1024 ** 2,
  max_memory_bytes: 1024 ** 3,
  max_concurrent_queries: 3,
  max_queued_queries: 100,
  max_queue_ms: 10_000,
  max_stall_ms: 30_000,
}
