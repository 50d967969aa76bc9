import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Bus } from '../bus/port.js'
import { WeirError } from '../core/errors.js'
import { createHealthBoard, type HealthBoard } from '../core/health.js'
import { createHealthServer, type HealthServer } from '../core/health-server.js'
import { type Lifecycle, lifecycle, type Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import { createMetrics, type Metrics } from '../core/metrics.js'
import { createTurns } from '../core/turns.js'
import type { Engine } from '../detectors/engine.js'
import type { Format, FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake, type Intake } from '../ingest/intake.js'
import { createPodTable } from '../ingest/pod-table.js'
import { createSqlEndpoint } from '../lake/endpoint/server.js'
import type { EmbeddedLake, Lake } from '../lake/port.js'
import { createStore, type Store } from '../lake/store.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { createControl } from '../responders/control.js'
import type { Jobs } from '../responders/jobs/port.js'
import type { Responder } from '../responders/responder.js'
import { createCollectors } from './collectors.js'
import type { WeirConfig } from './config.js'
import { createPodMemory } from './pod-memory.js'
import {
  type Around,
  createConfiguredBus,
  createConfiguredMemory,
  openConfiguredJobs,
  openConfiguredLake,
} from './ports.js'
import { publishCoverage } from './publish.js'
import { createDetectRole } from './roles/detect.js'
import { createRespondRole, SILENT_AFTER_MS } from './roles/respond.js'
import { ROLES, type Role } from './roles/role.js'
import { createStoreRole } from './roles/store.js'
import { createSightings, type Sightings } from './sightings.js'
import { openSqlEndpoint } from './sql-endpoint.js'
import { openTracer, tracedIntake } from './tracing.js'
import { version } from './version.js'

/** On the memory bus; see the roles. */
const STORE_SUBSCRIPTIONS = 128
const DETECT_SUBSCRIPTIONS = 8

export type AppOptions = {
  log: Log
  /** What this process does; all of it if absent. */
  roles?: readonly Role[]
  /** Called with findings before they are published. */
  on_found?: (findings: readonly OcsfEvent[]) => void
  /** Called for every finding once it is durable, with the time from receipt of its last event, ms; see the engine. */
  on_finding?: (finding: OcsfEvent, latency_ms: number | undefined) => void
  /** Called for every step of a response. */
  on_response?: (step: OcsfEvent) => void
  /** What may not be started: the demo has its own source of events, and listens nowhere. */
  without?: readonly ('collectors' | 'endpoint')[]
}

/** One process of Weir. Asking for a part that belongs to a role it does not have is a mistake, and throws. */
export type App = Lifecycle & {
  readonly roles: readonly Role[]
  readonly lake: Lake
  readonly bus: Bus
  readonly store: Store
  readonly intake: Intake
  readonly engine: Engine
  readonly responder: Responder
  readonly metrics: Metrics
  readonly health: HealthBoard
  readonly http: HealthServer
  readonly sightings: Sightings
  readonly collectors: ReturnType<typeof createCollectors>
  /** Absent where the lake is a server, which answers SQL itself. */
  readonly endpoint: ReturnType<typeof openSqlEndpoint> | undefined
}

/** The composition root: opens the lake and connects every part. Nothing runs before `start`. */
export async function createApp(config: WeirConfig, options: AppOptions): Promise<App> {
  const { log, roles = ROLES } = options
  const data_dir = resolve(config.data_dir)
  mkdirSync(data_dir, { recursive: true, mode: 0o700 })
  const metrics = createMetrics({ of_process: true })
  const health = createHealthBoard({ metrics })
  const turns = createTurns()
  const tracer = openTracer({ config, roles, log, metrics })
  const memory = createConfiguredMemory({ config, metrics, log })
  const around = { config, data_dir, health, log, memory, metrics, tracer, turns, sightings: newSightings() }
  // A process that only collects needs no lake.
  const needsLake = roles.some((role) => role !== 'ingest')
  // Side by side: a start that cannot succeed is told soon, whichever of them is the reason.
  const [opened, jobs] = await Promise.all([
    needsLake ? openConfiguredLake(around) : undefined,
    roles.includes('respond') ? openConfiguredJobs(around) : undefined,
  ])
  const bus = createConfiguredBus(around)
  const parts: Partial<Awaited<ReturnType<typeof lakeParts>>> = opened
    ? await lakeParts({ ...around, ...opened, jobs, bus, roles, options })
    : {}

  const { max_record_length } = config
  const pods = createPodTable()
  const intake = createIntake({
    bus,
    metrics,
    formats: createFormats(config),
    max_record_length,
    pods,
    now: Date.now,
    turns,
  })
  const collectors = roles.includes('ingest')
    ? createCollectors({ ...around, bus, intake: tracedIntake(intake, tracer), publishCoverage })
    : undefined
  const about = () => ({ version, roles, pid: process.pid, uptime_s: Math.round(process.uptime()) })
  const { host, port } = config.http
  const http = createHealthServer({ host, port, board: health, metrics, about })

  metrics.sample(() => metrics.gauge('bus_pressure', {}, bus.pressure()))

  const isLeftOut = (what: 'collectors' | 'endpoint') => options.without?.includes(what)
  const toStop = (name: string, stop: () => Promise<void>): Service => ({ name, start: async () => {}, stop })
  // In the order of the start. They stop in the reverse order, the direction of the data: each hands on what it has before
  // the next one closes.
  const { start, stop } = lifecycle(
    [
      tracer,
      opened && toStop('lake', () => opened.lake.close()),
      !isLeftOut('endpoint') && http,
      health,
      { name: 'bus', start: () => bus.start(), stop: async () => {} },
      parts.storing,
      // The bus in this process hands what is in flight to the store.
      toStop('bus', () => bus.stop()),
      parts.responding,
      parts.detecting,
      !isLeftOut('endpoint') && parts.endpoint,
      collectors && createPodMemory(join(data_dir, 'pods.json'), pods, log),
      !isLeftOut('collectors') && collectors,
      parts.responding &&
        !isLeftOut('endpoint') &&
        createControl({ data_dir, responder: parts.responding.responder, log }),
    ].filter((service): service is Service => Boolean(service)),
  )
  return {
    roles,
    bus,
    intake,
    metrics,
    health,
    http,
    sightings: around.sightings,
    endpoint: parts.endpoint,
    start,
    stop,
    get lake() {
      return opened?.lake ?? missing('store, detect or respond')
    },
    get collectors() {
      return collectors ?? missing('ingest')
    },
    get store() {
      return parts.store ?? missing('store')
    },
    get engine() {
      return parts.detecting?.engine ?? missing('detect')
    },
    get responder() {
      return parts.responding?.responder ?? missing('respond')
    },
  }
}

type LakeParts = Around & {
  lake: Lake
  embedded: EmbeddedLake | undefined
  jobs: Jobs | undefined
  bus: Bus
  roles: readonly Role[]
  sightings: Sightings
  options: AppOptions
}

/** The roles that read or write the lake. */
async function lakeParts(around: LakeParts) {
  const { config, data_dir, lake, embedded, jobs, roles, sightings, options, log, metrics, turns } = around
  const has = (role: Role) => roles.includes(role)
  const shared = config.bus.kafka !== undefined
  // The bus in this process lets go of what the store has taken: the store tries until it is stopped.
  const retry = shared ? {} : { retry_for_ms: Number.POSITIVE_INFINITY }
  const store = has('store') ? await createStore({ lake, metrics, log, turns, ...retry }) : undefined
  const storing =
    store && createStoreRole({ ...around, store, shared, subscriptions: shared ? 1 : STORE_SUBSCRIPTIONS })
  const detecting = has('detect')
    ? createDetectRole({
        ...around,
        shared,
        state_dir: join(data_dir, 'detectors'),
        subscriptions: shared ? 1 : DETECT_SUBSCRIPTIONS,
        note: sightings.note,
        on_found: options.on_found,
        on_finding: options.on_finding,
      })
    : undefined
  const responding = jobs
    ? createRespondRole({
        ...around,
        shared,
        jobs,
        hears_events: has('detect') && !shared,
        on_response: options.on_response,
      })
    : undefined
  const endpoint =
    embedded && has('console')
      ? openSqlEndpoint({ config: config.lake, data_dir, create: createSqlEndpoint, lake: embedded, log, metrics })
      : undefined
  return { store, storing, detecting, responding, endpoint }
}

function newSightings(): Sightings {
  return createSightings({ silent_after_ms: SILENT_AFTER_MS, now: Date.now })
}

function missing(role: string): never {
  throw new WeirError('internal', `this process has no role ${role}`)
}

function createFormats(config: WeirConfig): Map<string, { definition: FormatDefinition; format: Format }> {
  return new Map(
    formats.all.map((definition) => {
      const format = definition.create(definition.config.parse(config.formats[definition.name] ?? {}))
      return [definition.name, { definition, format }]
    }),
  )
}
