import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../../core/errors.js'
import { CLASS } from '../../../ocsf/event.js'
import type { CollectorDeps } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { repeat } from '../../repeat.js'
import type { HostConfig } from './config.js'
import { linuxMetrics, portableMetrics } from './host-metrics.js'
import type { HostIdentity } from './identity.js'

const WARM_UP_MS = 1000

/** Measures the machine at each interval; the first measurement comes after a second, since rates need two readings. */
export async function watchMetrics(
  config: HostConfig,
  deps: CollectorDeps,
  identity: HostIdentity,
  has_proc: boolean,
  signal: AbortSignal,
): Promise<void> {
  const read = has_proc ? linuxMetrics(config.root) : portableMetrics
  let last_error: string | undefined

  async function measure() {
    const metrics = await read()
    const time = Date.now()
    const draft = {
      class_uid: CLASS.workload_metric,
      activity_id: 2,
      time,
      severity_id: 1,
      metadata: { product: { name: 'Weir', vendor_name: 'Weir', feature: { name: 'host' } }, log_name: 'metrics' },
      metrics,
      device: identity.device,
      workload: identity.workload,
    }
    await emitUntilTaken(deps, 'ocsf', [{ data: draft, position: `${identity.boot_id}:metrics:${time}` }], signal)
    if (last_error !== undefined) deps.coverage({ part: 'metrics', status: 'ok', message: 'Metrics are read again.' })
    last_error = undefined
  }

  await read().catch(() => {})
  await sleep(WARM_UP_MS, undefined, { signal }).catch(() => {})
  await repeat(config.metrics_interval_ms, signal, measure, (error) => {
    if (last_error === messageOf(error)) return
    last_error = messageOf(error)
    deps.coverage({ part: 'metrics', status: 'degraded', message: `Metrics cannot be read: ${last_error}.` })
  })
}
