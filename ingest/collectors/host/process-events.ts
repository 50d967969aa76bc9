import { basename, dirname, join } from 'node:path'
import { CLASS, type EventDraft, type JsonObject } from '../../../ocsf/event.js'
import type { RawRecord } from '../../contract.js'
import type { ExecutableHashes } from './executable-hashes.js'
import { deviceOf, type HostIdentity } from './identity.js'
import type { Proc, ProcessChange } from './process-table.js'

export type ProcessEvents = {
  /** One record a change; waits a bounded time for hashes, and goes without those that take longer. */
  records(changes: readonly ProcessChange[]): Promise<RawRecord[]>
  /** The OCSF process object, for other events of the same process. Without the parent. */
  processObject(process: Proc): JsonObject
}

export type ProcessEventsOptions = {
  readonly root: string
  readonly identity: HostIdentity
  readonly hashes: ExecutableHashes
  readonly hash_wait_ms: number
  userName(uid: string): string | undefined
  /** Whose events they are. */
  readonly collector?: 'host' | 'docker'
}

const ACTIVITY = { launch: 1, terminate: 2, existing: 99 } as const
/** Files held open at once while they wait for their hash. */
const HASH_SLICE = 128

/** Turns changes of the process table into OCSF Process Activity. */
export function processEvents(options: ProcessEventsOptions): ProcessEvents {
  const { identity } = options
  const known = new Map<string, string>()

  function user(process: Proc): JsonObject | undefined {
    if (process.uid === undefined) return undefined
    // A container has its own passwd file; only root is the same everywhere.
    const name = process.container && process.uid !== '0' ? undefined : options.userName(process.uid)
    return { uid: process.uid, ...(name ? { name } : {}) }
  }

  function file(process: Proc): JsonObject | undefined {
    if (!process.exe) return undefined
    const deleted = process.exe.endsWith(' (deleted)')
    const path = deleted ? process.exe.slice(0, -' (deleted)'.length) : process.exe
    const sha256 = known.get(hashKey(process))
    return {
      path,
      name: basename(path),
      parent_folder: dirname(path),
      type_id: 1,
      ...(deleted ? { is_deleted: true } : {}),
      ...(sha256 ? { hashes: [{ algorithm_id: 3, algorithm: 'SHA-256', value: sha256 }] } : {}),
    }
  }

  function processObject(process: Proc): JsonObject {
    const its_user = user(process)
    const its_file = file(process)
    return {
      pid: process.pid,
      uid: processUid(identity.boot_id, process),
      name: process.name,
      created_time: process.created_time,
      ...(process.cmd_line ? { cmd_line: process.cmd_line } : {}),
      ...(its_file ? { file: its_file } : {}),
      ...(its_user ? { user: its_user } : {}),
      ...(process.cwd ? { working_directory: process.cwd } : {}),
      ...(process.namespace_pid === undefined ? {} : { namespace_pid: process.namespace_pid }),
      ...(process.container ? { container: process.container.container } : {}),
    }
  }

  async function hash(process: Proc) {
    if (!process.exe || known.has(hashKey(process))) return
    const sha256 = await options.hashes.sha256(join(options.root, 'proc', String(process.pid), 'exe'))
    if (sha256) known.set(hashKey(process), sha256)
    if (known.size > 20_000) known.delete(known.keys().next().value ?? '')
  }

  function record({ kind, process, parent }: ProcessChange, now_ms: number): RawRecord {
    const parentObject = parent && processObject(parent)
    const first_program = process.exec_count === 0
    const time = kind === 'launch' && first_program ? process.created_time : now_ms
    const draft: EventDraft = {
      class_uid: CLASS.process_activity,
      activity_id: ACTIVITY[kind],
      ...(kind === 'existing' ? { activity_name: 'Existing' } : {}),
      time,
      severity_id: 1,
      message: `${process.name} (pid ${process.pid}) ${VERB[kind]}${parent ? `, child of ${parent.name}` : ''}`,
      metadata: {
        product: { name: 'Weir', vendor_name: 'Weir', feature: { name: options.collector ?? 'host' } },
        log_name: 'procfs',
      },
      device: deviceOf(identity, process.container),
      actor: { process: parentObject ?? { pid: process.ppid } },
      process: { ...processObject(process), parent_process: parentObject ?? { pid: process.ppid } },
      workload: process.container?.workload ?? identity.workload,
    }
    // A launch keeps its position over restarts of Weir; what we saw at some moment is named by that moment.
    const moment = kind === 'launch' ? `launch:${process.exec_count}` : `${kind}:${now_ms}`
    return { data: draft, position: `${processUid(identity.boot_id, process)}:${moment}` }
  }

  return {
    processObject,
    async records(changes) {
      const started = changes.filter(({ kind }) => kind !== 'terminate').map(({ process }) => process)
      for (let at = 0; at < started.length; at += HASH_SLICE) {
        await withinTime(Promise.all(started.slice(at, at + HASH_SLICE).map(hash)), options.hash_wait_ms)
      }
      const now_ms = Date.now()
      return changes.map((change) => record(change, now_ms))
    },
  }
}

const VERB = { launch: 'started', terminate: 'ended', existing: 'was running already' } as const

/** Names a process over its whole life on one boot. */
function processUid(boot_id: string, process: Proc): string {
  return `${boot_id}:${process.pid}:${process.start_ticks}`
}

function hashKey(process: Proc): string {
  return `${process.pid}:${process.start_ticks}:${process.exec_count}`
}

async function withinTime(work: Promise<unknown>, limit_ms: number) {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, limit_ms)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
