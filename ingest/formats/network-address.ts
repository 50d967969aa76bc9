import { isIP } from 'node:net'
import type { JsonRecord } from './fields.js'

const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63}){0,8}$/

/**
 * OCSF endpoint of an address as logs write it: `192.0.2.7`, `192.0.2.7:443`, `[2001:db8::1]:443`, a host name with or
 * without a port; anything else (`private`, `gce-internal-ip`) as a name. Undefined if there is no text.
 */
export function endpointOf(text: string | undefined): JsonRecord | undefined {
  const trimmed = text === undefined || text.length > 1024 ? undefined : text.trim()
  if (trimmed === undefined || trimmed === '') return undefined
  if (isIP(trimmed)) return { ip: trimmed }
  const colon = trimmed.lastIndexOf(':')
  const port = colon > 0 ? Number(trimmed.slice(colon + 1)) : Number.NaN
  const isPort = Number.isInteger(port) && port >= 0 && port <= 65535 && colon < trimmed.length - 1
  const host = (isPort ? trimmed.slice(0, colon) : trimmed).replace(/^\[([^\]]*)\]$/, '$1')
  const rest = isPort ? { port } : {}
  if (isIP(host)) return { ip: host, ...rest }
  return host.includes('.') && HOST.test(host) ? { hostname: host, ...rest } : { name: trimmed }
}
