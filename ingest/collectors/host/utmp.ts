import { isIPv4 } from 'node:net'

/** One record of utmp, wtmp or btmp (glibc's struct utmp). */
export type UtmpRecord = {
  readonly type: number
  readonly pid: number
  /** Terminal without /dev/, or `ssh:notty`. */
  readonly line: string
  readonly user: string
  /** Remote host name or address as the log-in program wrote it; the kernel's version for a boot. */
  readonly host: string
  /** Remote address, absent for a local log-in. */
  readonly ip?: string
  /** ms since 1970. */
  readonly time: number
  /** Microseconds within the millisecond, so that two records of one ms differ. */
  readonly time_us: number
}

/** Record types that matter here. */
export const UTMP = { boot: 2, login_process: 6, user_process: 7, dead_process: 8 } as const

type Layout = {
  readonly record_bytes: number
  readonly time_at: number
  readonly wide_time: boolean
  readonly address_at: number
}

/** 64-bit ARM and RISC-V keep session and time in 64 bits, everybody else in 32. */
const LAYOUTS: Record<'narrow' | 'wide', Layout> = {
  narrow: { record_bytes: 384, time_at: 340, wide_time: false, address_at: 348 },
  wide: { record_bytes: 400, time_at: 344, wide_time: true, address_at: 360 },
}

/** The layout of this machine's records. */
export function utmpLayout(arch: string = process.arch): Layout {
  return arch === 'arm64' || arch === 'riscv64' || arch === 'loong64' ? LAYOUTS.wide : LAYOUTS.narrow
}

/** Parses whole records; a torn one at the end is left for the next time. */
export function parseUtmp(bytes: Buffer, layout: Layout): UtmpRecord[] {
  const records: UtmpRecord[] = []
  for (let at = 0; at + layout.record_bytes <= bytes.length; at += layout.record_bytes) {
    records.push(parseRecord(bytes.subarray(at, at + layout.record_bytes), layout))
  }
  return records
}

function parseRecord(bytes: Buffer, layout: Layout): UtmpRecord {
  const { time_at, wide_time, address_at } = layout
  const seconds = wide_time ? Number(bytes.readBigInt64LE(time_at)) : bytes.readUInt32LE(time_at)
  const micros = wide_time ? Number(bytes.readBigInt64LE(time_at + 8)) : bytes.readInt32LE(time_at + 4)
  const ip = address(bytes.subarray(address_at, address_at + 16))
  return {
    type: bytes.readInt16LE(0),
    pid: bytes.readInt32LE(4),
    line: cString(bytes, 8, 32),
    user: cString(bytes, 44, 32),
    host: cString(bytes, 76, 256),
    ...(ip ? { ip } : {}),
    time: seconds * 1000 + Math.floor(micros / 1000),
    time_us: micros % 1000,
  }
}

function cString(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at)
  return bytes.toString('utf8', at, end === -1 || end > at + length ? at + length : end)
}

/** IPv4 fills the first word only. */
function address(bytes: Buffer): string | undefined {
  if (bytes.every((byte) => byte === 0)) return undefined
  if (bytes.subarray(4).every((byte) => byte === 0)) return bytes.subarray(0, 4).join('.')
  const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(n * 2).toString(16))
  const text = groups.join(':')
  const mapped = text.startsWith('0:0:0:0:0:ffff:') ? bytes.subarray(12).join('.') : ''
  return isIPv4(mapped) ? mapped : text
}
