import { WeirError } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { findingOf } from '../ocsf/finding.js'
import type { DetectorCoverage, FindingDraft, SharedState } from './contract.js'
import { dedupKeyOf, findingUid, makeFinding } from './finding.js'
import { router } from './router.js'
import { createRunner, type DetectorSetup, type Runner, type RunnerStats } from './runner.js'
import { suppression } from './suppression.js'
import { createWatermark } from './watermark.js'

export type EngineOptions = {
  readonly detectors: readonly DetectorSetup[]
  /** Resolves when the findings are durable. A rejection keeps them for the next try and fails the batch. */
  readonly publish: (findings: OcsfEvent[]) => Promise<void>
  readonly log: Log
  readonly metrics: Metrics
  /** Folder for the detectors' state; one folder an instance is made below it. */
  readonly state_dir: string
  /** Where several processes keep what an instance has learned; absent if there is only this one. */
  readonly shared?: ((instance: string) => SharedState) | undefined
  /** Called when what a detector can judge has changed. */
  readonly coverage?: (instance: string, report: DetectorCoverage) => void
  /**
   * Called once for every finding that is durable, with the time from receipt of its last event, ms; without one if no
   * event but the passing of time led to it.
   */
  readonly on_finding?: (finding: OcsfEvent, latency_ms: number | undefined) => void
  /** Repeats closer than this in event time are counted, not published. Default one hour. */
  readonly suppression_ms?: number
  /** Findings of a detector in one day of event time; more are counted, except critical ones. Default 100. */
  readonly budget_per_day?: number
  /** How late an event may be, ms. Default one minute. */
  readonly lateness_ms?: number
  /** Failures in a row after which a detector is given up. Default 5. */
  readonly max_failures?: number
  /** How often time passes without events, ms; 0 leaves that to the caller. Default one second. */
  readonly tick_ms?: number
  /** Wall clock, ms since 1970, fractions allowed. */
  readonly clock?: () => number
}

export type EngineStats = {
  readonly events: number
  readonly findings: number
  readonly suppressed: { readonly repeat: number; readonly duplicate: number; readonly budget: number }
  /** Event time that has passed, ms since 1970; -Infinity before the first event. */
  readonly watermark: number
  readonly detectors: readonly (RunnerStats & { readonly coverage: DetectorCoverage })[]
}

/** Which events of the past a detector wants; times in ms since 1970. */
export type PastQuery = {
  /** Event time, included. */
  readonly from: number
  /** Event time, excluded. */
  readonly to: number
  readonly classes: readonly number[] | 'all'
  /** Stored at or after this. */
  readonly stored_since: number
  /** Of the workloads of this process only, or of all. */
  readonly of: 'own' | 'all'
}

/** What the lake knows, oldest first. */
export type Restore = (query: PastQuery) => AsyncIterable<readonly OcsfEvent[]>

export type Past = {
  readonly restore?: Restore
  /** Own findings since a time, ms since 1970. */
  readonly findings?: (from_ms: number) => Promise<readonly OcsfEvent[]>
  /** What was received before this time (ms since 1970) was judged before; the rest is still to come. Default now. */
  readonly judged_to?: number
}

export type Engine = {
  /**
   * Builds the detectors (throws `config_invalid` with every problem) and gives them the past: events that `restore`
   * yields, and the engine its own findings of the last day, so that it does not repeat them.
   */
  start(past?: Past): Promise<void>
  /**
   * Judges a batch. Resolves when what was found is durable. `received_time` is when the batch was received, ms. Sources
   * (partitions) may be ahead of each other: time passes with the one that is furthest behind.
   */
  handle(events: readonly OcsfEvent[], received_time?: number, source?: string): Promise<void>
  /** Lets event time pass: up to `watermark` (ms; Infinity at the end of input), else as far as the events say. */
  advance(watermark?: number): Promise<void>
  /** Waits for background work of the detectors and for findings on their way. */
  settle(): Promise<void>
  stop(): Promise<void>
  stats(): EngineStats
}

type Waiting = { readonly event: OcsfEvent; readonly instance: string; readonly received_time: number | undefined }

const minute_ms = 60_000
/** An event may be stored so long before a detector has judged it. */
const stored_before_judged_ms = 10_000
const day_ms = 86_400_000

