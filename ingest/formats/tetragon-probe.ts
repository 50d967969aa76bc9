import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import {
  changesUser,
  connectionOf,
  FILE,
  fileActivity,
  fileOf,
  loadsModule,
  NET,
  networkActivity,
  systemCallOf,
} from './kernel-calls.js'
import { endpointOf } from './tetragon-connection.js'

type About = Omit<EventDraft, 'class_uid' | 'activity_id'> & { severity_id: number }
/** The object an argument is, and where it stands. */
type Found = { readonly kind: string; readonly value: unknown; readonly read: () => Fields | undefined }

const MAX_ARGUMENTS = 16

/** What a policy saw in the kernel or a program: by the arguments a file, a connection or a module, else a kernel call. */
export function probeDraft(kind: string, event: Fields, process: JsonRecord, about: About): EventDraft {
  const name = nameOf(kind, event)
  const args = argumentsOf(event)
  const result = resultOf(event)
  const base = { ...about, status_id: 1, ...result, actor: { process } }
  const who = String(process.name ?? process.pid)
  if (kind === 'process_uprobe' || kind === 'process_usdt') return moduleDraft(kind, event, name, base, who)
  const socket = args.find(({ kind: one }) => one === 'sock_arg' || one === 'skb_arg' || one === 'sockaddr_arg')
  if (socket) {
    const draft = socketDraft(socket, name, base, who)
    if (draft !== undefined) return draft
  }
  if (loadsModule(name)) {
    const draft = driverDraft(args, name, base, who)
    if (draft !== undefined) return draft
  }
  const file = fileIn(args, name)
  if (file !== undefined) {
    const { access, ...path } = file
    return {
      ...base,
      class_uid: CLASS.file_activity,
      activity_id: accessOf(name, args) ?? fileActivity(name) ?? FILE.open,
      message: `${who}: ${name} ${String(path.path)}`.slice(0, 1024),
      file: path,
      ...(access === undefined ? {} : { component: String(access) }),
    }
  }
  if (changesUser(name)) {
    return {
      ...base,
      class_uid: CLASS.process_activity,
      activity_id: 5,
      message: `${who}: ${name}`,
      process,
      actor: { process },
    }
  }
  const system_call = systemCallOf(name.slice(name.indexOf('/') + 1))
  return {
    ...base,
    class_uid: CLASS.kernel_activity,
    activity_id: 4,
    message: `${who}: ${name}`,
    kernel: defined({
      name,
      // OCSF knows mutexes and system calls.
      type_id: system_call === undefined ? 99 : 2,
      type: system_call === undefined ? 'Kernel Function' : undefined,
      system_call,
    }),
  }
}

function nameOf(kind: string, event: Fields): string {
  if (kind === 'process_tracepoint') {
    return [event.text('subsys'), event.text('event')].filter(Boolean).join('/') || 'unknown'
  }
  return (
    event.text(kind === 'process_uprobe' ? 'symbol' : kind === 'process_usdt' ? 'name' : 'function_name') ?? 'unknown'
  )
}

/** Arguments that are one of the known kinds; what is not read of them stays unmapped. */
function argumentsOf(event: Fields): Found[] {
  const list = event.list('args') ?? []
  const found: Found[] = []
  for (const [n, entry] of list.slice(0, MAX_ARGUMENTS).entries()) {
    if (!isObject(entry)) continue
    const fields = event.element('args', n, entry)
    for (const kind of Object.keys(entry)) {
      if (!kind.endsWith('_arg')) continue
      found.push({
        kind,
        value: entry[kind],
        read: () => (isObject(entry[kind]) ? fields.object(kind) : void fields.any(kind)),
      })
      break
    }
  }
  if (list.length > MAX_ARGUMENTS) event.keep('args')
  return found
}

/** A function of the kernel answers a negative number where it fails. */
function resultOf(event: Fields): { status_id?: number; status_code?: string } {
  const answer = event.object('return')
  const value = answer?.number('int_arg') ?? answer?.number('long_arg')
  if (value === undefined) return {}
  return { status_id: value < 0 ? 2 : 1, status_code: String(value) }
}

