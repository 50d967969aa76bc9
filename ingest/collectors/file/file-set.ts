import { messageOf, WeirError } from '../../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { formats } from '../../formats/index.js'
import { beginsAs, type Checkpoint, checkpointsSchema, firstLine } from './checkpoint.js'
import type { FileConfig } from './config.js'
import { endOfLines, type FoundFile, findFiles, findRenamed, openFound } from './follow.js'
import { type Tail, type TailPort, tailFile } from './tail.js'

/** Chunks under way of all files together: the lines of two blocks, so that one is filled while the other is written. */
const MAX_CHUNKS_IN_FLIGHT = 40

export type FileSet = {
  /** Reads the checkpoints. Throws `config_invalid` if they are not ours. */
  resume(): Promise<void>
  /** One look: finds new and gone files, reads what is new, saves checkpoints. */
  look(): Promise<void>
  /** Waits for what is under way, saves, closes all files. */
  close(): Promise<void>
  count(): number
}

/** The files of one collector and how far each was read. */
export function fileSet(config: FileConfig, deps: CollectorDeps, path: string, signal: AbortSignal): FileSet {
  const format = formats.find(config.format)
  const lines = { max_line_bytes: config.max_line_bytes, format }
  const tails = new Map<string, Tail>()
  const in_flight = new Set<Promise<void>>()
  const reported = new Map<string, string>()
  let remembered = new Map<string, Checkpoint>()
  let saved = ''
  let is_first_start = true
  let is_first_look = true

  const port: TailPort = {
    async send(records: readonly RawRecord[], done) {
      const sent = emitUntilTaken(deps, config.format, records, signal)
        .then(
          () => done(true),
          () => done(false),
        )
        .finally(() => in_flight.delete(sent))
      in_flight.add(sent)
      if (in_flight.size >= MAX_CHUNKS_IN_FLIGHT) await Promise.race(in_flight)
    },
    onLoss(lost_path, lost_bytes) {
      deps.coverage({
        part: lost_path,
        status: 'degraded',
        message: `${lost_path} was emptied before its last ${lost_bytes} bytes were read. Rotate by renaming instead of copytruncate, or shorten interval_ms.`,
      })
    },
  }

  /** Reports a state once, until it changes. */
  function report(part: string, status: 'ok' | 'degraded' | 'unavailable', message: string) {
    if (reported.get(part) === message || (status === 'ok' && !reported.has(part))) return
    if (status === 'ok') reported.delete(part)
    else reported.set(part, message)
    deps.coverage({ part, status, message })
  }

  function emptiedMeanwhile(of_path: string, offset: number) {
    deps.coverage({
      part: of_path,
      status: 'degraded',
      message: `${of_path} was emptied or replaced while Weir was not running; what it held after byte ${offset} was not read.`,
    })
  }

  async function follow(found: FoundFile) {
    const handle = await openFound(found)
    if (!handle) return
    const before = remembered.get(found.id)
    remembered.delete(found.id)
    let from: Checkpoint = { path: found.path, offset: 0, generation: 0 }
    if (before && (await beginsAs(handle, before))) {
      // Emptied while nobody looked: the same file, a new content.
      const was_emptied = found.size < before.offset
      from = was_emptied ? { ...from, generation: before.generation + 1 } : before
      if (was_emptied) emptiedMeanwhile(found.path, before.offset)
    } else if (before) {
      emptiedMeanwhile(found.path, before.offset)
    } else if (!before && is_first_start && is_first_look && config.start_at === 'end') {
      from = { ...from, offset: await endOfLines(handle) }
    }
    // Where reading begins behind it and no checkpoint kept it, the header is the first line.
    if (from.offset > 0 && from.header === undefined && format.isHeader !== undefined) {
      const line = await firstLine(handle)
      if (format.isHeader(line)) from = { ...from, header: line }
    }
    tails.set(found.id, tailFile(found.id, found.path, handle, from, lines))
  }

  async function scan(): Promise<Set<string>> {
    const { files, unmatched } = await findFiles(config.paths, config.exclude)
    const patterns = new Set(unmatched)
    for (const pattern of config.paths) {
      if (!patterns.has(pattern)) report(pattern, 'ok', `Files match ${pattern} now.`)
      else
        report(
          pattern,
          'unavailable',
          `No file matches ${pattern}. It is read as soon as one does; else correct paths.`,
        )
    }
    for (const found of files) {
      const known = tails.get(found.id)
      if (known) known.path = found.path
      else if (tails.size >= config.max_files) {
        report(
          'files',
          'degraded',
          `More than ${config.max_files} files match; the others are not read. Raise max_files or narrow paths.`,
        )
      } else {
        await follow(found).then(
          () => report(found.path, 'ok', `${found.path} is read now.`),
          (error: unknown) =>
            report(
              found.path,
              'unavailable',
              `${found.path} cannot be read (${messageOf(error)}). Give this user read permission.`,
            ),
        )
      }
    }
    return new Set(files.map(({ id }) => id))
  }

  /** Files that were read before a restart and match no pattern any more: renamed by a rotation, or gone. */
  async function findTheRest() {
    for (const [id, checkpoint] of remembered) {
      const found = await findRenamed(checkpoint.path, id)
      if (found) await follow(found)
      if (found && tails.has(id)) continue
      report(
        checkpoint.path,
        'degraded',
        `A file read as ${checkpoint.path} was removed or compressed while Weir was not running; what it held after byte ${checkpoint.offset} was not read.`,
      )
    }
    remembered = new Map()
  }

  async function retire(present: ReadonlySet<string>) {
    for (const [id, tail] of tails) {
      if (present.has(id) || performance.now() - tail.active_ms() < config.rotate_wait_ms) continue
      await tail.finish(port)
      await Promise.all(in_flight)
      if (signal.aborted) return
      tails.delete(id)
      await tail.close()
    }
  }

  async function save() {
    const files = Object.fromEntries([...tails].map(([id, tail]) => [id, tail.checkpoint()]))
    const value = { version: 1, files }
    const text = JSON.stringify(value)
    if (text === saved) return
    await writeJsonAtomically(path, value)
    saved = text
  }

  return {
    count: () => tails.size,
    async resume() {
      const kept = await readJsonFile(path)
      if (kept === undefined) return
      const parsed = checkpointsSchema.safeParse(kept)
      if (!parsed.success) {
        throw new WeirError('config_invalid', `${path} holds no checkpoints of this version`, {
          hint: 'Move the file away; the files are then read from where start_at says.',
        })
      }
      remembered = new Map(Object.entries(parsed.data.files))
      is_first_start = false
    },
    async look() {
      const present = await scan()
      if (is_first_look) await findTheRest()
      is_first_look = false
      // A backlog is read in turns, so that a rotation in the meantime is noticed.
      const until_ms = performance.now() + config.interval_ms
      for (let more = true; more && !signal.aborted && performance.now() < until_ms; ) {
        more = false
        for (const tail of tails.values()) {
          if (signal.aborted) break
          if (await tail.read(port)) more = true
        }
      }
      await retire(present)
      await save()
    },
    async close() {
      await Promise.all(in_flight)
      await save()
      for (const tail of tails.values()) await tail.close()
      tails.clear()
    },
  }
}
