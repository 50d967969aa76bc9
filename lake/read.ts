import { setImmediate as nextTurn } from 'node:timers/promises'
import type { OcsfEvent } from '../ocsf/event.js'
import { event_select, eventFromRow } from './event-row.js'
import type { Lake, Params } from './port.js'

export type ReadOptions = {
  /** Event time, ms since 1970: from (included) ... */
  readonly from: number
  /** ... to (excluded). */
  readonly to: number
  /** OCSF classes; all if absent. */
  readonly classes?: readonly number[]
  readonly workload_uids?: readonly string[]
  /** Only what Kafka has in these partitions of `weir.events`, which has `of` of them. */
  readonly partitions?: { readonly of: number; readonly numbers: readonly number[] }
  /** Stored at or after this wall time, ms since 1970. */
  readonly stored_since?: number
  /** Events in one batch, about. */
  readonly batch_rows?: number
}

/** Steps in which time is divided until a piece holds few enough rows, ms. */
const steps_ms = [60_000, 1_000, 10, 1] as const
/** Rows that one statement returns, about; they are sorted here, which is ten times faster than in the engine. */
const span_rows = 20_000
/** The main thread is given back after so many rows. */
const turn_rows = 250

/** The stored events of a time span in order of event time, rebuilt as they were published, in batches. */
export async function* readEvents(lake: Lake, options: ReadOptions): AsyncGenerator<OcsfEvent[]> {
  const batch_rows = options.batch_rows ?? 5_000
  let next: Promise<Uint8Array> | undefined
  for await (const span of spans(lake, options, options, 0)) {
    const ready = next && (await next)
    next = rowsOf(lake, options, span)
    // Whoever stops in the middle does not wait for it.
    next.catch(() => {})
    if (ready) yield* batches(ready, batch_rows)
  }
  if (next) yield* batches(await next, batch_rows)
}

function rowsOf(lake: Lake, options: ReadOptions, { from, to }: Span): Promise<Uint8Array> {
  const sql = `SELECT ${event_select} FROM events WHERE ${filter(options)}`
  return lake.selectBytes(sql, 'JSONCompactEachRow', { ...filterParams(options), from, to })
}

async function* batches(bytes: Uint8Array, rows: number): AsyncGenerator<OcsfEvent[]> {
  const events = await eventsOf(bytes)
  for (let at = 0; at < events.length; at += rows) yield events.slice(at, at + rows)
}

type Span = { from: number; to: number; rows: number }

/** Cuts the time into pieces of about `span_rows`; a piece that holds more is cut in smaller steps when its turn comes. */
async function* spans(
  lake: Lake,
  options: ReadOptions,
  { from, to }: Pick<Span, 'from' | 'to'>,
  level: number,
): AsyncGenerator<Span> {
  const step = steps_ms[level] as number
  const found = await lake.select<{ step: string; n: string }>(
    `SELECT intDiv(toUnixTimestamp64Milli(events.time), ${step}) AS step, count() AS n FROM events
     WHERE ${filter(options)} GROUP BY step ORDER BY step`,
    { ...filterParams(options), from, to },
  )
  let span: Span | undefined
  for (const { step: number, n } of found) {
    const rows = Number(n)
    const start = Math.max(from, Number(number) * step)
    const end = Math.min(to, (Number(number) + 1) * step)
    if (span && span.rows + rows <= span_rows) {
      span = { from: span.from, to: end, rows: span.rows + rows }
      continue
    }
    if (span) yield span
    span = { from: start, to: end, rows }
    if (rows <= span_rows || level === steps_ms.length - 1) continue
    yield* spans(lake, options, span, level + 1)
    span = undefined
  }
  if (span) yield span
}

/** The events of rows, one a line, in order. */
async function eventsOf(bytes: Uint8Array): Promise<OcsfEvent[]> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const events: OcsfEvent[] = []
  for (let start = 0; start < buffer.length; ) {
    const newline = buffer.indexOf(10, start)
    const end = newline < 0 ? buffer.length : newline
    events.push(eventFromRow(JSON.parse(buffer.toString('utf8', start, end))))
    start = end + 1
    if (events.length % turn_rows === 0) await nextTurn()
  }
  return events.sort(inOrder)
}

function inOrder(a: OcsfEvent, b: OcsfEvent): number {
  return (
    a.time - b.time ||
    a.class_uid - b.class_uid ||
    compare(a.workload?.uid ?? '', b.workload?.uid ?? '') ||
    compare(a.metadata.uid ?? '', b.metadata.uid ?? '')
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function filter(options: ReadOptions): string {
  const conditions = [
    'events.time >= fromUnixTimestamp64Milli({from:Int64})',
    'events.time < fromUnixTimestamp64Milli({to:Int64})',
  ]
  if (options.classes) conditions.push('class_uid IN {classes:Array(UInt32)}')
  if (options.workload_uids) conditions.push('workload_uid IN {workload_uids:Array(String)}')
  if (options.partitions) conditions.push(`${partition_expression} IN {partition_numbers:Array(UInt32)}`)
  if (options.stored_since) conditions.push('ingested_time >= fromUnixTimestamp64Milli({stored_since:Int64})')
  return conditions.join(' AND ')
}

/** Kafka's partition of an event: its key is the workload's uid, or the topic where there is none. */
const partition_expression =
  "bitAnd(kafkaMurmurHash(if(workload_uid = '', 'weir.events', workload_uid)), 0x7fffffff) % {partitions_of:UInt32}"

function filterParams(options: ReadOptions): Params {
  const { classes, workload_uids, partitions, stored_since } = options
  return {
    ...(classes ? { classes } : {}),
    ...(workload_uids ? { workload_uids } : {}),
    ...(partitions ? { partitions_of: partitions.of, partition_numbers: partitions.numbers } : {}),
    ...(stored_since ? { stored_since: Math.floor(stored_since) } : {}),
  }
}
