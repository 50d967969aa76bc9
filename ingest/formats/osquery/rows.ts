import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import { baseName, endpointOf, fileAt } from '../windows/values.js'
import type { Columns } from './columns.js'

/** What a result says about its row. */
export type Row = {
  readonly columns: Columns
  readonly name: string
  readonly action: 'added' | 'removed' | 'snapshot'
  /** The first result of a query tells what was there already. */
  readonly isFirst: boolean
}

type Maker = { readonly when: (row: Row) => boolean; readonly make: (row: Row) => ClassPart }

const has =
  (...names: string[]) =>
  ({ columns }: Row) =>
    names.every((name) => columns.has(name))
const called =
  (pattern: RegExp) =>
  ({ name }: Row) =>
    pattern.test(name)

/** Tables by the columns that only they have, or by the words people name queries with; the first that fits counts. */
const MAKERS: readonly Maker[] = [
  {
    when: (row) =>
      has('cmdline', 'pid', 'path')(row) && (row.columns.has('parent') || row.columns.has('ppid')) && isEvent(row),
    make: launched,
  },
  { when: (row) => has('remote_address', 'action', 'pid')(row), make: socketEvent },
  { when: has('target_path', 'action'), make: fileEvent },
  { when: (row) => has('operation', 'executable', 'path')(row), make: fileEvent },
  { when: (row) => has('type', 'auid', 'message', 'terminal')(row), make: userEvent },
  {
    when: (row) => has('command', 'history_file')(row) || (has('command', 'uid')(row) && called(/history/)(row)),
    make: shellHistory,
  },
  { when: (row) => has('command', 'path')(row) && has('minute', 'hour')(row), make: crontab },
  { when: has('action', 'path', 'enabled', 'next_run_time'), make: scheduledTask },
  { when: has('script_text'), make: script },
  { when: has('key_file', 'key'), make: evidence(2, 'file', keyFileOf) },
  { when: has('vendor', 'model', 'serial'), make: evidence(9, 'peripheral_device', peripheralOf) },
  {
    when: (row) => has('user', 'host')(row) || (has('username', 'host', 'tty')(row) && called(/last|login|logon/)(row)),
    make: login,
  },
  { when: (row) => has('pid', 'remote_address')(row), make: openSocket },
  {
    when: (row) => has('port', 'address')(row) || (has('port', 'pid')(row) && called(/listen|port/)(row)),
    make: listening,
  },
  { when: (row) => has('id', 'image')(row) && (has('state')(row) || called(/docker|container/)(row)), make: inventory },
  { when: (row) => has('username', 'shell')(row) || has('username', 'directory', 'uid')(row), make: account },
  { when: (row) => has('name', 'version')(row) && has('major')(row), make: system },
  { when: has('hardware_model', 'cpu_brand'), make: hardware },
  { when: has('vendor', 'version', 'date', 'revision'), make: hardware },
  {
    when: (row) =>
      has('name')(row) &&
      (has('bundle_identifier')(row) || (has('version')(row) && (isPackage(row) || called(SOFTWARE)(row)))),
    make: software,
  },
  {
    when: (row) =>
      has('version')(row) && (has('config_hash')(row) || called(/osquery_info$/)(row)) && !has('port')(row),
    make: agent,
  },
  { when: (row) => called(/startup_items$/)(row) && has('name')(row), make: evidence(15, 'startup_item', startupOf) },
  { when: has('fragment_path', 'id'), make: evidence(11, 'service', serviceOf) },
  { when: has('service_type', 'start_type', 'name'), make: evidence(11, 'service', windowsServiceOf) },
  { when: has('name', 'program_arguments', 'run_at_load'), make: evidence(15, 'startup_item', launchdOf) },
  // What a process holds, not that it began.
  { when: (row) => has('pid', 'fd', 'path')(row), make: evidence(2, 'file', fileOf) },
  { when: has('pid', 'path', 'permissions'), make: evidence(6, 'module', mappedOf) },
  { when: has('pid', 'name', 'instances'), make: evidence(2, 'file', pipeOf) },
  { when: (row) => has('pid', 'path')(row) || has('pid', 'name')(row) || has('pid', 'cmdline')(row), make: process },
  { when: (row) => has('groupname')(row) && !has('path')(row), make: evidence(4, 'group', groupOf) },
  {
    when: (row) => has('name', 'used_by')(row) || called(/kernel_(module|extension)/)(row),
    make: evidence(1, 'kernel', kernelOf),
  },
  {
    when: (row) => has('interface')(row) && (has('address')(row) || has('mac')(row)),
    make: evidence(8, 'network_interfaces', interfaceOf),
  },
  {
    when: (row) =>
      has('path')(row) &&
      (row.columns.has('sha256') ||
        row.columns.has('mode') ||
        row.columns.has('size') ||
        row.columns.has('permissions')),
    make: evidence(2, 'file', fileOf),
  },
]