function socketDraft(socket: Found, name: string, base: About, who: string): EventDraft | undefined {
  const fields = socket.read()
  if (fields === undefined) return undefined
  const local = endpointOf(fields.text('saddr'), fields.number('sport'))
  const remote = endpointOf(
    fields.text('daddr') ?? fields.text('addr'),
    fields.number('dport') ?? fields.number('port'),
  )
  const activity_id = networkActivity(name) ?? NET.traffic
  const accepts = /accept/.test(name)
  const listens = activity_id === NET.listen
  // The local end is the server of what it accepts, and of what it listens for.
  const source = accepts ? remote : listens ? undefined : local
  const target = accepts ? local : listens ? (local ?? remote) : remote
  if (source === undefined && target === undefined) return undefined
  const direction = accepts || listens ? 1 : activity_id === NET.open ? 2 : 0
  const address = (target?.ip ?? source?.ip) as string
  const where = target === undefined ? '' : ` ${String(target.ip)}:${String(target.port ?? '')}`
  return {
    ...base,
    class_uid: CLASS.network_activity,
    activity_id,
    message: `${who}: ${name}${where}`,
    connection_info: connectionOf(fields.text('protocol'), direction, address),
    ...defined({ src_endpoint: source, dst_endpoint: target }),
  }
}

function driverDraft(args: readonly Found[], name: string, base: About, who: string): EventDraft | undefined {
  const module = args.find(({ kind }) => kind === 'module_arg' || kind === 'kernel_module_arg')
  const module_name = module?.read()?.text('name')
  const file = module_name === undefined ? fileIn(args, 'open') : fileOf(module_name)
  const known = file ?? textArgument(args)
  if (known === undefined) return undefined
  const { access: _, ...driver } = known
  return {
    ...base,
    class_uid: CLASS.kernel_extension_activity,
    activity_id: /delete|free/.test(name) ? 2 : 1,
    message: `${who}: ${name} ${String(driver.name)}`,
    driver: { file: driver },
  }
}

function textArgument(args: readonly Found[]): JsonRecord | undefined {
  const found = args.find(({ kind, value }) => kind === 'string_arg' && typeof value === 'string' && value !== '')
  if (found === undefined) return undefined
  found.read()
  return fileOf((found.value as string).slice(0, 4096))
}

/** The file of a call: what the kernel resolved, else a text where the call takes a path. */
function fileIn(args: readonly Found[], name: string): JsonRecord | undefined {
  for (const argument of args) {
    if (!['file_arg', 'path_arg', 'linux_binprm_arg'].includes(argument.kind)) continue
    const fields = argument.read()
    const path = fields?.text('path')
    if (path === undefined) continue
    const mount = fields?.text('mount') ?? ''
    const access = fields?.text('permission')
    const full = path.startsWith('/') ? path : `${mount.endsWith('/') ? mount : `${mount}/`}${path}`
    return { ...fileOf(full), ...(access === undefined ? {} : { access }) }
  }
  return fileActivity(name) === undefined ? undefined : textArgument(args)
}

/** Functions that ask whether a file may be used say for what: MAY_WRITE 2, MAY_READ 4. */
function accessOf(name: string, args: readonly Found[]): number | undefined {
  if (!/file_permission|inode_permission/.test(name)) return undefined
  const mask = args.find(({ kind, value }) => kind === 'int_arg' && typeof value === 'number')?.value as
    | number
    | undefined
  if (mask === undefined) return undefined
  return (mask & 2) !== 0 ? FILE.update : (mask & 4) !== 0 ? FILE.read : FILE.open
}

function moduleDraft(kind: string, event: Fields, name: string, base: About, who: string): EventDraft {
  const path = event.text('path')
  const provider = kind === 'process_usdt' ? event.text('provider') : undefined
  return {
    ...base,
    class_uid: CLASS.module_activity,
    activity_id: 3,
    message: `${who}: ${name}${path === undefined ? '' : ` in ${path}`}`.slice(0, 1024),
    module: defined({
      function_name: name,
      type: provider,
      file: path === undefined ? undefined : fileOf(path),
    }),
  }
}
