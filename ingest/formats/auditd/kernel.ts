import { basename } from 'node:path/posix'
import { CLASS } from '../../../ocsf/event.js'
import { defined, type JsonRecord } from '../fields.js'
import { endpointOf, socketAddress } from './address.js'
import type { AuditEvent, ClassPart } from './event.js'
import { syscallName } from './names.js'
import { absolute, accountableUser, fileOf, processOf, programFile, sessionOf, targetPaths } from './objects.js'
import { type AuditRecord, isAuoms, nameFor, take, takeInteger } from './parse.js'
import { callKind, opensForWriting } from './syscalls.js'

/** The system call behind an event: the record, its name, and the objects all its classes share. */
export type Call = {
  readonly record: AuditRecord
  readonly name: string | undefined
  /** The process that called. */
  readonly process: JsonRecord
  readonly actor: JsonRecord
  readonly cwd: string | undefined
}

/** The calling process of an event. `record` is the one that names it: SYSCALL, or AVC, LOGIN and others without one. */
export function callOf(event: AuditEvent, record: AuditRecord): Call {
  const arch = take(record, 'arch')
  const resolved = nameFor(record, 'syscall')
  const number = take(record, 'syscall')
  const name = resolved ?? (number === undefined ? undefined : syscallName(arch, number))
  if (number !== undefined && name === undefined) record.read.delete('syscall')
  const cwd = take(event.of('CWD'), 'cwd') ?? take(record, 'cwd')
  const session = sessionOf(record)
  const cmd_line = take(event.of('PROCTITLE'), 'proctitle') ?? take(record, 'cmdline') ?? take(record, 'proctitle')
  const process = defined({ ...identified(processOf(record), record), cmd_line, working_directory: cwd })
  const user = accountableUser(record)
  return { record, name, process, cwd, actor: defined({ process, user, session }) }
}

/** A process object, also where the record has no pid. */
function identified(process: JsonRecord | undefined, { stamp, serial }: AuditRecord): JsonRecord {
  return process ?? { uid: `audit:${stamp}:${serial}` }
}

/** Class and attributes of an event by its system call. */
export function callPart(event: AuditEvent, call: Call): ClassPart {
  const kind = callKind(call.name)
  switch (kind.kind) {
    case 'process':
      return processPart(event, call, kind.activity)
    case 'file':
      return filePart(event, call, kind.activity)
    case 'open':
      return filePart(event, call, openActivity(event, call))
    case 'network':
      return networkPart(event, call, kind.activity)
    case 'module':
      return modulePart(event, call)
    case 'other':
      // A file watch reports calls we do not know by the file; everything else is a call of the kernel.
      if (event.of('SOCKADDR')) return networkPart(event, call, 99)
      return call.name === undefined && event.of('PATH') ? filePart(event, call, 99) : kernelPart(call)
  }
}

function openActivity(event: AuditEvent, { record, name }: Call): number {
  const created = event
    .all('PATH')
    .some((path) => take(path, 'nametype') === 'CREATE' || take(path, 'objtype') === 'CREATE')
  if (created) return 1
  const flags = name === 'open' ? take(record, 'a1') : name === 'openat' ? take(record, 'a2') : undefined
  const how = take(event.of('OPENAT2'), 'oflag')
  return opensForWriting(how ?? flags) ? 3 : 14
}

function processPart(event: AuditEvent, call: Call, activity_id: number): ClassPart {
  const { name = '', record, process, actor } = call
  if (/^execve(at)?$/.test(name)) return launchPart(event, call)
  if (activity_id === 1) {
    const child = takeInteger(record, 'exit')
    const started = child === undefined || child <= 0 ? process : { ...process, pid: child, parent_process: process }
    return { class_uid: CLASS.process_activity, activity_id, launch_type_id: 2, process: started, actor }
  }
  if (/^exit/.test(name)) {
    const code = take(record, 'a0')
    const exit_code = code !== undefined && /^[0-9a-f]{1,8}$/i.test(code) ? Number.parseInt(code, 16) & 0xff : undefined
    return defined({ class_uid: CLASS.process_activity, activity_id, process, actor, exit_code })
  }
  const target = event.of('OBJ_PID')
  const pid = takeInteger(target, 'opid')
  const other =
    target === undefined
      ? argumentPid(record, name)
      : defined({
          pid,
          uid: pid === undefined ? `audit:${record.stamp}:${record.serial}:target` : undefined,
          name: take(target, 'ocomm'),
          user: targetUser(target),
        })
  // Signal 0 only asks whether the process exists.
  const asks = /kill$/.test(name) && /^0*$/.test(record.fields.get('a1') ?? '1')
  const writes = name === 'ptrace' && /^0*(4|5|6|d|f|4205)$/.test(record.fields.get('a0') ?? '')
  const done = asks ? 3 : writes ? 4 : activity_id
  return { class_uid: CLASS.process_activity, activity_id: done, process: other ?? process, actor }
}