const SOFTWARE = /package|program|apps|software|extension|plugin|addon/

function isPackage({ columns }: Row): boolean {
  return columns.has('arch') || columns.has('source') || columns.has('identifier')
}

/** Class and attributes of a row: what happened, what the query found, or what belongs to the machine. */
export function rowPart(row: Row): ClassPart {
  return MAKERS.find(({ when }) => when(row))?.make(row) ?? inventory(row)
}

/** Rows of event tables carry the time of what happened. */
function isEvent({ columns }: Row): boolean {
  return (
    columns.has('time') && (columns.has('auid') || columns.has('eid') || columns.has('ntime') || columns.has('syscall'))
  )
}

function userOf(columns: Columns, uid = 'uid', name = 'username'): JsonRecord | undefined {
  const user = defined({ uid: columns.text(uid), name: columns.text(name) })
  return Object.keys(user).length === 0 ? undefined : user
}

/** The process of a row; rows without a pid are told apart by their content. */
function processOf({ columns, name }: Row): JsonRecord {
  const pid = columns.integer('pid')
  const path = columns.text('path')
  const parent = columns.integer('parent') ?? columns.integer('ppid')
  const start = columns.integer('start_time')
  return defined({
    pid: pid !== undefined && pid >= 0 ? pid : undefined,
    uid: pid === undefined || pid < 0 ? hash('sha256', `${name}\n${columns.digest()}`, 'hex').slice(0, 32) : undefined,
    name: columns.text('name') ?? columns.text('process_name') ?? (path === undefined ? undefined : baseName(path)),
    cmd_line: columns.text('cmdline'),
    file: fileAt(path, defined({ hashes: hashesOf(columns) })),
    // osquery quotes the directory.
    working_directory: columns.text('cwd')?.replace(/^"(.+)"$/, '$1'),
    user: userOf(columns, columns.has('euid') ? 'euid' : 'uid'),
    parent_process: parent === undefined || parent < 0 ? undefined : { pid: parent },
    created_time: start === undefined || start <= 0 ? undefined : start * 1000,
  })
}

function hashesOf(columns: Columns): JsonRecord[] | undefined {
  const kinds = [
    ['md5', 1, 32],
    ['sha1', 2, 40],
    ['sha256', 3, 64],
  ] as const
  const hashes = kinds.flatMap(([name, algorithm_id, length]) => {
    const value = columns.text(name)
    return value !== undefined && value.length === length && /^[0-9a-f]+$/i.test(value) ? [{ algorithm_id, value }] : []
  })
  return hashes.length === 0 ? undefined : hashes
}

function actorWith(process: JsonRecord, columns: Columns): JsonRecord {
  const auid = columns.text('auid')
  const user = auid === undefined || auid === '4294967295' || auid === '-1' ? undefined : { uid: auid }
  return defined({ process, user })
}

