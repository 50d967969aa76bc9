import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { messageOf, WeirError } from '../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../atomic-json.js'
import { type Collector, type CollectorDeps, defineCollector } from '../contract.js'
import { emitUntilTaken } from '../emit-until-taken.js'
import { lineSplitter } from '../lines.js'
import { ofThisMachine } from '../this-machine.js'
import { entryOf, type JournalEntry } from './journald/entries.js'

const config = z.strictObject({
  journalctl: z.string().default('journalctl').describe('The program that reads the journal.'),
  directory: z
    .string()
    .optional()
    .describe('Folder of journal files, such as those a systemd-journal-remote gathers. Absent: this machine.'),
  matches: z
    .array(z.string().regex(/^(\+|[A-Z0-9_]+=.+)$/, 'expected FIELD=value or +'))
    .default([])
    .describe('Only entries with these fields, as journalctl takes them: `_SYSTEMD_UNIT=ssh.service`. Empty: all.'),
  start_at: z
    .enum(['beginning', 'end'])
    .default('end')
    .describe('Where to begin at the very first start. Later starts go on where they ended.'),
  max_entry_bytes: z
    .int()
    .min(1_000)
    .default(1024 * 1024)
    .describe('Longest entry that is read, as JSON, in bytes; a longer one becomes a dead letter.'),
})

type JournaldConfig = z.output<typeof config>
type Checkpoint = { readonly cursor: string; readonly matches: readonly string[] }

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
/** A journalctl that has run so long was a good one: the next pause is short again. */
const STEADY_MS = 10_000

/** The journal of systemd, through `journalctl`, whose cursor is the checkpoint. */
export const journald = defineCollector({
  name: 'journald',
  summary: 'The systemd journal: log-ins, sudo, services and kernel messages, from a cursor on.',
  config,
  example: {},
  formats: ['syslog'],
  create: createJournald,
})

function createJournald(config: JournaldConfig, given: CollectorDeps): Collector {
  const deps = config.directory === undefined ? ofThisMachine(given) : given
  const what = config.directory === undefined ? 'The journal' : `The journal in ${config.directory}`
  const path = join(deps.state_dir, 'cursor.json')
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<void> | undefined
  let checkpoint: Checkpoint | undefined

  /** One run of journalctl, to its end. Rejects with why it ended. */
  async function readOnce(onEntries: () => void) {
    const child = spawn(config.journalctl, argumentsOf(config, checkpoint), { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = endOf(child)
    const end = () => void child.kill('SIGTERM')
    signal.addEventListener('abort', end, { once: true })
    try {
      const splitter = lineSplitter(config.max_entry_bytes)
      const follow = follower(config, deps, checkpoint)
      // Not read any further while the pipeline is busy: journalctl then waits.
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
        if (signal.aborted) break
        await take(follow(splitter.push(chunk).map(entryOf)))
        onEntries()
      }
    } finally {
      signal.removeEventListener('abort', end)
      end()
      await ended.catch(() => {})
    }
    throw await ended.then(
      (said) => new WeirError('unreachable', `journalctl ended: ${said}`, { retryable: true }),
      (error: unknown) => error,
    )
  }

  async function take(entries: readonly JournalEntry[]) {
    if (entries.length === 0) return
    const records = entries.map(({ record }) => record)
    await emitUntilTaken(deps, 'syslog', records, signal)
    const cursor = entries.findLast((entry) => entry.cursor !== undefined)?.cursor
    if (cursor === undefined) return
    checkpoint = { cursor, matches: config.matches }
    await writeJsonAtomically(path, checkpoint)
  }

  async function keepReading() {
    let wait_ms = FIRST_RETRY_MS
    let is_down = false
    while (!signal.aborted) {
      const began_ms = performance.now()
      try {
        await readOnce(() => {
          if (is_down) deps.coverage({ status: 'ok', message: `${what} is read again.` })
          is_down = false
        })
      } catch (error) {
        if (signal.aborted) return
        if (performance.now() - began_ms > STEADY_MS) wait_ms = FIRST_RETRY_MS
        if (!is_down) {
          const message = `${what} is not read: ${messageOf(error)}. Set journalctl to that program; the user of Weir must be in the group systemd-journal.`
          deps.coverage({ status: 'unavailable', message })
        }
        is_down = true
        await sleep(wait_ms, undefined, { signal }).catch(() => {})
        wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)
      }
    }
  }

  return {
    async start() {
      checkpoint = checkpointOf(await readJsonFile(path))
      running = keepReading()
    },
    async stop() {
      stopping.abort()
      await running
      running = undefined
    },
    describe: () => `${what}${config.matches.length > 0 ? `, ${config.matches.join(' ')}` : ''}`,
  }
}

function argumentsOf({ directory, matches, start_at }: JournaldConfig, checkpoint: Checkpoint | undefined): string[] {
  const from = checkpoint
    ? // From the last entry that was read, itself included: if it is gone, others may be as well.
      ['--no-tail', `--cursor=${checkpoint.cursor}`]
    : start_at === 'beginning'
      ? ['--no-tail']
      : ['--lines=0']
  const where = directory === undefined ? [] : [`--directory=${directory}`]
  return ['--output=json', '--all', '--follow', '--quiet', '--no-pager', ...where, ...from, ...matches]
}

/** Leaves out the entry that was read before, and reports what is missing. */
function follower(config: JournaldConfig, deps: CollectorDeps, from: Checkpoint | undefined) {
  // Without a filter, or with the same one, the entry of the checkpoint is the first that comes.
  const is_same = JSON.stringify(from?.matches) === JSON.stringify(config.matches)
  let expected = from?.cursor
  let last: JournalEntry['number']

  function missing(message: string, lost?: number) {
    deps.coverage({ part: 'journal', status: 'degraded', message, ...(lost === undefined ? {} : { lost }) })
  }

  return (entries: JournalEntry[]): JournalEntry[] => {
    const fresh = entries.slice(expected !== undefined && entries[0]?.cursor === expected ? 1 : 0)
    if (expected !== undefined && entries.length > 0) {
      if (fresh.length === entries.length && is_same)
        missing(
          'The last entry that was read is gone: the journal was rotated or vacuumed, and entries after it may be missing.',
        )
      expected = undefined
    }
    for (const { number } of entries) {
      const gap = number && last?.of === number.of && config.matches.length === 0 ? number.n - last.n - 1 : 0
      if (gap > 0) missing(`${gap} entries were removed from the journal before they were read.`, gap)
      if (number) last = number
    }
    const dropped = fresh.reduce((sum, entry) => sum + entry.dropped, 0)
    if (dropped > 0) {
      missing(
        `journald dropped ${dropped} messages of programs that write too much (RateLimitBurst in journald.conf).`,
        dropped,
      )
    }
    return fresh
  }
}

/** What a program said last before it ended. Rejects if it could not be started. */
function endOf(child: ChildProcess): Promise<string> {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000)
  })
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(said.trim().split('\n').at(-1) || `exit ${code ?? signal}`))
  })
  ended.catch(() => {})
  return ended
}

function checkpointOf(value: unknown): Checkpoint | undefined {
  const { cursor, matches } = (value ?? {}) as Partial<Checkpoint>
  return typeof cursor === 'string' && Array.isArray(matches) ? { cursor, matches } : undefined
}
