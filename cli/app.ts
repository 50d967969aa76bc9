import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createMemoryBus } from '../bus/memory.js'
import type { Batch, Bus, Message, Subscription, Topic } from '../bus/port.js'
import { type Lifecycle, lifecycle, type Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import { createMetrics, type Metrics } from '../core/metrics.js'
import { packageRoot } from '../core/paths.js'
import { createEngine, type Engine } from '../detectors/engine.js'
import { detectors } from '../detectors/index.js'
import type { Format, FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake, type Intake } from '../ingest/intake.js'
import { createSqlEndpoint } from '../lake/endpoint/server.js'
import { openLake } from '../lake/open.js'
import type { Lake } from '../lake/port.js'
import { readEvents } from '../lake/read.js'
import { createStore, type Store } from '../lake/store.js'
import { coverageEvent } from '../ocsf/coverage.js'
import { deadLetter } from '../ocsf/dead-letter.js'
import { CLASS, type OcsfEvent, type Workload } from '../ocsf/event.js'
import { actions } from '../responders/actions/index.js'
import { createMemoryJobs } from '../responders/jobs/memory.js'
import { loadPlaybooks } from '../responders/playbook.js'
import { createResponder, type Responder } from '../responders/responder.js'
import { createCollectors } from './collectors.js'
import type { WeirConfig } from './config.js'
import { recordedFindings, recordedResponses, recordedSightings } from './recorded.js'
import { createSightings } from './sightings.js'
import { openSqlEndpoint } from './sql-endpoint.js'

/** Store subscriptions of one process: while one waits for its block, the others fill the next. */
const STORE_SUBSCRIPTIONS = 48
/** Batches are judged in order when they are handed out; the others wait for the findings of the first to be durable. */
const DETECT_SUBSCRIPTIONS = 8
const MAX_BATCH = 512
const SILENT_AFTER_MS = 10 * 60_000
const ACTION_TIMEOUT_MS = 60_000

export type AppOptions = {
  log: Log
  /** Called with findings before they are published. */
  on_found?: (findings: readonly OcsfEvent[]) => void
  /** Called for every finding once it is durable, with the time from receipt of its last event, ms; see the engine. */
  on_finding?: (finding: OcsfEvent, latency_ms: number | undefined) => void
  /** Called for every step of a response. */
  on_response?: (step: OcsfEvent) => void
  /** What may not be started: the demo has its own source of events. */
  without?: readonly ('collectors' | 'endpoint')[]
}

/** All roles of Weir in one process. */
export type App = Lifecycle & {
  readonly lake: Lake
  readonly bus: Bus
  readonly store: Store
  readonly intake: Intake
  readonly engine: Engine
  readonly responder: Responder
  readonly metrics: Metrics
  readonly sightings: ReturnType<typeof createSightings>
  readonly collectors: ReturnType<typeof createCollectors>
  readonly endpoint: ReturnType<typeof openSqlEndpoint>
}

/** The composition root: opens the lake and connects every part. Nothing runs before `start`. */
export async function createApp(config: WeirConfig, options: AppOptions): Promise<App> {
  const { log } = options
  const data_dir = resolve(config.data_dir)
  mkdirSync(data_dir, { recursive: true, mode: 0o700 })
  const metrics = createMetrics()
  const lake = await openLake({ path: join(data_dir, 'lake'), retention_days: config.lake.retention_days })
  const store = await createStore({ lake, metrics, log })
  const bus = createMemoryBus({ max_messages: config.bus.max_messages, max_batch: MAX_BATCH, log })
  const sightings = createSightings({ silent_after_ms: SILENT_AFTER_MS, now: Date.now })
  const intake = createIntake({
    bus,
    metrics,
    formats: createFormats(config),
    max_record_length: config.max_record_length,
    now: Date.now,
  })

  const engine = createEngine({
    detectors: Object.entries(config.detectors).map(([instance, { type, ...rest }]) => ({
      instance,
      definition: detectors.find(type as string),
      config: rest,
    })),
    publish(findings) {
      options.on_found?.(findings)
      return publishAll(bus, 'weir.findings', findings)
    },
    coverage: (instance, { status, message }) =>
      void publishCoverage(bus, log, { status, message, instance, collector: 'detector', time: Date.now() }),
    ...(options.on_finding ? { on_finding: options.on_finding } : {}),
    ...config.detection,
    state_dir: join(data_dir, 'detectors'),
    log,
    metrics,
  })

  const playbooks = loadPlaybooks([
    ...(config.responders.builtin_playbooks ? [join(packageRoot, 'responders', 'playbooks', 'builtin')] : []),
    ...config.responders.playbooks,
  ])
  const responder = createResponder({
    playbooks,
    actions,
    action_params: config.responders.actions,
    mode: config.mode,
    jobs: createMemoryJobs({ concurrency: 4 }),
    async publish(steps) {
      await publishAll(bus, 'weir.responses', steps)
      for (const step of steps) options.on_response?.(step)
    },
    coverage: sightings.coverage,
    peers: sightings.peers,
    traffic: (workload, since) => connectionsSince(lake, workload, since),
    effect_window_ms: config.responders.effect_window_ms,
    timeout_ms: ACTION_TIMEOUT_MS,
    now: Date.now,
    log,
    metrics,
  })

  const endpoint = openSqlEndpoint({ config: config.lake, data_dir, create: createSqlEndpoint, lake, log, metrics })
  const collectors = createCollectors({ config, data_dir, bus, intake, metrics, log, publishCoverage })
  const skipped = new Set(options.without ?? [])
  const services: Service[] = [
    { name: 'lake', start: async () => {}, stop: () => lake.close() },
    { name: 'store', start: async () => {}, stop: () => store.stop() },
    roles({ bus, store, engine, responder, lake, log, sightings }),
    ...(skipped.has('endpoint') ? [] : [endpoint]),
    ...(skipped.has('collectors') ? [] : [collectors]),
  ]
  const { start, stop } = lifecycle(services)
  return { lake, bus, store, intake, engine, responder, metrics, sightings, collectors, endpoint, start, stop }
}

type Parts = Pick<App, 'bus' | 'store' | 'engine' | 'responder' | 'lake' | 'sightings'> & { log: Log }

/** Subscribes the roles store, detect and respond, after each has its past back. */
function roles({ bus, store, engine, responder, lake, log, sightings }: Parts): Service {
  const storing: Subscription[] = []
  const detecting: Subscription[] = []
  let responding: Subscription | undefined
  return {
    name: 'roles',
    async start() {
      await bus.start()
      for (let n = 0; n < STORE_SUBSCRIPTIONS; n++) {
        const topics: Topic[] = ['weir.events', 'weir.findings', 'weir.responses', 'weir.dead_letters', 'weir.coverage']
        storing.push(await bus.subscribe('store', topics, (batch) => storeBatch(store, log, batch)))
      }
      for (const { uid, ...sighting } of await recordedSightings(lake, Date.now() - SILENT_AFTER_MS)) {
        sightings.remember(uid, sighting)
      }
      const findings = await recordedFindings(lake)
      await responder.start(await recordedResponses(lake), findings.answered)
      await responder.handle(findings.unanswered)
      responding = await bus.subscribe('respond', ['weir.findings'], (batch) => responder.handle(valuesOf(batch)))
      await engine.start({
        restore: (from, classes, stored_since) =>
          readEvents(lake, {
            from: Math.floor(from),
            to: Date.now(),
            stored_since,
            ...(classes === 'all' ? {} : { classes }),
          }),
        findings: async () => [...findings.answered, ...findings.unanswered],
      })
      for (let n = 0; n < DETECT_SUBSCRIPTIONS; n++) {
        const detect = await bus.subscribe('detect', ['weir.events'], (batch) => {
          sightings.note(batch.messages)
          return engine.handle(valuesOf(batch), oldest(batch.messages))
        })
        detecting.push(detect)
      }
    },
    async stop() {
      // In the direction of the data: each part hands on what it has before the next one closes.
      for (const subscription of detecting.splice(0)) await subscription.stop()
      await engine.stop()
      await responding?.stop()
      await responder.stop()
      await bus.stop()
      for (const subscription of storing.splice(0)) await subscription.stop()
    },
  }
}

/** Stores a batch; what the lake refuses is dead-lettered there and then, because this subscriber is the one who stores. */
async function storeBatch(store: Store, log: Log, batch: Batch) {
  const receipt = await store.handle(batch.topic, valuesOf(batch), batch.token)
  if (receipt.rejected.length === 0) return
  const letters = receipt.rejected.map(({ event, reason, detail }) =>
    deadLetter({
      reason,
      detail,
      source: { instance: 'lake', format: 'ocsf', position: event.metadata?.uid ?? '' },
      raw: JSON.stringify(event),
      received_time: Date.now(),
    }),
  )
  const second = await store.handle('weir.dead_letters', letters)
  for (const { reason, detail } of second.rejected) log.error({ reason, detail }, 'a dead letter could not be stored')
}

/** Connections of the workload that were opened after `since`, as the telemetry tells. */
async function connectionsSince(lake: Lake, workload: Workload, since: number): Promise<number> {
  const [row] = await lake.select<{ n: string }>(
    `SELECT count() AS n FROM events
     WHERE class_uid = {class:UInt32} AND workload_uid = {uid:String} AND activity_id = 1
       AND time > fromUnixTimestamp64Milli({since:Int64})`,
    { class: CLASS.network_activity, uid: workload.uid, since: Math.ceil(since) },
  )
  return Number(row?.n ?? 0)
}

async function publishCoverage(bus: Bus, log: Log, input: Parameters<typeof coverageEvent>[0]) {
  try {
    await publishAll(bus, 'weir.coverage', [coverageEvent(input)])
  } catch (error) {
    log.error({ error, ...input }, 'coverage could not be published')
  }
}

function publishAll(bus: Bus, topic: Topic, events: readonly OcsfEvent[]): Promise<void> {
  const timestamp = Date.now()
  return bus.publish(
    topic,
    events.map((value) => ({ key: value.workload?.uid ?? topic, value, timestamp })),
  )
}

function createFormats(config: WeirConfig): Map<string, { definition: FormatDefinition; format: Format }> {
  return new Map(
    formats.all.map((definition) => {
      const format = definition.create(definition.config.parse(config.formats[definition.name] ?? {}))
      return [definition.name, { definition, format }]
    }),
  )
}

function valuesOf(batch: Batch): OcsfEvent[] {
  return batch.messages.map((message) => message.value)
}

function oldest(messages: readonly Message[]): number {
  let time = Number.POSITIVE_INFINITY
  for (const { timestamp } of messages) if (timestamp < time) time = timestamp
  return time
}