function launched(row: Row): ClassPart {
  const process = processOf(row)
  const parent = process.parent_process as JsonRecord | undefined
  const syscall = row.columns.text('syscall')
  const exit = row.columns.integer('exit_code')
  const failed = exit !== undefined && exit !== 0
  return defined({
    class_uid: CLASS.process_activity,
    activity_id: syscall !== undefined && /^(exit|kill)/.test(syscall) ? 2 : 1,
    launch_type_id: syscall !== undefined && /fork|clone/.test(syscall) ? 2 : 3,
    process,
    actor: actorWith(parent ?? process, row.columns),
    status_id: exit === undefined ? undefined : failed ? 2 : 1,
    status_code: failed ? String(exit) : undefined,
  }) as ClassPart
}

const SOCKET_ACTIONS: { readonly [action: string]: number } = { connect: 1, accept: 1, bind: 7, listen: 7, close: 2 }
const PROTOCOLS: { readonly [number: string]: string } = { 6: 'tcp', 17: 'udp', 1: 'icmp', 58: 'icmpv6' }

function endsOf(columns: Columns): { local: JsonRecord | undefined; remote: JsonRecord | undefined; info: JsonRecord } {
  const local_ip = columns.text('local_address')
  const local = endpointOf(local_ip, columns.integer('local_port'))
  const remote = endpointOf(columns.text('remote_address'), columns.integer('remote_port'))
  const number = columns.integer('protocol')
  const ip = (remote?.ip ?? local?.ip) as string | undefined
  const info = defined({
    protocol_num: number !== undefined && number >= 0 ? number : undefined,
    protocol_name: number === undefined ? undefined : PROTOCOLS[number],
    protocol_ver_id: ip === undefined ? undefined : isIP(ip),
  })
  return { local, remote, info }
}

function socketEvent(row: Row): ClassPart {
  const { columns } = row
  const action = (columns.text('action') ?? '').toLowerCase()
  const process = processOf(row)
  const { local, remote, info } = endsOf(columns)
  const activity_id = ownEntry(SOCKET_ACTIONS, action) ?? 99
  const inbound = action === 'accept'
  const [source, target] = inbound ? [remote, local] : [local, remote ?? local]
  if (!source && !target)
    return {
      class_uid: CLASS.process_activity,
      activity_id: 99,
      activity_name: action || 'socket',
      process,
      actor: actorWith(process, columns),
    }
  return defined({
    class_uid: CLASS.network_activity,
    activity_id,
    activity_name: activity_id === 99 ? action || 'socket' : undefined,
    src_endpoint: remote === undefined ? undefined : source,
    dst_endpoint: target,
    connection_info: { ...info, direction_id: inbound ? 1 : action === 'connect' ? 2 : 0 },
    actor: actorWith(process, columns),
    status_id: statusOf(columns),
  }) as ClassPart
}

function statusOf(columns: Columns): number | undefined {
  const word = columns.text('status') ?? columns.text('success')
  return word === undefined ? undefined : /^(succeeded|success|1|no_status)$/i.test(word) ? 1 : 2
}

const FILE_ACTIONS: readonly [RegExp, number][] = [
  [/CREAT|MOVED_TO/i, 1],
  [/DELET|UNLINK/i, 4],
  [/RENAM|MOVED_FROM/i, 5],
  [/ATTRIB|CHMOD|CHOWN/i, 6],
  [/UPDAT|MODIF|WRITE|TRUNC/i, 3],
  [/OPEN|ACCESS|READ/i, 14],
]

function fileEvent(row: Row): ClassPart {
  const { columns } = row
  const action = columns.text('action') ?? columns.text('operation') ?? ''
  const path = columns.text('target_path') ?? columns.text('path') ?? 'unknown'
  const executable = columns.text('executable')
  const pid = columns.integer('pid')
  const owner = userOf(columns, 'uid', 'username')
  const activity_id = FILE_ACTIONS.find(([pattern]) => pattern.test(action))?.[1] ?? 99
  const file = fileAt(
    path,
    defined({
      hashes: hashesOf(columns),
      owner: executable === undefined ? owner : undefined,
      size: columns.integer('size'),
      uid: columns.text('inode'),
      modified_time: secondsOf(columns, 'mtime'),
      accessed_time: secondsOf(columns, 'atime'),
    }),
  )
  const process = pid === undefined || pid < 0 ? undefined : defined({ pid, file: fileAt(executable) })
  const actor =
    process === undefined
      ? { app_name: 'unknown' }
      : { process, ...(owner && executable !== undefined ? { user: owner } : {}) }
  return defined({
    class_uid: CLASS.file_activity,
    activity_id,
    activity_name: activity_id === 99 ? action || 'File event' : undefined,
    file,
    actor,
  }) as ClassPart
}

