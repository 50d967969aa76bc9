import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '../bus/port.js'
import { WeirError } from '../core/errors.js'
import type { Health, HealthBoard } from '../core/health.js'
import type { Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import type { MemoryBound } from '../core/memory.js'
import type { Metrics } from '../core/metrics.js'
import { collectors as registry } from '../ingest/collectors/index.js'
import type { Collector, CollectorDefinition, CollectorDeps, CoverageReport } from '../ingest/contract.js'
import type { Backoff } from '../ingest/emit-until-taken.js'
import type { Intake } from '../ingest/intake.js'
import { createSourceWatch, type SourceWatch } from '../ingest/source-watch.js'
import type { CoverageInput } from '../ocsf/coverage.js'
import type { WeirConfig } from './config.js'
import { keepStarting } from './keep-starting.js'

type Options = {
  config: WeirConfig
  data_dir: string
  bus: Bus
  intake: Intake
  memory: Pick<MemoryBound, 'room' | 'isFull'>
  metrics: Metrics
  /** Where `/ready` shows each collector. One that does not collect does not make the process unready. */
  health: Pick<HealthBoard, 'watch'>
  log: Log
  /** Which collector a type names; the registry of all if absent. */
  find?: (type: string) => CollectorDefinition
  /** Waits between two tries to start a collector. */
  retry?: Backoff
  publishCoverage: (bus: Bus, log: Log, input: CoverageInput) => Promise<void>
}

/** The part of a source that is its being heard: see the source watch. */
const SILENCE = 'silence'
/** Records wait so long for memory, ms; then their source is told to send them again. */
const ROOM_WITHIN_MS = 5_000

/** How a configured collector is doing: what it watches, or why it cannot, and what to do. */
export type CollectorState = { instance: string; type: string; running: boolean; line: string; limits: string[] }

type Entry = {
  readonly instance: string
  readonly type: string
  readonly create: () => Collector
  /** The one that runs. */
  collector: Collector | undefined
  /** Why there is none. */
  reason: string
  /** What keeps the source from being whole, by part. */
  readonly limits: Map<string, CoverageReport>
  readonly watch: SourceWatch
}

/**
 * All configured collectors. One that cannot start is reported (screen, coverage, `/ready`), tried again unless no waiting
 * can help, and does not keep the others from working: most machines lack something.
 */
export function createCollectors(options: Options): Service & { states(): CollectorState[] } {
  const { config, data_dir, bus, intake, memory, metrics, health, log } = options
  const stopping = new AbortController()
  const entries: Entry[] = []
  let timer: NodeJS.Timeout | undefined
  let starting: Promise<void>[] = []

  const types = Object.entries(config.collectors).map(([name, { type }]) => [name, type as string] as const)
  for (const [instance, { type, ...rest }] of Object.entries(config.collectors)) {
    const definition = (options.find ?? registry.find)(type as string)
    const state_dir = join(data_dir, 'collectors', instance)
    mkdirSync(state_dir, { recursive: true, mode: 0o700 })
    const limits: Entry['limits'] = new Map()
    const watch = watchOf(options, instance, definition.name, limits)
    const deps: CollectorDeps = {
      instance,
      beside: types.filter(([name]) => name !== instance).map(([, other]) => other),
      state_dir,
      log: log.child({ collector: instance }),
      async emit(format, records, repeats) {
        if (!(await memory.room('new', ROOM_WITHIN_MS))) throw noRoom()
        const receipt = await intake.emit(instance, format, records, repeats)
        watch.heard(receipt, format)
        return receipt
      },
      pressure: () => (memory.isFull() ? 1 : bus.pressure()),
      refused: (reason, n = 1) => metrics.count('input_refused', { collector: instance, reason }, n),
      coverage: watch.told,
    }
    const create = () => definition.create(rest, deps)
    const entry: Entry = { instance, type: definition.name, create, collector: undefined, reason: '', limits, watch }
    entries.push(entry)
    health.watch(`collector ${instance}`, () => healthOf(entry), { is_required: false })
  }

  function start(entry: Entry) {
    const { instance, type, create, limits, watch } = entry
    /** What the tries before said about parts of the source: whoever is made anew does not know of it. */
    let said_before: Entry['limits'] = new Map()
    const tell = (status: 'ok' | 'unavailable', message: string) =>
      void options.publishCoverage(bus, log, { status, message, instance, collector: type, time: Date.now() })
    return keepStarting(
      {
        create() {
          said_before = new Map(limits)
          return create()
        },
        onStarted(collector) {
          entry.collector = collector
          for (const [part, report] of said_before) {
            if (part.startsWith(SILENCE) || limits.get(part) !== report) continue
            watch.told({ part, status: 'ok', message: `${instance} collects now.` })
          }
          if (entry.reason !== '') tell('ok', `${instance} collects now: ${collector.describe()}.`)
        },
        onFailed(reason, is_for_good) {
          entry.reason = is_for_good ? reason : `${reason.replace(/\.?$/, '.')} It is tried again.`
          tell('unavailable', entry.reason)
        },
      },
      stopping.signal,
      options.retry,
    )
  }

  return {
    name: 'collectors',
    states: () => entries.map(stateOf),
    async start() {
      timer = setInterval(() => {
        for (const { watch } of entries) watch.tick()
      }, lookEvery(config))
      timer.unref()
      try {
        for (const entry of entries) starting.push((await start(entry)).rest)
      } catch (error) {
        await stop()
        throw error
      }
    },
    stop,
  }

  async function stop() {
    clearInterval(timer)
    stopping.abort()
    const ending = starting
    starting = []
    await Promise.all([...ending, ...entries.map(({ collector }) => collector?.stop())])
  }
}

function stateOf({ instance, type, collector, reason, limits }: Entry): CollectorState {
  const line = collector?.describe() ?? reason
  const messages = [...limits.values()].map(({ message }) => message)
  return { instance, type, running: collector !== undefined, line, limits: messages }
}

function healthOf({ collector, reason, limits }: Entry): Health {
  if (!collector) return { ok: false, message: reason || 'not started yet' }
  const reports = [...limits.values()]
  const message = reports.map(({ message }) => message).join(' ')
  return { ok: !reports.some(({ status }) => status === 'unavailable'), message: message || collector.describe() }
}

/** Follows one source; what keeps it from being whole is a line on the start screen. */
function watchOf(
  { config, bus, metrics, log, publishCoverage }: Options,
  instance: string,
  collector: string,
  limits: Entry['limits'],
): SourceWatch {
  const { sources, silent_after_ms, report_interval_ms } = config.coverage
  return createSourceWatch({
    instance,
    silent_after_ms: sources[instance] ?? silent_after_ms,
    formatSilentAfter: (format) => sources[`${instance}/${format}`] ?? sources[instance] ?? silent_after_ms,
    report_interval_ms,
    now: Date.now,
    report(report) {
      const { status, part = '', lost = 0, last_event_time, lag_ms } = report
      if (status === 'ok') limits.delete(part)
      else limits.set(part, report)
      metrics.count('source_lost', { collector: instance }, lost)
      if (last_event_time !== undefined) {
        metrics.gauge('source_last_event_seconds', { collector: instance }, last_event_time / 1000)
        metrics.gauge('source_lag_seconds', { collector: instance }, (lag_ms ?? 0) / 1000)
      }
      if (part === SILENCE) metrics.gauge('source_silent', { collector: instance }, status === 'silent' ? 1 : 0)
      void publishCoverage(bus, log, { ...report, instance, collector, time: Date.now() })
    },
  })
}

/** Often enough that silence is told a tenth late at most. */
function lookEvery({ coverage: { silent_after_ms, sources, report_interval_ms } }: WeirConfig): number {
  const limits = [silent_after_ms, report_interval_ms, ...Object.values(sources)].filter((ms) => ms > 0)
  return Math.min(10_000, Math.max(50, Math.min(...limits) / 10))
}

function noRoom(): WeirError {
  return new WeirError('overloaded', 'this process has no memory for more now (memory.max_rss_bytes)', {
    retryable: true,
  })
}