/** Runs detectors on the stream of events: routing, isolation, time, suppression of repeats, findings. */
export function createEngine(options: EngineOptions): Engine {
  const { log, metrics } = options
  const clock = options.clock ?? (() => performance.timeOrigin + performance.now())
  const tick_ms = options.tick_ms ?? 1000
  const repeats = suppression({
    suppression_ms: options.suppression_ms ?? 3_600_000,
    budget_per_day: options.budget_per_day ?? 100,
  })
  const watermark = createWatermark({ lateness_ms: options.lateness_ms ?? minute_ms, clock })
  const suppressed = { repeat: 0, duplicate: 0, budget: 0 }
  const reported = new Map<string, string>()
  const outbox: Waiting[] = []
  let runners: Runner[] = []
  let route = router<Runner>([])
  let publishing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let events = 0
  let findings = 0
  let advanced = { at: 0, to: Number.NEGATIVE_INFINITY }

  function accept(runner: Runner, drafts: readonly FindingDraft[], received_time: number | undefined) {
    for (const draft of drafts) {
      const { instance } = runner
      const uid = findingUid(draft, instance)
      const verdict = repeats.judge(instance, dedupKeyOf(instance, draft), uid, draft)
      if (verdict.kind === 'suppress') {
        suppressed[verdict.reason]++
        metrics.count('findings_suppressed', { detector: instance, reason: verdict.reason })
        continue
      }
      const event = makeFinding(draft, { instance, family: runner.family, repeats: verdict.repeats })
      outbox.push({ event, instance, received_time })
    }
  }

  /** One publication at a time; what fails stays at the head of the outbox. */
  function flush(): Promise<void> {
    publishing = publishing.catch(() => {}).then(publishOutbox)
    return publishing
  }

  async function publishOutbox() {
    if (outbox.length === 0) return
    const batch = outbox.splice(0)
    try {
      await options.publish(batch.map((waiting) => waiting.event))
    } catch (error) {
      outbox.unshift(...batch)
      throw error
    }
    const now = clock()
    for (const { event, instance, received_time } of batch) {
      findings++
      metrics.count('findings', { detector: instance, severity: String(event.severity) })
      const latency_ms = received_time === undefined ? undefined : Math.max(0, now - received_time)
      if (latency_ms !== undefined) metrics.observe('event_to_finding', { detector: instance }, latency_ms)
      options.on_finding?.(event, latency_ms)
    }
  }

  function passTime(to: number, received_time?: number) {
    if (to === Number.NEGATIVE_INFINITY) return
    advanced = { at: clock(), to }
    for (const runner of runners) accept(runner, runner.advance(to), received_time)
    reportCoverage()
  }

  function reportCoverage() {
    for (const runner of runners) {
      const report = runner.coverage()
      const state = `${report.status} ${report.message}`
      if (reported.get(runner.instance) === state) continue
      // What works from the start is no news.
      const isNews = report.status !== 'ok' || reported.has(runner.instance)
      reported.set(runner.instance, state)
      if (isNews) options.coverage?.(runner.instance, report)
    }
  }

  async function build() {
    const names = new Set<string>()
    const problems: string[] = []
    for (const setup of options.detectors) {
      if (names.has(setup.instance)) problems.push(`two detectors are named "${setup.instance}"`)
      names.add(setup.instance)
      try {
        const max_failures = options.max_failures ?? 5
        const { state_dir, shared } = options
        runners.push(await createRunner(setup, { log, metrics, state_dir, shared, max_failures }))
      } catch (error) {
        if (!(error instanceof WeirError) || error.retryable) throw error
        problems.push(error.message)
      }
    }
    if (problems.length > 0) throw new WeirError('config_invalid', problems.join('\n'))
    route = router(runners)
  }

  /** Each detector has its own past: of its classes, as far back as it wants, and not what its files hold already. */
  async function remember(restore: Restore, to: number) {
    for (const runner of runners) {
      if (runner.memory_ms === 0) continue
      const wanted = router([runner])
      const { classes, memory_of } = runner
      const stored_since = Math.max(0, runner.remembered() - stored_before_judged_ms)
      for await (const batch of restore({ from: to - runner.memory_ms, to, classes, stored_since, of: memory_of })) {
        watermark.observe(batch)
        for (const [, events] of wanted(batch)) runner.restore(events)
      }
    }
  }

  function rememberFindings(events: readonly OcsfEvent[]) {
    for (const event of [...events].sort((a, b) => a.time - b.time)) {
      const finding = findingOf(event)
      const key = finding?.details.dedup_key
      if (finding && typeof key === 'string') repeats.remember(finding.detector, key, finding.uid, finding.time)
    }
  }

  return {
    async start({ restore, findings: past, judged_to } = {}) {
      await build()
      if (past) rememberFindings(await past(clock() - day_ms))
      if (restore) await remember(restore, judged_to ?? clock())
      reportCoverage()
      if (tick_ms === 0) return
      timer = setInterval(() => {
        passTime(watermark.current())
        flush().catch((error) => log.warn({ err: error }, 'findings are kept: they could not be published'))
      }, tick_ms)
      timer.unref()
    },
    async handle(batch, received_time = clock(), source) {
      events += batch.length
      for (const [runner, wanted] of route(batch)) accept(runner, runner.process(wanted), received_time)
      watermark.observe(batch, source)
      const passed = watermark.current()
      if (passed >= advanced.to + minute_ms || clock() >= advanced.at + 1000) passTime(passed, received_time)
      if (outbox.length > 0) await flush()
    },
    async advance(to) {
      if (to !== undefined) watermark.reach(to)
      passTime(to ?? watermark.current())
      await flush()
    },
    async settle() {
      await Promise.all(runners.map((runner) => runner.settle()))
      await flush()
    },
    async stop() {
      clearInterval(timer)
      timer = undefined
      await flush().finally(async () => {
        for (const runner of runners) await runner.stop()
        runners = []
        route = router([])
      })
    },
    stats: () => ({
      events,
      findings,
      suppressed: { ...suppressed },
      watermark: watermark.current(),
      detectors: runners.map((runner) => ({ ...runner.stats(), coverage: runner.coverage() })),
    }),
  }
}