/** A time that osquery writes in seconds; 0 where it does not know. */
function secondsOf(columns: Columns, name: string): number | undefined {
  const seconds = columns.integer(name)
  return seconds === undefined || seconds <= 0 ? undefined : seconds * 1000
}

/** Who logged in: the account of the session, and before there is one the name that the audit record has. */
function subjectOf(columns: Columns): JsonRecord {
  const auid = columns.text('auid')
  const uid = auid === '4294967295' || auid === '-1' ? undefined : auid
  const name = /(?:^|\s)acct="([^"]{1,256})"/.exec((columns.text('message') ?? '').slice(0, 4_096))?.[1]
  return uid === undefined && name === undefined ? { name: 'unknown' } : defined({ name, uid })
}

function userEvent(row: Row): ClassPart {
  const { columns } = row
  const process = processOf(row)
  const address = columns.text('address')
  const type = columns.text('type') ?? 'user event'
  return defined({
    class_uid: CLASS.authentication,
    activity_id: /^(1100|1112|USER_AUTH|USER_LOGIN)$/.test(type) ? 1 : 99,
    activity_name: /^(1100|1112|USER_AUTH|USER_LOGIN)$/.test(type) ? undefined : type,
    user: subjectOf(columns),
    message: columns.text('message'),
    service: { name: String(process.name ?? 'audit') },
    src_endpoint:
      address === undefined
        ? undefined
        : endpointOf(isIP(address) === 0 ? undefined : address, undefined, isIP(address) === 0 ? address : undefined),
    session: columns.has('terminal') ? defined({ terminal: columns.text('terminal') }) : undefined,
    actor: { process },
  }) as ClassPart
}

/** A command somebody typed: the shell's history has no pid. */
function shellHistory(row: Row): ClassPart {
  const { columns, name } = row
  const cmd_line = columns.text('command')
  const program = cmd_line?.trim().split(' ', 1)[0]
  const user = userOf(columns)
  const process = defined({
    uid: hash('sha256', `${name}\n${columns.digest()}`, 'hex').slice(0, 32),
    name: program === undefined || program === '' ? undefined : baseName(program),
    cmd_line,
    user,
    working_directory: undefined,
  })
  const actor = user === undefined ? { process } : { user }
  const history = columns.text('history_file')
  return {
    class_uid: CLASS.process_activity,
    activity_id: row.action === 'removed' ? 99 : 1,
    ...(row.action === 'removed' ? { activity_name: 'Removed from history' } : {}),
    process,
    actor: history === undefined ? actor : { ...actor, app_name: history },
  }
}

function crontab(row: Row): ClassPart {
  const { columns } = row
  const command = columns.text('command')
  const path = columns.text('path')
  const when = ['event', 'minute', 'hour', 'day_of_month', 'month', 'day_of_week'].map((key) => columns.text(key) ?? '')
  const job = defined({
    name: command === undefined ? 'crontab' : (command.trim().split(' ', 1)[0] ?? command) || 'crontab',
    cmd_line: command,
    desc: when.join(' ').trim() || undefined,
    file: fileAt(path),
  })
  if (row.action === 'snapshot') return evidencePart(row, 5, { job })
  return { class_uid: CLASS.scheduled_job_activity, activity_id: row.action === 'added' ? 1 : 3, job }
}

