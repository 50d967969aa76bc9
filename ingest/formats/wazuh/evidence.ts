import { isIP } from 'node:net'
import { basename } from 'node:path/posix'
import { defined, type Fields, type JsonRecord } from '../fields.js'
import { parseTime } from '../time.js'

/** What an alert is based on, from the decoded fields: user, process, connection, file, container, request. */
export function evidenceOf(
  alert: Fields,
  data: Fields | undefined,
  program: string | undefined,
): JsonRecord | undefined {
  const evidence: JsonRecord = {}
  addFile(evidence, alert.object('syscheck'))
  if (data) {
    addConnection(evidence, data)
    addUsers(evidence, data)
    addAudit(evidence, data.object('audit'))
    addWindows(evidence, data.object('win'))
    addContainer(evidence, data.object('docker'))
    addRequest(evidence, data)
  }
  const process = evidence.process as JsonRecord | undefined
  const actor = defined({
    process,
    user: (evidence.actor as JsonRecord | undefined)?.user,
    app_name: process === undefined ? program : undefined,
  })
  if (actor.process !== undefined || actor.user !== undefined) evidence.actor = actor
  return Object.keys(evidence).length === 0 ? undefined : evidence
}

/** A value that decoders write as text or number. */
function word(fields: Fields | undefined, key: string): string | undefined {
  const value = fields?.any(key)
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (value !== undefined) fields?.keep(key)
  return undefined
}

function portOf(fields: Fields, key: string): number | undefined {
  const text = word(fields, key)
  const number = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (number <= 65_535) return number
  if (text !== undefined) fields.keep(key)
  return undefined
}

function endpoint(fields: Fields, names: readonly string[], port: string, host?: string): JsonRecord | undefined {
  const address = names.map((name) => word(fields, name)).find((text) => text !== undefined)
  const hostname = host === undefined ? undefined : word(fields, host)
  const isAddress = address !== undefined && isIP(address) !== 0
  const number = portOf(fields, port)
  const result = defined({
    ip: isAddress ? address : undefined,
    hostname: isAddress ? hostname : (address ?? hostname),
    port: number,
  })
  return result.ip === undefined && result.hostname === undefined ? undefined : result
}

function addConnection(evidence: JsonRecord, data: Fields) {
  const source = endpoint(data, ['srcip', 'src_ip'], 'srcport', 'srchost')
  const target = endpoint(data, ['dstip', 'dest_ip', 'dst_ip'], 'dstport')
  if (source) evidence.src_endpoint = source
  if (target) evidence.dst_endpoint = target
}

function addUsers(evidence: JsonRecord, data: Fields) {
  const source = word(data, 'srcuser')
  const target = word(data, 'dstuser')
  const uid = word(data, 'uid')
  const command = word(data, 'command')
  if (source !== undefined) evidence.actor = { user: { name: source } }
  if (target !== undefined || uid !== undefined) evidence.user = defined({ name: target, uid })
  else if (source !== undefined) evidence.user = { name: source }
  if (command !== undefined) {
    const name = command.split(' ', 1)[0] ?? command
    evidence.process = { uid: `command:${command.slice(0, 200)}`, name: nameOf(name), cmd_line: command }
  }
}

function pidOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** Fields of the audit decoder: `audit.exe`, `audit.command`, `audit.execve.a0` ... */
function addAudit(evidence: JsonRecord, audit: Fields | undefined) {
  if (!audit) return
  const pid = pidOf(word(audit, 'pid'))
  const ppid = pidOf(word(audit, 'ppid'))
  const exe = word(audit, 'exe')
  const execve = audit.object('execve')
  const words: string[] = []
  for (let n = 0; n < 64; n++) {
    const argument = word(execve, `a${n}`)
    if (argument === undefined) break
    words.push(argument)
  }
  const euid = word(audit, 'euid')
  const auid = word(audit, 'auid')
  const name = word(audit, 'command')
  const file = audit.object('file')
  const path = word(file, 'name')
  if (path !== undefined && evidence.file === undefined) evidence.file = fileAt(path)
  if (pid === undefined && exe === undefined && name === undefined) return
  evidence.process = defined({
    pid,
    uid: pid === undefined ? `audit:${exe ?? name}` : undefined,
    name: name ?? (exe === undefined ? undefined : nameOf(exe)),
    cmd_line: words.length === 0 ? undefined : words.join(' '),
    file: exe === undefined ? undefined : fileAt(exe),
    working_directory: word(audit, 'cwd'),
    user: euid === undefined ? undefined : { uid: euid },
    parent_process: ppid === undefined ? undefined : { pid: ppid },
  })
  if (auid !== undefined && auid !== '4294967295') evidence.actor = { user: { uid: auid } }
}

/** A path of Linux has at most 4,096 characters. */
function nameOf(path: string): string {
  return basename(path.slice(-4_096)) || path
}

