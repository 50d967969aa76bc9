import { join } from 'node:path'
import { messageOf } from '../../../core/errors.js'
import { writeJsonAtomically } from '../../atomic-json.js'
import type { CollectorDeps, RawRecord } from '../../contract.js'
import { emitUntilTaken } from '../../emit-until-taken.js'
import { repeat } from '../../repeat.js'
import { executableHashes } from '../host/executable-hashes.js'
import { hostIdentity } from '../host/identity.js'
import { networkEvents } from '../host/network-events.js'
import { processEvents } from '../host/process-events.js'
import { readProcessMemory } from '../host/process-memory.js'
import { type Proc, type ProcessChange, processTable } from '../host/process-table.js'
import { clockTicksPerSecond } from '../host/procfs.js'
import { socketTable } from '../host/socket-table.js'
import type { Containers } from './containers.js'
import { containerOwners, viewOf } from './owners.js'

export type ActivityConfig = { readonly root: string; readonly activity_interval_ms: number }

const SAVE_INTERVAL_MS = 30_000
/** A process can be seen before the engine has told of its container: so long it may still turn out to be in one. */
const UNDECIDED_MS = 5_000
const HASH_MAX_BYTES = 128 * 1024 * 1024
const HASH_WAIT_MS = 1_000
const MAX_CONNECTIONS = 5_000

/**
 * Processes and connections of the engine's containers, seen from the machine through /proc: each container's first
 * process is named by the engine, its others share its control group or process namespace or descend from it.
 */
export async function watchActivity(
  config: ActivityConfig,
  deps: CollectorDeps,
  containers: Containers,
  signal: AbortSignal,
): Promise<void> {
  const { root, activity_interval_ms } = config
  const identity = hostIdentity(root)
  const path = join(deps.state_dir, 'processes.json')
  const table = processTable({
    root,
    boot_id: identity.boot_id,
    ticks_per_second: clockTicksPerSecond(),
    kernel_threads: false,
    remembered: await readProcessMemory(path),
    containerView: ({ id }) => viewOf({ id }),
  })
  const processes = processEvents({
    root,
    identity,
    hashes: executableHashes(HASH_MAX_BYTES),
    hash_wait_ms: HASH_WAIT_MS,
    userName: () => undefined,
    collector: 'docker',
  })
  const network = networkEvents(identity, processes.processObject, 'docker')
  const sockets = socketTable(root, MAX_CONNECTIONS)
  const select = containerChanges(containerOwners(root, containers, table.byPid), table.byPid)
  let saved_ms = performance.now()
  let unsent = false
  let failure: string | undefined

  async function look() {
    const records: RawRecord[] = []
    const lookAtProcesses = async () => {
      records.push(...(await processes.records(select.take(await table.poll()))))
    }
    await lookAtProcesses()
    const { changes, lost } = await sockets.poll(select.inside, lookAtProcesses)
    // A container on the machine's own network shares its sockets: only those of its processes are its own.
    records.push(...network(changes.filter(({ socket }) => socket.container !== undefined)))
    if (lost > 0) {
      const message = `${lost} new connections of containers at one look were not reported, the bound is ${MAX_CONNECTIONS}.`
      deps.coverage({ part: 'activity', status: 'degraded', lost, message })
    }
    unsent = records.length > 0
    if (unsent) await emitUntilTaken(deps, 'ocsf', records, signal)
    unsent = false
    if (failure !== undefined) deps.coverage({ part: 'activity', status: 'ok', message: '/proc is read again.' })
    failure = undefined
    if (performance.now() - saved_ms > SAVE_INTERVAL_MS) await save()
  }

  async function save() {
    saved_ms = performance.now()
    await writeJsonAtomically(path, table.memory())
  }

  deps.coverage({
    part: 'activity',
    status: 'ok',
    message: `Processes and connections of containers are seen every ${activity_interval_ms} ms; those that begin and end in between are not.`,
  })
  await repeat(activity_interval_ms, signal, look, (error) => {
    const problem = messageOf(error)
    if (problem === failure) return
    failure = problem
    deps.coverage({ part: 'activity', status: 'degraded', message: `A look at /proc failed: ${problem}.` })
  })
  if (!unsent) await save()
}

/** Picks the changes that happen in containers, with the container; `inside` are the processes there now. */
function containerChanges(owner: ReturnType<typeof containerOwners>, remembered: ReadonlyMap<number, Proc>) {
  const inside = new Map<number, Proc>()
  let undecided: { change: ProcessChange; seen_ms: number }[] = []
  for (const process of remembered.values()) {
    const container = owner(process)
    if (container) inside.set(process.pid, { ...process, container })
  }

  function placed(process: Proc): Proc | undefined {
    const known = inside.get(process.pid)
    if (known?.start_ticks === process.start_ticks && known.container) return { ...process, container: known.container }
    const container = owner(process)
    return container && { ...process, container }
  }

  return {
    inside,
    take(changes: readonly ProcessChange[]): ProcessChange[] {
      const taken: ProcessChange[] = []
      const now_ms = performance.now()
      const waiting = [...undecided, ...changes.map((change) => ({ change, seen_ms: now_ms }))]
      undecided = []
      for (const entry of waiting) {
        const { kind, parent } = entry.change
        const process = placed(entry.change.process)
        if (!process) {
          if (now_ms - entry.seen_ms < UNDECIDED_MS) undecided.push(entry)
          continue
        }
        const its_parent = parent && (placed(parent) ?? parent)
        taken.push({ kind, process, ...(its_parent ? { parent: its_parent } : {}) })
        if (kind === 'terminate') inside.delete(process.pid)
        else inside.set(process.pid, process)
      }
      return taken
    },
  }
}
