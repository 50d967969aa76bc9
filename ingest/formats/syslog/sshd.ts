import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined } from '../fields.js'
import { authentication, endpoint, type Reader, user } from './part.js'

const WHERE = String.raw`(\S{1,255})(?: port (\d{1,5}))?`
const ACCEPTED = new RegExp(String.raw`^Accepted (\S{1,64}) for (.{1,256}?) from ${WHERE}`)
const FAILED = new RegExp(
  String.raw`^(?:error: )?Failed (\S{1,64}) for (?:invalid user |illegal user )?(.{0,256}?) from ${WHERE}`,
)
const INVALID = new RegExp(`^(?:Invalid|Illegal) user (.{0,256}?) from ${WHERE}`)
const REQUEST = /^input_userauth_request: (?:invalid|illegal) user (.{0,256}?)(?: \[preauth\])?$/
const PAM = /^error: PAM: (.{1,200}?) for (?:illegal user |invalid user )?(.{0,256}?) from (\S{1,255})/
const EXCEEDED = new RegExp(
  `^(?:error: )?maximum authentication attempts exceeded for (?:invalid user |illegal user )?(.{0,256}?) from ${WHERE}`,
)
const NOT_ALLOWED = /^User (.{1,256}?) (?:from (\S{1,255}) )?not allowed because (.{1,300})$/
const ROOT_REFUSED = new RegExp(`^ROOT LOGIN REFUSED FROM ${WHERE}`)
const CLOSED = new RegExp(
  `^(?:error: )?Connection (closed|reset) by (?:(?:authenticating|invalid) user (.{0,256}?) )?${WHERE}`,
)
const DISCONNECTED =
  /^(?:Received disconnect|Disconnected|Disconnecting)(?: from)? (?:(?:authenticating |invalid )?user (.{0,256}?) )?(\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]{2,45})(?: port (\d{1,5}))?(?::? ?(.{0,300}))?$/
const CONNECTION = /^Connection from (\S{1,255}) port (\d{1,5})(?: on (\S{1,255}) port (\d{1,5}))?/
const LISTENING = /^Server listening on (\S{1,255}) port (\d{1,5})/
const NEGOTIATE = /^(?:fatal: )?Unable to negotiate with (\S{1,255}?)(?: port (\d{1,5}))?: (.{1,500})$/
const IDENTIFICATION = new RegExp(
  `^(?:Did not receive identification string|Bad protocol version identification .{0,300}) from ${WHERE}`,
)
const REVERSE = /^(?:reverse mapping checking getaddrinfo for|Address) (\S{1,255}) (?:\[(\S{1,45})\] failed|maps to)/
const CLOSED_BY = new RegExp(
  `^(?:error: )?(?:kex_exchange_identification|banner exchange|ssh_dispatch_run_fatal|kex_protocol_error): ?.{0,40}?[Cc]onnection from ${WHERE}`,
)
const SUBSYSTEM = /^subsystem request for (\S{1,64})(?: by user (\S{1,256}))?/

/** What sshd says. Addresses may be names, where `UseDNS` is on. */
export const sshd: Reader = (text) => {
  const bare = text.replace(/ \[preauth\]$/, '')
  return logon(bare) ?? connection(bare)
}

function logon(text: string): ClassPart | undefined {
  const service = 'sshd'
  const accepted = ACCEPTED.exec(text)
  if (accepted) {
    const [, method, name, address, port] = accepted
    return authentication({
      activity_id: 1,
      status_id: 1,
      user: user(name),
      service,
      source: endpoint(address, port),
      method,
    })
  }
  const failure = (name: string | undefined, detail: string, address?: string, port?: string, method?: string) =>
    authentication({
      activity_id: 1,
      status_id: 2,
      user: user(name),
      service,
      source: endpoint(address, port),
      method,
      detail,
    })
  let match = FAILED.exec(text)
  if (match) return failure(match[2], `Failed ${match[1]}`, match[3], match[4], match[1])
  match = INVALID.exec(text)
  if (match) return failure(match[1], 'Invalid user', match[2], match[3])
  match = REQUEST.exec(text)
  if (match) return failure(match[1], 'Invalid user')
  match = PAM.exec(text)
  if (match) return failure(match[2], match[1] ?? 'PAM', match[3], undefined, 'PAM')
  match = EXCEEDED.exec(text)
  if (match) return failure(match[1], 'Maximum authentication attempts exceeded', match[2], match[3])
  match = NOT_ALLOWED.exec(text)
  if (match) return failure(match[1], match[3] ?? 'Not allowed', match[2])
  match = ROOT_REFUSED.exec(text)
  return match ? failure('root', 'Root login refused', match[1], match[2]) : undefined
}

function ssh(activity_id: number, source: object | undefined, more: Partial<ClassPart> = {}): ClassPart {
  return defined({ class_uid: CLASS.ssh_activity, activity_id, src_endpoint: source, ...more }) as ClassPart
}

function connection(text: string): ClassPart | undefined {
  let match = CLOSED.exec(text)
  if (match) return ssh(match[1] === 'reset' ? 3 : 2, endpoint(match[3], match[4]), actorOf(match[2]))
  match = DISCONNECTED.exec(text)
  if (match) {
    const detail = match[4] === '' ? undefined : match[4]
    return ssh(2, endpoint(match[2], match[3]), defined({ ...actorOf(match[1]), status_detail: detail }))
  }
  match = CONNECTION.exec(text)
  if (match) return ssh(1, endpoint(match[1], match[2]), defined({ dst_endpoint: endpoint(match[3], match[4]) }))
  match = LISTENING.exec(text)
  if (match) return { class_uid: CLASS.ssh_activity, activity_id: 7, dst_endpoint: endpoint(match[1], match[2]) }
  match = NEGOTIATE.exec(text)
  if (match) return ssh(4, endpoint(match[1], match[2]), { status_id: 2, status_detail: match[3] })
  match = IDENTIFICATION.exec(text)
  if (match) return ssh(4, endpoint(match[1], match[2]), { status_id: 2 })
  match = CLOSED_BY.exec(text)
  if (match) return ssh(4, endpoint(match[1], match[2]), { status_id: 2 })
  match = REVERSE.exec(text)
  if (match && match[2] !== undefined) {
    const source = { ...endpoint(match[2]), hostname: match[1] }
    return ssh(99, source, { activity_name: 'Reverse mapping', status_id: 2, severity_id: 3 })
  }
  match = SUBSYSTEM.exec(text)
  if (match && match[2] !== undefined) {
    const status_id = /failed/.test(text) ? 2 : 1
    return authentication({ activity_id: 99, status_id, user: user(match[2]), service: `sshd ${match[1]}` })
  }
  return undefined
}

function actorOf(name: string | undefined): Partial<ClassPart> {
  return name === undefined || name === '' ? {} : { actor: { user: { name } } }
}
