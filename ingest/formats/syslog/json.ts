import { Fields, type JsonRecord } from '../fields.js'
import { isEventTime, parseTime } from '../time.js'
import { FACILITIES, LEVELS, parseLine, type SyslogMessage } from './header.js'

/** A syslog message that a shipper or the journal made an object of, and what its wrapping says besides. */
export type Wrapped = {
  readonly message: SyslogMessage
  readonly machine_id?: string | undefined
  readonly ip?: string | undefined
  readonly process?: {
    readonly exe?: string | undefined
    readonly cmd_line?: string | undefined
    readonly uid?: string | undefined
    readonly name?: string | undefined
  }
  readonly unit?: string | undefined
  readonly container?: { readonly id: string; readonly name?: string | undefined; readonly image?: string | undefined }
  readonly uid?: string | undefined
  readonly tenant?: string | undefined
  /** The cloud's name of the machine. */
  readonly resource?: string | undefined
  readonly unmapped: JsonRecord
}

/** Names of each part, by the shippers that use them: journald, Log Analytics, rsyslog, syslog-ng, fluentd, Vector. */
const NAMES = {
  text: ['MESSAGE', 'SyslogMessage', 'message', 'msg', 'MSG', 'log', '@message'],
  host: ['_HOSTNAME', 'HostName', 'Computer', 'hostname', 'host', 'HOST', 'fromhost', 'sysloghost'],
  app: [
    'SYSLOG_IDENTIFIER',
    'ProcessName',
    'appname',
    'app-name',
    'programname',
    'program',
    'PROGRAM',
    'ident',
    'syslogtag',
  ],
  pid: ['_PID', 'SYSLOG_PID', 'ProcessID', 'procid', 'pid', 'PID'],
  level: ['PRIORITY', 'SeverityLevel', 'severity', 'syslogseverity', 'syslogseverity-text', 'level', 'LEVEL'],
  facility: ['SYSLOG_FACILITY', 'Facility', 'facility', 'syslogfacility', 'syslogfacility-text', 'FACILITY'],
  time: [
    '_SOURCE_REALTIME_TIMESTAMP',
    '__REALTIME_TIMESTAMP',
    'EventTime',
    'TimeGenerated',
    'timestamp',
    'timereported',
    'time',
    '@timestamp',
    'ISODATE',
  ],
  message_id: ['MESSAGE_ID', 'msgid', 'MSGID'],
} as const

/** How sure it is that an object is a syslog message. */
export function sureOfObject(record: JsonRecord): number {
  if (typeof record.SyslogMessage === 'string') return 0.95
  const journal = '__REALTIME_TIMESTAMP' in record || '_BOOT_ID' in record || 'SYSLOG_IDENTIFIER' in record
  if ('MESSAGE' in record && journal) return 0.95
  const has = (names: readonly string[]) => names.some((name) => typeof record[name] === 'string')
  const isMessage = has(['message', 'msg', 'MSG', 'MESSAGE'])
  return isMessage && has(NAMES.host) && has(NAMES.app) && (has(NAMES.level) || has(NAMES.facility) || 'pri' in record)
    ? 0.7
    : 0
}

/** The message of an object; undefined if it has no text. */
export function parseObject(record: JsonRecord, received_time: number): Wrapped | undefined {
  const fields = new Fields(record, '')
  const text = textOf(fields)
  if (text === undefined) return undefined
  const inner = identified(record) ? undefined : parseLine(text, received_time)
  const first = (names: readonly string[]) => firstOf(fields, names)
  const time = timeOf(first(NAMES.time))
  const level = levelOf(first(NAMES.level))
  const facility = facilityOf(first(NAMES.facility))
  const host = inner?.hostname ?? first(NAMES.host)
  const app = first(NAMES.app)?.replace(/(\[\d+\])?:?$/, '')
  const pid = first(NAMES.pid)
  const container = first(['CONTAINER_ID_FULL', 'CONTAINER_ID'])
  const message: SyslogMessage = {
    notation: 'JSON',
    facility: inner?.facility ?? facility,
    level: inner?.level ?? level,
    time: inner?.time ?? time.ms,
    original_time: inner?.original_time ?? time.text,
    hostname: host,
    app: inner?.app ?? app,
    pid: inner?.pid ?? (pid !== undefined && /^\d{1,9}$/.test(pid) ? Number(pid) : undefined),
    message_id: first(NAMES.message_id),
    data: inner?.data ?? new Map(),
    text: inner?.text ?? text,
  }
  return {
    message,
    machine_id: first(['_MACHINE_ID']),
    ip: first(['HostIP', 'fromhost-ip', 'source_ip']),
    process: {
      exe: first(['_EXE']),
      cmd_line: first(['_CMDLINE']),
      uid: first(['_UID']),
      name: first(['_COMM']),
    },
    unit: first(['_SYSTEMD_UNIT', 'UNIT']),
    ...(container === undefined
      ? {}
      : { container: { id: container, name: first(['CONTAINER_NAME']), image: first(['IMAGE_NAME']) } }),
    uid: first(['__CURSOR']),
    tenant: first(['TenantId']),
    resource: first(['_ResourceId']),
    unmapped: fields.rest(),
  }
}

/** An object that says who wrote the text; else the text is a whole line with a header of its own. */
function identified(record: JsonRecord): boolean {
  return NAMES.app.some((name) => typeof record[name] === 'string' && record[name] !== '')
}

function textOf(fields: Fields): string | undefined {
  for (const name of NAMES.text) {
    const value = fields.any(name)
    if (typeof value === 'string') return value
    // The journal writes text that is not printable as a list of bytes.
    if (Array.isArray(value) && value.length < 1_000_000 && value.every((byte) => Number.isInteger(byte))) {
      return Buffer.from(value as number[]).toString('utf8')
    }
    if (value !== undefined) fields.keep(name)
  }
  return undefined
}

/** The first that has a value, as text; a second name with the same value is the same fact, others stay unmapped. */
function firstOf(fields: Fields, names: readonly string[]): string | undefined {
  let found: string | undefined
  for (const name of names) {
    const value = fields.any(name)
    const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
    if (text !== undefined && found === undefined) found = text
    else if (value !== undefined && text !== found) fields.keep(name)
  }
  return found
}

function timeOf(text: string | undefined): { ms: number | undefined; text: string | undefined } {
  if (text === undefined) return { ms: undefined, text }
  let ms: number | undefined
  if (/^\d{16}$/.test(text)) ms = Math.floor(Number(text) / 1000)
  else if (/^\d{13}$/.test(text)) ms = Number(text)
  else if (/^\d{9,10}(\.\d{1,9})?$/.test(text)) ms = Math.floor(Number(text) * 1000)
  else ms = parseTime(text)
  return { ms: ms !== undefined && isEventTime(ms) ? ms : undefined, text }
}

function levelOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[0-7]$/.test(text)) return Number(text)
  const word = text.toLowerCase()
  const level = LEVELS.findIndex((name) => word.startsWith(name.slice(0, 4)) || name.startsWith(word.slice(0, 5)))
  return level === -1 ? (word.startsWith('panic') ? 0 : undefined) : level
}

function facilityOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,2}$/.test(text)) return Number(text) < 24 ? Number(text) : undefined
  const facility = FACILITIES.indexOf(text.toLowerCase())
  return facility === -1 ? undefined : facility
}
