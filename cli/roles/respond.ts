import { join } from 'node:path'
import type { Bus, Subscription } from '../../bus/port.js'
import type { Service } from '../../core/lifecycle.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import { packageRoot } from '../../core/paths.js'
import type { Lake } from '../../lake/port.js'
import { CLASS, type OcsfEvent, type Workload } from '../../ocsf/event.js'
import { actions } from '../../responders/actions/index.js'
import type { Jobs } from '../../responders/jobs/port.js'
import { loadPlaybooks } from '../../responders/playbook.js'
import { createResponder, type Responder } from '../../responders/responder.js'
import type { WeirConfig } from '../config.js'
import { publishAll } from '../publish.js'
import { recordedFindings, recordedResponses, recordedSightings } from '../recorded.js'
import type { Sightings } from '../sightings.js'
import { valuesOf } from './role.js'

const ACTION_TIMEOUT_MS = 60_000
/** A workload that was not heard of for so long is not seen. */
export const SILENT_AFTER_MS = 10 * 60_000

export type RespondOptions = {
  config: Pick<WeirConfig, 'mode' | 'responders'>
  bus: Bus
  lake: Lake
  jobs: Jobs
  sightings: Sightings
  on_response?: ((step: OcsfEvent) => void) | undefined
  log: Log
  metrics: Metrics
}

/** The role that answers findings. */
export function createRespondRole(options: RespondOptions): Service & { readonly responder: Responder } {
  const { bus, lake, sightings } = options
  const responder = buildResponder(options)
  let responding: Subscription | undefined
  return {
    name: 'respond',
    responder,
    async start() {
      for (const { uid, ...sighting } of await recordedSightings(lake, Date.now() - SILENT_AFTER_MS)) {
        sightings.remember(uid, sighting)
      }
      const findings = await recordedFindings(lake)
      await responder.start(await recordedResponses(lake), findings.answered)
      await responder.handle(findings.unanswered)
      responding = await bus.subscribe('respond', ['weir.findings'], (batch) => responder.handle(valuesOf(batch)))
    },
    async stop() {
      await responding?.stop()
      await responder.stop()
    },
  }
}

function buildResponder(options: RespondOptions): Responder {
  const { config, bus, lake, jobs, sightings, on_response, log, metrics } = options
  return createResponder({
    playbooks: configuredPlaybooks(config.responders),
    actions,
    action_params: config.responders.actions,
    mode: config.mode,
    jobs,
    async publish(steps) {
      await publishAll(bus, 'weir.responses', steps)
      for (const step of steps) on_response?.(step)
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
}

/** The playbooks that the configuration names. Throws `config_invalid` naming file, line and field. */
function configuredPlaybooks(config: WeirConfig['responders']) {
  return loadPlaybooks([
    ...(config.builtin_playbooks ? [join(packageRoot, 'responders', 'playbooks', 'builtin')] : []),
    ...config.playbooks,
  ])
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