function targetUser(target: AuditRecord): JsonRecord | undefined {
  const uid = take(target, 'ouid')
  const name = nameFor(target, 'ouid')
  return uid === undefined && name === undefined ? undefined : defined({ uid, name })
}

/** kill and ptrace name their target as an argument. */
function argumentPid(record: AuditRecord, name: string): JsonRecord | undefined {
  const argument = name === 'ptrace' ? 'a1' : /^(kill|tkill|tgkill)$/.test(name) ? 'a0' : undefined
  const value = argument === undefined ? undefined : take(record, argument)
  if (value === undefined || !/^[0-9a-f]{1,7}$/i.test(value)) return undefined
  return { pid: Number.parseInt(value, 16) }
}

/** An exec replaces the program of a process: who started it is its parent, as the host collector reports it. */
function launchPart(event: AuditEvent, { record, process, actor, cwd }: Call): ClassPart {
  const cmd_line = commandLine(event.of('EXECVE')) ?? process.cmd_line
  const [listed, ...others] = targetPaths(event.all('PATH'))
  const path = listed ?? (isAuoms(record) && record.fields.has('name') ? record : undefined)
  const parent = (process.parent_process ?? process) as JsonRecord
  const file = process.file as JsonRecord | undefined
  // The first PATH is what was executed: a script, where `exe` is its interpreter, or a program that is not there.
  const executed = path === undefined ? undefined : fileOf(path, cwd, undefined)
  const failed = take(record, 'success') === 'no'
  const program = failed ? (executed ?? file) : sameFile(executed, file)
  // Interpreter and dynamic loader; of a script, the script itself.
  const loaded = listed ? others.map((other) => take(other, 'name')) : joinedNames(record).slice(1)
  if (executed !== undefined && program?.path !== executed.path) loaded.unshift(String(executed.path))
  const modules = loaded.filter((name) => name !== undefined)
  const launched = defined({
    ...process,
    name: failed && executed !== undefined ? executed.name : process.name,
    cmd_line,
    file: program,
    loaded_modules: modules.length === 0 ? undefined : modules,
  })
  return {
    class_uid: CLASS.process_activity,
    activity_id: 1,
    launch_type_id: 3,
    process: launched,
    actor: { ...actor, process: parent },
  }
}

/** `path_name=["/bin/bash","/lib64/ld.so"]` */
function joinedNames(record: AuditRecord): string[] {
  const list = take(record, 'path_name')
  return list === undefined
    ? []
    : [...list.slice(0, 20_000).matchAll(/"([^"]{1,4096})"/g)].map(([, name]) => name ?? '')
}

/** What is known of the program: owner and inode come from PATH, if that is the same file. */
function sameFile(executed: JsonRecord | undefined, file: JsonRecord | undefined): JsonRecord | undefined {
  if (file === undefined || executed === undefined) return file ?? executed
  return executed.path === file.path ? { ...executed, ...file } : file
}

/** The arguments of EXECVE as one line. Long ones are split: `a1_len=9000 a1[0]=... a1[1]=...`. */
function commandLine(record: AuditRecord | undefined): string | undefined {
  if (!record) return undefined
  const words: string[] = []
  const count = Math.min(takeInteger(record, 'argc') ?? 0, 16_384)
  for (let n = 0; n < count; n++) {
    const whole = record.fields.get(`a${n}`)
    if (whole !== undefined) {
      record.read.add(`a${n}`)
      words.push(whole)
      continue
    }
    let joined = ''
    for (let part = 0; record.fields.has(`a${n}[${part}]`); part++) {
      record.read.add(`a${n}[${part}]`)
      joined += record.fields.get(`a${n}[${part}]`)
    }
    record.read.add(`a${n}_len`)
    if (joined !== '') words.push(joined)
  }
  return words.length === 0 ? undefined : words.join(' ')
}

function filePart(event: AuditEvent, call: Call, activity_id: number): ClassPart {
  const { actor, cwd, record, name } = call
  const paths = event.all('PATH')
  const parents = paths.filter((path) => (path.fields.get('nametype') ?? path.fields.get('objtype')) === 'PARENT')
  const targets = targetPaths(paths)
  const folderOf = (n: number) => parents[n] ?? parents[0]
  const part = { class_uid: CLASS.file_activity, activity_id, actor }
  if (activity_id === 5) {
    const gone = targets.find((path) => path.fields.get('nametype') === 'DELETE')
    const made = targets.find((path) => path.fields.get('nametype') === 'CREATE')
    const file = gone ?? made
    if (file && made && gone) {
      return { ...part, file: fileOf(gone, cwd, folderOf(0)), file_result: fileOf(made, cwd, folderOf(1)) }
    }
    if (file) return { ...part, file: fileOf(file, cwd, folderOf(0)) }
  }
  const [target] = targets
  if (target) {
    const folder = /at2?$|^(un)?link|^(mk|rm)dir|^sym/.test(name ?? '') ? folderOf(0) : undefined
    return { ...part, file: fileOf(target, cwd, folder) }
  }
  // Called with a descriptor, and audit did not say of what. auoms puts the first path into the record itself.
  const path = absolute(take(record, 'name'), cwd)
  if (path !== undefined) return { ...part, file: programFile(path) }
  const [parent] = parents
  if (parent) return { ...part, file: fileOf(parent, cwd, undefined) }
  const descriptor = take(record, 'a0')
  return { ...part, file: { name: descriptor === undefined ? 'unknown' : `fd ${descriptor}`, type_id: 0 } }
}

