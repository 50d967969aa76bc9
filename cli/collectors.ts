import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '../bus/port.js'
import { messageOf, WeirError } from '../core/errors.js'
import type { Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { collectors as registry } from '../ingest/collectors/index.js'
import type { Collector } from '../ingest/contract.js'
import type { Intake } from '../ingest/intake.js'
import type { CoverageInput } from '../ocsf/coverage.js'
import type { WeirConfig } from './config.js'

type Options = {
  config: WeirConfig
  data_dir: string
  bus: Bus
  intake: Intake
  metrics: Metrics
  log: Log
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
  const entries: { collector: Collector; state: CollectorState; limits: Map<string, string> }[] = []

  const types = Object.entries(config.collectors).map(([name, { type }]) => [name, type as string] as const)
  for (const [instance, { type, ...rest }] of Object.entries(config.collectors)) {
    const definition = registry.find(type as string)
    const state_dir = join(data_dir, 'collectors', instance)
    mkdirSync(state_dir, { recursive: true, mode: 0o700 })
    const limits = new Map<string, string>()
    const collector = definition.create(rest, {
      instance,
      beside: types.filter(([name]) => name !== instance).map(([, other]) => other),
      state_dir,
      log: log.child({ collector: instance }),
      emit: (format, records) => intake.emit(instance, format, records),
      pressure: () => bus.pressure(),
      refused: (reason, n = 1) => metrics.count('input_refused', { collector: instance, reason }, n),
      coverage({ status, message, part, lost }) {
        if (status === 'ok') limits.delete(part ?? '')
        else limits.set(part ?? '', message)
        const time = Date.now()
        void options.publishCoverage(bus, log, {
          status,
          message,
          part,
          lost,
          instance,
          collector: definition.name,
          time,
        })
      },
    })
    const state = { instance, type: definition.name, running: false, line: '', limits: [] }
    entries.push({ collector, state, limits })
  }

  return {
    name: 'collectors',
    states: () => entries.map(({ state, limits }) => ({ ...state, limits: [...limits.values()] })),
    async start() {
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
      await Promise.all(entries.map(({ collector }) => collector.stop()))
    },
  }
}
