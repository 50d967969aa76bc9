// Slice queries of an analyst over HTTP, idle and while 20,000 events a second are ingested.
// Usage: node dist/bench/latency.js FOLDER; prints one JSON object.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@clickhouse/client'
import { latencies } from '../demo/report.js'
import type { RawRecord } from '../ingest/contract.js'
import { lineSplitter } from '../ingest/lines.js'
import { benchEvents } from './events.js'
import { benchApp, ingestFile, LONGEST_LINE } from './round.js'

/** p50 and p99 of a slice query, ms. */
export type Latency = { idle: { p50: number; p99: number }; busy: { p50: number; p99: number }; ingested_per_s: number }

const QUERIES = 200
const EVENTS_PER_S = 20_000
const STEP_MS = 50
const MOST_EVENTS = 250_000
const MOST_OUTSTANDING = 40_000

async function main(folder: string): Promise<Latency> {
  const app = await benchApp(join(folder, 'latency'), join(folder, 'model'), ['collectors'])
  await ingestFile(app, join(folder, 'events.jsonl'))
  const client = createClient({ url: app.endpoint?.url() ?? '' })
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

  // Made beforehand: the producer must not be what is measured.
  const texts = Array.from(benchEvents(MOST_EVENTS, 2), (event) => `${JSON.stringify(event)}\n`)
  const lines = lineSplitter(LONGEST_LINE)
    .push(Buffer.from(texts.splice(0).join('')))
    .map((line) => ({ data: line }))
  let running = true
  let ingested = 0
  let outstanding = 0
  const started = performance.now()
  const producer = (async () => {
    while (running && ingested < lines.length) {
      // A machine that cannot keep up is shown by the rate, not by its memory.
      const due = Math.floor(((performance.now() - started) / 1_000) * EVENTS_PER_S)
      const records: RawRecord[] =
        outstanding < MOST_OUTSTANDING ? lines.slice(ingested, Math.min(due, ingested + 4_000)) : []
      if (records.length > 0) {
        ingested += records.length
        outstanding += records.length
        void app.intake.emit('bench', 'ocsf', records).then(() => {
          outstanding -= records.length
        })
      }
      await sleep(STEP_MS)
    }
  })()
  await sleep(1_000)
  const busy = await series()
  const ingested_per_s = (ingested - outstanding) / ((performance.now() - started) / 1_000)
  running = false
  await producer
  await client.close()
  await app.stop()
  return { idle, busy, ingested_per_s }
}

const [folder = ''] = process.argv.slice(2)
process.stdout.write(`${JSON.stringify(await main(folder))}\n`)
process.exit(0)
