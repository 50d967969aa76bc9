import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import { CLASS } from '../../../ocsf/event.js'
import type { ClassPart } from '../auditd/event.js'
import { defined, type JsonRecord, ownEntry } from '../fields.js'
import { attacksOf } from '../mitre.js'
import type { LogEvent } from './event.js'
import { baseName, endpointOf, fileAt, hashesOf, timeOf, userOf, type Values } from './values.js'

/** A process by the prefix of its values: `` for the one that acts, `Parent`, `Source`, `Target`. */
function processAt(values: Values, prefix: string): JsonRecord {
  const pid = values.integer(`${prefix}ProcessId`)
  const guid = values.text(`${prefix}ProcessGuid`) ?? values.text(`${prefix}ProcessGUID`)
  const image = values.text(`${prefix}Image`)
  return defined({
    pid,
    uid: guid?.replace(/[{}]/g, '') ?? (pid === undefined ? 'unknown' : undefined),
    name: image === undefined ? undefined : baseName(image),
    file: fileAt(image),
    user: userOf(values.text(`${prefix}User`) ?? values.text(`${prefix}UserName`)),
  })
}

function technique(values: Values): JsonRecord {
  const rule = values.text('RuleName')
  if (rule === undefined) return {}
  const attacks = attacksOf([...rule.matchAll(/technique_id=(T\d{4}(?:\.\d{3})?)/g)].map((match) => match[1] ?? ''))
  return { rule, attacks: attacks.length === 0 ? undefined : attacks }
}

/** Class and attributes of a Sysmon event, of Windows or Linux, by its number. Undefined for one that has no class. */
export function sysmonPart(event: LogEvent, values: Values): ClassPart {
  const maker = MAKERS[event.id] ?? other
  const part = maker(values, event)
  const { rule, attacks } = technique(values)
  return {
    ...part,
    ...(rule === undefined ? {} : { policy: { name: rule } }),
    ...(attacks === undefined ? {} : { attacks }),
  }
}

type Maker = (values: Values, event: LogEvent) => ClassPart

const MAKERS: { readonly [id: number]: Maker } = {
  1: launched,
  2: (values) => file(values, 6, 'TargetFilename', { created_time: timeOf(values.text('CreationUtcTime')) }),
  3: connection,
  4: (values) => lifecycle(values.text('State') === 'Stopped' ? 4 : 3, values),
  5: (values) => processActivity(2, processAt(values, '')),
  6: driver,
  7: image,
  8: (values) => betweenProcesses(values, 4, { injection_type_id: 1, module: threadOf(values) }),
  9: rawRead,
  10: (values) => betweenProcesses(values, 3),
  11: (values) => file(values, 1, 'TargetFilename', { created_time: timeOf(values.text('CreationUtcTime')) }),
  12: registry,
  13: registry,
  14: registry,
  15: (values) =>
    file(values, 1, 'TargetFilename', {
      hashes: hashesOf(values.text('Hash') ?? values.text('Hashes')),
      created_time: timeOf(values.text('CreationUtcTime')),
    }),
  16: (values) => lifecycle(99, values, 'Configuration change'),
  17: pipe,
  18: pipe,
  22: dns,
  23: deleted,
  24: (values) => processActivity(99, processAt(values, ''), 'Clipboard change'),
  25: (values) => processActivity(4, processAt(values, '')),
  26: deleted,
  27: (values) => file(values, 1, 'TargetFilename', { hashes: hashesOf(values.text('Hashes')) }),
  28: deleted,
  29: (values) => file(values, 1, 'TargetFilename', { hashes: hashesOf(values.text('Hashes')) }),
  255: (values) => ({
    class_uid: CLASS.application_error,
    activity_id: 1,
    status_id: 2,
    status_detail: values.text('Description'),
  }),
}

function processActivity(activity_id: number, process: JsonRecord, activity_name?: string): ClassPart {
  return defined({
    class_uid: CLASS.process_activity,
    activity_id,
    activity_name,
    process,
    actor: { process: process.parent_process ?? process },
  }) as ClassPart
}

function launched(values: Values): ClassPart {
  const process = processAt(values, '')
  const company = values.text('Company')
  const product = values.text('Product')
  const details = defined({
    company_name: company,
    desc: values.text('Description'),
    version: values.text('FileVersion'),
    internal_name: values.text('OriginalFileName'),
    hashes: hashesOf(values.text('Hashes')),
    product: product === undefined ? undefined : defined({ name: product, vendor_name: company }),
  })
  const parent = { ...processAt(values, 'Parent'), cmd_line: values.text('ParentCommandLine') }
  const logon = values.text('LogonGuid')
  const logon_id = values.text('LogonId')
  const session = defined({
    uid: logon_id ?? logon?.replace(/[{}]/g, ''),
    uid_alt: logon_id === undefined ? undefined : logon?.replace(/[{}]/g, ''),
  })
  return processActivity(
    1,
    defined({
      ...process,
      file: process.file === undefined ? undefined : { ...(process.file as JsonRecord), ...details },
      cmd_line: values.text('CommandLine'),
      working_directory: values.text('CurrentDirectory'),
      integrity: integrityOf(values.text('IntegrityLevel')),
      integrity_id: integrityId(values.text('IntegrityLevel')),
      session: Object.keys(session).length === 0 ? undefined : session,
      parent_process: defined(parent),
    }),
  )
}

