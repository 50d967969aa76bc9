import { createHash } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Transform } from 'node:stream'
import type { Command } from 'commander'
import { z } from 'zod'
import { environment } from '../core/config.js'
import { WeirError } from '../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../ingest/atomic-json.js'
import type { RawRecord } from '../ingest/contract.js'
import { loadConfig } from './config.js'
import { plainBytes } from './input/bytes.js'
import { openInput } from './input/records.js'
import { type Counts, openTarget, type Target } from './input/target.js'
import { configFile, withConfig } from './options.js'

type Options = {
  config?: string
  dataDir?: string
  format: string
  url?: string
  tokenEnv?: string
  restart?: boolean
  json?: boolean
}

const BATCH = 2_000
/** The lake writes in blocks: batches wait together for the same one. */
const IN_FLIGHT = 16
/** A checkpoint is worth a file's write this often. */
const SAVE_EVERY_MS = 1_000

/** How far a file was loaded; the fingerprint tells it from another one with the same name. */
const checkpointSchema = z.object({
  version: z.literal(1),
  fingerprint: z.string(),
  format: z.string(),
  records: z.int().min(0),
  done: z.boolean(),
})

/** `weir ingest`: load files. */
export function registerIngest(program: Command) {
  withConfig(program.command('ingest'))
    .description('load files of raw records; run again, it goes on where it stopped')
    .argument('<file...>', 'files, also compressed with gzip or zstd')
    .option('-f, --format <name>', 'format of the records; `weir formats` lists them', 'auto')
    .option('-d, --data-dir <folder>', 'the lake to load into (default: .weir)')
    .option('-u, --url <url>', 'push endpoint of a running Weir to load into instead')
    .option('--token-env <NAME>', 'environment variable that holds the token of the push endpoint')
    .option('--restart', 'load files again from their beginning; what is stored is not stored twice')
    .option('--json', 'the summary on stderr as one JSON object')
    .addHelpText(
      'after',
      `
Through the push endpoint of the Weir that has the lake open, if one has; else the lake is opened here.

Examples:
  weir ingest --format cloudtrail logs/*.json.gz
  weir ingest -f vpc_flow -u http://127.0.0.1:8870 --token-env WEIR_PUSH_TOKEN flow.log.zst
Exit code: 0 all loaded, 3 some records became dead letters, 2 wrong use.
`,
    )
    .action(ingest)
}

async function ingest(files: string[], options: Options) {
  const loaded = loadConfig(configFile(options))
  const config = options.dataDir === undefined ? loaded : { ...loaded, data_dir: options.dataDir }
  const folder = join(resolve(config.data_dir), 'ingest')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const file of files) {
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new WeirError('bad_input', `${file} is no file`)
  }
  const token = options.tokenEnv === undefined ? undefined : environment[options.tokenEnv]
  const target = await openTarget(config, {
    ...(options.url === undefined ? {} : { url: options.url }),
    ...(token === undefined ? {} : { token }),
  })
  const total: Counts & { files: number } = { files: 0, records: 0, stored: 0, dropped: 0, dead_lettered: 0 }
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  try {
    for (const file of files) {
      if (stop.signal.aborted) break
      const counts = await load(file, target, folder, options, stop.signal)
      total.files++
      for (const key of ['records', 'stored', 'dropped', 'dead_lettered'] as const) total[key] += counts[key]
    }
  } finally {
    await target.close()
  }
  process.stderr.write(
    options.json
      ? `${JSON.stringify(total)}\n`
      : `${total.files} files into ${target.says}: ${total.records} records, ${total.stored} events, ${total.dropped} dropped, ${total.dead_lettered} dead letters\n`,
  )
  process.exitCode = stop.signal.aborted ? 130 : total.dead_lettered > 0 ? 3 : 0
}

async function load(
  file: string,
  target: Target,
  folder: string,
  options: Options,
  signal: AbortSignal,
): Promise<Counts> {
  const path = resolve(file)
  const size = statSync(path).size
  const fingerprint = fingerprintOf(path, size)
  const checkpoint = join(folder, `${digest(path)}.json`)
  const before = checkpointSchema.safeParse(options.restart ? undefined : await readJsonFile(checkpoint)).data
  const known = before?.fingerprint === fingerprint ? before : undefined
  const counts: Counts = { records: 0, stored: 0, dropped: 0, dead_lettered: 0 }
  if (known?.done) return counts
  let bytes = 0
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const source = createReadStream(path)
  source.on('error', (error) => counting.destroy(error))
  const input = await openInput(plainBytes(source.pipe(counting), file), known?.format ?? options.format, file)
  const skipped = known?.records ?? 0
  let records = 0
  let durable = skipped
  let saved = Date.now()
  const sending: Promise<{ receipt: Counts; next: number }>[] = []
  /** Waits for the oldest batch: what is durable has no gap. */
  const settle = async () => {
    const { receipt, next } = (await sending.shift()) as { receipt: Counts; next: number }
    for (const key of ['records', 'stored', 'dropped', 'dead_lettered'] as const) counts[key] += receipt[key]
    durable = next
    progress.show(bytes, counts.records)
    if (Date.now() - saved <= SAVE_EVERY_MS) return
    saved = Date.now()
    await save(false)
  }
  const progress = progressBar(file, size)
  const save = (done: boolean) =>
    writeJsonAtomically(checkpoint, { version: 1, fingerprint, format: input.definition.name, records: durable, done })
  for await (const some of input.records) {
    for (let from = 0; from < some.length && !signal.aborted; from += BATCH) {
      const batch = some.slice(from, from + BATCH)
      const first = records
      records += batch.length
      if (records <= skipped) continue
      // The same record has the same position on every run: repeated, it is stored once.
      const placed = batch.map((record, n): RawRecord => ({ ...record, position: `${fingerprint}:${first + n}` }))
      const fresh = first < skipped ? placed.slice(skipped - first) : placed
      const next = records
      const sent = target.send(input.definition, fresh).then((receipt) => ({ receipt, next }))
      // A failure is told where the batch is waited for.
      sent.catch(() => {})
      sending.push(sent)
      if (sending.length >= IN_FLIGHT) await settle()
    }
    if (signal.aborted) break
  }
  while (sending.length > 0) await settle()
  source.destroy()
  await save(!signal.aborted)
  progress.end()
  return counts
}

/** Size and the beginning: enough to tell a file from another that took its name. */
function fingerprintOf(path: string, size: number): string {
  const head = Buffer.alloc(Math.min(size, 65_536))
  const file = openSync(path, 'r')
  try {
    readSync(file, head, 0, head.length, 0)
  } finally {
    closeSync(file)
  }
  return digest(`${path}\n${size}\n${head.toString('latin1')}`)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24)
}

const BAR_CELLS = 24
const SHOW_EVERY_MS = 200

/** A line on a terminal that is written over; nothing where stderr is no terminal. */
function progressBar(file: string, size: number) {
  const isShown = process.stderr.isTTY === true
  let shown = 0
  return {
    show(bytes: number, records: number) {
      if (!isShown || Date.now() - shown < SHOW_EVERY_MS) return
      shown = Date.now()
      const share = size === 0 ? 1 : Math.min(1, bytes / size)
      const bar = '#'.repeat(Math.round(share * BAR_CELLS)).padEnd(BAR_CELLS, '.')
      process.stderr.write(
        `\r[${bar}] ${Math.round(share * 100)} %  ${records.toLocaleString('en-US')} records  ${file}`,
      )
    },
    end() {
      if (isShown && shown > 0) process.stderr.write('\r\u001b[2K')
    },
  }
}
