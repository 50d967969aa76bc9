import { defined, type JsonRecord } from '../fields.js'
import { baseName, fileAt, type Values } from './values.js'

/** A user of a Security event by the prefix of its values: `Subject` acts, `Target` is acted on. */
export function accountAt(values: Values, prefix: string): JsonRecord | undefined {
  const name = values.text(`${prefix}UserName`)
  const domain = values.text(`${prefix}DomainName`)
  const sid = values.text(`${prefix}UserSid`) ?? values.text(`${prefix}Sid`)
  const uid = sid === 'S-1-0-0' ? undefined : sid
  if (name === undefined && uid === undefined) return undefined
  return defined({ name, domain, uid, type_id: name?.endsWith('$') ? 3 : undefined })
}

/** The logon session of the account with this prefix. */
export function logonSession(values: Values, prefix: string): JsonRecord | undefined {
  const uid = values.text(`${prefix}LogonId`)
  const uid_alt = values.text('LogonGuid')
  return uid === undefined || uid === '0x0' ? undefined : defined({ uid, uid_alt })
}

/** The process that acted; most events have its number in hexadecimal. */
export function processOf(values: Values, pid_name = 'ProcessId', path_name = 'ProcessName'): JsonRecord | undefined {
  const pid =
    values.integer(pid_name) ??
    values.integer('ProcessID') ??
    values.integer('CallerProcessId') ??
    values.integer('ClientProcessId') ??
    values.integer('SourceProcessId')
  const path = values.text(path_name) ?? values.text('Application') ?? values.text('CallerProcessName')
  if (pid === undefined && path === undefined) return undefined
  if (pid === 0 && path === undefined) return undefined
  return defined({
    pid,
    uid: pid === undefined ? path : undefined,
    name: path === undefined ? undefined : baseName(path),
    file: fileAt(path),
  })
}

/** The account that acts, its session and its process. */
export function actorOf(values: Values): JsonRecord | undefined {
  const actor = defined({
    user: accountAt(values, 'Subject'),
    session: logonSession(values, 'Subject'),
    process: processOf(values),
  })
  return Object.keys(actor).length === 0 ? undefined : actor
}
