import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined } from '../fields.js'
import { authentication, endpoint, type Reader, startedProcess, user } from './part.js'

/** `pam_unix(sshd:session): `, and the older `pam_unix: ` (see header.ts). */
const PAM_HEAD = /^(pam_\w{1,32})(?:\(([\w.-]{1,64})(?::(\w{1,32}))?\))?: ?/
const SESSION =
  /^session (opened|closed) for user ([^\s(]{1,256})(?:\(uid=(\d{1,10})\))?(?: by (?:([^\s(]{1,256}))?\(uid=(\d{1,10})\))?/
const PAIR = /(\w{1,32})=(\S{0,255})/g
const CHANGED = /^password (?:for )?.{0,20}changed for (\S{1,256})/
const LOCKED = /^Consecutive login failures for user (\S{1,256}) account temporarily locked/

/** What PAM modules say, on behalf of any program. */
export const pam: Reader = (text, { app = 'pam' }) => {
  const head = PAM_HEAD.exec(text)
  if (!head) return undefined
  const [whole, module = 'pam', named] = head
  const service = named ?? app
  const rest = text.slice(whole.length)
  const session = SESSION.exec(rest)
  if (session) {
    const [, word, name, uid, by, by_uid] = session
    const is_switch = /^(su|su-l|sudo|sudo-i|runuser|runuser-l|polkit-1)$/.test(service)
    const actor_user = by_uid === undefined ? undefined : user(by, by_uid)
    const activity_id = word === 'closed' ? 2 : is_switch ? 7 : 1
    return authentication({ activity_id, status_id: 1, user: user(name, uid), service, actor_user, method: module })
  }
  if (/authentication failures?;/.test(rest)) return authenticationFailure(rest, service, module)
  const changed = CHANGED.exec(rest)
  if (changed) return { class_uid: CLASS.account_change, activity_id: 3, status_id: 1, user: user(changed[1]) }
  const locked = LOCKED.exec(rest)
  if (locked) return { class_uid: CLASS.account_change, activity_id: 9, status_id: 1, user: user(locked[1]) }
  const unknown = /^(?:check pass; user unknown|bad username \[(.{0,256})\])/.exec(rest)
  if (unknown) {
    const detail = 'User unknown'
    return authentication({ activity_id: 1, status_id: 2, user: user(unknown[1]), service, method: module, detail })
  }
  return undefined
}

function authenticationFailure(text: string, service: string, method: string): ClassPart {
  const pairs = new Map<string, string>()
  for (const [, key = '', value = ''] of text.slice(0, 2000).matchAll(PAIR)) if (value !== '') pairs.set(key, value)
  const ruser = pairs.get('ruser')
  const logname = pairs.get('logname')
  const uid = pairs.get('uid')
  const is_switch = /^(su|su-l|sudo|sudo-i)$/.test(service)
  return authentication({
    activity_id: is_switch ? 7 : 1,
    status_id: 2,
    user: user(pairs.get('user')),
    service,
    method,
    source: endpoint(pairs.get('rhost')),
    terminal: pairs.get('tty'),
    actor_user: is_switch ? user(ruser ?? logname, uid) : undefined,
    detail: 'Authentication failure',
  })
}

const SUDO =
  /^\s{0,32}(\S{1,256}) : (?:(.{1,200}?) ; )??((?:TTY|PWD|USER|GROUP|TSID|ENV|HOST|RHOST|CHROOT|CWD|COMMAND)=.*)$/s

/** `ana : TTY=pts/0 ; PWD=/home/ana ; USER=root ; COMMAND=/bin/sh`: a command as somebody else. */
export const sudo: Reader = (text, { pid, original_time = '' }) => {
  const match = SUDO.exec(text.slice(0, 65_536))
  if (!match) return undefined
  const [, name, problem, pairs = ''] = match
  const command = pairs.indexOf('COMMAND=')
  const cmd_line = command === -1 ? undefined : pairs.slice(command + 'COMMAND='.length)
  const values = new Map<string, string>()
  for (const pair of (command === -1 ? pairs : pairs.slice(0, command)).split(' ; ')) {
    const at = pair.indexOf('=')
    if (at > 0) values.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim())
  }
  const target = values.get('USER')
  if (cmd_line === undefined) {
    const detail = problem
    return authentication({
      activity_id: 7,
      status_id: 2,
      user: user(target ?? 'root'),
      service: 'sudo',
      actor_user: user(name),
      detail,
    })
  }
  const actor = defined({
    user: user(name),
    process: pid === undefined ? undefined : { pid, name: 'sudo' },
    session: values.has('TTY') ? defined({ terminal: values.get('TTY'), uid: values.get('TSID') }) : undefined,
  })
  const process = startedProcess(cmd_line, `sudo:${pid ?? ''}:${original_time}`, {
    working_directory: values.get('PWD'),
    user: target === undefined ? undefined : user(target),
    parent_process: pid === undefined ? undefined : { pid, name: 'sudo' },
  })
  const status = problem === undefined ? { status_id: 1 } : { status_id: 2, status_detail: problem }
  return { class_uid: CLASS.process_activity, activity_id: 1, launch_type_id: 3, ...status, process, actor }
}

/** su of shadow, util-linux and the BSDs. */
const SU: readonly { pattern: RegExp; failed: boolean; from: number; to: number; tty?: number }[] = [
  { pattern: /^Successful su for (\S{1,256}) by (\S{1,256})/, failed: false, from: 2, to: 1 },
  { pattern: /^FAILED su for (\S{1,256}) by (\S{1,256})/i, failed: true, from: 2, to: 1 },
  { pattern: /^FAILED SU \(to (\S{1,256})\) (\S{1,256}) on (\S{1,64})/, failed: true, from: 2, to: 1, tty: 3 },
  { pattern: /^\(to (\S{1,256})\) (\S{1,256}) on (\S{1,64})/, failed: false, from: 2, to: 1, tty: 3 },
  { pattern: /^BAD SU (\S{1,256}) to (\S{1,256}) on (\S{1,64})/, failed: true, from: 1, to: 2, tty: 3 },
  { pattern: /^(\S{1,256}) to (\S{1,256}) on (\S{1,64})/, failed: false, from: 1, to: 2, tty: 3 },
  { pattern: /^\+ (\S{1,64}) ([^\s:]{1,256})[:-](\S{1,256})/, failed: false, from: 2, to: 3, tty: 1 },
  { pattern: /^- (\S{1,64}) ([^\s:]{1,256})[:-](\S{1,256})/, failed: true, from: 2, to: 3, tty: 1 },
]

export const su: Reader = (text) => {
  for (const { pattern, failed, from, to, tty } of SU) {
    const match = pattern.exec(text)
    if (!match) continue
    return authentication({
      activity_id: 7,
      status_id: failed ? 2 : 1,
      user: user(match[to]),
      actor_user: user(match[from]),
      service: 'su',
      terminal: tty === undefined ? undefined : match[tty],
    })
  }
  return undefined
}

/** login of util-linux, and sessions of systemd-logind. */
export const login: Reader = (text, { app = 'login' }) => {
  const failed =
    /^FAILED LOGIN (?:\(\d{1,6}\) )?(?:SESSION )?(?:on|ON|FROM|from) '?([^\s']{1,255})'? (?:from '?[^\s']{1,255}'? )?FOR '?([^\s',]{0,256})'?/.exec(
      text,
    )
  if (failed) {
    return authentication({ activity_id: 1, status_id: 2, user: user(failed[2]), service: app, terminal: failed[1] })
  }
  const root = /^ROOT LOGIN +(?:on|ON) '?([^\s']{1,64})'?(?: FROM '?([^\s']{1,255})'?)?/.exec(text)
  if (root) {
    return authentication({
      activity_id: 1,
      status_id: 1,
      user: user('root'),
      service: app,
      terminal: root[1],
      source: endpoint(root[2]),
    })
  }
  const on = /^LOGIN ON (\S{1,64}) BY (\S{1,256})(?: FROM (\S{1,255}))?/.exec(text)
  if (on) {
    return authentication({
      activity_id: 1,
      status_id: 1,
      user: user(on[2]),
      service: app,
      terminal: on[1],
      source: endpoint(on[3]),
    })
  }
  const session = /^New session '?(\S{1,64}?)'? of user '?([^\s']{1,256}?)'?(?: with class .{0,64})?\.?$/.exec(text)
  if (!session) return undefined
  return authentication({ activity_id: 1, status_id: 1, user: user(session[2]), service: app, session: session[1] })
}

