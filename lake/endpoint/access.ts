import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { WeirError } from '../../core/errors.js'
import { sqlException } from './exception.js'

/** Somebody who may query. */
export type SqlUser = {
  readonly name: string
  /** Empty means none, which is only accepted on a loopback address. */
  readonly password: string
}

export const defaultSqlUsers: readonly SqlUser[] = [
  { name: 'default', password: '' },
  { name: 'analyst', password: '' },
]

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i

/** Whether only this machine can reach what listens there. */
export function isLoopbackHost(host: string): boolean {
  return loopback.test(host)
}

/** Throws `config_invalid` if a user without a password could be reached from another machine. */
export function requirePasswords(host: string, users: readonly SqlUser[]): void {
  if (users.length === 0) throw new WeirError('config_invalid', 'the SQL endpoint has no users')
  if (isLoopbackHost(host)) return
  const open = users.find((user) => user.password === '')
  if (!open) return
  throw new WeirError(
    'config_invalid',
    `the SQL endpoint would listen on ${host} while its user "${open.name}" has no password`,
    { hint: 'Give every user a password, or listen on 127.0.0.1.' },
  )
}

/** Throws `config_invalid` unless every one of those who may change things has a name of its own and a password. */
export function requireWriters(writers: readonly SqlUser[], users: readonly SqlUser[]): void {
  for (const { name, password } of writers) {
    if (password === '' || users.some((user) => user.name === name)) {
      throw new WeirError('config_invalid', `writer "${name}" of the SQL endpoint has no password, or a reader's name`)
    }
  }
}

/**
 * True if the request was meant for this endpoint. A page that points its own host name at 127.0.0.1 (DNS rebinding)
 * sends that name, and a page that calls us from another site sends its origin.
 */
export function isMeantForUs(request: IncomingMessage, hostnames: ReadonlySet<string>): boolean {
  const host = hostname(request.headers.host)
  if (host === undefined || !isOurs(host, hostnames)) return false
  const origin = request.headers.origin
  if (origin === undefined) return true
  const from = URL.canParse(origin) ? hostname(new URL(origin).host) : undefined
  return from !== undefined && isOurs(from, hostnames)
}

/** Rebinding needs a name; whoever wrote an address meant the machine at that address. */
function isOurs(host: string, hostnames: ReadonlySet<string>): boolean {
  return host === 'localhost' || isIP(host.replace(/^\[|\]$/g, '')) > 0 || hostnames.has(host)
}

/** The name in a Host header, without port and final dot, in lower case. */
function hostname(header: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:\s/@]+?)\.?(?::\d{1,5})?$/i.exec(header ?? '')
  return match?.[1]?.toLowerCase()
}

/** The user a request proves to be. Throws AUTHENTICATION_FAILED; how long it takes tells nothing about the password. */
export function authenticate(request: IncomingMessage, url: URL, users: readonly SqlUser[]): SqlUser {
  const { name, password } = credentials(request, url)
  const user = users.find((candidate) => candidate.name === name)
  const matches = timingSafeEqual(digest(password), digest(user?.password ?? 'nobody has this one'))
  if (user && matches) return user
  throw sqlException(
    'AUTHENTICATION_FAILED',
    `${name.slice(0, 64)}: Authentication failed: password is incorrect, or there is no user with such name.`,
  )
}

function credentials(request: IncomingMessage, url: URL): { name: string; password: string } {
  const user = request.headers['x-clickhouse-user']
  const key = request.headers['x-clickhouse-key']
  if (user !== undefined || key !== undefined) return { name: String(user ?? 'default'), password: String(key ?? '') }
  const authorization = request.headers.authorization
  if (authorization !== undefined) {
    const basic = /^Basic ([A-Za-z0-9+/=]+)\s*$/i.exec(authorization)?.[1]
    if (basic === undefined) {
      throw sqlException('AUTHENTICATION_FAILED', 'Authentication failed: only basic authentication is known here.')
    }
    const text = Buffer.from(basic, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    return colon < 0
      ? { name: text, password: '' }
      : { name: text.slice(0, colon) || 'default', password: text.slice(colon + 1) }
  }
  return { name: url.searchParams.get('user') ?? 'default', password: url.searchParams.get('password') ?? '' }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
