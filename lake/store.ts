import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
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
import { createWriter, type WriteReceipt, type Writer, type WriterOptions } from './writer.js'

/** The topics of the bus (bus/port.ts), which the lake may not import. */
export type StoredTopic = 'weir.events' | 'weir.findings' | 'weir.responses' | 'weir.dead_letters' | 'weir.coverage'

export type StoreOptions = {
  readonly lake: Lake
  readonly metrics: Metrics
  readonly log: Log
  /** Limits of a block of events. */
  readonly limits?: Pick<WriterOptions, 'max_rows' | 'max_bytes' | 'max_wait_ms' | 'window_size'>
}

/** Puts what travels on the bus into the tables. */
export type Store = {
  /**
   * Stores the events of one batch; see Writer.write. What a table other than `events` holds is written from its own topic only:
   * a finding that another product sends is telemetry and goes to `events`.
   */
  handle(topic: StoredTopic, events: readonly OcsfEvent[], token?: string): Promise<WriteReceipt>
  /** Writes what is waiting. */
  flush(): Promise<void>
  /** Writes what is waiting and takes no more. May be called twice. */
  stop(): Promise<void>
}

/** Rows of low-volume tables go out soon, and findings and responses at once: responders wait for them. */
const low_volume = { max_rows: 5_000, max_wait_ms: 100, window_size: 200_000 }
const urgent = { ...low_volume, max_wait_ms: 5 }
const discovery_category = 5

/** The writers of all tables, with the uids of the newest rows in memory. */
export async function createStore(options: StoreOptions): Promise<Store> {
  const { lake, metrics, log } = options
  const rowWriter = (table: Table, rowsOf: RowsOf, limits = low_volume) =>
    createWriter({ lake, table, encoder: () => createRowEncoder(table, rowsOf), metrics, log, ...limits })
  const writers = {
    events: createWriter({
      lake,
      table: events_table,
      encoder: createEventEncoder,
      metrics,
      log,
      ...options.limits,
    }),
    metrics: rowWriter(metrics_table, metricRows),
    inventory: rowWriter(inventory, inventoryRows),
    findings: rowWriter(findings, findingRows, urgent),
    responses: rowWriter(responses, responseRows, urgent),
    dead_letters: rowWriter(dead_letters, deadLetterRows),
    coverage: rowWriter(coverage, coverageRows),
  }
  await rememberEvents(lake, writers.events, options.limits?.window_size ?? 2_000_000)
  await rememberRows(lake, writers.findings, 'findings', 'time')
  await rememberRows(lake, writers.responses, 'responses', 'time')
  await rememberRows(lake, writers.dead_letters, 'dead_letters', 'time')
  await rememberRows(lake, writers.coverage, 'coverage', 'time')

  async function handleEvents(events: readonly OcsfEvent[], token: string | undefined): Promise<WriteReceipt> {
    const measured = events.filter((event) => event?.class_uid === CLASS.workload_metric)
    const described = events.filter(isDescription)
    const others = measured.length === 0 ? events : events.filter((event) => event?.class_uid !== CLASS.workload_metric)
    const [receipt, of_metrics] = await Promise.all([
      others.length > 0 ? writers.events.write(others, token) : nothing,
      measured.length > 0 ? writers.metrics.write(measured) : nothing,
      described.length > 0 ? writers.inventory.write(described) : nothing,
    ])
    return {
      stored: receipt.stored + of_metrics.stored,
      duplicate: receipt.duplicate + of_metrics.duplicate,
      rejected: [...receipt.rejected, ...of_metrics.rejected],
    }
  }

  const all = Object.values(writers)
  return {
    async handle(topic, events, token) {
      switch (topic) {
        case 'weir.events':
          return handleEvents(events, token)
        case 'weir.findings':
          return writers.findings.write(events)
        case 'weir.responses':
          return writers.responses.write(events)
        case 'weir.dead_letters':
          return writers.dead_letters.write(events)
        case 'weir.coverage':
          return writers.coverage.write(events)
      }
    },
    async flush() {
      await Promise.all(all.map((writer) => writer.flush()))
    },
    async stop() {
      await Promise.all(all.map((writer) => writer.stop()))
    },
  }
}

const nothing: WriteReceipt = { stored: 0, duplicate: 0, rejected: [] }

function isDescription(event: OcsfEvent): boolean {
  return event?.category_uid === discovery_category && event.class_uid !== CLASS.workload_metric
}

/** Fills the window from the last day that was stored, oldest first. */
async function rememberEvents(lake: Lake, writer: Writer, count: number) {
  if (count === 0) return
  const uids = createUidReader()
  const row_bytes = 18
  const bytes = await lake.selectBytes(
    `SELECT if(uid_text = '', toUnixTimestamp64Milli(time), 0), uid_tail FROM events
     WHERE ingested_time > (SELECT max(ingested_time) FROM events) - toIntervalDay(1)
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

async function rememberRows(lake: Lake, writer: Writer, table: string, time_column: string) {
  const uids = createUidReader()
  const rows = await lake.select<{ uid: string; ms: string }>(
    `SELECT metadata_uid AS uid, toUnixTimestamp64Milli(${time_column}) AS ms FROM ${table}
     WHERE ingested_time > (SELECT max(ingested_time) FROM ${table}) - toIntervalDay(1)
     ORDER BY ingested_time DESC LIMIT {count:UInt32}`,
    { count: low_volume.window_size },
  )
  for (const { uid, ms } of rows.reverse()) {
    const parts = uids.takeApart(uid, Number(ms))
    writer.remember(parts.low, parts.high)
  }
}
