import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import { changesUser, FILE, fileActivity, fileOf, injects, loadsModule, systemCallOf } from './kernel-calls.js'
import { type Context, workloadOf } from './tracee-context.js'
import { networkDraft } from './tracee-network.js'

export type Base = Omit<EventDraft, 'class_uid' | 'activity_id'> & { severity_id: number; device: JsonRecord }

const PATHS = [
  'pathname',
  'cmdpath',
  'file_path',
  'filename',
  'path',
  'newpath',
  'new_path',
  'oldpath',
  'old_path',
] as const

/** The class and attributes of an event that is no finding. */
export function activityOf(name: string, args: Fields, context: Context, base: Base, fields: Fields): EventDraft {
  const { process } = context
  const who = String(process.name ?? process.pid)
  if (name === 'tracee_info' || name === 'init_namespaces') return aliveDraft(name, base)
  if (name === 'container_create' || name === 'container_remove' || name === 'existing_container') {
    return containerDraft(name, args, base)
  }
  if (/^(sched_process_exec|execve|execveat|security_bprm_check|process_execute_failed)$/.test(name)) {
    return launchDraft(name, args, process, base)
  }
  if (name === 'sched_process_fork') return forkDraft(args, process, base)
  if (/^(sched_process_exit|exit|exit_group)$/.test(name)) return exitDraft(args, process, base)
  if (injects(name) && args.any('pid') !== undefined) {
    const pid = args.number('pid')
    return {
      ...base,
      class_uid: CLASS.process_activity,
      activity_id: 4,
      message: `${who}: ${name} of process ${pid}`,
      actor: { process },
      process: Number.isInteger(pid) ? { pid } : { uid: 'unknown' },
    }
  }
  if (changesUser(name)) {
    return {
      ...base,
      class_uid: CLASS.process_activity,
      activity_id: 5,
      message: `${who}: ${name}`,
      actor: { process },
      process,
    }
  }
  const connection = networkDraft(name, args, process, base)
  if (connection !== undefined) return connection
  if (name === 'shared_object_loaded') {
    const path = args.text('pathname') ?? 'unknown'
    return {
      ...base,
      class_uid: CLASS.module_activity,
      activity_id: 1,
      message: `${who}: loaded ${path}`.slice(0, 1024),
      actor: { process },
      module: { file: fileOf(path), load_type_id: 1 },
    }
  }
  if (loadsModule(name) || /module_load|module_free|hidden_kernel_module/.test(name)) {
    const module = args.text('name') ?? args.text('pathname') ?? args.text('path')
    if (module !== undefined) {
      return {
        ...base,
        class_uid: CLASS.kernel_extension_activity,
        activity_id: /free|delete/.test(name) ? 2 : 1,
        message: `${who}: ${name} ${module}`.slice(0, 1024),
        actor: { process },
        driver: { file: fileOf(module) },
      }
    }
  }
  return fileDraft(name, args, process, base) ?? kernelDraft(name, process, base, fields)
}

function launchDraft(name: string, args: Fields, process: JsonRecord, base: Base): EventDraft {
  const argv = textsOf(args, 'argv')
  const path = args.text('pathname') ?? args.text('cmdpath')
  const command = argv === undefined ? path : argv.join(' ')
  const sha256 = args.text('sha256')
  const environment = textsOf(args, 'env') ?? textsOf(args, 'envp')
  // A system call is the wish of the old program; sched_process_exec is the new one already.
  const isDone = name === 'sched_process_exec'
  const parent = isDone ? process.parent_process : process
  const file = path === undefined ? process.file : fileOf(path, 8)
  const launched = defined({
    ...process,
    name: isDone ? process.name : path === undefined ? process.name : path.slice(path.lastIndexOf('/') + 1) || path,
    path: path ?? process.path,
    cmd_line: command,
    file:
      isObject(file) && sha256 !== undefined && /^[0-9a-f]{64}$/i.test(sha256)
        ? { ...file, hashes: [{ algorithm_id: 3, algorithm: 'SHA-256', value: sha256 }] }
        : file,
    environment_variables: environment === undefined ? undefined : variablesOf(environment),
  })
  return {
    ...base,
    class_uid: CLASS.process_activity,
    activity_id: 1,
    launch_type_id: 3,
    message: `Started: ${command ?? String(process.name ?? process.pid)}`.slice(0, 1024),
    actor: { process: isObject(parent) ? parent : process },
    process: launched,
  }
}

function forkDraft(args: Fields, process: JsonRecord, base: Base): EventDraft {
  const pid = args.number('child_pid') ?? args.number('child_process_pid')
  const namespace_pid = args.number('child_ns_pid') ?? args.number('child_process_ns_pid')
  return {
    ...base,
    class_uid: CLASS.process_activity,
    activity_id: 1,
    launch_type_id: 2,
    message: `${String(process.name ?? process.pid)}: forked ${pid ?? ''}`,
    actor: { process },
    process: defined({
      pid: Number.isInteger(pid) ? pid : undefined,
      uid: Number.isInteger(pid) ? undefined : 'unknown',
      namespace_pid: Number.isInteger(namespace_pid) ? namespace_pid : undefined,
      name: process.name,
      parent_process: process,
      container: process.container,
    }),
  }
}

