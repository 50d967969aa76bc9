import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { createTurns, type Turns } from '../core/turns.js'
import { CLASS, type OcsfEvent } from '../ocsf/event.js'
import { createEventEncoder } from './event-encoder.js'
import type { Lake } from './port.js'
import { createRowEncoder, type RowsOf } from './row-encoder.js'
import { coverage, coverageRows } from './tables/coverage.js'
import { dead_letters, deadLetterRows } from './tables/dead-letters.js'
import { events as events_table } from './tables/events.js'
import { findingRows, findings } from './tables/findings.js'
import { inventory, inventoryRows } from './tables/inventory.js'
import { metricRows, metrics as metrics_table } from './tables/metrics.js'
import { responseRows, responses } from './tables/responses.js'
import type { Table } from './tables/table.js'
import { createUidReader } from './uid.js'
import { createWriter, type RejectedEvent, type WriteReceipt, type Writer, type WriterOptions } from './writer.js'

/** The topics of the bus (bus/port.ts), which the lake may not import. */
export type StoredTopic = 'weir.events' | 'weir.findings' | 'weir.responses' | 'weir.dead_letters' | 'weir.coverage'

export type StoreOptions = {
  readonly lake: Lake
  readonly metrics: Metrics
  readonly log: Log
  /** Shared with the other parts of the process that work long at a stretch. */
  readonly turns?: Turns
  /** Limits of a block of events. */
  readonly limits?: Pick<WriterOptions, 'max_rows' | 'max_bytes' | 'max_wait_ms' | 'window_size'>
  /** How long a block that meets a passing fault is tried again before it is given back, ms; Infinity: until `stop`. */
  readonly retry_for_ms?: number
}

/** Puts what travels on the bus into the tables. */
export type Store = {
  /**
   * Stores the events of one batch, and empties it; see Writer.write. What a table other than `events` holds is written from
   * its own topic only: a finding that another product sends is telemetry and goes to `events`. What describes something goes
   * to `inventory` besides: what is stored in one and refused by the other is both stored and rejected.
   */
  handle(topic: StoredTopic, events: OcsfEvent[], token?: string): Promise<WriteReceipt>
  /** Writes what is waiting. */
  flush(): Promise<void>
  /**
   * Remembers what other processes have stored: to be awaited before the first batch of a partition that was another's, because
   * what that one stored and did not commit comes again. Reads the newest rows, stored since the last refill. If that is more
   * than 15 minutes ago, `unfinished` is asked when the oldest of what may come again was received, ms since 1970: nothing of it
   * was stored before. Throws `lake_failed`.
   */
  refill(unfinished?: () => Promise<number>): Promise<void>
  /** Writes what is waiting and takes no more. May be called twice. */
  stop(): Promise<void>
}

/** Rows of low-volume tables go out soon, and findings and responses at once: responders wait for them. */
const low_volume = { max_rows: 5_000, max_wait_ms: 100, window_size: 200_000 }
const urgent = { ...low_volume, max_wait_ms: 5 }
const discovery_category = 5

/** Rows become visible a little after their ingested_time: so much is read twice. */
const overlap_ms = 60_000
/** Reading so far back is quicker than asking how far back is enough. */
const cheap_look_back_ms = 15 * 60_000

