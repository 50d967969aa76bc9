import { isIP } from 'node:net'
import { defined, type JsonRecord } from '../fields.js'
import { isEventTime, parseTime } from '../time.js'
import type { LogEvent } from './event.js'

/** Reads the named values of an event and remembers which were read: the others are kept as unmapped. */
export type Values = {
  text(name: string): string | undefined
  /** A whole number, also in hexadecimal (`0x1e24`). */
  integer(name: string): number | undefined
  /** The value as it is written; it does not count as read. */
  peek(name: string): string | undefined
  rest(): JsonRecord
}

/** What stands for "no value". */
const NOTHING = new Set(['', '-', '(null)', 'NULL', '{00000000-0000-0000-0000-000000000000}'])

export function valuesOf({ data }: LogEvent): Values {
  const read = new Set<string>()
  const text = (name: string) => {
    const value = data.get(name)
    if (value === undefined) return undefined
    read.add(name)
    const trimmed = value.trim()
    return NOTHING.has(trimmed) ? undefined : trimmed
  }
  return {
    text,
    integer(name) {
      const value = text(name)
      if (value === undefined) return undefined
      const number = /^(0x[0-9a-f]{1,12}|\d{1,12})$/i.test(value) ? Number(value) : Number.NaN
      if (Number.isInteger(number) && number <= 2_147_483_647) return number
      read.delete(name)
      return undefined
    },
    peek: (name) => data.get(name),
    rest() {
      const rest: JsonRecord = Object.create(null)
      for (const [name, value] of data) if (!read.has(name) && !NOTHING.has(value.trim())) rest[name] = value
      return { ...rest }
    },
  }
}

/** ms since 1970 of a time as these logs write it (UTC): `2022-05-11 18:10:20.472`, with up to nine digits. */
export function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseTime(text)
  return ms !== undefined && isEventTime(ms) ? ms : undefined
}

/** Last part of a path with either separator. */
export function baseName(path: string): string {
  return path.slice(lastSeparator(path) + 1) || path
}

/** No path of Windows is longer. */
const MAX_PATH_CHARS = 32_768

/** Where the last separator stands; -1 if there is none. */
function lastSeparator(path: string): number {
  const tail = path.slice(-MAX_PATH_CHARS)
  const at = Math.max(tail.lastIndexOf('\\'), tail.lastIndexOf('/'))
  return at === -1 ? -1 : path.length - tail.length + at
}

function folderOf(path: string): string | undefined {
  const at = lastSeparator(path)
  return at > 0 ? path.slice(0, at) : undefined
}

/** A file by its path, which may be a bare name. */
export function fileAt(path: string | undefined, more: JsonRecord = {}): JsonRecord | undefined {
  if (path === undefined) return undefined
  const whole = path.includes('/') || path.includes('\\')
  return defined({
    name: baseName(path),
    path: whole ? path : undefined,
    parent_folder: folderOf(path),
    type_id: 1,
    ...more,
  })
}

/** `NT AUTHORITY\SYSTEM`, `root`. */
export function userOf(account: string | undefined, more: JsonRecord = {}): JsonRecord | undefined {
  // A domain alone names nobody.
  if (account === undefined) return more.uid === undefined ? undefined : more
  const at = account.indexOf('\\')
  const domain = at > 0 ? account.slice(0, at) : undefined
  return defined({ name: account.slice(at + 1), domain, ...more })
}

const ALGORITHMS: { readonly [name: string]: { id: number; length: number } } = {
  MD5: { id: 1, length: 32 },
  SHA1: { id: 2, length: 40 },
  SHA256: { id: 3, length: 64 },
  IMPHASH: { id: 18, length: 32 },
}

/** `SHA1=...,MD5=...`, or a bare value of a known length. Zeros stand for none. */
export function hashesOf(text: string | undefined): JsonRecord[] | undefined {
  if (text === undefined) return undefined
  const hashes: JsonRecord[] = []
  for (const part of text.slice(0, 1000).split(',')) {
    const [name = '', value = ''] = part.trim().split('=')
    const known = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined
    if (known && value.length === known.length && /^[0-9A-F]*[1-9A-F][0-9A-F]*$/i.test(value)) {
      hashes.push({ algorithm_id: known.id, value: value.toLowerCase() })
    }
  }
  return hashes.length === 0 ? undefined : hashes
}

/** An end of a connection. */
export function endpointOf(
  ip: string | undefined,
  port: number | undefined,
  hostname?: string,
): JsonRecord | undefined {
  const address = ip?.replace(/^::ffff:(?=\d)/i, '')
  const endpoint = defined({
    ip: address !== undefined && isIP(address) !== 0 ? address : undefined,
    port: port !== undefined && port >= 0 && port < 65_536 ? port : undefined,
    hostname,
  })
  return endpoint.ip === undefined && endpoint.hostname === undefined ? undefined : endpoint
}