function account(activity_id: number, name: string | undefined, uid?: string, more: object = {}): ClassPart {
  return { class_uid: CLASS.account_change, activity_id, status_id: 1, user: user(name, uid), ...more }
}

function group(activity_id: number, name: string | undefined, uid?: string, member?: string): ClassPart {
  return defined({
    class_uid: CLASS.group_management,
    activity_id,
    status_id: 1,
    group: defined({ name, uid }),
    user: member === undefined ? undefined : user(member),
  }) as ClassPart
}

const NAME = String.raw`'?([^\s',]{1,256})'?`
const ACCOUNT_WORDS: readonly [RegExp, (match: RegExpExecArray) => ClassPart][] = [
  [new RegExp(`^new (?:user|account): (?:name=)?${NAME}, (?:UID|uid)=(\\d{1,10})`), (m) => account(1, m[1], m[2])],
  [new RegExp(`^failed adding user ${NAME}`), (m) => ({ ...account(1, m[1]), status_id: 2 })],
  [new RegExp(`^delete user ${NAME}`), (m) => account(6, m[1])],
  [new RegExp(`^lock user ${NAME} password`), (m) => account(9, m[1])],
  [new RegExp(`^unlock user ${NAME} password`), (m) => account(12, m[1])],
  [new RegExp(`^change user ${NAME} password`), (m) => account(3, m[1])],
  [
    new RegExp(`^(change|changed) (?:user )?${NAME} (.{1,200})$`),
    (m) => account(99, m[2], undefined, { activity_name: 'Change', status_detail: m[3] }),
  ],
  [
    new RegExp(`^changed password expiry for ${NAME}`),
    (m) => account(99, m[1], undefined, { activity_name: 'Password expiry' }),
  ],
  [new RegExp(`^password (?:for ${NAME} )?changed (?:for|by) ${NAME}`), (m) => account(3, m[1] ?? m[2])],
  [new RegExp(`^new (?:shadow )?group: (?:name=)?${NAME}(?:, GID=(\\d{1,10}))?`), (m) => group(6, m[1], m[2])],
  [new RegExp(`^group added to \\S{1,64}: name=${NAME}(?:, GID=(\\d{1,10}))?`), (m) => group(6, m[1], m[2])],
  [new RegExp(`^(?:removed (?:shadow )?group|group) ${NAME} (?:owned by|removed)`), (m) => group(5, m[1])],
  [new RegExp(`^add ${NAME} to (?:shadow )?group ${NAME}`), (m) => group(3, m[2], undefined, m[1])],
  [new RegExp(`^delete ${NAME} from (?:shadow )?group ${NAME}`), (m) => group(4, m[2], undefined, m[1])],
  [new RegExp(`^user ${NAME} added by \\S{1,256} to group ${NAME}`), (m) => group(3, m[2], undefined, m[1])],
  [new RegExp(`^user ${NAME} removed by \\S{1,256} from group ${NAME}`), (m) => group(4, m[2], undefined, m[1])],
]

/** useradd, usermod, userdel, groupadd, gpasswd, chage, passwd. */
export const accounts: Reader = (text) => {
  for (const [pattern, make] of ACCOUNT_WORDS) {
    const match = pattern.exec(text)
    if (match) return make(match)
  }
  return undefined
}