/** scheduled_tasks of Windows. */
function scheduledTask(row: Row): ClassPart {
  const { columns } = row
  const last = secondsOf(columns, 'last_run_time')
  const next = secondsOf(columns, 'next_run_time')
  const job = defined({
    name: columns.text('name') ?? columns.text('path') ?? 'unknown',
    cmd_line: columns.text('action'),
    file: fileAt(columns.text('path')),
    last_run_time: last,
    next_run_time: next,
    run_state: columns.text('state'),
    run_state_id: columns.has('state') ? 99 : undefined,
  })
  if (row.action === 'snapshot' || row.isFirst) return evidencePart(row, 5, { job })
  return { class_uid: CLASS.scheduled_job_activity, activity_id: row.action === 'added' ? 1 : 3, job }
}

/** powershell_events: a block of a script, as it ran. */
function script({ columns }: Row): ClassPart {
  const value = columns.text('script_text') ?? ''
  const file = fileAt(columns.text('script_path'))
  return {
    class_uid: CLASS.script_activity,
    activity_id: 1,
    script: defined({ type_id: 2, uid: columns.text('script_block_id'), script_content: { value }, file }),
    actor: { app_name: 'PowerShell' },
  }
}

function login(row: Row): ClassPart {
  const { columns } = row
  const host = columns.text('host')
  const isAddress = host !== undefined && isIP(host) !== 0
  const source =
    host === undefined ? undefined : endpointOf(isAddress ? host : undefined, undefined, isAddress ? undefined : host)
  const is_remote = source !== undefined
  const terminal = columns.text('tty')
  const pid = columns.integer('pid')
  const activity_id = row.action === 'added' ? 1 : row.action === 'removed' ? 2 : 99
  return defined({
    class_uid: CLASS.authentication,
    activity_id,
    activity_name: activity_id === 99 ? 'Logged in' : undefined,
    user: defined({ name: columns.text('user') ?? columns.text('username') ?? 'unknown' }),
    service: { name: 'login' },
    src_endpoint: source,
    is_remote,
    logon_type_id: is_remote ? 10 : 2,
    session: terminal === undefined ? undefined : { terminal, is_remote },
    actor: pid === undefined || pid <= 0 ? undefined : { process: { pid } },
  }) as ClassPart
}

function openSocket(row: Row): ClassPart {
  const process = processOf(row)
  const { local, remote, info } = endsOf(row.columns)
  if (!remote) return listeningPart(row, local, info, process)
  const activity_id = row.action === 'added' ? 1 : row.action === 'removed' ? 2 : 6
  return defined({
    class_uid: CLASS.network_activity,
    activity_id,
    src_endpoint: local,
    dst_endpoint: remote,
    connection_info: { ...info, direction_id: 0 },
    is_src_dst_assignment_known: false,
    actor: { process },
  }) as ClassPart
}

function listening(row: Row): ClassPart {
  const { columns } = row
  const number = columns.integer('protocol')
  const local = endpointOf(columns.text('address'), columns.integer('port'))
  const info = defined({ protocol_num: number, protocol_name: number === undefined ? undefined : PROTOCOLS[number] })
  const port = columns.integer('port')
  const end = local ?? (port === undefined ? undefined : { name: 'any address', port })
  return listeningPart(row, end, info, processOf(row))
}

function listeningPart(row: Row, local: JsonRecord | undefined, info: JsonRecord, process: JsonRecord): ClassPart {
  return {
    class_uid: CLASS.network_activity,
    activity_id: row.action === 'removed' ? 2 : 7,
    dst_endpoint: local ?? { name: 'unknown' },
    connection_info: { ...info, direction_id: 0 },
    actor: { process },
  }
}

function process(row: Row): ClassPart {
  const object = processOf(row)
  if (row.action === 'snapshot' || row.isFirst) return evidencePart(row, 10, { process: object })
  const activity_id = row.action === 'added' ? 1 : 2
  return {
    class_uid: CLASS.process_activity,
    activity_id,
    process: object,
    actor: { process: object.parent_process ?? object },
  }
}

