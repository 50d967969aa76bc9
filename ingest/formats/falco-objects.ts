import { isIP } from 'node:net'
import { basename, dirname } from 'node:path/posix'
import { integerOf, ipOf, readHomes, textOf } from './falco-fields.js'
import { defined, type Fields, isObject, type JsonRecord, setOwn } from './fields.js'
import { isUuid } from './kubernetes-objects.js'

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
  addOwners(evidence, fields)
  if (evidence.user) addGroup(evidence.user as JsonRecord, fields)
  addAudit(evidence, fields)
  completeApi(evidence, uid)
  anchor(evidence)
  return Object.keys(evidence).length === 0 ? undefined : evidence
}

/** OCSF wants evidence to be more than a container or an address of the API. */
function anchor(evidence: JsonRecord) {
  for (const name in evidence) if (name !== 'container' && name !== 'http_request' && name !== 'resources') return
  const { container, http_request } = evidence
  if (isObject(container)) {
    const { uid, name } = container
    evidence.device = defined({ uid, name, type_id: 99, type: 'Container' })
  } else if (http_request !== undefined) evidence.api = { operation: 'unknown' }
}

function addProcess(evidence: JsonRecord, fields: Fields, uid: string) {
  const process = (evidence.process ?? {}) as JsonRecord
  const parent = (process.parent_process ?? {}) as JsonRecord
  addExecutable(process, fields, 'proc.exepath', 'proc.exe')
  addExecutable(parent, fields, 'proc.pexepath', 'proc.pexe')
  addEnvironment(process, fields)
  addLogin(process, fields)
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

/** The path of the executable; the first word of the command line where only that is known and it is a path. */
function addExecutable(process: JsonRecord, fields: Fields, field: string, word: string) {
  const known = textOf(fields, field)
  const said = known === undefined ? textOf(fields, word) : undefined
  if (said !== undefined && !said.startsWith('/')) fields.keep(word)
  const path = known ?? (said?.startsWith('/') ? said : undefined)
  if (path) process.file = { name: basename(path) || path, path, type_id: EXECUTABLE }
}

/** `proc.env` is `A=1 B=2`; a word without a name belongs to the value before it. */
function addEnvironment(process: JsonRecord, fields: Fields) {
  const text = textOf(fields, 'proc.env')
  if (text === undefined) return
  const variables: { name: string; value: string }[] = []
  for (const word of text.slice(0, 16_384).split(' ')) {
    const match = /^([A-Za-z_][A-Za-z0-9_]{0,127})=(.*)$/s.exec(word)
    const last = variables.at(-1)
    if (match) variables.push({ name: match[1] as string, value: match[2] as string })
    else if (last) last.value += ` ${word}`
  }
  if (variables.length === 0) fields.keep('proc.env')
  else process.environment_variables = variables
}

/** The account that logged in, whatever the process runs as now; -1 where nobody did. */
function addLogin(process: JsonRecord, fields: Fields) {
  const uid = integerOf(fields, 'user.loginuid')
  if (uid === undefined || uid < 0 || uid === 4_294_967_295) return fields.keep('user.loginuid')
  process.session = { ...((process.session as JsonRecord | undefined) ?? {}), uid_alt: String(uid) }
}

const ANCESTOR = /^proc\.(aname|aexepath|acmdline|apid)\[([2-9]|[1-5]\d)\]$/

/** proc.aname[2], proc.aexepath[2] ... name the grandparents; [0] is the process and [1] its parent. */
function ancestryOf(fields: Fields): JsonRecord[] {
  const ancestors = new Map<number, JsonRecord>()
  const homes = { aname: 'name', aexepath: 'path', acmdline: 'cmd_line', apid: 'pid' } as const
  for (const field of fields.unread()) {
    const match = field.startsWith('proc.a') ? ANCESTOR.exec(field) : null
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

/** The plugin k8smeta says the same as the engine's own k8s fields did. */
function podText(fields: Fields, field: string): string | undefined {
  return textOf(fields, `k8s.${field}`) ?? textOf(fields, `k8smeta.${field}`)
}

function addPod(container: JsonRecord, evidence: JsonRecord, fields: Fields) {
  const name = podText(fields, 'pod.name')
  if (name === undefined) return
  container.orchestrator = 'Kubernetes'
  const namespace = podText(fields, 'ns.name')
  const uid = podText(fields, 'pod.uid') ?? textOf(fields, 'k8s.pod.id')
  fields.any('k8s.pod.id')
  if (isUuid(uid)) container.pod_uuid = uid
  const labels = listed(fields, 'k8s.pod.labels') ?? listed(fields, 'k8s.pod.label')
  evidence.resources = [defined({ name, type: 'pod', namespace, uid, labels })]
}

const OWNERS = ['deployment', 'rs', 'rc', 'daemonset', 'statefulset', 'job', 'svc'] as const

/** What the pod belongs to, and what else the container is called. */
function addOwners(evidence: JsonRecord, fields: Fields) {
  const container = evidence.container as JsonRecord | undefined
  if (container !== undefined) {
    const labels = listed(fields, 'container.labels')
    if (labels !== undefined) container.labels = labels
    const privileged = fields.any('container.privileged')
    if (typeof privileged === 'boolean' || privileged === 'true' || privileged === 'false') {
      container.tags = [{ name: 'privileged', value: String(privileged) }]
    } else fields.keep('container.privileged')
  }
  const pods = evidence.resources as JsonRecord[] | undefined
  if (pods === undefined) return
  const namespace = pods[0]?.namespace
  for (const type of OWNERS) {
    const name = podText(fields, `${type}.name`)
    const uid = podText(fields, `${type}.uid`) ?? textOf(fields, `k8s.${type}.id`)
    if (name !== undefined) pods.push(defined({ name, type, namespace, uid }))
  }
}

/** `app=web, tier=front` as a list. */
function listed(fields: Fields, field: string): string[] | undefined {
  const text = textOf(fields, field)
  const labels = text
    ?.slice(0, 8192)
    .split(/[,;] ?/)
    .filter((label) => label !== '')
  return labels === undefined || labels.length === 0 ? undefined : labels
}

/** What the plugin k8saudit tells of a call besides what has one home. */
function addAudit(evidence: JsonRecord, fields: Fields) {
  const addresses = textOf(fields, 'ka.sourceips')
  const [ip, ...proxies] = (addresses ?? '').split(/[^0-9a-fA-F:.]+/).filter((address) => isIP(address) !== 0)
  if (ip !== undefined) {
    evidence.src_endpoint = defined({ ip, intermediate_ips: proxies.length === 0 ? undefined : proxies })
  } else if (addresses !== undefined) fields.keep('ka.sourceips')
  const groups = textOf(fields, 'ka.user.groups')
  const actor = evidence.actor as JsonRecord | undefined
  const user = actor?.user as JsonRecord | undefined
  if (groups !== undefined && user !== undefined) {
    user.groups = groups
      .split(/[(),\s]+/)
      .filter((name) => name !== '')
      .map((name) => ({ name }))
  } else fields.keep('ka.user.groups')
  const decision = textOf(fields, 'ka.auth.decision')
  const reason = textOf(fields, 'ka.auth.reason')
  if (decision !== undefined && actor !== undefined) {
    actor.authorizations = [
      defined({ decision, policy: reason === undefined ? undefined : { type: 'authorization', desc: reason } }),
    ]
  } else {
    fields.keep('ka.auth.decision')
    fields.keep('ka.auth.reason')
  }
  const impersonated = textOf(fields, 'ka.impuser.name')
  if (impersonated !== undefined) {
    const request = (evidence.http_request ?? {}) as JsonRecord
    evidence.http_request = { ...request, http_headers: [{ name: 'Impersonate-User', value: impersonated }] }
  }
  addRequest(evidence, fields)
}

/** `ka.req...` and `ka.uri.param[command]` are parts of the request's body and address. */
function addRequest(evidence: JsonRecord, fields: Fields) {
  const api = evidence.api as JsonRecord | undefined
  const data: JsonRecord = {}
  for (const field of fields.unread()) {
    if (!field.startsWith('ka.')) continue
    const name =
      /^ka\.uri\.param\[([A-Za-z0-9_-]{1,64})\]$/.exec(field)?.[1] ??
      /^ka\.(req\.[a-z_.[\]0-9]{1,128})$/.exec(field)?.[1]
    if (name === undefined) continue
    const value = fields.any(field)
    if (value !== undefined && value !== '<NA>') setOwn(data, name, value)
  }
  if (Object.keys(data).length === 0) return
  if (api === undefined) evidence.data = data
  else api.request = { ...((api.request as JsonRecord | undefined) ?? {}), data }
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
