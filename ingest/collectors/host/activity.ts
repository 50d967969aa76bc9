import { join } from 'node:path'
import { messageOf } from '../../../core/errors.js'
import { writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { repeat } from '../../repeat.js'
import type { HostConfig } from './config.js'
import { containerNames } from './containers.js'
import { executableHashes } from './executable-hashes.js'
import type { HostIdentity } from './identity.js'
import { networkEvents } from './network-events.js'
import { processEvents } from './process-events.js'
import { readProcessMemory } from './process-memory.js'
import { processTable } from './process-table.js'
import { clockTicksPerSecond } from './procfs.js'
import { socketTable } from './socket-table.js'
import { userNames } from './user-names.js'

const SAVE_INTERVAL_MS = 30_000

/** Watches processes and sockets with one look at /proc per interval. Resolves when the signal aborts and all is saved. */
export async function watchActivity(
  config: HostConfig,
  deps: CollectorDeps,
  identity: HostIdentity,
  signal: AbortSignal,
): Promise<void> {
  const { root } = config
  const path = join(deps.state_dir, 'processes.json')
  const table = processTable({
    root,
    boot_id: identity.boot_id,
    ticks_per_second: clockTicksPerSecond(),
    kernel_threads: config.kernel_threads,
    remembered: await readProcessMemory(path),
    containerView: containerNames(join(root, config.docker_root)),
  })
  const processes = processEvents({
    root,
    identity,
    hashes: executableHashes(config.hash_max_bytes),
    hash_wait_ms: config.hash_wait_ms,
    userName: userNames(root),
  })
  const network = networkEvents(identity, processes.processObject)
  const sockets = socketTable(root, config.max_connections)
  const report = coverageReports(config, deps)
  const is_watching_processes = config.watch.includes('processes')
  const is_watching_connections = config.watch.includes('connections')
  let saved_ms = performance.now()
  let unsent = false

  async function look() {
    const records: RawRecord[] = []
    const lookAtProcesses = async () => {
      const changes = await table.poll()
      if (is_watching_processes) records.push(...(await processes.records(changes)))
    }
    await lookAtProcesses()
    if (is_watching_connections) {
      const seen = await sockets.poll(table.byPid, lookAtProcesses)
      records.push(...network(seen.changes))
      report.connections(seen.was_denied, seen.lost)
    }
    unsent = records.length > 0
    if (unsent) await emitUntilTaken(deps, 'ocsf', records, signal)
    unsent = false
    if (performance.now() - saved_ms > SAVE_INTERVAL_MS) await save()
  }

  async function save() {
    saved_ms = performance.now()
    await writeJsonAtomically(path, table.memory())
  }

  report.start()
  await repeat(config.interval_ms, signal, look, (error) => {
    report.failed(messageOf(error))
  })
  // A look that was cut short has changes the pipeline never took: then the older memory is the true one.
  if (!unsent) await save()
}

function coverageReports(config: HostConfig, deps: CollectorDeps) {
  let denied_reported = false
  return {
    start() {
      if (config.watch.includes('processes')) {
        deps.coverage({
          part: 'processes',
          status: 'ok',
          message: `Processes are seen every ${config.interval_ms} ms; those that start and end in between are not: execve records need auditd or an eBPF sensor such as Falco.`,
        })
      }
      if (config.watch.includes('connections')) {
        deps.coverage({
          part: 'connections',
          status: 'ok',
          message: `Sockets are seen every ${config.interval_ms} ms; of shorter connections only those that this machine closed first.`,
        })
      }
    },
    connections(was_denied: boolean, lost: number) {
      if (lost > 0) {
        deps.coverage({
          part: 'connections',
          status: 'degraded',
          lost,
          message: `${lost} new connections at one look were not reported, the bound is ${config.max_connections}. Raise max_connections.`,
        })
      }
      if (was_denied && !denied_reported) {
        denied_reported = true
        deps.coverage({
          part: 'connections',
          status: 'degraded',
          message:
            "Connections of other users' processes have no process, and those of other network namespaces are not seen. Run Weir as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.",
        })
      }
    },
    failed(message: string) {
      deps.coverage({ part: 'processes', status: 'degraded', message: `A look at /proc failed: ${message}.` })
    },
  }
}
