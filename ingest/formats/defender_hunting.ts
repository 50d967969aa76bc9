import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat, type FormatContext } from '../contract.js'
import type { ClassPart } from './auditd/event.js'
import { defenderMapping } from './defender-hunting-mapping.js'
import { defined, isObject, type JsonRecord, kindOf } from './fields.js'
import { machineOf } from './machine.js'
import { profilesOf } from './profiles.js'
import { textValues } from './windows/event.js'
import { baseName, endpointOf, fileAt, timeOf, userOf, type Values, valuesOf } from './windows/values.js'

/** Rows of Microsoft Defender's advanced hunting tables and of VM insights' VMConnection. */
export const defenderHunting = defineFormat({
  name: 'defender_hunting',
  summary:
    'Advanced hunting tables of Microsoft Defender XDR (device, identity, cloud app events) and VM insights connections',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: defenderMapping,
  detect(record) {
    if (!isObject(record)) return 0
    if (record.Type === 'VMConnection' && 'SourceIp' in record) return 0.95
    return typeof record.ActionType === 'string' && typeof record.Timestamp === 'string' && 'ReportId' in record
      ? 0.9
      : typeof record.ActionType === 'string' && ('DeviceName' in record || 'InitiatingProcessFileName' in record)
        ? 0.85
        : 0
  },
  create: () => (record, context) => normalise(record, context),
})

