import { basename } from 'node:path/posix'
import { CLASS } from '../../../ocsf/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import type { AuditEvent, ClassPart } from './event.js'
import { type Call, kernelPart } from './kernel.js'
import { absolute, programFile } from './objects.js'
import { type AuditRecord, take } from './parse.js'

/** What a security module decided, as OCSF's security_control profile has it. */
export type Verdict = {
  readonly record: AuditRecord
  readonly denied: boolean
  readonly attributes: JsonRecord
  /** `write`, `read open`, `getattr`. */
  readonly wanted: string
}

/** The decision of SELinux, AppArmor or Landlock in an event; undefined if there is none. */
export function verdictOf(event: AuditEvent): Verdict | undefined {
  const record = event.of(
    'AVC',
    'USER_AVC',
    'SELINUX_ERR',
    'USER_SELINUX_ERR',
    'APPARMOR_DENIED',
    'APPARMOR_ALLOWED',
    'APPARMOR_AUDIT',
    'APPARMOR_KILL',
    'LANDLOCK_ACCESS',
  )
  if (!record) return undefined
  const apparmor = take(record, 'apparmor')
  if (apparmor !== undefined) return apparmorVerdict(record, apparmor)
  if (/^APPARMOR/.test(record.type)) return apparmorVerdict(record, record.type.slice('APPARMOR_'.length))
  if (record.type === 'LANDLOCK_ACCESS') return landlockVerdict(record)
  const match = /avc:\s+(denied|granted)\s+\{([^}]{0,500})\}/.exec(record.words)
  if (!match) return selinuxError(record)
  const denied = match[1] === 'denied'
  const permissive = take(record, 'permissive') === '1'
  const wanted = (match[2] ?? '').trim()
  return { record, denied: denied && !permissive, wanted, attributes: profileOf('SELinux', denied, permissive) }
}

/** A transition or label that the policy does not allow: `op=security_bounded_transition seresult=denied`. */
function selinuxError(record: AuditRecord): Verdict | undefined {
  const wanted = record.fields.get('op')
  const result = take(record, 'seresult')
  const is_invalid = record.fields.has('invalid_context')
  // `op=load_policy` is no decision.
  if (wanted === undefined || (result === undefined && !is_invalid)) return undefined
  const denied = result === 'denied' || is_invalid
  return { record, denied, wanted, attributes: profileOf('SELinux', denied, false) }
}

/** Rights of Landlock by what other modules call them. */
const LANDLOCK: { readonly [right: string]: string } = {
  'fs.execute': 'execute',
  'fs.write_file': 'write',
  'fs.read_file': 'read',
  'fs.read_dir': 'read',
  'fs.remove_dir': 'rmdir',
  'fs.remove_file': 'unlink',
  'fs.make_dir': 'create',
  'fs.make_reg': 'create',
  'fs.make_sym': 'create',
  'fs.refer': 'rename',
  'fs.truncate': 'truncate',
}

/** What a process forbade itself: `domain=195ba459b blockers=fs.write_file,fs.truncate path="/etc/passwd"`. */
function landlockVerdict(record: AuditRecord): Verdict {
  const rights = (take(record, 'blockers') ?? '').slice(0, 500).split(',')
  const wanted = rights.map((right) => ownEntry(LANDLOCK, right) ?? right).join(' ')
  return { record, denied: true, wanted, attributes: profileOf('Landlock', true, false, take(record, 'domain')) }
}

function apparmorVerdict(record: AuditRecord, word: string): Verdict | undefined {
  if (!/^(DENIED|ALLOWED|AUDIT|KILL|KILLED)$/.test(word)) return undefined
  const wanted = take(record, 'operation') ?? ''
  const profile = take(record, 'profile')
  // ALLOWED is what a profile in complain mode would have refused.
  const attributes = profileOf('AppArmor', word !== 'AUDIT', word === 'ALLOWED', profile)
  return { record, denied: /^(DENIED|KILL)/.test(word), wanted, attributes }
}

function profileOf(name: string, denied: boolean, permissive: boolean, rule?: string): JsonRecord {
  const blocked = denied && !permissive
  const policy = defined({ name, uid: rule, is_applied: !permissive })
  return {
    action_id: blocked ? 2 : permissive ? 3 : 1,
    disposition_id: blocked ? 2 : permissive ? 17 : 1,
    policy,
    authorizations: [{ decision: denied ? 'denied' : 'granted', policy }],
  }
}

const FILE_CLASSES = /^(file|dir|lnk_file|chr_file|blk_file|sock_file|fifo_file|filesystem)$/
const FILE_TYPES: { readonly [tclass: string]: number } = {
  file: 1,
  dir: 2,
  chr_file: 3,
  blk_file: 4,
  sock_file: 5,
  fifo_file: 6,
  lnk_file: 7,
}
const NETWORK_CLASSES = /socket$|^(node|netif|packet|peer)$/

