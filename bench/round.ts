// One round of the benchmark in a process of its own, so that memory and warm-up are this round's alone.
// Usage: node dist/bench/round.js FOLDER ROUND; prints one JSON object.
import { cpSync, createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type App, createApp } from '../cli/app.js'
import { configSchema } from '../cli/config.js'
import { createLog } from '../core/log.js'
import type { RawRecord } from '../ingest/contract.js'
import { lineSplitter } from '../ingest/lines.js'
import { openLake } from '../lake/open.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { storeFile, storeObjects } from './objects-to-stored.js'

/** What one round measured; rates in events a second. */
export type Round = {
  pipeline_per_s: number
  objects_per_s: number
  file_per_s: number
  /** Peak resident memory of the process after the pipeline, before anything else, bytes. */
  peak_rss_bytes: number
  /** How long the event loop was not free while the pipeline ran, ms. */
  loop_p99_ms: number
}

const RECORDS = 2_000
const OUTSTANDING = 20
const CHUNK = 256 * 1024
/** Bytes. */
export const LONGEST_LINE = 1024 * 1024

/** A Weir without collectors and endpoint, with the model the benchmark trained beforehand. */
export async function benchApp(
  data_dir: string,
  model_dir: string,
  without: ('collectors' | 'endpoint')[],
): Promise<App> {
  if (existsSync(model_dir)) cpSync(model_dir, join(data_dir, 'detectors', 'anomaly'), { recursive: true })
  const config = configSchema.parse({ data_dir, collectors: {}, lake: { port: 0 } })
  const app = await createApp(config, { log: createLog('error'), without })
  await app.start()
  return app
}

/** Reads a file of JSON lines the way a file collector does, and hands the lines over. Resolves when all is durable. */
export async function ingestFile(app: App, file: string): Promise<number> {
  const running = new Set<Promise<unknown>>()
  let stored = 0
  let records: RawRecord[] = []
  const hand = async () => {
    const emission = app.intake
      .emit('bench', 'ocsf', records)
      .then((receipt) => {
        stored += receipt.stored
      })
      .finally(() => running.delete(emission))
    running.add(emission)
    records = []
    if (running.size >= OUTSTANDING) await Promise.race(running)
  }
  const splitter = lineSplitter(LONGEST_LINE)
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK })) {
    for (const line of splitter.push(chunk)) {
      records.push({ data: line })
      if (records.length === RECORDS) await hand()
    }
  }
  await hand()
  await Promise.all(running)
  return stored
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (count / (performance.now() - started)) * 1_000
}

async function main(folder: string, round: number): Promise<Round> {
  const file = join(folder, 'events.jsonl')
  const { count } = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')) as { count: number }
  const app = await benchApp(join(folder, `pipeline-${round}`), join(folder, 'model'), ['collectors', 'endpoint'])
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  let stored = 0
  const pipeline_per_s = await rate(count, async () => {
    stored = await ingestFile(app, file)
  })
  loop.disable()
  if (stored !== count)
    throw new Error(
      `${stored} of ${count} events were stored: ${JSON.stringify(app.metrics.by('records_rejected', 'reason'))}`,
    )
  const peak_rss_bytes = process.resourceUsage().maxRSS * 1024
  await app.stop()

  const lake = await openLake({ path: join(folder, `pipeline-${round}`, 'lake') })
  const events = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as OcsfEvent)
  // In turns first and second, because the second one finds warm caches.
  const rates = { objects: 0, file: 0 }
  for (const what of round % 2 === 0 ? (['objects', 'file'] as const) : (['file', 'objects'] as const)) {
    await lake.command('TRUNCATE TABLE events')
    rates[what] = await rate(count, () =>
      what === 'objects' ? storeObjects(lake, events) : storeFile(lake, join(folder, 'rows.jsonl')),
    )
  }
  await lake.close()
  return {
    pipeline_per_s,
    objects_per_s: rates.objects,
    file_per_s: rates.file,
    peak_rss_bytes,
    loop_p99_ms: loop.percentile(99) / 1e6,
  }
}

if (process.argv[1] === import.meta.filename) {
  const [folder = '', round = '0'] = process.argv.slice(2)
  process.stdout.write(`${JSON.stringify(await main(folder, Number(round)))}\n`)
  process.exit(0)
}
