import { readdirSync, readFileSync } from 'node:fs'

/** Hundredths of a second: what Linux counts CPU time in. */
const TICK_US = 10_000

/** CPU time that this process's children have used so far, us, by what they are. */
export function cpuOfChildren(names: ReadonlyMap<number, string>): Map<string, number> {
  const used = new Map<string, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const found = cpuOf(Number(entry), names)
    if (found) used.set(found.name, (used.get(found.name) ?? 0) + found.cpu_us)
  }
  return used
}

function cpuOf(pid: number, names: ReadonlyMap<number, string>) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[1]) !== process.pid) return undefined
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    const name =
      names.get(pid) ??
      (/kafka/i.test(command)
        ? 'broker'
        : command.includes('clickhouse')
          ? 'lake'
          : command.includes('redis')
            ? 'redis'
            : 'other')
    return { name, cpu_us: (Number(fields[11]) + Number(fields[12])) * TICK_US }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}
