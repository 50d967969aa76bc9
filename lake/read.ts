import type { OcsfEvent } from '../ocsf/event.js'
import { event_select, eventFromRow } from './event-row.js'
import type { Lake } from './port.js'

export type ReadOptions = {
  /** Event time, ms since 1970: from (included) ... */
  readonly from: number
  /** ... to (excluded). */
  readonly to: number
  /** OCSF classes; all if absent. */
  readonly classes?: readonly number[]
  readonly workload_uids?: readonly string[]
  /** Stored at or after this wall time, ms since 1970. */
  readonly stored_since?: number
  /** Events in one batch, about. */
  readonly batch_rows?: number
}

const minute_ms = 60_000

/** The stored events of a time span in order of event time, rebuilt as they were published, in batches. */
export async function* readEvents(lake: Lake, options: ReadOptions): AsyncGenerator<OcsfEvent[]> {
  const batch_rows = options.batch_rows ?? 5_000
  for (const span of await spans(lake, options, batch_rows * 4)) {
    const params = { ...filterParams(options), from: span.from, to: span.to }
    for (let offset = 0; offset < span.rows; offset += batch_rows) {
      const bytes = await lake.selectBytes(
        `SELECT ${event_select} FROM events WHERE ${filter(options)}
         ORDER BY events.time, class_uid, workload_uid, uid_tail LIMIT {limit:UInt32} OFFSET {offset:UInt64}`,
        'JSONCompactEachRow',
        { ...params, limit: batch_rows, offset },
      )
      const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split('\n')
      const events = lines.filter((line) => line !== '').map((line) => eventFromRow(JSON.parse(line)))
      if (events.length > 0) yield events
      if (events.length < batch_rows) break
    }
  }
}

type Span = { from: number; to: number; rows: number }

/** Cuts the time into spans of about so many rows, so that no statement sorts more than that. */
async function spans(lake: Lake, options: ReadOptions, rows_per_span: number): Promise<Span[]> {
  const minutes = await lake.select<{ minute: string; n: string }>(
    `SELECT intDiv(toUnixTimestamp64Milli(time), ${minute_ms}) AS minute, count() AS n FROM events
     WHERE ${filter(options)} GROUP BY minute ORDER BY minute`,
    { ...filterParams(options), from: options.from, to: options.to },
  )
  const found: Span[] = []
  for (const { minute, n } of minutes) {
    const start = Math.max(options.from, Number(minute) * minute_ms)
    const end = Math.min(options.to, (Number(minute) + 1) * minute_ms)
    const last = found.at(-1)
    if (last && last.rows + Number(n) <= rows_per_span) {
      last.to = end
      last.rows += Number(n)
    } else {
      found.push({ from: start, to: end, rows: Number(n) })
    }
  }
  return found
}

function filter(options: ReadOptions): string {
  const conditions = [
    'events.time >= fromUnixTimestamp64Milli({from:Int64})',
    'events.time < fromUnixTimestamp64Milli({to:Int64})',
  ]
  if (options.classes) conditions.push('class_uid IN {classes:Array(UInt32)}')
  if (options.workload_uids) conditions.push('workload_uid IN {workload_uids:Array(String)}')
  if (options.stored_since) conditions.push('ingested_time >= fromUnixTimestamp64Milli({stored_since:Int64})')
  return conditions.join(' AND ')
}

function filterParams(options: ReadOptions) {
  return {
    ...(options.classes ? { classes: options.classes } : {}),
    ...(options.workload_uids ? { workload_uids: options.workload_uids } : {}),
    ...(options.stored_since ? { stored_since: Math.floor(options.stored_since) } : {}),
  }
}
