import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../core/errors.js'
import type { JsonObject } from '../../../ocsf/event.js'
import type { CollectorDeps } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import type { DockerRecord } from '../../formats/docker_events.js'
import { repeat } from '../../repeat.js'
import { type Candidate, listeningEngines, probeEngine } from './exposure.js'

export type ExposureConfig = { readonly address: string; readonly root: string; readonly exposure_interval_ms: number }

/** An engine that stays open is reported again after this time, so that it is not forgotten. */
const REPEAT_MS = 24 * 3600 * 1000

/** Looks at each interval whether an engine can be commanded over the network without a certificate. */
export async function watchExposure(
  config: ExposureConfig,
  deps: CollectorDeps,
  host: () => Promise<JsonObject>,
  signal: AbortSignal,
): Promise<void> {
  const has_proc = process.platform === 'linux' && existsSync(join(config.root, 'proc/self/stat'))
  const configured = tcpOf(config.address)
  let reported = new Map<string, number>()
  let last_status = ''

  async function look() {
    const { candidates, denied } = has_proc ? listeningEngines(config.root) : { candidates: [], denied: [] }
    if (configured) candidates.push(configured)
    const still = new Map<string, number>()
    for (const { ip, port, evidence } of candidates) {
      const address = `tcp://${ip.includes(':') ? `[${ip}]` : ip}:${port}`
      if (still.has(address)) continue
      const probe = await probeEngine(ip, port)
      if (probe === 'closed') continue
      const time = Date.now()
      const last = reported.get(address) ?? 0
      still.set(address, last)
      if (time - last < REPEAT_MS) continue
      // An engine that is open but does not serve us is reported all the same, without the name of its machine.
      const device = await host().catch(() => undefined)
      const data: DockerRecord = {
        kind: 'exposure',
        ...(device ? { host: device } : {}),
        time,
        address,
        ...(/^[0-9a-f.:]+$/i.test(ip) ? { ip } : {}),
        port,
        is_tls: probe === 'open_tls',
        evidence,
      }
      await emitUntilTaken(deps, 'docker_events', [{ data, position: `exposure:${address}:${time}` }], signal)
      still.set(address, time)
    }
    reported = still
    report(denied)
  }

  function report(denied: readonly number[]) {
    const [status, message] =
      !has_proc && !configured
        ? ([
            'unavailable',
            'Whether the engine listens on the network is not seen: it is read from Linux /proc, which is not here.',
          ] as const)
        : denied.length > 0
          ? ([
              'degraded',
              `On which addresses dockerd (process ${denied.join(', ')}) listens is not seen: its descriptors are closed to this user. Run Weir as root.`,
            ] as const)
          : (['ok', 'Whether the engine listens on the network without a certificate is watched.'] as const)
    if (status === last_status) return
    last_status = status
    deps.coverage({ part: 'exposure', status, message })
  }

  await repeat(config.exposure_interval_ms, signal, look, (error) =>
    deps.log.warn({ instance: deps.instance, error: messageOf(error) }, 'exposure not looked at'),
  )
}

function tcpOf(address: string): Candidate | undefined {
  if (!address.startsWith('tcp://')) return undefined
  const url = new URL(address.replace('tcp://', 'http://'))
  return {
    ip: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 2375),
    evidence: 'It is the address in the configuration of this collector.',
  }
}
