import { type FileHandle, open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CLASS, type EventDraft } from '../../../ocsf/event.js'
import type { RawRecord } from '../../contract.js'
import type { HostIdentity } from './identity.js'
import { parseUtmp, UTMP, type UtmpRecord, utmpLayout } from './utmp.js'

/** How far a log-in file was read: the file's identity and the bytes that are done. */
export type LoginCheckpoint = { readonly inode: string; readonly offset: number }

/** One log-in file: `wtmp` keeps log-ins and log-offs, `btmp` what failed. */
export type LoginFile = {
  readonly path: string
  /**
   * Records since the checkpoint, as Authentication events, and the checkpoint behind them. Follows a rotation to
   * `<path>.1`. Without a checkpoint it starts at the end of the file. Throws with the system's code (ENOENT, EACCES).
   */
  read(from: LoginCheckpoint | undefined): Promise<{ records: RawRecord[]; checkpoint: LoginCheckpoint }>
}

const MAX_READ_RECORDS = 2000

/** Reads `wtmp` or `btmp` record by record. */
export function loginFile(root: string, name: 'wtmp' | 'btmp', identity: HostIdentity): LoginFile {
  const path = join(root, 'var/log', name)
  const layout = utmpLayout()
  const events = loginEvents(identity, name === 'btmp')
  let is_primed = false

  /** Log-ins before the checkpoint, so that their log-offs after it have a user. */
  async function prime(of: string, offset: number) {
    is_primed = true
    const start = Math.max(0, offset - MAX_READ_RECORDS * layout.record_bytes)
    const bytes = await readBytes(of, start, layout.record_bytes)
    events(parseUtmp(bytes.subarray(0, offset - start), layout))
  }

  return {
    path,
    async read(from) {
      const { ino, size } = await stat(path, { bigint: true })
      const inode = String(ino)
      const whole_bytes = Number(size) - (Number(size) % layout.record_bytes)
      if (!from) {
        await prime(path, whole_bytes)
        return { records: [], checkpoint: { inode, offset: whole_bytes } }
      }
      const rotated = from.inode !== inode
      if (!is_primed) await prime(rotated ? `${path}.1` : path, from.offset).catch(() => {})
      const rest = rotated ? await readRotated(`${path}.1`, from, layout.record_bytes) : undefined
      if (rest && rest.length > 0) {
        const checkpoint = { inode: from.inode, offset: from.offset + rest.length }
        return { records: events(parseUtmp(rest, layout)), checkpoint }
      }
      const start = rotated || Number(size) < from.offset ? 0 : from.offset
      const bytes = await readBytes(path, start, layout.record_bytes)
      return { records: events(parseUtmp(bytes, layout)), checkpoint: { inode, offset: start + bytes.length } }
    },
  }
}

/** Sessions that are open now, from `utmp`: the same positions as their records in `wtmp`, so none counts twice. */
export async function openSessions(root: string, identity: HostIdentity): Promise<RawRecord[]> {
  const bytes = await readFile(join(root, 'var/run/utmp')).catch(() => Buffer.alloc(0))
  const records = parseUtmp(bytes, utmpLayout()).filter(({ type }) => type === UTMP.user_process)
  return loginEvents(identity, false)(records)
}

async function readRotated(path: string, from: LoginCheckpoint, record_bytes: number): Promise<Buffer | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found && String(found.ino) === from.inode ? readBytes(path, from.offset, record_bytes) : undefined
}

async function readBytes(path: string, offset: number, record_bytes: number): Promise<Buffer> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const buffer = Buffer.alloc(MAX_READ_RECORDS * record_bytes)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
    return buffer.subarray(0, bytesRead - (bytesRead % record_bytes))
  } finally {
    await file?.close()
  }
}

/** Log-off records have no user: the terminal's last log-in tells whose session ended. */
function loginEvents(identity: HostIdentity, failed: boolean): (records: readonly UtmpRecord[]) => RawRecord[] {
  const userOfLine = new Map<string, string>()
  return (records) =>
    records.flatMap((record) => {
      if (record.type === UTMP.user_process) userOfLine.set(record.line, record.user)
      const activity = activityOf(record, failed)
      if (!activity) return []
      const user = record.user || userOfLine.get(record.line) || ''
      if (activity === 'Logoff') userOfLine.delete(record.line)
      // Consoles that end without anybody having logged in are no log-off.
      if (activity === 'Logoff' && !user) return []
      const position = `${record.type}:${record.line}:${record.pid}:${record.time}.${record.time_us}`
      return [
        { data: draft(record, activity, user, failed, identity), position: `${failed ? 'b' : 'w'}tmp:${position}` },
      ]
    })
}

function activityOf(record: UtmpRecord, failed: boolean): 'Logon' | 'Logoff' | undefined {
  if (failed) return record.type === UTMP.login_process || record.type === UTMP.user_process ? 'Logon' : undefined
  if (record.type === UTMP.user_process) return 'Logon'
  return record.type === UTMP.dead_process ? 'Logoff' : undefined
}

function draft(
  record: UtmpRecord,
  activity: 'Logon' | 'Logoff',
  user: string,
  failed: boolean,
  identity: HostIdentity,
): EventDraft {
  const is_remote = record.host !== '' || record.line.startsWith('ssh')
  const { hostname, uid } = identity.device
  const from = record.ip ?? record.host
  return {
    class_uid: CLASS.authentication,
    activity_id: activity === 'Logon' ? 1 : 2,
    time: record.time,
    severity_id: failed ? 2 : 1,
    status_id: failed ? 2 : 1,
    message: `${user || 'unknown user'} ${failed ? 'failed to log in' : activity === 'Logon' ? 'logged in' : 'logged off'} on ${record.line}${from ? ` from ${from}` : ''}`,
    metadata: {
      product: { name: 'Weir', vendor_name: 'Weir', feature: { name: 'host' } },
      log_name: failed ? 'btmp' : 'wtmp',
    },
    user: { name: user || 'unknown' },
    is_remote,
    logon_type_id: is_remote ? 10 : 2,
    session: { uid: `${record.line}:${record.pid}`, terminal: record.line, is_remote },
    service: { name: record.line.startsWith('ssh') || (is_remote && /^pts/.test(record.line)) ? 'sshd' : 'login' },
    dst_endpoint: { hostname: hostname ?? '', uid: uid ?? '' },
    ...(from ? { src_endpoint: record.ip ? { ip: record.ip } : { hostname: record.host } } : {}),
    device: identity.device,
    workload: identity.workload,
  }
}