function account(row: Row): ClassPart {
  const { columns } = row
  const gid = columns.text('gid')
  const user = defined({
    ...userOf(columns),
    full_name: columns.text('description'),
    uid_alt: columns.text('uuid'),
    groups: gid === undefined ? undefined : [{ uid: gid }],
  })
  if (row.action === 'snapshot' || row.isFirst) return { class_uid: CLASS.user_inventory, activity_id: 2, user }
  return { class_uid: CLASS.account_change, activity_id: row.action === 'added' ? 1 : 6, user }
}

/** osquery_info: the agent itself, as a piece of software. */
function agent({ columns, action }: Row): ClassPart {
  const pack = defined({ name: 'osquery', version: columns.text('version') ?? 'unknown', vendor_name: 'osquery' })
  return { class_uid: CLASS.software_info, activity_id: action === 'snapshot' ? 2 : 1, package: pack }
}

function software({ columns, action }: Row): ClassPart {
  const pack = defined({
    name: columns.text('name') ?? 'unknown',
    version: columns.text('version') ?? columns.text('bundle_short_version') ?? 'unknown',
    uid: columns.text('bundle_identifier') ?? columns.text('identifier'),
    architecture: columns.text('arch'),
    release: columns.text('release'),
    vendor_name: columns.text('publisher') ?? columns.text('maintainer') ?? columns.text('vendor'),
  })
  return { class_uid: CLASS.software_info, activity_id: action === 'snapshot' ? 2 : 1, package: pack }
}

/** os_version: what the machine runs. */
function system({ columns, action }: Row): ClassPart {
  const platform = columns.text('platform') ?? columns.text('platform_like')
  const os = defined({
    name: columns.text('name') ?? 'unknown',
    version: columns.text('version'),
    build: columns.text('build'),
    edition: columns.text('codename'),
    type_id: /darwin|macos/.test(platform ?? '') ? 300 : platform === 'windows' ? 100 : 200,
  })
  return { class_uid: CLASS.inventory_info, activity_id: action === 'snapshot' ? 2 : 1, of_device: { os } }
}

/** system_info and platform_info: what the machine is built of. */
function hardware({ columns, action }: Row): ClassPart {
  const arch = columns.text('cpu_type')
  const model = columns.text('hardware_model')
  const bytes = Number(columns.text('physical_memory') ?? Number.NaN)
  const hw_info = defined({
    vendor_name: columns.text('hardware_vendor'),
    serial_number: columns.text('hardware_serial'),
    uuid: columns.text('uuid'),
    cpu_type: columns.text('cpu_brand') ?? columns.text('cpu_subtype'),
    cpu_architecture: arch,
    cpu_architecture_id: architectureId(arch),
    cpu_cores: columns.integer('cpu_logical_cores') ?? columns.integer('cpu_physical_cores'),
    cpu_count: columns.integer('cpu_sockets'),
    // OCSF counts megabytes.
    ram_size: Number.isNaN(bytes) ? undefined : Math.floor(bytes / 1_048_576),
    bios_manufacturer: columns.text('vendor'),
    bios_ver: columns.text('version'),
    bios_date: columns.text('date'),
  })
  return {
    class_uid: CLASS.inventory_info,
    activity_id: action === 'snapshot' ? 2 : 1,
    of_device: defined({ hw_info, model }),
  }
}

/** OCSF: 1 x86, 2 ARM, 3 RISC-V, 99 other. */
function architectureId(arch: string | undefined): number | undefined {
  if (arch === undefined) return undefined
  return /^(x86|i\d86|amd64)/i.test(arch) ? 1 : /^(arm|aarch)/i.test(arch) ? 2 : /^riscv/i.test(arch) ? 3 : 99
}

function inventory({ action }: Row): ClassPart {
  return { class_uid: CLASS.inventory_info, activity_id: action === 'snapshot' ? 2 : 1 }
}

