import { createWriteStream } from 'node:fs'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { createEventEncoder } from '../lake/event-encoder.js'
import type { Lake } from '../lake/port.js'
import { events as events_table } from '../lake/tables/events.js'
import { storedColumns } from '../lake/tables/table.js'
import { createWriter } from '../lake/writer.js'
import type { OcsfEvent } from '../ocsf/event.js'

/** Events of one call of the writer. */
const call_rows = 5_000

/** Stores objects, as detectors and responders write them and as the intake publishes them. */
export async function storeObjects(lake: Lake, events: readonly OcsfEvent[]) {
  const writer = createWriter({
    lake,
    table: events_table,
    encoder: createEventEncoder,
    metrics: createMetrics(),
    log: createLog('silent'),
  })
  const calls: Promise<unknown>[] = []
  for (let at = 0; at < events.length; at += call_rows) calls.push(writer.write(events.slice(at, at + call_rows)))
  await Promise.all(calls)
  await writer.stop()
}

const columns = storedColumns(events_table)
/** Where the pages of rows begin. */
const edge_quantiles = Array.from({ length: 12 }, (_, n) => n / 12).join(', ')
const names = columns.map(({ name }) => name).join(', ')

/** The engine's own way: a file of JSON lines, parsed by the engine. */
export async function storeFile(lake: Lake, file: string) {
  const structure = columns.map(({ name, type }) => `${name} ${type}`).join(', ')
  await lake.command(`INSERT INTO events (${names}) SELECT ${names} FROM file('${file}', JSONEachRow, '${structure}')`)
}

/** The rows as JSON lines that hold only what is not a default: the smallest work for the other side. */
export async function writeRows(lake: Lake, file: string) {
  const out = createWriteStream(file)
  // The tail of a uid is not text; ten characters of another value are as much work.
  const list = names.replace('uid_tail', 'substring(hex(uid_tail), 1, 10) AS uid_tail')
  const [spans] = await lake.select<{ edges: string[] }>(
    `SELECT arrayMap(edge -> toString(edge), arraySort(arrayDistinct(quantilesExact(${edge_quantiles})(toUnixTimestamp64Milli(time))))) AS edges
     FROM events`,
  )
  const edges = spans?.edges ?? []
  for (const [n, from] of edges.entries()) {
    const to = edges[n + 1] ?? String(Number.MAX_SAFE_INTEGER)
    const rows = await lake.select(
      `SELECT ${list} FROM events WHERE toUnixTimestamp64Milli(time) >= {from:Int64} AND toUnixTimestamp64Milli(time) < {to:Int64}`,
      { from, to },
    )
    const lines = rows.map((row) => `${JSON.stringify(row, (_key, value) => (isDefault(value) ? undefined : value))}\n`)
    if (!out.write(lines.join(''))) await new Promise<void>((resolve) => out.once('drain', resolve))
  }
  out.end()
  await finished(out)
}

function isDefault(value: unknown): boolean {
  return value === '' || value === 0 || value === '0' || value === '1970-01-01 00:00:00.000'
}

/** Bytes of the active parts of `events`. */
export async function diskBytes(lake: Lake): Promise<number> {
  const [row] = await lake.select<{ bytes: string }>(
    "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table = 'events'",
  )
  return Number(row?.bytes)
}

/** Bytes of the events as JSON lines, plain and through gzip -6. */
export async function gzipSize(events: readonly OcsfEvent[]): Promise<{ json: number; gzip: number }> {
  const input = new PassThrough()
  const packed = input.pipe(createGzip({ level: 6 }))
  let gzip = 0
  let json = 0
  packed.on('data', (chunk: Buffer) => {
    gzip += chunk.length
  })
  for (let at = 0; at < events.length; at += 1000) {
    const lines = events.slice(at, at + 1000).map((event) => `${JSON.stringify(event)}\n`)
    const text = Buffer.from(lines.join(''))
    json += text.length
    if (!input.write(text)) await new Promise<void>((resolve) => input.once('drain', resolve))
  }
  input.end()
  await finished(packed)
  return { json, gzip }
}