const INTEGRITY = ['untrusted', 'low', 'medium', 'high', 'system', 'protected']
const INTEGRITY_SIDS: { readonly [sid: string]: number } = {
  'S-1-16-0': 1,
  'S-1-16-4096': 2,
  'S-1-16-8192': 3,
  'S-1-16-12288': 4,
  'S-1-16-16384': 5,
  'S-1-16-20480': 6,
}

/** OCSF's number of a Windows integrity level, by its name or SID. */
export function integrityId(level: string | undefined): number | undefined {
  if (level === undefined || level === 'no level') return undefined
  const number = INTEGRITY.indexOf(level.toLowerCase()) + 1
  return number || (Object.hasOwn(INTEGRITY_SIDS, level) ? INTEGRITY_SIDS[level] : 99)
}

function integrityOf(level: string | undefined): string | undefined {
  return integrityId(level) === 99 ? level : undefined
}

function connection(values: Values): ClassPart {
  const process = processAt(values, '')
  const source = endpointOf(values.text('SourceIp'), values.integer('SourcePort'), values.text('SourceHostname'))
  const target = endpointOf(
    values.text('DestinationIp'),
    values.integer('DestinationPort'),
    values.text('DestinationHostname'),
  )
  const protocol = values.text('Protocol')?.toLowerCase()
  const initiated = values.text('Initiated')
  const ip = (source?.ip ?? target?.ip) as string | undefined
  for (const name of ['SourceIsIpv6', 'DestinationIsIpv6']) values.text(name)
  if (!source && !target) return processActivity(99, process, 'Network connection')
  return defined({
    class_uid: CLASS.network_activity,
    activity_id: 1,
    src_endpoint: source,
    dst_endpoint: defined({ ...(target ?? { name: 'unknown' }), svc_name: values.text('DestinationPortName') }),
    is_src_dst_assignment_known: true,
    connection_info: defined({
      direction_id: initiated === undefined ? 0 : initiated.toLowerCase() === 'true' ? 2 : 1,
      protocol_name: protocol,
      protocol_num: protocol === 'tcp' ? 6 : protocol === 'udp' ? 17 : undefined,
      protocol_ver_id: ip === undefined ? undefined : isIP(ip),
    }),
    actor: { process },
  }) as ClassPart
}

/** Sysmon about itself. */
function lifecycle(activity_id: number, values: Values, activity_name?: string): ClassPart {
  const version = values.text('Version')
  const detail = values.text('Configuration') ?? values.text('SchemaVersion')
  return defined({
    class_uid: CLASS.application_lifecycle,
    activity_id,
    activity_name,
    app: defined({ name: 'Sysmon', vendor_name: 'Microsoft', version }),
    status_detail: detail,
  }) as ClassPart
}

function file(values: Values, activity_id: number, name: string, more: JsonRecord = {}): ClassPart {
  const process = processAt(values, '')
  const target = fileAt(values.text(name) ?? 'unknown', defined(more))
  return { class_uid: CLASS.file_activity, activity_id, file: target, actor: { process } }
}

function deleted(values: Values, { id }: LogEvent): ClassPart {
  const blocked = id === 28
  const part = file(values, 4, 'TargetFilename', {
    hashes: hashesOf(values.text('Hashes')),
    is_deleted: !blocked || undefined,
  })
  if (values.text('IsExecutable')?.toLowerCase() === 'true') part.file.type_id = 8
  return part
}

function rawRead(values: Values): ClassPart {
  const device = values.text('Device') ?? 'unknown'
  const target = { name: baseName(device), path: device, type_id: 4 }
  return { class_uid: CLASS.file_activity, activity_id: 2, file: target, actor: { process: processAt(values, '') } }
}

function signatureOf(values: Values): JsonRecord | undefined {
  const signed = values.text('Signed')?.toLowerCase()
  const signer = values.text('Signature')
  const state = values.text('SignatureStatus')
  if (signed === undefined && signer === undefined) return undefined
  return defined({
    algorithm_id: signed === 'true' ? 4 : 0,
    developer_uid: signer,
    state_id: signed === 'false' ? undefined : state === undefined ? undefined : (ownEntry(SIGNATURES, state) ?? 9),
  })
}

const SIGNATURES: { readonly [state: string]: number } = { Valid: 1, Expired: 2, Revoked: 3, Untrusted: 6 }

function loadedFile(values: Values): JsonRecord | undefined {
  const company = values.text('Company')
  const product = values.text('Product')
  return fileAt(
    values.text('ImageLoaded') ?? 'unknown',
    defined({
      hashes: hashesOf(values.text('Hashes')),
      company_name: company,
      desc: values.text('Description'),
      version: values.text('FileVersion'),
      internal_name: values.text('OriginalFileName'),
      product: product === undefined ? undefined : defined({ name: product, vendor_name: company }),
      signature: signatureOf(values),
    }),
  )
}

