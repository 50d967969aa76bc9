import { isIP } from 'node:net'
import { defined, type JsonRecord } from '../fields.js'

/** The address of a SOCKADDR record. */
export type SocketAddress = {
  readonly family: 'ip' | 'unix' | 'other'
  readonly ip?: string
  readonly port?: number
  /** Path of a local socket; abstract ones begin with `@`. */
  readonly path?: string
  readonly version?: 4 | 6
}

/** Decodes `saddr`: hexadecimal as the kernel wrote it, or as ausearch -i prints it. Undefined if it is neither. */
export function socketAddress(saddr: string): SocketAddress | undefined {
  if (!/^(?:[0-9A-Fa-f]{2}){2,}$/.test(saddr)) return printedAddress(saddr)
  const bytes = Buffer.from(saddr.slice(0, 512), 'hex')
  // The family is in the byte order of the machine; all common ones are little-endian, and families are small.
  const family = (bytes[0] ?? 0) || (bytes[1] ?? 0)
  if (family === 2 && bytes.length >= 8) {
    return { family: 'ip', ip: bytes.subarray(4, 8).join('.'), port: bytes.readUInt16BE(2), version: 4 }
  }
  if (family === 10 && bytes.length >= 24) {
    return { family: 'ip', ip: ipv6(bytes.subarray(8, 24)), port: bytes.readUInt16BE(2), version: 6 }
  }
  if (family === 1) {
    const abstract = bytes[2] === 0
    const text = bytes.toString('utf8', abstract ? 3 : 2).replace(/\0.*$/s, '')
    return { family: 'unix', path: abstract ? `@${text}` : text }
  }
  return { family: 'other' }
}

function ipv6(bytes: Buffer): string {
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (mapped) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(n * 2).toString(16)).join(':')
  // The longest run of zero groups is written as `::`.
  const runs = groups.match(/(?:^|:)0(?::0)+(?::|$)/g) ?? []
  const longest = runs.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? groups : groups.replace(longest, '::')
}

/** `{ saddr_fam=inet laddr=10.0.0.1 lport=443 }`, and the older `inet host:10.0.0.1 serv:443`. */
function printedAddress(text: string): SocketAddress | undefined {
  const family = /(?:\bfam|saddr_fam)=(\w{1,16})|^(\w{1,16}) /.exec(text)
  const name = family?.[1] ?? family?.[2]
  if (name === undefined) return undefined
  if (name === 'local' || name === 'unix') {
    const path = /path[=:]\s?([^\s}]{1,256})/.exec(text)?.[1]
    return path === undefined ? { family: 'unix' } : { family: 'unix', path }
  }
  const ip = /(?:laddr=|host:)([0-9A-Fa-f.:]{2,45})/.exec(text)?.[1]
  const port = /(?:lport=|serv:)(\d{1,5})/.exec(text)?.[1]
  const version = ip === undefined ? 0 : isIP(ip)
  if (ip === undefined || version === 0) return { family: 'other' }
  return {
    family: 'ip',
    ip,
    version: version as 4 | 6,
    ...(port !== undefined && Number(port) < 65_536 ? { port: Number(port) } : {}),
  }
}

/** The address as an endpoint; undefined for a family that has none. */
export function endpointOf(address: SocketAddress | undefined): JsonRecord | undefined {
  if (!address) return undefined
  if (address.family === 'ip') return defined({ ip: address.ip, port: address.port })
  return address.path === undefined || address.path === '' ? undefined : { name: address.path }
}
