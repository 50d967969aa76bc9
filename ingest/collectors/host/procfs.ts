import { readFileSync } from 'node:fs'

/** What one line of /proc/<pid>/stat says. */
export type ProcStat = {
  readonly pid: number
  /** Name of the task, at most 15 bytes, chosen by the process itself. */
  readonly comm: string
  readonly state: string
  readonly ppid: number
  readonly session: number
  readonly is_kernel_thread: boolean
  /** Clock ticks between boot and start: with the pid it names a process for one boot. */
  readonly start_ticks: number
}

const PF_KTHREAD = 0x00200000

/** Parses /proc/<pid>/stat. The name may hold spaces and parentheses, so it ends at the last one. Undefined if it is not such a line. */
export function parseStat(text: string): ProcStat | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 1 || close < open) return undefined
  const fields = text.slice(close + 2).split(' ')
  const pid = Number(text.slice(0, open - 1))
  const start_ticks = Number(fields[19])
  if (!Number.isInteger(pid) || !Number.isFinite(start_ticks)) return undefined
  return {
    pid,
    comm: text.slice(open + 1, close),
    state: fields[0] ?? '?',
    ppid: Number(fields[1]),
    session: Number(fields[3]),
    is_kernel_thread: (Number(fields[6]) & PF_KTHREAD) !== 0,
    start_ticks,
  }
}

/** Arguments of /proc/<pid>/cmdline joined by spaces, cut at `max_chars`; empty for kernel threads and zombies. */
export function parseCmdline(bytes: Buffer, max_chars: number): string {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  const text = bytes.toString('utf8', 0, end).replaceAll('\0', ' ')
  return text.length > max_chars ? text.slice(0, max_chars).toWellFormed() : text
}

/** Value of one `Name:\tvalue` line of /proc/<pid>/status. */
export function statusField(status: string, name: string): string | undefined {
  const at = status.startsWith(`${name}:`) ? 0 : status.indexOf(`\n${name}:`) + 1
  if (at === 0 && !status.startsWith(`${name}:`)) return undefined
  const end = status.indexOf('\n', at)
  return status.slice(at + name.length + 1, end === -1 ? undefined : end).trim()
}

/** The file as text, or undefined if it is gone or closed to us: on /proc both are everyday. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const AT_CLKTCK = 17

/** Clock ticks per second that /proc counts in, from the auxiliary vector of this process; 100 where that cannot be read. */
export function clockTicksPerSecond(): number {
  try {
    const auxv = readFileSync('/proc/self/auxv')
    for (let at = 0; at + 16 <= auxv.length; at += 16) {
      if (auxv.readBigUInt64LE(at) === BigInt(AT_CLKTCK)) return Number(auxv.readBigUInt64LE(at + 8))
    }
  } catch {
    // Not Linux, or a 32-bit layout: every Linux we know uses 100 there.
  }
  return 100
}