function normalise(record: unknown, context: FormatContext): Outcome<EventDraft[]> {
  if (!isObject(record)) return reject('not_hunting', `expected an object with ActionType, found ${kindOf(record)}`)
  const isConnection = record.Type === 'VMConnection'
  if (!isConnection && typeof record.ActionType !== 'string')
    return reject('not_hunting', 'ActionType: required, not found')
  // A column of another type than before gets its type as a suffix.
  const data = new Map(
    [...textValues(record)].map(([key, value]) => [key.replace(/_(string|dynamic|long)$/, ''), value]),
  )
  const values = valuesOf({
    provider: '',
    channel: '',
    id: 0,
    computer: undefined,
    time: undefined,
    record_id: undefined,
    level: undefined,
    data,
    unmapped: {},
  })
  const original_time = values.text('Timestamp') ?? values.text('TimeGenerated')
  const time = timeOf(original_time)
  if (original_time !== undefined && time === undefined) {
    return reject('bad_time', `Timestamp: expected a date from 1970 to 2200, found ${original_time.slice(0, 80)}`)
  }
  const action = values.text('ActionType') ?? 'VMConnection'
  const part = isConnection ? vmConnection(values) : partOf(action, values)
  const machine = machineOf(
    {
      hostname: values.text('DeviceName') ?? values.text('Computer'),
      resource: values.text('DeviceId') ?? values.text('_ResourceId'),
    },
    context,
  )
  const isOfMachine = part.class_uid !== CLASS.api_activity
  const { class_uid, activity_id, ...rest } = part
  const draft: EventDraft = { class_uid, activity_id, severity_id: 1, ...rest, message: action }
  if (time !== undefined) draft.time = time
  if (isOfMachine) draft.device = machine.device
  if (isOfMachine && machine.workload) draft.workload = machine.workload
  draft.metadata = defined({
    product: { name: isConnection ? 'VM insights' : 'Microsoft Defender XDR', vendor_name: 'Microsoft' },
    event_code: action,
    log_name: values.text('Type'),
    original_event_uid: values.text('ReportId') ?? values.text('ConnectionId'),
    original_time,
    tenant_uid: values.text('TenantId'),
    profiles: profilesOf(class_uid, draft),
  })
  const unmapped = values.rest()
  for (const [key, value] of Object.entries(record))
    if (typeof value === 'object' && value !== null) unmapped[key] = value
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function hashesAt(values: Values, prefix: string): JsonRecord[] | undefined {
  const kinds = [
    ['MD5', 1, 32],
    ['SHA1', 2, 40],
    ['SHA256', 3, 64],
  ] as const
  const hashes = kinds.flatMap(([name, algorithm_id, length]) => {
    const value = values.text(`${prefix}${name}`)
    return value?.length === length ? [{ algorithm_id, value }] : []
  })
  return hashes.length === 0 ? undefined : hashes
}

/** True if a path ends with a name, in any case. */
function endsAlike(path: string, name: string): boolean {
  return path.length >= name.length && path.slice(-name.length).toLowerCase() === name.toLowerCase()
}

/** A process by the prefix of its columns: `InitiatingProcess`, or none for the one that was made. */
function processAt(values: Values, prefix: string): JsonRecord | undefined {
  const name = values.text(`${prefix}FileName`)
  const folder = values.text(`${prefix}FolderPath`)
  const pid = values.integer(prefix === '' ? 'ProcessId' : `${prefix}Id`)
  if (pid === undefined && name === undefined) return undefined
  const path =
    folder === undefined || name === undefined || endsAlike(folder, name) ? (folder ?? name) : `${folder}\\${name}`
  const parent_pid = values.integer(`${prefix}ParentId`)
  const parent = values.text(`${prefix}ParentFileName`)
  const product = values.text(`${prefix}VersionInfoProductName`)
  const logon = values.text(`${prefix}LogonId`)
  const upn = values.text(`${prefix}AccountUpn`)
  const user = userOf(
    values.text(`${prefix}AccountName`),
    defined({
      domain: values.text(`${prefix}AccountDomain`),
      uid: values.text(`${prefix}AccountSid`),
      uid_alt: values.text(`${prefix}AccountObjectId`),
      email_addr: upn?.includes('@') ? upn : undefined,
    }),
  )
  return defined({
    pid,
    uid: pid === undefined ? `file:${name}` : undefined,
    name: name ?? (path === undefined ? undefined : baseName(path)),
    cmd_line: values.text(prefix === '' ? 'ProcessCommandLine' : `${prefix}CommandLine`),
    created_time: timeOf(values.text(prefix === '' ? 'ProcessCreationTime' : `${prefix}CreationTime`)),
    file: fileAt(
      path,
      defined({
        hashes: hashesAt(values, prefix),
        company_name: values.text(`${prefix}VersionInfoCompanyName`),
        desc: values.text(`${prefix}VersionInfoFileDescription`),
        version: values.text(`${prefix}VersionInfoProductVersion`),
        internal_name:
          values.text(`${prefix}VersionInfoOriginalFileName`) ?? values.text(`${prefix}VersionInfoInternalFileName`),
        product: product === undefined ? undefined : { name: product },
        size: values.integer(`${prefix}FileSize`),
      }),
    ),
    user,
    session: logon === undefined ? undefined : { uid: logon },
    parent_process:
      parent_pid === undefined
        ? undefined
        : defined({ pid: parent_pid, name: parent, created_time: timeOf(values.text(`${prefix}ParentCreationTime`)) }),
  })
}

const FILE_ACTIONS: { readonly [action: string]: number } = {
  FileCreated: 1,
  FileModified: 3,
  FileDeleted: 4,
  FileRenamed: 5,
}

function partOf(action: string, values: Values): ClassPart {
  const initiating = processAt(values, 'InitiatingProcess')
  const actor = initiating === undefined ? undefined : { process: initiating }
  if (/^ProcessCreated/.test(action)) {
    const process = defined({ ...(processAt(values, '') ?? { uid: 'unknown' }), parent_process: initiating })
    return { class_uid: CLASS.process_activity, activity_id: 1, process, actor: actor ?? { process } }
  }
  if (/^Logon(Success|Failed|Attempted)$/.test(action)) return logon(action, values, actor)
  const remote = endpointOf(values.text('RemoteIP'), values.integer('RemotePort'), values.text('RemoteDeviceName'))
  if (/Connection/.test(action) && remote) {
    const inbound = /^Inbound|Accepted$/.test(action)
    const local = endpointOf(values.text('LocalIP'), values.integer('LocalPort'))
    const [src_endpoint, dst_endpoint] = inbound ? [remote, local] : [local, remote]
    const activity_id = /Failed$|Attempt$/.test(action) ? 4 : 1
    return defined({
      class_uid: CLASS.network_activity,
      activity_id,
      src_endpoint,
      dst_endpoint,
      actor,
      connection_info: { direction_id: inbound ? 1 : 2 },
    }) as ClassPart
  }
  if (Object.hasOwn(FILE_ACTIONS, action)) {
    const name = values.text('FileName') ?? 'unknown'
    const folder = values.text('FolderPath')
    const file = fileAt(folder ?? name, defined({ hashes: hashesAt(values, ''), size: values.integer('FileSize') }))
    return {
      class_uid: CLASS.file_activity,
      activity_id: FILE_ACTIONS[action] ?? 99,
      file,
      actor: actor ?? { app_name: 'unknown' },
    }
  }
  if (values.text('Application') !== undefined || initiating === undefined) return applicationPart(action, values)
  return {
    class_uid: CLASS.process_activity,
    activity_id: 99,
    activity_name: action,
    process: initiating,
    actor: { process: initiating },
  }
}

function logon(action: string, values: Values, actor: JsonRecord | undefined): ClassPart {
  const source = endpointOf(values.text('RemoteIP'), values.integer('RemotePort'), values.text('RemoteDeviceName'))
  return defined({
    class_uid: CLASS.authentication,
    activity_id: 1,
    status_id: action === 'LogonSuccess' ? 1 : action === 'LogonFailed' ? 2 : 0,
    status_detail: values.text('FailureReason'),
    user: userOf(
      values.text('AccountName') ?? 'unknown',
      defined({ domain: values.text('AccountDomain'), uid: values.text('AccountSid') }),
    ),
    service: { name: values.text('Protocol') ?? 'Windows' },
    src_endpoint: source,
    is_remote: source !== undefined,
    actor,
  }) as ClassPart
}

/** What an account did in a directory or a cloud application. */
function applicationPart(action: string, values: Values): ClassPart {
  const user = defined({
    name: values.text('AccountUpn') ?? values.text('AccountName') ?? values.text('AccountDisplayName'),
    uid: values.text('AccountObjectId') ?? values.text('AccountSid'),
    uid_alt: values.text('AccountSid'),
    full_name: values.text('AccountDisplayName'),
    domain: values.text('AccountDomain'),
    type: values.text('AccountType'),
  })
  if (user.uid_alt === user.uid) delete user.uid_alt
  values.text('AccountName')
  const app_uid = values.text('OAuthAppId') ?? values.text('AppId')
  const city = values.text('City')
  const country = values.text('CountryCode')
  const system = values.text('OSPlatform')
  const service = values.text('Application') ?? 'Microsoft 365'
  const agent = values.text('UserAgent')
  const object = values.text('ObjectName')
  return defined({
    class_uid: CLASS.api_activity,
    activity_id: /read|access|get|list|search|view/i.test(action)
      ? 2
      : /creat|add/i.test(action)
        ? 1
        : /delet|remov/i.test(action)
          ? 4
          : /updat|set|modif|chang/i.test(action)
            ? 3
            : 99,
    actor: defined({ ...(Object.keys(user).length === 0 ? { app_name: service } : { user }), app_uid }),
    api: { operation: action, service: defined({ name: service, uid: values.text('ApplicationId') }) },
    src_endpoint: defined({
      ...(endpointOf(values.text('IPAddress'), values.integer('Port'), values.text('DeviceName')) ?? {
        name: 'unknown',
      }),
      isp: values.text('ISP'),
      location: (city ?? country) === undefined ? undefined : defined({ city, country }),
      os: system === undefined || system === 'Unknown' ? undefined : { name: system, type_id: 0 },
    }),
    dst_endpoint: endpointOf(
      values.text('DestinationIPAddress'),
      values.integer('DestinationPort'),
      values.text('DestinationDeviceName'),
    ),
    http_request: agent === undefined ? undefined : { user_agent: agent },
    resources:
      object === undefined
        ? undefined
        : [defined({ name: object, type: values.text('ObjectType'), uid: values.text('ObjectId') })],
  }) as ClassPart
}

/** Connections of a process in a minute, with their bytes. */
function vmConnection(values: Values): ClassPart {
  const inbound = values.text('Direction') === 'inbound'
  const process = values.text('ProcessName')
  const protocol = values.text('Protocol')?.toLowerCase()
  const sent = values.integer('BytesSent')
  const received = values.integer('BytesReceived')
  const connections = values.integer('LinksEstablished')
  if (values.peek('RemoteIp') === values.peek(inbound ? 'SourceIp' : 'DestinationIp')) values.text('RemoteIp')
  const traffic = defined(inbound ? { bytes_in: received, bytes_out: sent } : { bytes_out: sent, bytes_in: received })
  return defined({
    class_uid: CLASS.network_activity,
    activity_id: 6,
    src_endpoint: endpointOf(values.text('SourceIp'), undefined),
    dst_endpoint: endpointOf(values.text('DestinationIp'), values.integer('DestinationPort')) ?? { name: 'unknown' },
    connection_info: defined({
      direction_id: inbound ? 1 : 2,
      protocol_name: protocol,
      protocol_num: protocol === 'tcp' ? 6 : protocol === 'udp' ? 17 : undefined,
      uid: values.text('ConnectionId'),
    }),
    count: connections !== undefined && connections > 0 ? connections : undefined,
    traffic: Object.keys(traffic).length === 0 ? undefined : traffic,
    actor: process === undefined ? undefined : { process: { name: process, uid: values.text('Process') ?? process } },
  }) as ClassPart
}
