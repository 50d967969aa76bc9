import { isIP } from 'node:net'
import { basename, dirname } from 'node:path/posix'
import { integerOf, ipOf, readHomes, textOf } from './falco-fields.js'
import { defined, type Fields, type JsonRecord } from './fields.js'

/** OCSF file types by what Falco calls a descriptor. */
const FILE_TYPES: { readonly [type: string]: number } = { file: 1, directory: 2, unix: 5, pipe: 6, fifo: 6 }
const EXECUTABLE = 8

/**
 * The evidence of an alert from its output fields: process, user, connection, file, container, API call. `uid` is the
 * finding's, for objects that OCSF wants identified and Falco did not. Undefined if no field has a home.
 */
export function evidenceOf(fields: Fields, uid: string): JsonRecord | undefined {
  const evidence = readHomes(fields)
  addProcess(evidence, fields, uid)
  addConnection(evidence, fields)
  addFile(evidence, fields)
  addContainer(evidence, fields)
  if (evidence.user) addGroup(evidence.user as JsonRecord, fields)
  completeApi(evidence, uid)
  return Object.keys(evidence).length === 0 ? undefined : evidence
}

function addProcess(evidence: JsonRecord, fields: Fields, uid: string) {
  const process = (evidence.process ?? {}) as JsonRecord
  const parent = (process.parent_process ?? {}) as JsonRecord
  addExecutable(process, textOf(fields, 'proc.exepath'))
  addExecutable(parent, textOf(fields, 'proc.pexepath'))
  const ancestry = ancestryOf(fields)
  if (ancestry.length > 0) process.ancestry = ancestry
  // Falco's default rules do not name pids, and OCSF wants every process identified.
  if (Object.keys(parent).length > 0) {
    if (parent.pid === undefined) parent.uid = `${uid}/parent_process`
    process.parent_process = parent
  }
  if (Object.keys(process).length === 0) return
  if (process.pid === undefined) process.uid = `${uid}/process`
  evidence.process = process
}

function addExecutable(process: JsonRecord, path: string | undefined) {
  if (path) process.file = { name: basename(path) || path, path, type_id: EXECUTABLE }
}

/** proc.aname[2], proc.aexepath[2] ... name the grandparents; [0] is the process and [1] its parent. */
function ancestryOf(fields: Fields): JsonRecord[] {
  const ancestors = new Map<number, JsonRecord>()
  const homes = { aname: 'name', aexepath: 'path', acmdline: 'cmd_line', apid: 'pid' } as const
  for (const field of fields.unread()) {
    const match = /^proc\.(aname|aexepath|acmdline|apid)\[([2-9]|[1-5]\d)\]$/.exec(field)
    if (!match) continue
    const home = homes[match[1] as keyof typeof homes]
    const value = home === 'pid' ? integerOf(fields, field) : textOf(fields, field)
    if (value === undefined) continue
    const level = Number(match[2])
    ancestors.set(level, { ...ancestors.get(level), [home]: value })
  }
  return [...ancestors].sort(([a], [b]) => a - b).map(([, entity]) => entity)
}

type Endpoint = { ip?: string; port?: number; hostname?: string }

/** Client and server are OCSF's source and destination; without them the local end of an outbound connection is the source. */
function addConnection(evidence: JsonRecord, fields: Fields) {
  let source = endpointOf(fields, 'fd.cip', 'fd.cport')
  let target = endpointOf(fields, 'fd.sip', 'fd.sport')
  const isServer = fields.any('fd.is_server') === true
  fields.keep('fd.is_server')
  if (!source && !target) {
    const local = endpointOf(fields, 'fd.lip', 'fd.lport')
    const remote = endpointOf(fields, 'fd.rip', 'fd.rport')
    source = isServer ? remote : local
    target = isServer ? local : remote
  }
  const named = connectionNamed(textOf(fields, 'fd.name'))
  if (!named) fields.keep('fd.name')
  source ??= named?.source
  target ??= named?.target
  if (!source && !target) return
  if (source) evidence.src_endpoint = source
  if (target) evidence.dst_endpoint = target
  const protocol = textOf(fields, 'fd.l4proto')
  const direction_id = directionOf(fields.any('evt.type'), isServer)
  fields.keep('evt.type')
  evidence.connection_info = defined({ direction_id, protocol_name: protocol?.toLowerCase() })
}

function endpointOf(fields: Fields, ipField: string, portField: string): Endpoint | undefined {
  const ip = ipOf(fields, ipField)
  const hostname = textOf(fields, `${ipField}.name`)
  if (!ip && !hostname) return undefined
  const port = integerOf(fields, portField)
  return defined({ ip, hostname, port })
}

