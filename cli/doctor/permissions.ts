import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WeirConfig } from '../config.js'
import { type Check, ok, warn } from './check.js'

const CAPABILITIES = 'AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH in a systemd unit'

/** What this user may know about the machine: other users' processes, log-ins, and what polling misses. */
export function checkPermissions(collectors: WeirConfig['collectors'], root = '/'): Check[] {
  const host = Object.values(collectors).find(({ type }) => type === 'host')
  if (!host) return [ok('processes', 'no host collector is configured')]
  if (!existsSync(join(root, 'proc/self/stat'))) {
    const found = `there is no ${join(root, 'proc')} (${process.platform}): metrics only`
    return [warn('processes', found, 'Run Weir on Linux to see processes, connections and log-ins.')]
  }
  return [checkProcesses(root), checkLogins(root), checkShortLived(root, Number(host.interval_ms))]
}

/** Whether the descriptors of a process of somebody else can be read: only then a connection has a process. */
function checkProcesses(root: string): Check {
  const proc = join(root, 'proc')
  if (process.getuid?.() === 0 && canList(join(proc, '1/fd'))) return ok('processes', 'root: every process can be seen')
  if (!existsSync(join(proc, '1'))) {
    return warn(
      'processes',
      'only processes of this user are listed (/proc is mounted with hidepid)',
      `Run as root, or with ${CAPABILITIES}.`,
    )
  }
  if (canList(join(proc, '1/fd'))) return ok('processes', "other users' processes can be seen")
  return warn(
    'processes',
    "other users' processes are listed, but not their sockets and executables: their connections have no process, they have no hash",
    `Run as root, or with ${CAPABILITIES}.`,
  )
}

/** wtmp: log-ins and log-offs; btmp: failed ones, which only root and the group utmp may read. */
function checkLogins(root: string): Check {
  const problems: string[] = []
  let isDenied = false
  for (const [name, what] of [
    ['wtmp', 'log-ins'],
    ['btmp', 'failed log-ins'],
  ] as const) {
    const path = join(root, 'var/log', name)
    if (!existsSync(path)) problems.push(`${path} does not exist: ${what} are not recorded on this machine`)
    else if (!canRead(path)) {
      isDenied = true
      problems.push(`${path} cannot be read: ${what} are not seen`)
    }
  }
  if (problems.length === 0) return ok('log-ins', 'wtmp and btmp can be read')
  const todo = isDenied
    ? 'Run as root, or add this user to the group utmp.'
    : 'As root, create them (touch, mode 0664 and 0660, group utmp), or ignore this where nobody logs in.'
  return warn('log-ins', problems.join('; '), todo)
}

/** Polling misses what lives shorter; who needs that needs the kernel's word. */
function checkShortLived(root: string, interval_ms: number): Check {
  const isAudited = readdirSync(join(root, 'proc')).some((pid) => /^\d+$/.test(pid) && commOf(root, pid) === 'auditd')
  const audit = isAudited ? 'auditd runs, but Weir does not read its log yet' : 'auditd does not run'
  return {
    name: 'short-lived',
    status: 'ok',
    found: `processes and connections are looked at every ${interval_ms} ms; ${audit}`,
    todo: 'To miss nothing shorter, send Falco alerts to the http collector, or lower interval_ms.',
  }
}

function commOf(root: string, pid: string): string {
  try {
    return readFileSync(join(root, 'proc', pid, 'comm'), 'utf8').trim()
  } catch {
    return ''
  }
}

function canList(folder: string): boolean {
  try {
    readdirSync(folder)
    return true
  } catch {
    return false
  }
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
