import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { createEventEncoder } from '../lake/event-encoder.js'
import { openLake } from '../lake/open.js'
import type { Lake } from '../lake/port.js'
import { events as events_table } from '../lake/tables/events.js'
import { storedColumns } from '../lake/tables/table.js'
import { createWriter } from '../lake/writer.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { benchEvents } from './events.js'

/** Rounds of one run, objects and file in turns in one process. */
export type StoredResult = {
  readonly events: number
  readonly json_bytes_per_event: number
  readonly gzip_bytes_per_event: number
  readonly disk_bytes_per_event: number
  /** Events a second, one number a round. */
  readonly objects_per_s: readonly number[]
  readonly json_each_row_per_s: readonly number[]
  /** Median of the rounds' ratios objects / JSONEachRow. */
  readonly ratio: number
  /** Longest time the main thread was not free while objects were stored, ms. */
  readonly longest_stall_ms: number
}

const call_rows = 5_000

/** Stores the same events from objects, and from a file of JSON lines of their rows, in turns. */
export async function measureObjectsToStored(count: number, rounds: number): Promise<StoredResult> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'))
  const lake = await openLake({ path: join(folder, 'lake') })
  try {
    const events = [...benchEvents(count)]
    const sizes = await gzipSize(events)
    const file = join(folder, 'rows.jsonl')
    await storeObjects(lake, events)
    await writeRows(lake, file)
    await lake.command('OPTIMIZE TABLE events FINAL')
    const disk_bytes = await diskBytes(lake)
    await lake.command('SYSTEM STOP MERGES')
    const objects_per_s: number[] = []
    const json_each_row_per_s: number[] = []
    let longest_stall_ms = 0
    for (let round = 0; round < rounds; round++) {
      await lake.command('TRUNCATE TABLE events')
      const loop = monitorEventLoopDelay({ resolution: 1 })
      loop.enable()
      objects_per_s.push(await timed(count, () => storeObjects(lake, events)))
      loop.disable()
      longest_stall_ms = Math.max(longest_stall_ms, loop.max / 1e6)
      await lake.command('TRUNCATE TABLE events')
      json_each_row_per_s.push(await timed(count, () => storeFile(lake, file)))
    }
    const ratios = objects_per_s.map((value, round) => value / (json_each_row_per_s[round] ?? 1)).sort((a, b) => a - b)
    return {
      events: count,
      json_bytes_per_event: sizes.json / count,
      gzip_bytes_per_event: sizes.gzip / count,
      disk_bytes_per_event: disk_bytes / count,
      objects_per_s,
      json_each_row_per_s,
      ratio: ratios[rounds >> 1] ?? 0,
      longest_stall_ms,
    }
  } finally {
    await lake.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function timed(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return (count / (performance.now() - started)) * 1000
}

async function storeObjects(lake: Lake, events: readonly OcsfEvent[]) {
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
const names = columns.map(({ name }) => name).join(', ')

async function storeFile(lake: Lake, file: string) {
  const structure = columns.map(({ name, type }) => `${name} ${type}`).join(', ')
  await lake.command(`INSERT INTO events (${names}) SELECT ${names} FROM file('${file}', JSONEachRow, '${structure}')`)
}

/** The rows as JSON lines that hold only what is not a default: the smallest work for the other side. */
async function writeRows(lake: Lake, file: string) {
  const out = createWriteStream(file)
  // The tail of a uid is not text; ten characters of another value are as much work.
  const list = names.replace('uid_tail', 'substring(hex(uid_tail), 1, 10) AS uid_tail')
  const total = Number((await lake.select<{ n: string }>('SELECT count() AS n FROM events'))[0]?.n)
  for (let offset = 0; offset < total; offset += 50_000) {
    const rows = await lake.select(`SELECT ${list} FROM events ORDER BY time LIMIT 50000 OFFSET ${offset}`)
    const lines = rows.map((row) => `${JSON.stringify(row, (_key, value) => (isDefault(value) ? undefined : value))}\n`)
    if (!out.write(lines.join(''))) await new Promise<void>((resolve) => out.once('drain', resolve))
  }
  out.end()
  await finished(out)
}

function isDefault(value: unknown): boolean {
  return value === '' || value === 0 || value === '0' || value === '1970-01-01 00:00:00.000'
}

async function diskBytes(lake: Lake): Promise<number> {
  const [row] = await lake.select<{ bytes: string }>(
    "SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table = 'events'",
  )
  return Number(row?.bytes)
}

async function gzipSize(events: readonly OcsfEvent[]): Promise<{ json: number; gzip: number }> {
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

if (process.argv[1] === import.meta.filename) {
  const [count = '500000', rounds = '5'] = process.argv.slice(2)
  const result = await measureObjectsToStored(Number(count), Number(rounds))
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
}