/** Class and attributes of a decision that came without its system call. */
export function verdictPart(call: Call, { record, wanted }: Verdict): ClassPart {
  const tclass = take(record, 'tclass') ?? (record.type === 'LANDLOCK_ACCESS' ? landlockClass(record) : undefined)
  if (tclass !== undefined) return selinuxPart(call, record, tclass, wanted)
  const name = take(record, 'name')
  if (/^(exec|ptrace|signal|change_hat|change_profile|change_onexec)$/.test(wanted)) {
    const target = name === undefined ? call.process : defined({ ...call.process, file: programFile(name) })
    const activity_id = wanted === 'exec' ? 1 : wanted === 'signal' ? 2 : wanted === 'ptrace' ? 3 : 99
    return named({ class_uid: CLASS.process_activity, activity_id, process: target, actor: call.actor }, wanted)
  }
  const remote = take(record, 'faddr')
  const local = take(record, 'laddr')
  if (remote !== undefined || local !== undefined || take(record, 'family') !== undefined) {
    return networkPart(call, record, wanted, remote, local)
  }
  if (name === undefined) return kernelPart({ ...call, name: wanted || undefined })
  const owner = take(record, 'ouid')
  const file = { ...programFile(name), ...(owner === undefined ? {} : { owner: { uid: owner } }) }
  const part = { class_uid: CLASS.file_activity, activity_id: fileActivity(wanted), file, actor: call.actor }
  return named(part, wanted)
}

function landlockClass({ fields }: AuditRecord): string {
  if (fields.has('path') || fields.has('ino')) return 'filesystem'
  return /^net\./.test(fields.get('blockers') ?? '') ? 'socket' : 'process'
}

function selinuxPart(call: Call, record: AuditRecord, tclass: string, wanted: string): ClassPart {
  if (FILE_CLASSES.test(tclass)) {
    const path = take(record, 'path')
    const name = path ?? take(record, 'name')
    const inode = take(record, 'ino')
    const dev = take(record, 'dev')
    const file = defined({
      name: name === undefined ? (inode ?? 'unknown') : basename(name) || name,
      path: path === undefined ? undefined : absolute(path, call.cwd),
      uid: inode === undefined ? undefined : dev === undefined ? inode : `${dev}:${inode}`,
      type_id: ownEntry(FILE_TYPES, tclass) ?? 0,
      security_descriptor: take(record, 'tcontext'),
    })
    return named({ class_uid: CLASS.file_activity, activity_id: fileActivity(wanted), file, actor: call.actor }, wanted)
  }
  if (tclass === 'process' || tclass === 'process2') {
    const activity_id = /ptrace/.test(wanted) ? 3 : /sig/.test(wanted) ? 2 : 99
    const part = { class_uid: CLASS.process_activity, activity_id, process: call.process, actor: call.actor }
    return named(part, wanted)
  }
  if (NETWORK_CLASSES.test(tclass)) {
    return networkPart(call, record, wanted, take(record, 'daddr') ?? take(record, 'faddr'), take(record, 'saddr'))
  }
  return kernelPart({ ...call, name: `${tclass} ${wanted}`.trim() })
}

function networkPart(call: Call, record: AuditRecord, wanted: string, remote?: string, local?: string): ClassPart {
  const port = (key: string) => {
    const text = take(record, key)
    return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined
  }
  const dst = defined({ ip: remote, port: port('dest') ?? port('fport') })
  const src = defined({ ip: local, port: port('src') ?? port('lport') })
  if (dst.ip === undefined && src.ip === undefined) return kernelPart({ ...call, name: wanted || 'socket' })
  return named(
    {
      class_uid: CLASS.network_activity,
      activity_id: 5,
      actor: call.actor,
      ...(dst.ip === undefined ? {} : { dst_endpoint: dst }),
      ...(src.ip === undefined ? {} : { src_endpoint: src }),
    },
    wanted,
  )
}

function named(part: ClassPart, name: string): ClassPart {
  return part.activity_id === 99 ? { ...part, activity_name: name } : part
}

/** What was wanted of a file, the strongest first: SELinux permissions and AppArmor operations. */
function fileActivity(wanted: string): number {
  if (/\b(create|add_name|mkdir|mknod|link|symlink)\b/.test(wanted)) return 1
  if (/\b(unlink|remove_name|rmdir)\b/.test(wanted)) return 4
  if (/\brename/.test(wanted)) return 5
  if (/\b(write|append|truncate|file_perm|file_mmap)\b/.test(wanted)) return 3
  if (/\b(chmod|chown|relabelto|relabelfrom)\b/.test(wanted)) return 7
  if (/\b(setattr)\b/.test(wanted)) return 6
  if (/\b(read|map)\b/.test(wanted)) return 2
  if (/\b(getattr|search)\b/.test(wanted)) return 8
  if (/\bmount/.test(wanted)) return 12
  if (/\b(unmount|umount)/.test(wanted)) return 13
  return 14
}
