import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DockerApi } from '../../../core/docker-api.js'
import { messageOf, WeirError } from '../../../core/errors.js'
import { readJsonFile, writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { parsed, positionOf } from './position.js'

/**
 * How far the stream was read: the nanosecond of the last event and the positions of all events of that nanosecond; none
 * where no event came yet since reading began.
 */
type Checkpoint = { nano: string; positions: string[] }

export type StreamHooks = {
  /** Makes the record of an event; the text is the engine's own. */
  record(line: string, event: { [key: string]: unknown }): Promise<object | string>
  /** Called when connected, before the first event: what exists already is read here. */
  connected(signal: AbortSignal): Promise<void>
  /** Called for each event, after it was put in line to be emitted. */
  seen(event: { [key: string]: unknown }): void
}

const BATCH = 500
/** Events that wait while the pipeline is busy; then the engine's stream is not read any further. */
const WAITING = 5_000
/** After connecting the engine sends what it remembers at once: silence for so long means that it remembers nothing. */
const REPLAY_MS = 2_000

/**
 * Reads the engine's events until `signal` aborts, through restarts of the engine and of Weir. The engine remembers the
 * last 256 events while it runs: if the last one we saw is not among them, events may be missing, and that is reported.
 */
export async function followEvents(
  api: DockerApi,
  deps: CollectorDeps,
  hooks: StreamHooks,
  signal: AbortSignal,
): Promise<void> {
  const file = join(deps.state_dir, 'events.json')
  let checkpoint = checkpointOf(await readJsonFile(file))
  let wait_ms = 0
  let last_problem = ''

  async function save(next: Checkpoint) {
    checkpoint = next
    await writeJsonAtomically(file, next)
  }

  while (!signal.aborted) {
    await sleep(wait_ms, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    try {
      const { engine } = await api.version()
      // By the engine's clock, and before the inventory: what happens meanwhile is in the stream as well.
      const { SystemTime } = await api.request('GET', '/info')
      const since = checkpoint ? secondsOf(checkpoint.nano) : String(Math.floor(Date.parse(SystemTime) / 1000))
      await hooks.connected(signal)
      wait_ms = 0
      const from = checkpoint
      // Whoever connects next must know that reading had begun, though no event came.
      if (!from) await save({ nano: `${since}000000000`, positions: [] })
      deps.coverage({ part: 'events', status: 'ok', message: `Events of Docker ${engine} at ${api.address} are seen.` })
      last_problem = ''
      await readOnce(api, deps, hooks, { since, checkpoint: from, save }, signal)
      throw new WeirError('unreachable', 'the engine closed the event stream', {
        retryable: true,
        hint: 'It is probably restarting.',
      })
    } catch (error) {
      if (signal.aborted) return
      wait_ms = Math.min(Math.max(500, wait_ms * 2), 15_000)
      const problem = describe(error)
      if (problem === last_problem) continue
      last_problem = problem
      deps.coverage({ part: 'events', status: 'unavailable', message: `Containers are not seen: ${problem}` })
    }
  }
}

type Reading = {
  /** As the engine wants it: seconds, with nanoseconds behind the point. */
  readonly since: string
  readonly checkpoint: Checkpoint | undefined
  save(next: Checkpoint): Promise<void>
}

/** One connection: from the checkpoint to its end. Rejects if it breaks. */
async function readOnce(
  api: DockerApi,
  deps: CollectorDeps,
  hooks: StreamHooks,
  { since, checkpoint: from, save }: Reading,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController()
  const both = AbortSignal.any([signal, ended.signal])
  const waiting: { record: RawRecord; nano: string; position: string }[] = []
  const wake = alarm()
  let done = from ?? { nano: '', positions: [] }
  const isReplay = new Set(done.positions)
  let checked = from === undefined

  /** The first event after connecting must be one we know. */
  function check(position: string | undefined) {
    if (checked || !from) return
    checked = true
    if (position !== undefined && isReplay.has(position)) return
    const since_time = new Date(Number(from.nano) / 1e6).toISOString()
    const why =
      from.positions.length > 0
        ? `The engine no longer remembers the last event seen (${since_time})`
        : `No event was seen since reading began (${since_time}), so that nothing tells whether the engine remembers all`
    deps.coverage({
      part: 'events',
      status: 'degraded',
      message: `${why}: events between then and ${new Date().toISOString()} may be missing.`,
    })
    deps.coverage({ part: 'events', status: 'ok', message: `Events of Docker at ${api.address} are seen again.` })
  }
  const timer = setTimeout(() => check(undefined), REPLAY_MS)

  async function drain() {
    for (;;) {
      const batch = waiting.slice(0, BATCH)
      if (batch.length === 0) {
        if (both.aborted) return
        await wake.wait()
        continue
      }
      await emitUntilTaken(
        deps,
        'docker_events',
        batch.map(({ record }) => record),
        signal,
      )
      waiting.splice(0, batch.length)
      const nano = batch.at(-1)?.nano ?? ''
      const same = batch.filter((entry) => entry.nano === nano).map(({ position }) => position)
      done = { nano, positions: nano === done.nano ? [...done.positions, ...same] : same }
      await save(done)
      wake.ring()
    }
  }
  const draining = drain()
  draining.catch(() => ended.abort())

  try {
    for await (const line of api.events({ since, signal: both })) {
      const event = parsed(line)
      const { nano, position } = positionOf(line, event)
      check(position)
      if (isReplay.has(position)) continue
      waiting.push({ record: { data: await hooks.record(line, event), position }, nano, position })
      hooks.seen(event)
      wake.ring()
      while (waiting.length >= WAITING && !both.aborted) await wake.wait()
    }
  } finally {
    clearTimeout(timer)
    ended.abort()
    wake.ring()
    await draining.catch((error) => {
      if (!signal.aborted) throw error
    })
  }
}

/** Two sides wait for each other to make progress. */
function alarm(): { wait(): Promise<void>; ring(): void } {
  let waiters: (() => void)[] = []
  return {
    wait: () => new Promise<void>((resolve) => waiters.push(resolve)),
    ring() {
      const woken = waiters
      waiters = []
      for (const resolve of woken) resolve()
    },
  }
}

function secondsOf(nano: string): string {
  return `${nano.slice(0, -9)}.${nano.slice(-9)}`
}

function checkpointOf(value: unknown): Checkpoint | undefined {
  const { nano, positions } = (value ?? {}) as Partial<Checkpoint>
  return typeof nano === 'string' && /^\d{10,20}$/.test(nano) && Array.isArray(positions)
    ? { nano, positions }
    : undefined
}

function describe(error: unknown): string {
  const hint = error instanceof WeirError && error.hint ? ` ${error.hint}` : ''
  return `${messageOf(error)}.${hint}`
}
