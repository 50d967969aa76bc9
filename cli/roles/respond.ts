import { randomUUID } from 'node:crypto'
import type { Batch, Bus, Subscription } from '../../bus/port.js'
import type { HealthBoard } from '../../core/health.js'
import type { Service } from '../../core/lifecycle.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import type { Tracer } from '../../core/tracing.js'
import type { Lake } from '../../lake/port.js'
import { CLASS, type OcsfEvent, type Workload } from '../../ocsf/event.js'
import { actions } from '../../responders/actions/index.js'
import type { Jobs } from '../../responders/jobs/port.js'
import type { ResponseState } from '../../responders/record.js'
import { createResponder, type Responder } from '../../responders/responder.js'
import type { WeirConfig } from '../config.js'
import { configuredPlaybooks } from '../config-check.js'
import { publishAll } from '../publish.js'
import { recordedFindings, recordedResponses, recordedSightings } from '../recorded.js'
import type { Sightings } from '../sightings.js'
import { tracedActions } from '../tracing.js'
import { untilDone, valuesOf } from './role.js'

const ACTION_TIMEOUT_MS = 60_000
/** A workload that was not heard of for so long is not seen. */
export const SILENT_AFTER_MS = 10 * 60_000
const LOOK_EVERY_MS = 15_000
/** The topics that are read are small: findings and what was done about them. */
const OBSERVED_WITHIN_MS = 60_000

export type RespondOptions = {
  config: Pick<WeirConfig, 'mode' | 'responders'>
  bus: Bus
  lake: Lake
  jobs: Jobs
  sightings: Sightings
  /** Whether several processes share the work. */
  shared: boolean
  /** Whether events are noted in `sightings` as they come; else the lake is asked. */
  hears_events: boolean
  on_response?: ((step: OcsfEvent) => void) | undefined
  health: HealthBoard
  log: Log
  metrics: Metrics
  tracer: Tracer
}

/** The role that answers findings. */
export function createRespondRole(options: RespondOptions): Service & { readonly responder: Responder } {
  const { bus, lake, sightings } = options
  const responder = buildResponder(options)
  options.metrics.sample(() => countStates(responder, options.metrics))
  let responding: Subscription | undefined
  let observing: Subscription | undefined
  let looking: NodeJS.Timeout | undefined
  let looked_at = 0

  /** What was heard of since the last look, by anybody. */
  async function look() {
    const since = Math.max(looked_at - LOOK_EVERY_MS, Date.now() - SILENT_AFTER_MS)
    const started = Date.now()
    for (const { uid, ...sighting } of await recordedSightings(lake, since)) sightings.remember(uid, sighting)
    looked_at = started
  }

  async function handle(batch: Batch) {
    // A finding says that its workload was heard of just before, which the lake may not know yet.
    if (!options.hears_events) sightings.note(batch.messages)
    await responder.handle(valuesOf(batch))
  }

  return {
    name: 'respond',
    responder,
    async start() {
      await look()
      if (!options.hears_events) {
        const again = () => look().catch((error) => options.log.warn({ error }, 'what was heard of is not known'))
        looking = setInterval(() => void again(), LOOK_EVERY_MS)
        looking.unref()
      }
      const { answered, unanswered } = await recordedFindings(lake)
      const responses = await recordedResponses(lake)
      if (options.shared) {
        // Which findings are answered is told by the offsets of the group, and by the responses.
        await responder.start(responses)
        responder.observe([...answered, ...unanswered])
        observing = await observe(options, responder)
      } else {
        await responder.start(responses, answered)
        await responder.handle(unanswered)
      }
      const handler = options.shared ? untilDone(handle, { role: 'respond', ...options }) : handle
      responding = await bus.subscribe('respond', ['weir.findings'], handler)
    },
    async stop() {
      clearInterval(looking)
      await responding?.stop()
      await responder.stop()
      await observing?.stop()
    },
  }
}

/** Shows the responder what all responders find and do, from as far back as the bus keeps it; returns when it knows the present. */
async function observe(options: RespondOptions, responder: Responder): Promise<Subscription> {
  const group = `respond-observer-${randomUUID()}`
  const topics = ['weir.findings', 'weir.responses'] as const
  const { bus } = options
  const plain = async (batch: Batch) => responder.observe(valuesOf(batch))
  const subscription = await bus.subscribe(group, topics, untilDone(plain, { role: 'respond-observer', ...options }))
  await bus.caughtUp(group, topics, { timeout_ms: OBSERVED_WITHIN_MS })
  return subscription
}

const states: readonly ResponseState[] = [
  'proposed',
  'waiting_approval',
  'planned',
  'executing',
  'verified',
  'failed',
  'undoing',
  'undone',
  'rejected',
]

/** The gauge `weir_responses`: responses this process knows, by state. */
function countStates(responder: Responder, metrics: Metrics) {
  const counts = new Map<string, number>(states.map((state) => [state, 0]))
  for (const { state } of responder.state()) counts.set(state, (counts.get(state) ?? 0) + 1)
  for (const [state, n] of counts) metrics.gauge('responses', { state }, n)
}

function buildResponder(options: RespondOptions): Responder {
  const { config, bus, lake, jobs, sightings, on_response, log, metrics, tracer } = options
  return createResponder({
    playbooks: configuredPlaybooks(config.responders),
    actions: tracedActions(actions, tracer),
    action_params: config.responders.actions,
    mode: config.mode,
    jobs,
    shared: options.shared,
    async publish(steps) {
      await publishAll(bus, 'weir.responses', steps)
      for (const step of steps) on_response?.(step)
    },
    coverage: sightings.coverage,
    peers: sightings.peers,
    traffic: (workload, since) => connectionsSince(lake, workload, since),
    // What is seen late says nothing: the window that counts is as long as configured.
    effect_window_ms: config.responders.effect_window_ms + SEEN_LATE_MS,
    timeout_ms: ACTION_TIMEOUT_MS,
    now: Date.now,
    log,
    metrics,
  })
}

/** Collectors that poll see a connection so long after it was opened, ms. */
const SEEN_LATE_MS = 2_000

/**
 * Connections of the workload that were opened after `since`, as the telemetry tells. Inside the workload it may talk to itself:
 * the resolver of a container, which has no network any more, answers on loopback.
 */
async function connectionsSince(lake: Lake, workload: Workload, since: number): Promise<number> {
  const [row] = await lake.select<{ n: string }>(
    `SELECT count() AS n FROM events
     WHERE class_uid = {class:UInt32} AND workload_uid = {uid:String} AND activity_id = 1
       AND NOT startsWith(dst_endpoint_ip, '127.') AND dst_endpoint_ip != '::1'
       AND time > fromUnixTimestamp64Milli({since:Int64})`,
    { class: CLASS.network_activity, uid: workload.uid, since: Math.ceil(since) + SEEN_LATE_MS },
  )
  return Number(row?.n ?? 0)
}
