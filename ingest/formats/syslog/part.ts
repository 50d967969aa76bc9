import { isIP } from 'node:net'
import { basename } from 'node:path/posix'
import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord } from '../fields.js'
import type { SyslogMessage } from './header.js'

/** What a message of one program becomes; undefined if the words are not known. */
export type Reader = (text: string, message: SyslogMessage) => ClassPart | undefined

/** An address or a host name as an endpoint. */
export function endpoint(address: string | undefined, port?: string): JsonRecord | undefined {
  if (address === undefined || address === '') return undefined
  const isAddress = isIP(address) !== 0
  const number = port === undefined ? undefined : Number(port)
  return defined({
    ip: isAddress ? address : undefined,
    hostname: isAddress ? undefined : address,
    port: number !== undefined && number < 65_536 ? number : undefined,
  })
}

function isLocal(address: string | undefined): boolean {
  return (
    address === undefined || address === '' || address === '127.0.0.1' || address === '::1' || address === 'localhost'
  )
}

/** A user by name, or by number. */
export function user(name: string | undefined, uid?: string): JsonRecord {
  const number = name !== undefined && /^#?\d+$/.test(name) && uid === undefined ? name.replace('#', '') : uid
  const known = number !== undefined && number === name?.replace('#', '') ? undefined : name
  const result = defined({ name: known === '' ? undefined : known, uid: number })
  return Object.keys(result).length === 0 ? { name: 'unknown' } : result
}

type Logon = {
  activity_id: number
  user: JsonRecord
  status_id?: number | undefined
  service: string
  source?: JsonRecord | undefined
  method?: string | undefined
  detail?: string | undefined
  actor_user?: JsonRecord | undefined
  terminal?: string | undefined
  session?: string | undefined
  logon_type_id?: number | undefined
}

/** Authentication: who, by which service, from where, by what means. */
export function authentication(logon: Logon): ClassPart {
  const { source, service, terminal } = logon
  const is_remote = source !== undefined && !isLocal((source.ip ?? source.hostname) as string | undefined)
  const session = defined({ uid: logon.session, terminal })
  return defined({
    class_uid: CLASS.authentication,
    activity_id: logon.activity_id,
    ...(logon.activity_id === 7 ? { account_switch_type_id: 1 } : {}),
    user: logon.user,
    service: { name: service },
    src_endpoint: source,
    is_remote,
    logon_type_id: logon.logon_type_id ?? logonType(service, is_remote),
    session: Object.keys(session).length === 0 ? undefined : { ...session, is_remote },
    ...(logon.method === undefined ? {} : { auth_protocol_id: 99, auth_protocol: logon.method }),
    status_id: logon.status_id,
    status_detail: logon.detail,
    actor: logon.actor_user === undefined ? undefined : { user: logon.actor_user },
  })
}

function logonType(service: string, is_remote: boolean): number {
  if (/^(cron|crond|atd|anacron)$/i.test(service)) return 4
  if (/^systemd/.test(service)) return 5
  return is_remote || /^sshd/.test(service) ? 10 : 2
}

/** A process that a message says was started: it has no pid there. */
export function startedProcess(cmd_line: string, uid: string, more: JsonRecord): JsonRecord {
  const program = cmd_line.split(' ', 1)[0] ?? cmd_line
  return defined({
    uid,
    name: basename(program) || program,
    cmd_line,
    file: program.startsWith('/') ? { name: basename(program) || program, path: program, type_id: 1 } : undefined,
    ...more,
  })
}
