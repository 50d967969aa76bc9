import { nativeLine } from './push.js'

const HOUR = 3_600_000

/** One launch on a machine, as a line of a native event. */
export function launchLine(prefix: string, n: number, host: string, time: number, path: string, cmd_line: string) {
  const event = JSON.parse(nativeLine(prefix, n, 0))
  const name = path.slice(path.lastIndexOf('/') + 1)
  return JSON.stringify({
    ...event,
    time,
    metadata: { ...event.metadata, uid: `${prefix}-${n}` },
    device: { hostname: host, type_id: 1 },
    process: { pid: 1_000 + n, name, cmd_line, file: { name, path, type_id: 1 } },
    workload: { kind: 'vm', uid: `vm/${host}`, name: host, group: 'web' },
  })
}

/** Three hours of ordinary life of these machines, from which a profile with `learning_period_ms` of an hour is learned. */
export function ordinaryLife(hosts: readonly string[], now: number): string[] {
  const start = now - 3 * HOUR
  return Array.from({ length: 240 }, (_, n) => {
    const host = hosts[n % hosts.length] ?? ''
    return launchLine('life', n, host, start + n * 40_000, `/usr/bin/${['node', 'sh', 'curl'][n % 3]}`, `serve ${n}`)
  })
}

/** A miner that this machine never ran, and no other: the rules see one finding, the profile another one. */
export function attackLine(n: number, host: string, time: number): string {
  // Digits in names are taken for versions; letters make another program.
  const word = [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
  const path = `/opt/${word}/dig${word}`
  return launchLine('attack', n, host, time, path, `dig${word} -o stratum+tcp://203.0.113.9:3333 --donate-level 1`)
}
