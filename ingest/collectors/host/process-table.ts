import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ContainerRef, type ContainerView, containerOfCgroup } from './containers.js'
import { type ProcStat, parseCmdline, parseStat, readText, statusField } from './procfs.js'

/** One process as last seen. Fields are absent where this user may not read them. */
export type Proc = {
  readonly pid: number
  readonly ppid: number
  readonly start_ticks: number
  /** ms since 1970, as precise as the kernel's clock ticks. */
  readonly created_time: number
  /** Counts the programs this process ran after the one it was first seen with. */
  readonly exec_count: number
  readonly comm: string
  readonly name: string
  readonly cmd_line?: string
  readonly exe?: string
  readonly cwd?: string
  readonly uid?: string
  /** Pid inside the innermost pid namespace, if it is another. */
  readonly namespace_pid?: number
  readonly container?: ContainerView
  /** Network namespace, `net:[4026531833]`. */
  readonly netns?: string
}

/** `existing`: ran before anybody looked. `launch`: started, or replaced its program (exec). */
export type ProcessChange = {
  readonly kind: 'existing' | 'launch' | 'terminate'
  readonly process: Proc
  readonly parent?: Proc
}

/** What a former run knew: so that a restart of Weir neither repeats nor misses anything. */
export type ProcessMemory = {
  readonly boot_id: string
  readonly boot_time_ms: number
  readonly processes: readonly Proc[]
}

export type ProcessTable = {
  /** Reads /proc once and tells what changed since the last time. Yields to the event loop every 128 processes. */
  poll(): Promise<ProcessChange[]>
  readonly byPid: ReadonlyMap<number, Proc>
  memory(): ProcessMemory
}

export type ProcessTableOptions = {
  /** Where the host's file system is seen. */
  readonly root: string
  readonly boot_id: string
  readonly ticks_per_second: number
  readonly kernel_threads: boolean
  readonly remembered?: ProcessMemory | undefined
  containerView(ref: ContainerRef): ContainerView
}

const MAX_CMD_LINE_CHARS = 32 * 1024
const COMM_MAX_BYTES = 15
/** A fork is seen before its exec now and then: the program of a young process is looked at again. */
const YOUNG_MS = 60_000