/** The writers of all tables, with the uids of the newest rows in memory. */
export async function createStore(options: StoreOptions): Promise<Store> {
  const { lake, metrics, log } = options
  const common = {
    lake,
    metrics,
    log,
    turns: options.turns ?? createTurns(),
    recall: async (age_ms: number) => refill((await lakeTime(lake)) - age_ms - overlap_ms),
    ...(options.retry_for_ms === undefined ? {} : { retry_for_ms: options.retry_for_ms }),
  }
  const rowWriter = (table: Table, rowsOf: RowsOf, limits = low_volume) =>
    createWriter({ ...common, table, encoder: () => createRowEncoder(table, rowsOf), ...limits })
  const writers = {
    events: createWriter({ ...common, table: events_table, encoder: createEventEncoder, ...options.limits }),
    metrics: rowWriter(metrics_table, metricRows),
    inventory: rowWriter(inventory, inventoryRows),
    findings: rowWriter(findings, findingRows, urgent),
    responses: rowWriter(responses, responseRows, urgent),
    dead_letters: rowWriter(dead_letters, deadLetterRows),
    coverage: rowWriter(coverage, coverageRows),
  }
  let refilled_until = 0

  async function refill(since: StoredSince): Promise<void> {
    await rememberEvents(lake, writers.events, options.limits?.window_size ?? 2_000_000, since)
    for (const [table, writer] of Object.entries(writers)) {
      if (table !== 'events') await rememberRows(lake, writer, table, since)
    }
  }
  refilled_until = await lakeTime(lake)
  await refill('last day')

  async function handleEvents(events: OcsfEvent[], token: string | undefined): Promise<WriteReceipt> {
    const measured: OcsfEvent[] = []
    const described: OcsfEvent[] = []
    const others: OcsfEvent[] = []
    for (const event of events) {
      if (event?.class_uid === CLASS.workload_metric) measured.push(event)
      else {
        others.push(event)
        if (event?.category_uid === discovery_category) described.push(event)
      }
    }
    events.length = 0
    const [receipt, of_metrics, of_inventory] = await Promise.all([
      others.length > 0 ? writers.events.write(others, token) : nothing,
      measured.length > 0 ? writers.metrics.write(measured, token) : nothing,
      described.length > 0 ? writers.inventory.write(described, token) : nothing,
    ])
    const rejected = [...receipt.rejected, ...of_metrics.rejected]
    // Told once of each, whichever table refused it.
    const told = new Set(rejected.map(keyOf))
    return {
      stored: receipt.stored + of_metrics.stored,
      duplicate: receipt.duplicate + of_metrics.duplicate,
      rejected: [...rejected, ...of_inventory.rejected.filter((one) => !told.has(keyOf(one)))],
    }
  }

  const all = Object.values(writers)
  return {
    async handle(topic, events, token) {
      switch (topic) {
        case 'weir.events':
          return handleEvents(events, token)
        case 'weir.findings':
          return writers.findings.write(events, token)
        case 'weir.responses':
          return writers.responses.write(events, token)
        case 'weir.dead_letters':
          return writers.dead_letters.write(events, token)
        case 'weir.coverage':
          return writers.coverage.write(events, token)
      }
    },
    async refill(unfinished) {
      const now = await lakeTime(lake)
      let since = refilled_until - overlap_ms
      const look_back = now - cheap_look_back_ms
      if (since < look_back && unfinished) {
        since = Math.max(since, Math.min(look_back, (await unfinished()) - overlap_ms))
      }
      await refill(since)
      refilled_until = now
    },
    async flush() {
      await Promise.all(all.map((writer) => writer.flush()))
    },
    async stop() {
      await Promise.all(all.map((writer) => writer.stop()))
    },
  }
}

/** An event is another object when it was read back from a block. */
function keyOf({ event }: RejectedEvent): string | OcsfEvent {
  return event?.metadata?.uid ?? event
}

const nothing: WriteReceipt = { stored: 0, duplicate: 0, rejected: [] }

/** Rows stored since a time (the lake's clock, ms since 1970), or in the last day in which any were. */
type StoredSince = number | 'last day'

async function lakeTime(lake: Lake): Promise<number> {
  const [row] = await lake.select<{ now: string }>('SELECT toUnixTimestamp64Milli(now64(3)) AS now')
  return Number(row?.now)
}

function storedSince(table: string, since: StoredSince): string {
  return since === 'last day'
    ? `ingested_time > (SELECT max(ingested_time) FROM ${table}) - toIntervalDay(1)`
    : `ingested_time >= fromUnixTimestamp64Milli(toInt64(${Math.floor(since)}))`
}

/** Fills the window, oldest first. */
async function rememberEvents(lake: Lake, writer: Writer, count: number, since: StoredSince) {
  if (count === 0) return
  const uids = createUidReader()
  const row_bytes = 18
  const bytes = await lake.selectBytes(
    `SELECT if(uid_text = '', toUnixTimestamp64Milli(time), 0), uid_tail FROM events
     WHERE ${storedSince('events', since)}
     ORDER BY ingested_time DESC LIMIT {count:UInt32}`,
    'RowBinary',
    { count },
  )
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = bytes.byteLength - row_bytes; at >= 0; at -= row_bytes) {
    const time = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000
    const parts = uids.fromStored(bytes, at + 8, time)
    writer.remember(parts.low, parts.high)
    if (at % (row_bytes * 50_000) === 0) await nextTurn()
  }
}

async function rememberRows(lake: Lake, writer: Writer, table: string, since: StoredSince) {
  const uids = createUidReader()
  const time_column = table === 'inventory' ? 'valid_from' : 'time'
  const rows = await lake.select<{ uid: string; ms: string }>(
    `SELECT metadata_uid AS uid, toUnixTimestamp64Milli(${time_column}) AS ms FROM ${table}
     WHERE ${storedSince(table, since)} AND metadata_uid != ''
     ORDER BY ingested_time DESC LIMIT {count:UInt32}`,
    { count: low_volume.window_size },
  )
  for (const { uid, ms } of rows.reverse()) {
    const parts = uids.takeApart(uid, Number(ms))
    writer.remember(parts.low, parts.high)
  }
}
