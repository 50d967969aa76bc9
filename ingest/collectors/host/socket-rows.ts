/** Transport protocols whose sockets /proc lists. */
export type Protocol = 'tcp' | 'udp'

/** Where one end of a socket is. */
export type Endpoint = { readonly ip: string; readonly port: number }

/** One line of /proc/net/{tcp,tcp6,udp,udp6}; addresses are decoded on demand, since most lines are known already. */
export type SocketRow = {
  readonly protocol: Protocol
  readonly version: 4 | 6
  /** Address and port as the kernel prints them, in hexadecimal. */
  readonly local: string
  readonly remote: string
  readonly state: number
  readonly uid: string
  /** 0 where no process holds the socket any more (TIME_WAIT). */
  readonly inode: string
}

/** Kernel socket states used here. An unconnected UDP socket is in state CLOSE. */
export const SOCKET_STATE = { established: 1, syn_sent: 2, syn_recv: 3, time_wait: 6, close: 7, listen: 10 } as const

/** Parses a whole file; lines of an unknown shape are left out. */
export function parseSocketRows(text: string, protocol: Protocol, version: 4 | 6): SocketRow[] {
  const rows: SocketRow[] = []
  let start = text.indexOf('\n') + 1
  while (start > 0 && start < text.length) {
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    const fields = text.slice(start, end).trim().split(/\s+/)
    const [, local, remote, state, , , , uid, , inode] = fields
    if (local && remote && state && uid && inode) {
      rows.push({ protocol, version, local, remote, state: Number.parseInt(state, 16), uid, inode })
    }
    start = end + 1
  }
  return rows
}

/** `0100007F:1F90` is 127.0.0.1 port 8080: words in host byte order (little endian wherever Node runs), the port in network order. */
export function decodeEndpoint(hex: string): Endpoint {
  const colon = hex.indexOf(':')
  const bytes = Buffer.from(hex.slice(0, colon), 'hex')
  bytes.swap32()
  return {
    ip: bytes.length === 4 ? bytes.join('.') : decodeIpv6(bytes),
    port: Number.parseInt(hex.slice(colon + 1), 16),
  }
}

function decodeIpv6(bytes: Buffer): string {
  if (bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff) {
    return bytes.subarray(12).join('.')
  }
  const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(n * 2).toString(16)).join(':')
  // The longest run of zero groups is written as `::`.
  const runs = [...groups.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length)
  const run = runs[0]
  if (!run) return groups
  return `${groups.slice(0, run.index)}::${groups.slice(run.index + run[0].length + 1)}`
}

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1'
}

/** True for the address that means any. */
export function isUnspecified(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::'
}