function networkPart(event: AuditEvent, call: Call, activity_id: number): ClassPart {
  const record = event.of('SOCKADDR')
  const text = take(record, 'saddr')
  const address = text === undefined ? undefined : socketAddress(text)
  if (text !== undefined && (address === undefined || address.family === 'other')) record?.read.delete('saddr')
  const peer = endpointOf(address)
  const inbound = /^accept|^recv/.test(call.name ?? '')
  if (peer === undefined) return kernelPart(call)
  const local = address?.family === 'unix'
  const direction_id = local ? 4 : activity_id === 7 ? 0 : inbound ? 1 : 2
  const failed = activity_id === 1 && call.record.fields.get('success') === 'no'
  // A connection that does not block is under way, not refused.
  const pending = /^(-115|EINPROGRESS)/.test(call.record.fields.get('exit') ?? '')
  return {
    class_uid: CLASS.network_activity,
    activity_id: failed && !pending ? 4 : activity_id,
    ...(inbound ? { src_endpoint: peer } : { dst_endpoint: peer }),
    connection_info: defined({
      direction_id,
      protocol_ver_id: address?.version,
      protocol_name: local ? 'unix' : undefined,
    }),
    is_src_dst_assignment_known: true,
    actor: call.actor,
    ...(activity_id === 99 ? { activity_name: call.name ?? 'socket' } : {}),
  }
}

function modulePart(event: AuditEvent, call: Call): ClassPart {
  const name = take(event.of('KERN_MODULE'), 'name')
  const [path] = targetPaths(event.all('PATH'))
  const file = path === undefined ? undefined : fileOf(path, call.cwd, undefined)
  return {
    class_uid: CLASS.kernel_extension_activity,
    activity_id: call.name === 'delete_module' ? 2 : 1,
    actor: call.actor,
    driver: { file: file ?? { name: name ?? 'unknown', type_id: 0 } },
    ...(file !== undefined && name !== undefined ? { message: `kernel module ${name}` } : {}),
  }
}

/** Any other call: what the kernel was asked to do. */
export function kernelPart(call: Call): ClassPart {
  const name = call.name ?? 'unknown'
  return {
    class_uid: CLASS.kernel_activity,
    activity_id: 4,
    actor: call.actor,
    kernel: defined({ name, type_id: 2, system_call: call.name }),
  }
}

/** Parts of an event whose SYSCALL is missing: an argument list, a path, a title that came alone. */
export function fragmentPart(event: AuditEvent, record: AuditRecord): ClassPart {
  const actor = { process: identified(undefined, record) }
  const execve = event.of('EXECVE')
  const title = take(event.of('PROCTITLE'), 'proctitle')
  const cwd = take(event.of('CWD'), 'cwd')
  if (execve) {
    const cmd_line = commandLine(execve)
    const program = execve.fields.get('a0')
    const process = defined({
      ...actor.process,
      name: program === undefined ? undefined : basename(program) || program,
      cmd_line: cmd_line ?? title,
      working_directory: cwd,
    })
    return { class_uid: CLASS.process_activity, activity_id: 1, launch_type_id: 3, process, actor }
  }
  const [path] = [...targetPaths(event.all('PATH')), ...event.all('PATH')]
  if (path) {
    const process = defined({ ...actor.process, cmd_line: title, working_directory: cwd })
    const kind = path.fields.get('nametype') ?? path.fields.get('objtype')
    const activity_id = kind === 'CREATE' ? 1 : kind === 'DELETE' ? 4 : 0
    return { class_uid: CLASS.file_activity, activity_id, file: fileOf(path, cwd, undefined), actor: { process } }
  }
  const saddr = take(event.of('SOCKADDR'), 'saddr')
  const endpoint = saddr === undefined ? undefined : endpointOf(socketAddress(saddr))
  if (endpoint) return { class_uid: CLASS.network_activity, activity_id: 0, dst_endpoint: endpoint, actor }
  if (saddr !== undefined) event.of('SOCKADDR')?.read.delete('saddr')
  const process = defined({ ...actor.process, cmd_line: title, working_directory: cwd })
  return { class_uid: CLASS.process_activity, activity_id: 0, process, actor }
}
