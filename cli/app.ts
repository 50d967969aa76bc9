import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Bus } from '../bus/port.js'
import { WeirError } from '../core/errors.js'
import { createHealthBoard, type HealthBoard } from '../core/health.js'
import { createHealthServer, type HealthServer } from '../core/health-server.js'
import { type Lifecycle, lifecycle, type Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import { createMetrics, type Metrics } from '../core/metrics.js'
import type { Engine } from '../detectors/engine.js'
import type { Format, FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake, type Intake } from '../ingest/intake.js'
import { createSqlEndpoint } from '../lake/endpoint/server.js'
import type { Lake } from '../lake/port.js'
import { createStore, type Store } from '../lake/store.js'
import type { OcsfEvent } from '../ocsf/event.js'
import type { Responder } from '../responders/responder.js'
import { createCollectors } from './collectors.js'
import type { WeirConfig } from './config.js'
import { createConfiguredBus, openConfiguredJobs, openConfiguredLake } from './ports.js'
import { publishCoverage } from './publish.js'
import { createDetectRole } from './roles/detect.js'
import { createRespondRole, SILENT_AFTER_MS } from './roles/respond.js'
import { ROLES, type Role } from './roles/role.js'
import { createStoreRole } from './roles/store.js'
import { createSightings, type Sightings } from './sightings.js'
import { openSqlEndpoint } from './sql-endpoint.js'
import { version } from './version.js'

/** On the memory bus; see the roles. */
const STORE_SUBSCRIPTIONS = 48
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
  const around = { config, health, log, metrics }
  const { lake, embedded } = await openConfiguredLake(around, data_dir)
  const bus = createConfiguredBus(around)
  const sightings = createSightings({ silent_after_ms: SILENT_AFTER_MS, now: Date.now })
  const has = (role: Role) => roles.includes(role)
  const common = { config, bus, lake, log, metrics, sightings }

  const store = has('store') ? await createStore({ lake, metrics, log }) : undefined
  const storing = store && createStoreRole({ bus, store, log, subscriptions: STORE_SUBSCRIPTIONS })
  const detecting = has('detect')
    ? createDetectRole({
        ...common,
        state_dir: join(data_dir, 'detectors'),
        subscriptions: DETECT_SUBSCRIPTIONS,
        note: sightings.note,
        on_found: options.on_found,
        on_finding: options.on_finding,
      })
    : undefined
  const responding = has('respond')
    ? createRespondRole({ ...common, jobs: await openConfiguredJobs(around), on_response: options.on_response })
    : undefined
  const { max_record_length } = config
  const intake = createIntake({ bus, metrics, formats: createFormats(config), max_record_length, now: Date.now })
  const collectors = has('ingest')
    ? createCollectors({ config, data_dir, bus, intake, metrics, log, publishCoverage })
    : undefined
  const endpoint =
    embedded &&
    openSqlEndpoint({ config: config.lake, data_dir, create: createSqlEndpoint, lake: embedded, log, metrics })
  const about = () => ({ version, roles, pid: process.pid, uptime_s: Math.round(process.uptime()) })
  const { host, port } = config.http
  const http = createHealthServer({ host, port, board: health, metrics, about })

  const isLeftOut = (what: 'collectors' | 'endpoint') => options.without?.includes(what)
  const services: (Service | false | undefined)[] = [
    { name: 'lake', start: async () => {}, stop: () => lake.close() },
    !isLeftOut('endpoint') && http,
    { name: 'bus', start: () => bus.start(), stop: async () => {} },
    storing,
    // Stops before the store, which takes what is in flight, and after everybody who publishes.
    { name: 'bus drain', start: async () => {}, stop: () => bus.stop() },
    responding,
    detecting,
    has('console') && !isLeftOut('endpoint') && endpoint,
    !isLeftOut('collectors') && collectors,
    health,
  ]
  const { start, stop } = lifecycle(services.filter((service): service is Service => Boolean(service)))
  return {
    roles,
    lake,
    bus,
    intake,
    metrics,
    health,
    http,
    sightings,
    endpoint,
    start,
    stop,
    get collectors() {
      return collectors ?? missing('ingest')
    },
    get store() {
      return store ?? missing('store')
    },
    get engine() {
      return detecting?.engine ?? missing('detect')
    },
    get responder() {
      return responding?.responder ?? missing('respond')
    },
  }
}

function missing(role: Role): never {
  throw new WeirError('internal', `this process does not have the role ${role}`)
}

function createFormats(config: WeirConfig): Map<string, { definition: FormatDefinition; format: Format }> {
  return new Map(
    formats.all.map((definition) => {
      const format = definition.create(definition.config.parse(config.formats[definition.name] ?? {}))
      return [definition.name, { definition, format }]
    }),
  )
}
