import { randomUUID } from 'node:crypto'
import type { Assignment, Batch, Bus, Message, Subscription } from '../../bus/port.js'
import { messageOf } from '../../core/errors.js'
import type { HealthBoard } from '../../core/health.js'
import type { Service } from '../../core/lifecycle.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import { createEngine, type Engine } from '../../detectors/engine.js'
import { detectors } from '../../detectors/index.js'
import { loadStates, saveState } from '../../lake/detector-state.js'
import type { Lake } from '../../lake/port.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import type { WeirConfig } from '../config.js'
import { publishAll, publishCoverage } from '../publish.js'
import { pastOf } from './detect-past.js'
import { createProgress } from './progress.js'
import { untilDone, valuesOf } from './role.js'

/** One try; the bus tries again, and /ready says what is waited for. */
const CAUGHT_UP_WITHIN_MS = 30_000

export type DetectOptions = {
  config: Pick<WeirConfig, 'detectors' | 'detection'>
  bus: Bus
  lake: Lake
  /** Whether several processes share the work: then state follows the partitions. */
  shared: boolean
  /** Folder of the detectors' files. */
  state_dir: string
  /** Subscriptions of this process: batches are judged in order, the others wait for the findings of the first to be durable. */
  subscriptions: number
  /** Called with every message before it is judged. */
  note: (messages: readonly Message[]) => void
  on_found?: ((findings: readonly OcsfEvent[]) => void) | undefined
  on_finding?: ((finding: OcsfEvent, latency_ms: number | undefined) => void) | undefined
  health: HealthBoard
  log: Log
  metrics: Metrics
}

/** The role that looks for attacks. The engine is another one after each change of the partitions. */
export type DetectRole = Service & { readonly engine: Engine }

/** Detects what is on the bus; docs/decisions/0016-detect-on-partitions.md says how the state follows the partitions. */
export function createDetectRole(options: DetectOptions): DetectRole {
  const { bus, lake, log, metrics } = options
  const process_id = randomUUID()
  const progress = createProgress()
  const detecting: Subscription[] = []
  let engine = build()
  /** What is done before anything can be judged; empty while events are judged. */
  let phase = 'waits for partitions'
  let problem = ''

  function build(): Engine {
    const shared = (instance: string) => ({
      save: (name: string, content: string) =>
        saveState(lake, { instance, name, process: process_id, saved_time: progress.judgedTo(), content }),
      load: (name: string) => loadStates(lake, instance, name),
    })
    return buildEngine(options, options.shared ? shared : undefined)
  }

  async function handle(batch: Batch) {
    options.note(batch.messages)
    const received = oldest(batch.messages)
    await engine.handle(valuesOf(batch), received, partitionOf(batch))
    progress.handled(batch, received)
  }

  /**
   * A new engine for these partitions: what others have judged must be in the lake, which it is rebuilt from. Nothing is
   * judged meanwhile. Any error leaves everything as it is for the next try.
   */
  async function rebuild(held: readonly number[]) {
    const started = performance.now()
    phase = 'hands on what was found'
    await progress.idle()
    // What was found is durable, and what was learned is shared, before anybody starts from it.
    await engine.stop()
    const committed = await bus.positions('detect', ['weir.events'])
    const positions = progress.beyond(
      held.map((partition) => {
        const found = committed.find((position) => position.partition === partition)
        return found ?? { topic: 'weir.events' as const, partition, offset: 0n }
      }),
    )
    phase = 'waits until the role store has written what was judged before'
    await bus.caughtUp('store', ['weir.events'], { timeout_ms: CAUGHT_UP_WITHIN_MS, up_to: positions })
    await bus.caughtUp('store', ['weir.findings'], { timeout_ms: CAUGHT_UP_WITHIN_MS })
    phase = 'reads the past from the lake'
    const judged_to = await bus.receivedFrom(positions)
    const next = build()
    await next.start({ ...pastOf(lake, { of: bus.partitionsOf('weir.events'), numbers: held }), judged_to })
    progress.hold(held, judged_to)
    engine = next
    phase = ''
    problem = ''
    metrics.gauge('detect_partitions', {}, held.length)
    metrics.observe('detect_rebuild', {}, performance.now() - started)
    log.info({ partitions: held, took_ms: Math.round(performance.now() - started) }, 'detectors rebuilt')
  }

  async function assigned(_gained: readonly Assignment[], held: readonly Assignment[]) {
    const partitions = held.flatMap((one) => (one.topic === 'weir.events' ? [...one.partitions] : []))
    try {
      await rebuild(partitions)
    } catch (error) {
      problem = messageOf(error)
      throw error
    }
  }

  if (options.shared) {
    options.health.watch('detectors', () => ({
      ok: phase === '',
      message: [phase || 'judge what comes', problem].filter(Boolean).join(': '),
    }))
  }
  return {
    name: 'detect',
    get engine() {
      return engine
    },
    async start() {
      if (!options.shared) await engine.start(pastOf(lake))
      for (let n = 0; n < options.subscriptions; n++) {
        const plain = (batch: Batch) => progress.during(() => handle(batch))
        const handler = options.shared ? untilDone(plain, { role: 'detect', health: options.health, log }) : plain
        detecting.push(await bus.subscribe('detect', ['weir.events'], handler, { on_assigned: assigned }))
      }
    },
    async stop() {
      for (const subscription of detecting.splice(0)) await subscription.stop()
      await engine.stop()
    },
  }
}

function buildEngine(options: DetectOptions, shared: Parameters<typeof createEngine>[0]['shared']): Engine {
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
    shared,
    log,
    metrics,
  })
}

/** `topic:partition:first-last` names a batch. */
function partitionOf({ token }: Batch): string | undefined {
  return token?.split(':')[1]
}

function oldest(messages: readonly Message[]): number {
  let time = Number.POSITIVE_INFINITY
  for (const { timestamp } of messages) if (timestamp < time) time = timestamp
  return time
}