function image(values: Values): ClassPart {
  const module = { file: loadedFile(values), load_type_id: 1 }
  return { class_uid: CLASS.module_activity, activity_id: 1, module, actor: { process: processAt(values, '') } }
}

function driver(values: Values): ClassPart {
  const part = { class_uid: CLASS.kernel_extension_activity, activity_id: 1, driver: { file: loadedFile(values) } }
  return { ...part, actor: { process: { pid: 4, name: 'System' } } }
}

/** Where a thread begins that was created in another process. */
function threadOf(values: Values): JsonRecord | undefined {
  const module = defined({
    file: fileAt(values.text('StartModule')),
    function_name: values.text('StartFunction'),
    start_address: values.text('StartAddress'),
  })
  return Object.keys(module).length === 0 ? undefined : { ...module, load_type_id: 0 }
}

function betweenProcesses(values: Values, activity_id: number, more: JsonRecord = {}): ClassPart {
  const source = processAt(values, 'Source')
  const target = processAt(values, 'Target')
  const thread = values.integer('SourceThreadId')
  const access = values.text('GrantedAccess')
  const mask = access === undefined ? undefined : Number(access)
  return defined({
    class_uid: CLASS.process_activity,
    activity_id,
    process: target,
    actor: { process: thread === undefined ? source : { ...source, tid: thread } },
    actual_permissions: mask !== undefined && Number.isInteger(mask) && mask <= 2_147_483_647 ? mask : undefined,
    ...more,
  }) as ClassPart
}

/** Registry keys and values have their classes in OCSF's Windows extension only; in its core they are kernel objects. */
function registry(values: Values): ClassPart {
  const what = values.text('EventType') ?? 'Registry event'
  const path = values.text('TargetObject') ?? 'unknown'
  const activity_id = /^Create/.test(what) ? 1 : /^Delete/.test(what) ? 3 : 99
  return defined({
    class_uid: CLASS.kernel_activity,
    activity_id,
    activity_name: activity_id === 99 ? what : undefined,
    kernel: { name: baseName(path), path, type_id: 99, type: /Value$/.test(what) ? 'Registry Value' : 'Registry Key' },
    actor: { process: processAt(values, '') },
    status_detail: values.text('Details') ?? values.text('NewName'),
  }) as ClassPart
}

function pipe(values: Values): ClassPart {
  const what = values.text('EventType') ?? 'Pipe'
  const name = values.text('PipeName') ?? 'unknown'
  const file = { name: baseName(name), path: name, type_id: 6 }
  const activity_id = what === 'ConnectPipe' ? 14 : 1
  return { class_uid: CLASS.file_activity, activity_id, file, actor: { process: processAt(values, '') } }
}

const RECORD_TYPES: { readonly [number: string]: string } = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
}

/** `type:  5 a.example.org;::ffff:192.0.2.1;` */
function dns(values: Values): ClassPart {
  const answers: JsonRecord[] = []
  for (const entry of (values.text('QueryResults') ?? '').slice(0, 20_000).split(';')) {
    const typed = /^type: {1,4}(\d{1,5}) (.{1,255})$/.exec(entry.trim())
    const rdata = (typed?.[2] ?? entry).trim().replace(/^::ffff:(?=\d)/i, '')
    if (rdata === '') continue
    const type = typed
      ? (RECORD_TYPES[typed[1] ?? ''] ?? `TYPE${typed[1]}`)
      : isIP(rdata) === 6
        ? 'AAAA'
        : isIP(rdata) === 4
          ? 'A'
          : undefined
    answers.push(defined({ rdata, type }))
  }
  const status = values.integer('QueryStatus')
  const hostname = values.text('QueryName') ?? 'unknown'
  return defined({
    class_uid: CLASS.dns_activity,
    activity_id: 2,
    query: { hostname },
    answers: answers.length === 0 ? undefined : answers,
    rcode_id: status === 0 ? 0 : status === 9003 ? 3 : status === undefined ? undefined : 99,
    rcode: status === undefined || status === 0 || status === 9003 ? undefined : String(status),
    status_id: status === undefined ? undefined : status === 0 ? 1 : 2,
    actor: { process: processAt(values, '') },
  }) as ClassPart
}

function other(values: Values, event: LogEvent): ClassPart {
  if ([19, 20, 21].includes(event.id)) {
    const name = values.text('Name') ?? values.text('Consumer') ?? 'WMI'
    const operation = values.text('Operation')
    const user = userOf(values.text('User'))
    return defined({
      class_uid: CLASS.entity_management,
      activity_id: operation === 'Created' ? 1 : operation === 'Deleted' ? 4 : 3,
      entity: { name, uid: hash('sha256', name, 'hex').slice(0, 16), type: 'WMI subscription', type_id: 99 },
      actor: user === undefined ? undefined : { user },
    }) as ClassPart
  }
  return processActivity(99, processAt(values, ''), `Sysmon event ${event.id}`)
}
