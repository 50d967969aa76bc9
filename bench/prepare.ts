// Writes what the rounds read: the events, their rows, a trained model, and how large the rows are on disk.
// Usage: node dist/bench/prepare.js FOLDER COUNT; prints one JSON object.
import { cpSync, createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { createApp } from '../cli/app.js'
import { configSchema } from '../cli/config.js'
import { createLog } from '../core/log.js'
import { openLake } from '../lake/open.js'
import { benchEvents } from './events.js'
import { diskBytes, gzipSize, storeObjects, writeRows } from './objects-to-stored.js'

/** Sizes per event, bytes. */
export type Facts = { count: number; json: number; gzip: number; disk: number; disk_unmerged: number }

const TRAINING_EVENTS = 60_000
const MINUTE_MS = 60_000

async function writeEvents(file: string, count: number) {
  const out = createWriteStream(file)
  for (const event of benchEvents(count)) {
    if (!out.write(`${JSON.stringify(event)}\n`)) await new Promise<void>((resolve) => out.once('drain', resolve))
  }
  out.end()
  await finished(out)
}

/** Trains the behaviour model on the same kind of events, spread over half an hour. */
async function trainModel(folder: string) {
  const data_dir = join(folder, 'training')
  const anomaly = { type: 'anomaly', learning_ms: 0, min_training_rows: 2_000, min_group_minutes: 20 }
  const config = configSchema.parse({ data_dir, collectors: {}, detectors: { anomaly } })
  const app = await createApp(config, { log: createLog('error'), without: ['collectors', 'endpoint'] })
  await app.start()
  const records: { data: string }[] = []
  let n = 0
  for (const event of benchEvents(TRAINING_EVENTS, 3)) {
    event.time += n++ * ((40 * MINUTE_MS) / TRAINING_EVENTS)
    event.time = Math.floor(event.time)
    records.push({ data: JSON.stringify(event) })
  }
  for (let at = 0; at < records.length; at += 2_000)
    await app.intake.emit('bench', 'ocsf', records.slice(at, at + 2_000))
  await app.engine.advance(Number.POSITIVE_INFINITY)
  await app.engine.settle()
  await app.stop()
  cpSync(join(data_dir, 'detectors', 'anomaly'), join(folder, 'model'), { recursive: true })
}

async function main(folder: string, count: number): Promise<Facts> {
  await writeEvents(join(folder, 'events.jsonl'), count)
  await trainModel(folder)
  return { count, ...(await sizes(folder, count)) }
}

async function sizes(folder: string, count: number): Promise<Omit<Facts, 'count'>> {
  // The engine opens one folder a process: the training's is closed by now.
  const lake = await openLake({ path: join(folder, 'sizes') })
  const events = [...benchEvents(count)]
  const { json, gzip } = await gzipSize(events)
  await storeObjects(lake, events)
  await writeRows(lake, join(folder, 'rows.jsonl'))
  const disk_unmerged = await diskBytes(lake)
  await lake.command('OPTIMIZE TABLE events FINAL')
  const disk = await diskBytes(lake)
  await lake.close()
  return { json: json / count, gzip: gzip / count, disk: disk / count, disk_unmerged: disk_unmerged / count }
}

const [folder = '', count = '500000'] = process.argv.slice(2)
const facts = await main(folder, Number(count))
writeFileSync(join(folder, 'facts.json'), JSON.stringify(facts))
process.stdout.write(`${JSON.stringify(facts)}\n`)
process.exit(0)
