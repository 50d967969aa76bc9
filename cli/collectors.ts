import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '../bus/port.js'
import { messageOf, WeirError } from '../core/errors.js'
import type { Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { collectors as registry } from '../ingest/collectors/index.js'
import type { Collector, CollectorDefinition } from '../ingest/contract.js'
import type { Intake } from '../ingest/intake.js'
import { createSourceWatch, type SourceWatch } from '../ingest/source-watch.js'
import type { CoverageInput } from '../ocsf/coverage.js'
import type { WeirConfig } from './config.js'

type Options = {
  config: WeirConfig
  data_dir: string
  bus: Bus
  intake: Intake
  metrics: Metrics
  log: Log
  /** Which collector a type names; the registry of all if absent. */
  find?: (type: string) => CollectorDefinition
  publishCoverage: (bus: Bus, log: Log, input: CoverageInput) => Promise<void>
}

/** How a configured collector is doing: what it watches, or why it cannot, and what to do. */
export type CollectorState = { instance: string; type: string; running: boolean; line: string; limits: string[] }

/**
 * All configured collectors. One that cannot start is reported (screen and coverage) and does not keep the others from
 * working: most machines lack something.
 */
export function createCollectors(options: Options): Service & { states(): CollectorState[] } {
  const { config, data_dir, bus, intake, metrics, log } = options
  const entries: { collector: Collector; state: CollectorState; limits: Map<string, string>; watch: SourceWatch }[] = []
  let timer: NodeJS.Timeout | undefined

  const types = Object.entries(config.collectors).map(([name, { type }]) => [name, type as string] as const)
  for (const [instance, { type, ...rest }] of Object.entries(config.collectors)) {
    const definition = (options.find ?? registry.find)(type as string)
    const state_dir = join(data_dir, 'collectors', instance)
    mkdirSync(state_dir, { recursive: true, mode: 0o700 })
    const limits = new Map<string, string>()
    const watch = watchOf(options, instance, definition.name, limits)
    const collector = definition.create(rest, {
      instance,
      beside: types.filter(([name]) => name !== instance).map(([, other]) => other),
      state_dir,
      log: log.child({ collector: instance }),
      async emit(format, records) {
        const receipt = await intake.emit(instance, format, records)
        watch.heard(receipt)
        return receipt
      },
      pressure: () => bus.pressure(),
      refused: (reason, n = 1) => metrics.count('input_refused', { collector: instance, reason }, n),
      coverage: watch.told,
    })
    const state = { instance, type: definition.name, running: false, line: '', limits: [] }
    entries.push({ collector, state, limits, watch })
  }

  return {
    name: 'collectors',
    states: () => entries.map(({ state, limits }) => ({ ...state, limits: [...limits.values()] })),
    async start() {
      timer = setInterval(() => {
        for (const { watch } of entries) watch.tick()
      }, lookEvery(config))
      timer.unref()
      for (const { collector, state } of entries) {
        try {
          await collector.start()
          state.running = true
          state.line = collector.describe()
        } catch (error) {
          // What the user got wrong must be mended; what the machine lacks is lived with.
          if (error instanceof WeirError && error.code === 'config_invalid') throw error
          state.line = [messageOf(error), error instanceof WeirError ? error.hint : undefined].filter(Boolean).join(' ')
          const input = { status: 'unavailable', message: state.line, instance: state.instance } as const
          await options.publishCoverage(bus, log, { ...input, collector: state.type, time: Date.now() })
        }
      }
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(entries.map(({ collector }) => collector.stop()))
    },
  }
}

/** Follows one source; what keeps it from being whole is a line on the start screen. */
function watchOf(
  { config, bus, metrics, log, publishCoverage }: Options,
  instance: string,
  collector: string,
  limits: Map<string, string>,
): SourceWatch {
  const { sources, silent_after_ms, report_interval_ms } = config.coverage
  return createSourceWatch({
    instance,
    silent_after_ms: sources[instance] ?? silent_after_ms,
    report_interval_ms,
    now: Date.now,
    report(report) {
      const { status, message, part = '', lost = 0, last_event_time, lag_ms } = report
      if (status === 'ok') limits.delete(part)
      else limits.set(part, message)
      metrics.count('source_lost', { collector: instance }, lost)
      if (last_event_time !== undefined) {
        metrics.gauge('source_last_event_seconds', { collector: instance }, last_event_time / 1000)
        metrics.gauge('source_lag_seconds', { collector: instance }, (lag_ms ?? 0) / 1000)
      }
      if (part === 'silence') metrics.gauge('source_silent', { collector: instance }, status === 'silent' ? 1 : 0)
      void publishCoverage(bus, log, { ...report, instance, collector, time: Date.now() })
    },
  })
}

/** Often enough that silence is told a tenth late at most. */
function lookEvery({ coverage: { silent_after_ms, sources, report_interval_ms } }: WeirConfig): number {
  const limits = [silent_after_ms, report_interval_ms, ...Object.values(sources)].filter((ms) => ms > 0)
  return Math.min(10_000, Math.max(50, Math.min(...limits) / 10))
}
