import { sqlException } from './exception.js'
import type { SqlLimits } from './limits.js'

/** Parameters of the HTTP interface that are no settings, and settings that change nothing for a reader here. */
const ignored = new Set([
  'add_http_cors_header',
  'async_insert',
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'client_protocol_version',
  'connect_timeout',
  'date_time_input_format',
  'enable_http_compression',
  'http_connection_timeout',
  'http_headers_progress_interval_ms',
  'http_receive_timeout',
  'http_response_buffer_size',
  'http_send_timeout',
  'http_write_exception_in_output_format',
  'http_zlib_compression_level',
  'insert_quorum',
  'keep_alive_timeout',
  'log_comment',
  'log_queries',
  'max_insert_block_size',
  'network_compression_method',
  'network_zstd_compression_level',
  'priority',
  'quota_key',
  'readonly',
  'receive_timeout',
  'role',
  'send_progress_in_http_headers',
  'send_timeout',
  'session_check',
  'session_id',
  'session_timeout',
  'stacktrace',
  'wait_end_of_query',
])

/** False for parameters of the HTTP interface that the engine does not know. */
export function isEngineSetting(name: string): boolean {
  return !ignored.has(name)
}

/** Settings a reader may choose freely: they shape the answer and nothing else. */
const free = [
  /^output_format_(?!.*(schema|template|path|file))/,
  /^format_csv_(delimiter|null_representation)$/,
  /^format_tsv_null_representation$/,
  /^date_time_(output_format|overflow_behavior)$/,
  /^(cast_keep_nullable|cast_ipv4_ipv6_default_on_conversion_error)$/,
  /^(session_timezone|use_client_time_zone|extremes|limit|offset|join_use_nulls|union_default_mode|group_by_use_nulls)$/,
  /^(prefer_column_name_to_alias|any_join_distinct_right_table_keys|transform_null_in|aggregate_functions_null_for_empty)$/,
  /^(join_algorithm|joined_subquery_requires_alias|short_circuit_function_evaluation|decimal_check_overflow)$/,
  /^(optimize_[a-z_]+|low_cardinality_allow_in_native_format|empty_result_for_aggregation_by_empty_set)$/,
]

/**
 * The engine settings of one request: the endpoint's limits, which a request may only lower, and what it may choose.
 * A setting the engine does not know is left in: the engine refuses it as UNKNOWN_SETTING. Throws READONLY for a
 * setting that exists but is not for readers.
 */
export function engineSettings(
  requested: ReadonlyMap<string, string>,
  limits: SqlLimits,
  isKnown: (name: string) => boolean,
): Map<string, string> {
  const settings = new Map<string, string>([
    ['output_format_json_quote_64bit_integers', '1'],
    ['implicit_select', '0'],
    ['result_overflow_mode', 'throw'],
    ['timeout_overflow_mode', 'throw'],
    ['max_ast_elements', '50000'],
    ['function_sleep_max_microseconds_per_block', '3000000'],
  ])
  const ceilings = new Map<string, number>([
    ['max_execution_time', limits.max_execution_ms / 1000],
    ['max_memory_usage', limits.max_memory_bytes],
    ['max_result_rows', limits.max_result_rows],
    ['max_result_bytes', limits.max_result_bytes],
    ['max_query_size', limits.max_query_bytes * 4],
  ])
  for (const [name, ceiling] of ceilings) settings.set(name, String(ceiling))
  ceilings.set('max_threads', 16).set('max_block_size', 1_000_000)
  for (const [name, value] of requested) {
    if (ignored.has(name)) continue
    const ceiling = ceilings.get(name)
    if (ceiling !== undefined) settings.set(name, lowered(name, value, ceiling))
    else if (/^max_(rows|bytes)_to_(read|group_by|sort)$/.test(name)) settings.set(name, value)
    else if (settings.get(name) === value || free.some((pattern) => pattern.test(name)) || !isKnown(name)) {
      settings.set(name, value)
    } else throw sqlException('READONLY', `Cannot modify '${name}' setting in readonly mode.`)
  }
  return settings
}

/** A limit of the request, never above ours. Zero means "no limit" in ClickHouse, so it is the highest of all. */
function lowered(name: string, value: string, ceiling: number): string {
  const wanted = Number(value)
  if (!Number.isFinite(wanted) || wanted < 0 || value.trim() === '') {
    throw sqlException('BAD_ARGUMENTS', `Setting '${name}' is a number that is not negative, but '${value}' was given.`)
  }
  if (wanted === 0) return String(ceiling)
  return String(ceiling === 0 ? wanted : Math.min(wanted, ceiling))
}
