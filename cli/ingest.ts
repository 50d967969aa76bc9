import { createHash } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, openSync, readSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Transform } from 'node:stream'
import type { Command } from 'commander'
import { z } from 'zod'
import { environment } from '../core/config.js'
import { WeirError } from '../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../ingest/atomic-json.js'
import { loadConfig } from './config.js'
import { plainBytes } from './input/bytes.js'
import { openInput, type Placed } from './input/records.js'
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
/** Characters of a batch: a push endpoint takes bodies of 32 MiB, and a character may be three bytes. */
const BATCH_CHARS = 8 * 1024 * 1024
/** Of the beginning of a file, as much as tells it from others. */
const HEAD_BYTES = 65_536
/** The lake writes in blocks: batches wait together for the same one. */
const IN_FLIGHT = 16
/** A checkpoint is worth a file's write this often. */
const SAVE_EVERY_MS = 1_000

/** How far a file was loaded, and what tells it from another one with the same name. */
const checkpointSchema = z.object({
  version: z.literal(2),
  /** Names its records, as long as it only grows. */
  name: z.string(),
  /** Its length when it was last looked at, and a digest of its beginning, of HEAD_BYTES at most. */
  size: z.int().min(0),
  head: z.string(),
  format: z.string(),
  records: z.int().min(0),
  done: z.boolean(),
})
type Checkpoint = z.output<typeof checkpointSchema>

/** `weir ingest`: load files. */
export function registerIngest(program: Command) {
  withConfig(program.command('ingest'))
    .description('load files of raw records; run again, it goes on where it stopped, and reads what was written since')
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
  const checkpoint = join(folder, `${digest(path)}.json`)
  const before = checkpointSchema.safeParse(await readJsonFile(checkpoint)).data
  // The same file, perhaps grown; else another one took its name.
  const known = before && before.size <= size && before.head === headOf(path, before.size) ? before : undefined
  const name = known?.name ?? digest(`${path}\n${size}\n${headOf(path, size)}`)
  const counts: Counts = { records: 0, stored: 0, dropped: 0, dead_lettered: 0 }
  if (known?.done && known.size === size && !options.restart) return counts
  let bytes = 0
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const source = createReadStream(path)
  source.on('error', (error) => counting.destroy(error))
  const plain = watchEnd(plainBytes(source.pipe(counting), file))
  const input = await openInput(plain.bytes, known?.format ?? options.format, file)
  const skipped = options.restart ? 0 : toSkip(known, size, input.is_append_only)
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
  const head = headOf(path, size)
  const save = (done: boolean) => {
    // A last line without an ending may go on: it is read again, at the same place, when the file has grown.
    const n = done && !plain.isEnded() ? Math.max(0, durable - 1) : durable
    const format = input.definition.name
    return writeJsonAtomically(checkpoint, {
      version: 2,
      name,
      size,
      head,
      format,
      records: n,
      done,
    } satisfies Checkpoint)
  }
  for await (const some of input.records) {
    for (const batch of batchesOf(some)) {
      if (signal.aborted) break
      const first = records
      records += batch.length
      if (records <= skipped) continue
      const fresh = first < skipped ? batch.slice(skipped - first) : batch
      // The same record has the same position on every run: repeated, it is stored once.
      const placed = fresh.map(({ record, at }) => ({ ...record, position: `${name}:${at}` }))
      const next = records
      const sent = target.send(input.definition, placed).then((receipt) => ({ receipt, next }))
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

/** Records from the beginning that need not be read again. */
function toSkip(known: Checkpoint | undefined, size: number, is_append_only: boolean): number {
  if (known === undefined) return 0
  // In a file that has grown, records that may have changed or moved are read again: their positions are the same.
  return known.size === size || is_append_only ? known.records : 0
}

/** The records in batches that are bounded by number and by length. */
function* batchesOf(records: readonly Placed[]): Generator<readonly Placed[]> {
  let from = 0
  let chars = 0
  for (let at = 0; at < records.length; at++) {
    const { data } = (records[at] as Placed).record
    const length = typeof data === 'string' ? data.length : 0
    if (at > from && (at - from >= BATCH || chars + length > BATCH_CHARS)) {
      yield records.slice(from, at)
      from = at
      chars = 0
    }
    chars += length
  }
  if (from < records.length) yield records.slice(from)
}

/** Hands bytes on, and remembers whether the last of them ended a line. */
function watchEnd(source: AsyncIterable<Buffer>) {
  let last: number | undefined
  async function* watched() {
    for await (const chunk of source) {
      last = chunk.at(-1) ?? last
      yield chunk
    }
  }
  return { bytes: watched(), isEnded: () => last === undefined || last === 10 }
}

/** A digest of the beginning of a file that was so long. */
function headOf(path: string, size: number): string {
  const head = Buffer.alloc(Math.min(size, HEAD_BYTES))
  const file = openSync(path, 'r')
  try {
    readSync(file, head, 0, head.length, 0)
  } finally {
    closeSync(file)
  }
  return digest(head.toString('latin1'))
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