function fileAt(path: string): JsonRecord {
  return { name: nameOf(path), path, type_id: 1 }
}

/** Sysmon and Security events of Windows: what is there under eventdata. */
function addWindows(evidence: JsonRecord, win: Fields | undefined) {
  const event = win?.object('eventdata')
  if (!event) return
  const image = word(event, 'image') ?? word(event, 'newProcessName') ?? word(event, 'processName')
  const text = word(event, 'newProcessId') ?? word(event, 'processId')
  const number = text === undefined ? Number.NaN : Number(text)
  const pid = Number.isInteger(number) && number >= 0 && number <= 2_147_483_647 ? number : undefined
  const name = image?.slice(image.lastIndexOf('\\') + 1)
  if (image !== undefined || pid !== undefined) {
    evidence.process = defined({
      pid,
      uid: pid === undefined ? (word(event, 'processGuid') ?? `image:${image}`) : undefined,
      name,
      cmd_line: word(event, 'commandLine'),
      file: image === undefined ? undefined : { name: name || image, path: image, type_id: 1 },
    })
  }
  const user = word(event, 'subjectUserName') ?? word(event, 'user')
  const target = word(event, 'targetUserName')
  if (user !== undefined && user !== '-') evidence.actor = { user: { name: user } }
  if (target !== undefined && target !== '-') evidence.user = { name: target }
  const source = endpoint(event, ['ipAddress', 'sourceIp'], 'ipPort', 'workstationName')
  if (source && evidence.src_endpoint === undefined) evidence.src_endpoint = source
}

function addContainer(evidence: JsonRecord, docker: Fields | undefined) {
  const actor = docker?.object('Actor')
  const attributes = actor?.object('Attributes')
  if (!docker || word(docker, 'Type') !== 'container') return
  const uid = word(actor, 'ID')
  const name = word(attributes, 'name')
  const image = word(attributes, 'image') ?? word(docker, 'from')
  if (uid === undefined && name === undefined) return
  evidence.resources = [defined({ uid, name, type: 'container' })]
  evidence.container = defined({
    uid: uid ?? name,
    name,
    image: image === undefined ? undefined : { name: image, uid: image },
  })
}

function addRequest(evidence: JsonRecord, data: Fields) {
  const url = word(data, 'url')
  if (url === undefined) return
  if (/^https?:\/\/[^\s]+$/.test(url)) evidence.url = { url_string: url }
  else if (url.startsWith('/'))
    evidence.url = { path: url.split('?', 1)[0] ?? url, query_string: url.split('?', 2)[1] ?? '' }
  else data.keep('url')
}

const HASHES = [
  ['md5_after', 1, 32],
  ['sha1_after', 2, 40],
  ['sha256_after', 3, 64],
] as const

/** A file that changed, and who changed it where the agent runs with `whodata`. */
function addFile(evidence: JsonRecord, syscheck: Fields | undefined) {
  const path = word(syscheck, 'path')
  if (!syscheck || path === undefined) return
  const event = word(syscheck, 'event')
  const hashes = HASHES.flatMap(([key, algorithm_id, length]) => {
    const value = word(syscheck, key)
    return value !== undefined && value.length === length ? [{ algorithm_id, value }] : []
  })
  const size = Number(word(syscheck, 'size_after') ?? Number.NaN)
  const owner = defined({ uid: word(syscheck, 'uid_after'), name: word(syscheck, 'uname_after') })
  const group = defined({ uid: word(syscheck, 'gid_after'), name: word(syscheck, 'gname_after') })
  const changed = word(syscheck, 'mtime_after')
  const modified_time = changed === undefined ? undefined : parseTime(changed)
  evidence.file = defined({
    name: path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1) || path,
    path,
    type_id: 1,
    uid: word(syscheck, 'inode_after'),
    hashes: hashes.length === 0 ? undefined : hashes,
    size: Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    owner:
      Object.keys(owner).length === 0
        ? undefined
        : Object.keys(group).length === 0
          ? owner
          : { ...owner, groups: [group] },
    modified_time,
    is_deleted: event === 'deleted' || undefined,
  })
  if (event !== undefined) evidence.name = `file ${event}`
  const audit = syscheck.object('audit')
  const process = audit?.object('process')
  const pid = pidOf(word(process, 'id'))
  const exe = word(process, 'name')
  if (pid !== undefined || exe !== undefined) {
    const ppid = pidOf(word(process, 'ppid'))
    evidence.process = defined({
      pid,
      uid: pid === undefined ? `exe:${exe}` : undefined,
      name: exe === undefined ? undefined : nameOf(exe),
      file: exe === undefined ? undefined : fileAt(exe),
      parent_process: ppid === undefined ? undefined : { pid: ppid },
    })
  }
  const login = audit?.object('login_user') ?? audit?.object('user')
  const user = defined({ uid: word(login, 'id'), name: word(login, 'name') })
  if (Object.keys(user).length > 0) evidence.actor = { user }
}