/** `172.17.0.9:43812->10.96.0.1:443`, as fd.name shows a connection. */
function connectionNamed(name: string | undefined): { source: Endpoint; target: Endpoint } | undefined {
  const [from, to, more] = (name ?? '').slice(0, 200).split('->')
  const source = addressOf(from)
  const target = addressOf(to)
  return source && target && more === undefined ? { source, target } : undefined
}

function addressOf(text: string | undefined): Endpoint | undefined {
  const match = /^\[?([0-9a-f:.]+)\]?:(\d{1,5})$/i.exec(text ?? '')
  const port = Number(match?.[2])
  return match && isIP(match[1] as string) !== 0 && port <= 65535 ? { ip: match[1] as string, port } : undefined
}

/** OCSF's direction_id: 1 inbound, 2 outbound, 0 where nothing tells. */
function directionOf(event: unknown, isServer: boolean): number {
  if (isServer || event === 'accept' || event === 'accept4') return 1
  return event === 'connect' || event === 'sendto' || event === 'sendmsg' ? 2 : 0
}

function addFile(evidence: JsonRecord, fields: Fields) {
  if (evidence.connection_info) return
  const kind = textOf(fields, 'fd.type')
  const field = fields.any('fd.name') === undefined ? 'fs.path.name' : 'fd.name'
  const path = textOf(fields, field)
  const isFile = path !== undefined && (path.startsWith('/') || (kind !== undefined && kind in FILE_TYPES))
  if (!isFile) {
    fields.keep(field)
    fields.keep('fd.type')
    return
  }
  const type_id = Object.hasOwn(FILE_TYPES, kind ?? '') ? (FILE_TYPES[kind ?? ''] as number) : 0
  if (type_id === 0) fields.keep('fd.type')
  evidence.file = {
    name: textOf(fields, 'fd.filename') ?? (basename(path) || path),
    path,
    parent_folder: textOf(fields, 'fd.directory') ?? dirname(path),
    type_id,
  }
}

function addContainer(evidence: JsonRecord, fields: Fields) {
  const container = (evidence.container ?? {}) as JsonRecord
  const image = (container.image ?? {}) as JsonRecord
  const id = textOf(fields, 'container.full_id') ?? textOf(fields, 'container.id')
  fields.any('container.id')
  if (id === 'host' || (id === undefined && container.name === undefined)) {
    delete evidence.container
    // What the table read of a container that is none stays visible.
    for (const field of ['container.type', 'container.image.repository', 'container.image.tag']) fields.keep(field)
    return
  }
  if (id !== undefined) container.uid = id
  const reference = textOf(fields, 'container.image')
  const digest = textOf(fields, 'container.image.digest')
  const imageId = textOf(fields, 'container.image.id')
  if (imageId !== undefined && digest !== undefined) fields.keep('container.image.id')
  image.name ??= reference
  const uid = digest ?? imageId ?? (image.tag ? `${image.name}:${image.tag}` : image.name)
  if (typeof uid === 'string') container.image = { ...defined(image), uid }
  else {
    delete container.image
    fields.keep('container.image.tag')
  }
  addPod(container, evidence, fields)
  evidence.container = container
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function addPod(container: JsonRecord, evidence: JsonRecord, fields: Fields) {
  const name = textOf(fields, 'k8s.pod.name')
  if (name === undefined) return
  container.orchestrator = 'Kubernetes'
  const namespace = textOf(fields, 'k8s.ns.name')
  const field = fields.any('k8s.pod.uid') === undefined ? 'k8s.pod.id' : 'k8s.pod.uid'
  const uid = textOf(fields, field)
  if (uid !== undefined && UUID.test(uid)) container.pod_uuid = uid
  evidence.resources = [defined({ name, type: 'pod', namespace, uid })]
}

function addGroup(user: JsonRecord, fields: Fields) {
  const name = textOf(fields, 'group.name')
  const gid = fields.any('group.gid')
  const uid = typeof gid === 'number' ? String(gid) : textOf(fields, 'group.gid')
  if (name !== undefined || uid !== undefined) user.groups = [defined({ name, uid })]
}

/** OCSF wants an operation in every API call and a uid in every request; user names need no help. */
function completeApi(evidence: JsonRecord, uid: string) {
  const api = evidence.api as JsonRecord | undefined
  if (!api) return
  api.operation ??= 'unknown'
  const request = api.request as JsonRecord | undefined
  if (request) request.uid ??= uid
}
