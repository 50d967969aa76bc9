// Slice queries of an analyst over HTTP, idle and while 20,000 events a second are ingested.
// Usage: node dist/bench/latency.js FOLDER; prints one JSON object.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@clickhouse/client'
import { latencies } from '../demo/report.js'
import type { RawRecord } from '../ingest/contract.js'
import { benchEvents } from './events.js'
import { benchApp, ingestFile } from './round.js'

/** p50 and p99 of a slice query, ms. */
export type Latency = { idle: { p50: number; p99: number }; busy: { p50: number; p99: number }; ingested_per_s: number }

const QUERIES = 300
const EVENTS_PER_S = 20_000
const STEP_MS = 50

async function main(folder: string): Promise<Latency> {
  const app = await benchApp(join(folder, 'latency'), join(folder, 'model'), ['collectors'])
  await ingestFile(app, join(folder, 'events.jsonl'))
  const client = createClient({ url: app.endpoint.url() ?? '' })
  const workloads = await app.lake.select<{ uid: string; from: string; to: string }>(
    'SELECT workload_uid AS uid, toString(min(time)) AS from, toString(max(time)) AS to FROM events GROUP BY uid',
  )
  let asked = 0
  const ask = async (): Promise<number> => {
    const { uid, from } = workloads[asked++ % workloads.length] as (typeof workloads)[number]
    const started = performance.now()
    const result = await client.query({
      query: `SELECT time, class_name, message, process_cmd_line, dst_endpoint_ip FROM events
              WHERE workload_uid = {uid:String} AND class_uid = {class:UInt32}
                AND time >= toDateTime64({from:String}, 3) + toIntervalSecond({n:UInt32})
              ORDER BY time LIMIT 100`,
      query_params: { uid, class: [1007, 4001, 3002][asked % 3], from, n: asked % 60 },
      format: 'JSONEachRow',
    })
    await result.json()
    return performance.now() - started
  }
  const series = async () => {
    const samples: number[] = []
    for (let n = 0; n < QUERIES; n++) {
      samples.push(await ask())
      await sleep(10)
    }
    return latencies(samples)
  }
  await series()
  const idle = await series()

  let running = true
  let ingested = 0
  const started = performance.now()
  const source = benchEvents(Number.MAX_SAFE_INTEGER, 2)
  const producer = (async () => {
    while (running) {
      const due = ((performance.now() - started) / 1_000) * EVENTS_PER_S
      const records: RawRecord[] = []
      while (ingested + records.length < due && records.length < 4_000)
        records.push({ data: JSON.stringify(source.next().value) })
      ingested += records.length
      void app.intake.emit('bench', 'ocsf', records)
      await sleep(STEP_MS)
    }
  })()
  await sleep(1_000)
  const busy = await series()
  running = false
  await producer
  const ingested_per_s = ingested / ((performance.now() - started) / 1_000)
  await client.close()
  await app.stop()
  return { idle, busy, ingested_per_s }
}

const [folder = ''] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await main(folder))}\n`)
process.exit(0)