/** Follows the processes of a machine through /proc. */
export function processTable(options: ProcessTableOptions): ProcessTable {
  const proc = join(options.root, 'proc')
  const remembered = options.remembered?.boot_id === options.boot_id ? options.remembered : undefined
  const boot_time_ms = remembered?.boot_time_ms ?? bootTime(proc)
  const byPid = new Map<number, Proc>((remembered?.processes ?? []).map((process) => [process.pid, process]))
  const dead = new Set<number>()
  let is_first_look = remembered === undefined

  function describe(stat: ProcStat, exec_count: number): Proc {
    const folder = join(proc, String(stat.pid))
    const status = readText(join(folder, 'status'))
    const cmd_line = readCmdline(join(folder, 'cmdline'))
    const exe = readLink(join(folder, 'exe'))
    const cwd = readLink(join(folder, 'cwd'))
    const netns = readLink(join(folder, 'ns/net'))
    const uid = status && statusField(status, 'Uid')?.split('\t')[1]
    const pids = (status && statusField(status, 'NSpid')?.split('\t')) || []
    const namespace_pid = pids.length > 1 ? Number(pids.at(-1)) : undefined
    const cgroup = readText(join(folder, 'cgroup'))
    const ref = cgroup === undefined ? undefined : containerOfCgroup(cgroup)
    return {
      pid: stat.pid,
      ppid: stat.ppid,
      start_ticks: stat.start_ticks,
      created_time: Math.round(boot_time_ms + (stat.start_ticks * 1000) / options.ticks_per_second),
      exec_count,
      comm: stat.comm,
      name: fullName(stat.comm, exe, cmd_line),
      ...(cmd_line ? { cmd_line } : {}),
      ...(exe ? { exe } : {}),
      ...(cwd ? { cwd } : {}),
      ...(uid ? { uid } : {}),
      ...(namespace_pid === undefined ? {} : { namespace_pid }),
      ...(ref ? { container: options.containerView(ref) } : {}),
      ...(netns ? { netns } : {}),
    }
  }

  /** The process with the program it runs now, or undefined if that is the one we know. */
  function replaced(known: Proc, stat: ProcStat, now_ms: number): Proc | undefined {
    const renamed = stat.comm !== known.comm
    if (!renamed && now_ms - known.created_time > YOUNG_MS) return undefined
    const folder = join(proc, String(stat.pid))
    const exe = readLink(join(folder, 'exe')) ?? known.exe
    if (!renamed && exe === known.exe) return undefined
    const cmd_line = readCmdline(join(folder, 'cmdline'))
    if (exe === known.exe && (cmd_line === known.cmd_line || !cmd_line)) {
      byPid.set(stat.pid, { ...known, comm: stat.comm, name: fullName(stat.comm, exe, cmd_line) })
      return undefined
    }
    return describe(stat, known.exec_count + 1)
  }

  function look(stat: ProcStat, now_ms: number, changes: ProcessChange[]) {
    const known = byPid.get(stat.pid)
    const is_dead = stat.state === 'Z' || stat.state === 'X'
    if (known?.start_ticks === stat.start_ticks) {
      if (is_dead) {
        if (!dead.has(stat.pid)) changes.push({ kind: 'terminate', process: known })
        dead.add(stat.pid)
        return
      }
      const next = replaced(known, stat, now_ms)
      if (next) add('launch', next, changes)
      return
    }
    if (known && !dead.has(stat.pid)) changes.push({ kind: 'terminate', process: known })
    dead.delete(stat.pid)
    if (is_dead && is_first_look) return
    add(is_first_look ? 'existing' : 'launch', describe(stat, 0), changes)
  }

  function add(kind: 'existing' | 'launch', process: Proc, changes: ProcessChange[]) {
    byPid.set(process.pid, process)
    changes.push({ kind, process })
  }

  return {
    byPid,
    memory: () => ({ boot_id: options.boot_id, boot_time_ms, processes: [...byPid.values()] }),
    async poll() {
      const changes: ProcessChange[] = []
      const seen = new Set<number>()
      const now_ms = Date.now()
      let n = 0
      for (const entry of readdirSync(proc)) {
        const pid = Number(entry)
        if (!Number.isInteger(pid)) continue
        if (++n % 128 === 0) await nextTurn()
        const text = readText(join(proc, entry, 'stat'))
        const stat = text === undefined ? undefined : parseStat(text)
        if (!stat || (stat.is_kernel_thread && !options.kernel_threads)) continue
        seen.add(pid)
        look(stat, now_ms, changes)
      }
      const gone = [...byPid.values()].filter((process) => !seen.has(process.pid))
      for (const process of gone) {
        if (!dead.delete(process.pid)) changes.push({ kind: 'terminate', process })
      }
      // Parents are looked up before the dead leave: a parent that is gone still has a name.
      const result = changes.map((change) => {
        const parent = byPid.get(change.process.ppid)
        return parent ? { ...change, parent } : change
      })
      for (const process of gone) byPid.delete(process.pid)
      is_first_look = false
      return result
    },
  }
}

function bootTime(proc: string): number {
  const uptime_s = Number(readText(join(proc, 'uptime'))?.split(' ')[0])
  return Math.round(Date.now() - (Number.isFinite(uptime_s) ? uptime_s * 1000 : 0))
}

function readCmdline(path: string): string | undefined {
  try {
    return parseCmdline(readFileSync(path), MAX_CMD_LINE_CHARS)
  } catch {
    return undefined
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** The kernel cuts names after 15 bytes: the whole name is in the path or in the first argument. */
function fullName(comm: string, exe: string | undefined, cmd_line: string | undefined): string {
  if (Buffer.byteLength(comm) < COMM_MAX_BYTES) return comm
  const candidates = [exe?.replace(/ \(deleted\)$/, ''), cmd_line?.split(' ')[0]]
  for (const candidate of candidates) {
    const base = candidate ? basename(candidate) : ''
    if (base.startsWith(comm)) return base
  }
  return comm
}
