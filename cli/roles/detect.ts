import type { Bus, Message, Subscription } from '../../bus/port.js'
import type { Service } from '../../core/lifecycle.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import { createEngine, type Engine } from '../../detectors/engine.js'
import { detectors } from '../../detectors/index.js'
import type { Lake } from '../../lake/port.js'
import { readEvents } from '../../lake/read.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import type { WeirConfig } from '../config.js'
import { publishAll, publishCoverage } from '../publish.js'
import { recordedFindings } from '../recorded.js'
import { valuesOf } from './role.js'

export type DetectOptions = {
  config: Pick<WeirConfig, 'detectors' | 'detection'>
  bus: Bus
  lake: Lake
  /** Folder of the detectors' files. */
  state_dir: string
  /** Subscriptions of this process: batches are judged in order, the others wait for the findings of the first to be durable. */
  subscriptions: number
  /** Called with every message before it is judged. */
  note: (messages: readonly Message[]) => void
  on_found?: ((findings: readonly OcsfEvent[]) => void) | undefined
  on_finding?: ((finding: OcsfEvent, latency_ms: number | undefined) => void) | undefined
  log: Log
  metrics: Metrics
}

/** The role that looks for attacks. */
export function createDetectRole(options: DetectOptions): Service & { readonly engine: Engine } {
  const { bus, lake } = options
  const detecting: Subscription[] = []
  const engine = buildEngine(options)
  return {
    name: 'detect',
    engine,
    async start() {
      await engine.start({
        restore: ({ from, to, classes, stored_since }) =>
          readEvents(lake, {
            from: Math.floor(from),
            to: Math.floor(to),
            stored_since,
            ...(classes === 'all' ? {} : { classes }),
          }),
        findings: async () => {
          const { answered, unanswered } = await recordedFindings(lake)
          return [...answered, ...unanswered]
        },
      })
      for (let n = 0; n < options.subscriptions; n++) {
        const detect = await bus.subscribe('detect', ['weir.events'], (batch) => {
          options.note(batch.messages)
          return engine.handle(valuesOf(batch), oldest(batch.messages))
        })
        detecting.push(detect)
      }
    },
    async stop() {
      for (const subscription of detecting.splice(0)) await subscription.stop()
      await engine.stop()
    },
  }
}

function buildEngine(options: DetectOptions): Engine {
  const { config, bus, log, metrics, state_dir, on_found, on_finding } = options
  return createEngine({
    detectors: Object.entries(config.detectors).map(([instance, { type, ...rest }]) => ({
      instance,
      definition: detectors.find(type as string),
      config: rest,
    })),
    publish(findings) {
      on_found?.(findings)
      return publishAll(bus, 'weir.findings', findings)
    },
    coverage: (instance, { status, message }) =>
      void publishCoverage(bus, log, { status, message, instance, collector: 'detector', time: Date.now() }),
    ...(on_finding ? { on_finding } : {}),
    ...config.detection,
    state_dir,
    log,
    metrics,
  })
}

function oldest(messages: readonly Message[]): number {
  let time = Number.POSITIVE_INFINITY
  for (const { timestamp } of messages) if (timestamp < time) time = timestamp
  return time
}
