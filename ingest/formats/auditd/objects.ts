import { basename, dirname, join, normalize } from 'node:path/posix'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import { type AuditRecord, nameFor, take, takeInteger } from './parse.js'

/** A user by the key that holds its number; the name is what auditd resolved. Undefined where there is none. */
export function userOf(record: AuditRecord | undefined, key: string, group?: string): JsonRecord | undefined {
  const uid = take(record, key)
  const resolved = nameFor(record, key)
  // ausearch -i puts the name where the number was.
  const isNumber = uid === undefined || /^-?\d+$/.test(uid)
  const name = resolved ?? (isNumber ? undefined : uid)
  if (uid === undefined && name === undefined) return undefined
  const groups = group === undefined ? undefined : groupOf(record, group)
  return defined({ uid: isNumber ? uid : undefined, name, groups: groups && [groups] })
}

/** A group by the key that holds its number. */
function groupOf(record: AuditRecord | undefined, key: string): JsonRecord | undefined {
  const gid = take(record, key)
  const resolved = nameFor(record, key)
  if (gid === undefined && resolved === undefined) return undefined
  const isNumber = gid === undefined || /^\d+$/.test(gid)
  const name = resolved ?? (isNumber ? undefined : gid)
  return defined({ uid: isNumber ? gid : undefined, name })
}

/** The session that login opened, and its terminal. */
export function sessionOf(record: AuditRecord | undefined): JsonRecord | undefined {
  const uid = take(record, 'ses')
  const terminal = take(record, 'tty') ?? take(record, 'terminal')
  const session = defined({ uid: uid === '-1' ? undefined : uid, terminal })
  return Object.keys(session).length === 0 ? undefined : session
}

/** The program a process runs. */
export function programFile(path: string | undefined): JsonRecord | undefined {
  if (path === undefined) return undefined
  const deleted = path.endsWith(' (deleted)')
  const clean = deleted ? path.slice(0, -' (deleted)'.length) : path
  return defined({
    name: basename(clean) || clean,
    path: clean,
    parent_folder: clean.startsWith('/') ? dirname(clean) : undefined,
    type_id: 1,
    is_deleted: deleted || undefined,
  })
}

/** The process of a SYSCALL record and of records shaped like it. Undefined if there is no pid. */
export function processOf(record: AuditRecord | undefined): JsonRecord | undefined {
  const pid = takeInteger(record, 'pid')
  const exe = take(record, 'exe')
  const comm = take(record, 'comm')
  if (record === undefined || (pid === undefined && exe === undefined && comm === undefined)) return undefined
  const ppid = takeInteger(record, 'ppid') ?? takeInteger(record, 'parent')
  const effective = userOf(record, 'euid', 'egid')
  return defined({
    pid,
    // OCSF wants every process identified; a few records leave the pid out.
    uid: pid === undefined ? `audit:${record.stamp}:${record.serial}` : undefined,
    name: comm ?? (exe === undefined ? undefined : basename(exe)),
    file: programFile(exe),
    user: effective ?? userOf(record, 'uid', 'gid'),
    parent_process: ppid === undefined ? undefined : { pid: ppid },
  })
}

/** Who is accountable: the user that logged in, else the one the process runs as. */
export function accountableUser(record: AuditRecord | undefined): JsonRecord | undefined {
  const login = userOf(record, 'auid')
  const real = userOf(record, 'uid', 'gid')
  return login ?? real
}

/** PATH records that name what was acted on, not its folder. */
export function targetPaths(paths: readonly AuditRecord[]): AuditRecord[] {
  const rank = (path: AuditRecord) => ORDER.indexOf(path.fields.get('nametype') ?? path.fields.get('objtype') ?? '')
  return paths.filter((path) => rank(path) >= 0).sort((a, b) => rank(a) - rank(b))
}

const ORDER = ['CREATE', 'DELETE', 'NORMAL', 'UNKNOWN']

/** OCSF file types by the file type bits of a mode. */
const FILE_TYPES: { readonly [bits: number]: number } = { 1: 6, 2: 3, 4: 2, 6: 4, 8: 1, 10: 7, 12: 5 }
const FILE_WORDS: { readonly [word: string]: number } = {
  file: 1,
  dir: 2,
  directory: 2,
  'character-device': 3,
  'block-device': 4,
  socket: 5,
  fifo: 6,
  'symbolic-link': 7,
  link: 7,
}

/** The file of a PATH record; a relative name is completed with its parent or the working directory. */
export function fileOf(path: AuditRecord, cwd: string | undefined, parent: AuditRecord | undefined): JsonRecord {
  const name = take(path, 'name')
  const folder = take(parent, 'name')
  const full = absolute(name, cwd, folder)
  const inode = take(path, 'inode')
  const dev = take(path, 'dev')
  const mode = take(path, 'mode')
  const owner = userOf(path, 'ouid', 'ogid')
  take(path, 'nametype')
  take(path, 'objtype')
  return defined({
    name: full === undefined ? (inode ?? 'unknown') : basename(full) || full,
    path: full,
    parent_folder: full?.startsWith('/') ? dirname(full) : undefined,
    // What the file system calls it: device and inode.
    uid: inode === undefined ? undefined : dev === undefined ? inode : `${dev}:${inode}`,
    type_id: typeOf(mode),
    owner,
    security_descriptor: take(path, 'obj'),
    xattributes: mode === undefined ? undefined : { mode },
  })
}

/** The path as it would be looked up: names beside a folder are relative to that, all others to the working directory. */
export function absolute(name: string | undefined, cwd: string | undefined, folder?: string): string | undefined {
  if (name === undefined || name.startsWith('/')) return name
  if (folder !== undefined) {
    const base = folder.startsWith('/') ? folder : cwd === undefined ? undefined : join(cwd, folder)
    if (base !== undefined) return join(base, basename(name))
  }
  return cwd === undefined ? name : normalize(join(cwd, name))
}

function typeOf(mode: string | undefined): number {
  if (mode === undefined) return 0
  if (/^[0-7]{4,7}$/.test(mode)) return FILE_TYPES[Number.parseInt(mode, 8) >> 12] ?? 0
  return ownEntry(FILE_WORDS, mode.split(',')[0] ?? '') ?? 0
}