function exitDraft(args: Fields, process: JsonRecord, base: Base): EventDraft {
  const exit_code = args.number('exit_code') ?? args.number('status')
  const signal = args.number('signal_code')
  return {
    ...base,
    class_uid: CLASS.process_activity,
    activity_id: 2,
    ...(exit_code !== undefined && Number.isInteger(exit_code) ? { exit_code } : {}),
    ...(signal === undefined || signal === 0 ? {} : { status_detail: `signal ${signal}` }),
    message: `Ended: ${String(process.name ?? process.pid)}`,
    actor: { process: isObject(process.parent_process) ? process.parent_process : process },
    process: base.time === undefined ? process : { ...process, terminated_time: base.time },
  }
}

function fileDraft(name: string, args: Fields, process: JsonRecord, base: Base): EventDraft | undefined {
  const activity_id = fileActivity(name)
  const key = PATHS.find((path) => typeof args.any(path) === 'string')
  for (const path of PATHS) if (path !== key) args.keep(path)
  if (key === undefined || (activity_id === undefined && !/file/.test(name))) {
    if (key !== undefined) args.keep(key)
    return undefined
  }
  const renamed = /rename/.test(name) ? (args.text('new_path') ?? args.text('newpath')) : undefined
  const source = /rename/.test(name) ? (args.text('old_path') ?? args.text('oldpath')) : undefined
  const path = source ?? (args.any(key) as string)
  const bytes = args.number('inode')
  const file = defined({ ...fileOf(path), uid: bytes === undefined ? undefined : String(bytes) })
  return {
    ...base,
    class_uid: CLASS.file_activity,
    activity_id: writes(args) && activity_id === FILE.open ? FILE.open : (activity_id ?? FILE.open),
    message: `${String(process.name ?? process.pid)}: ${name} ${path}`.slice(0, 1024),
    actor: { process },
    file,
    ...(renamed === undefined ? {} : { file_result: fileOf(renamed) }),
  }
}

/** Flags that say a file was opened to be written; kept beside, because OCSF has one activity for opening. */
function writes(args: Fields): boolean {
  const flags = args.any('flags')
  args.keep('flags')
  return typeof flags === 'string' && /O_(WRONLY|RDWR)/.test(flags)
}

function kernelDraft(name: string, process: JsonRecord, base: Base, fields: Fields): EventDraft {
  const system_call = fields.text('syscall') ?? systemCallOf(name)
  return {
    ...base,
    class_uid: CLASS.kernel_activity,
    activity_id: 4,
    message: `${String(process.name ?? process.pid)}: ${name}`,
    actor: { process },
    kernel: defined({
      name,
      type_id: system_call === undefined ? 99 : 2,
      type: system_call === undefined ? 'Kernel Function' : undefined,
      system_call,
    }),
  }
}

/** The tracer says what it traces when it starts: it is alive. */
function aliveDraft(name: string, base: Base): EventDraft {
  return {
    ...base,
    class_uid: CLASS.coverage,
    activity_id: 1,
    status_id: 1,
    message: `Tracee is running (${name}).`,
    source: { name: 'tracee', format: 'tracee' },
  }
}

function containerDraft(name: string, args: Fields, base: Base): EventDraft {
  const uid = args.text('container_id')
  const pod = args.text('pod_name')
  const namespace = args.text('pod_namespace')
  const image = args.text('container_image')
  const container = defined({
    uid,
    name: args.text('container_name') ?? (uid === undefined ? 'unknown' : undefined),
    runtime: args.text('runtime'),
    image:
      image === undefined
        ? undefined
        : defined({ ...imageParts(image), uid: args.text('container_image_digest') ?? image }),
    orchestrator: pod === undefined ? undefined : 'Kubernetes',
  })
  const labels =
    pod === undefined
      ? undefined
      : defined({
          'io.kubernetes.pod.name': pod,
          'io.kubernetes.pod.namespace': namespace,
          'io.kubernetes.pod.uid': args.text('pod_uid'),
        })
  const workload = workloadOf(container, labels, undefined)
  return {
    ...base,
    class_uid: CLASS.container_lifecycle,
    ...(name === 'existing_container'
      ? { activity_id: 99, activity_name: 'Existing' }
      : { activity_id: name === 'container_create' ? 1 : 6 }),
    message: `Container ${String(container.name ?? container.uid)}: ${name}`,
    container,
    ...(workload === undefined ? {} : { workload }),
  }
}

function imageParts(image: string): { name: string; tag?: string } {
  const colon = image.lastIndexOf(':')
  return colon > image.lastIndexOf('/') ? { name: image.slice(0, colon), tag: image.slice(colon + 1) } : { name: image }
}

/** A list of texts, however it is written. */
function textsOf(args: Fields, key: string): string[] | undefined {
  const value = args.any(key)
  const list = Array.isArray(value) ? value : undefined
  if (list?.every((one) => typeof one === 'string')) return list as string[]
  args.keep(key)
  return undefined
}

function variablesOf(environment: readonly string[]): JsonRecord[] {
  return environment.slice(0, 256).flatMap((text) => {
    const at = text.indexOf('=')
    return at < 1 ? [] : [{ name: text.slice(0, at), value: text.slice(at + 1) }]
  })
}