/** What a query found on the machine, or found gone. */
function evidencePart({ name, action }: Row, query_type_id: number, found: JsonRecord): ClassPart {
  return {
    class_uid: CLASS.evidence_info,
    activity_id: 1,
    query_info: { name, query_string: name },
    query_result_id: action === 'removed' ? 3 : 1,
    query_evidence: { query_type_id, ...found },
  }
}

function evidence(query_type_id: number, key: string, make: (columns: Columns) => unknown) {
  return (row: Row) => evidencePart(row, query_type_id, { [key]: make(row.columns) })
}

function groupOf(columns: Columns): JsonRecord {
  return defined({ name: columns.text('groupname'), uid: columns.text('gid') })
}

function kernelOf(columns: Columns): JsonRecord {
  return defined({ name: columns.text('name') ?? 'unknown', path: columns.text('path'), type_id: 99, type: 'Module' })
}

function startupOf(columns: Columns): JsonRecord {
  const path = columns.text('path')
  const type = columns.text('type')
  const cmd_line = [path, columns.text('args')].filter((part) => part !== undefined).join(' ')
  return defined({
    name: columns.text('name') ?? 'unknown',
    start_type_id: columns.text('status') === 'disabled' ? 4 : 1,
    type_id: type === undefined ? undefined : 99,
    type,
    job: path === undefined ? undefined : defined({ name: baseName(path), cmd_line, file: fileAt(path) }),
  })
}

function serviceOf(columns: Columns): JsonRecord {
  return { name: columns.text('id') ?? 'unknown' }
}

/** services of Windows: what they run stays unmapped, a service of OCSF has no program. */
function windowsServiceOf(columns: Columns): JsonRecord {
  const start = columns.text('start_type')
  return defined({
    name: columns.text('name') ?? 'unknown',
    labels: start === undefined ? undefined : [`start_type:${start}`],
  })
}

/** launchd: jobs that macOS starts. */
function launchdOf(columns: Columns): JsonRecord {
  const path = columns.text('path')
  const program = columns.text('program')
  return defined({
    name: columns.text('label') ?? columns.text('name') ?? 'unknown',
    start_type_id: columns.text('run_at_load') === '1' ? 1 : 3,
    type_id: 99,
    type: 'launchd',
    job: defined({
      name: columns.text('name') ?? 'launchd',
      cmd_line: columns.text('program_arguments') ?? program,
      file: fileAt(path ?? program),
    }),
  })
}

function mappedOf(columns: Columns): JsonRecord {
  return defined({
    file: fileAt(columns.text('path') ?? 'unknown'),
    start_address: columns.text('start'),
    load_type_id: 0,
  })
}

function pipeOf(columns: Columns): JsonRecord {
  return { name: columns.text('name') ?? 'unknown', type_id: 6 }
}

function keyFileOf(columns: Columns): JsonRecord | undefined {
  return fileAt(columns.text('key_file'), defined({ owner: userOf(columns) }))
}

function peripheralOf(columns: Columns): JsonRecord {
  return defined({
    name: columns.text('model') ?? 'unknown',
    model: columns.text('model'),
    vendor_name: columns.text('vendor'),
    serial_number: columns.text('serial'),
    class: columns.text('type') ?? 'USB',
  })
}

function interfaceOf(columns: Columns): JsonRecord[] {
  const ip = columns.text('address')
  const mac = columns.text('mac')
  return [
    defined({
      name: columns.text('interface'),
      ip: ip !== undefined && isIP(ip) !== 0 ? ip : undefined,
      mac: mac !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) ? mac : undefined,
    }),
  ]
}

function fileOf(columns: Columns): JsonRecord | undefined {
  const size = columns.integer('size')
  const mode = columns.text('mode') ?? columns.text('permissions')
  return fileAt(
    columns.text('path') ?? 'unknown',
    defined({
      hashes: hashesOf(columns),
      size: size !== undefined && size >= 0 ? size : undefined,
      uid: columns.text('inode'),
      owner: userOf(columns),
      xattributes: mode === undefined ? undefined : { mode },
    }),
  )
}
