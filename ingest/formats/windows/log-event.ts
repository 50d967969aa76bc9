import { isObject, type JsonRecord } from '../fields.js'
import { dataOf, eventOfXml, type LogEvent, textValues } from './event.js'

/** The event an object holds: flat rows, Log Analytics tables, winlogbeat, evtx exports, Wazuh. Undefined if none. */
export function eventOfObject(record: JsonRecord): LogEvent | undefined {
  if (isObject(record.winlog)) return winlogbeat(record, record.winlog)
  if (isObject(record.Event) && isObject(record.Event.System)) return exported(record.Event, record.Event.System)
  if (isObject(record.win) && isObject(record.win.system)) return exported(record.win, record.win.system)
  if (typeof record.xml === 'string') return eventOfXml(record.xml)
  return flat(record)
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}

function idOf(value: unknown): number | undefined {
  const inner = isObject(value) ? (value['#text'] ?? value.text) : value
  const id = typeof inner === 'string' && /^\d{1,5}$/.test(inner) ? Number(inner) : inner
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 65_535 ? id : undefined
}

function levelOf(value: unknown): number | undefined {
  const level = Number(textOf(value) ?? Number.NaN)
  return Number.isInteger(level) ? level : undefined
}

function winlogbeat(record: JsonRecord, winlog: JsonRecord): LogEvent | undefined {
  const id = idOf(winlog.event_id)
  const provider = textOf(winlog.provider_name) ?? textOf(winlog.channel)
  if (id === undefined || provider === undefined) return undefined
  const data = textValues(winlog.event_data)
  if (isObject(winlog.user_data)) textValues(winlog.user_data, data)
  const { winlog: _, '@timestamp': time, ...others } = record
  const { event_id, provider_name, channel, computer_name, record_id, event_data, user_data, ...rest } = winlog
  return {
    provider,
    channel: textOf(channel) ?? provider,
    id,
    computer: textOf(computer_name),
    time: textOf(time),
    record_id: textOf(record_id),
    level: undefined,
    data,
    unmapped: { ...others, ...prefixed('winlog', rest) },
  }
}

function prefixed(prefix: string, record: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [`${prefix}.${key}`, value]))
}

/** XML turned into an object: `#attributes` (evtx_dump), `@Name` (xmltodict), camel case (Wazuh). */
function exported(event: JsonRecord, system: JsonRecord): LogEvent | undefined {
  const named = (element: unknown, name: string) => {
    if (!isObject(element)) return textOf(element)
    const attributes = isObject(element['#attributes']) ? element['#attributes'] : element
    return textOf(attributes[name]) ?? textOf(attributes[`@${name}`])
  }
  const id = idOf(system.EventID ?? system.eventID)
  const provider = named(system.Provider, 'Name') ?? textOf(system.providerName)
  if (id === undefined || provider === undefined) return undefined
  const values = event.EventData ?? event.eventdata ?? event.UserData
  const data = isObject(values) && Array.isArray(values.Data) ? listed(values.Data) : capitalised(textValues(values))
  return {
    provider,
    channel: textOf(system.Channel ?? system.channel) ?? provider,
    id,
    computer: textOf(system.Computer ?? system.computer),
    time: named(system.TimeCreated, 'SystemTime') ?? textOf(system.systemTime),
    record_id: textOf(system.EventRecordID ?? system.eventRecordID),
    level: levelOf(system.Level ?? system.level),
    data,
    unmapped: {},
  }
}

function listed(list: readonly unknown[]): Map<string, string> {
  const data = new Map<string, string>()
  for (const [n, entry] of list.slice(0, 512).entries()) {
    if (!isObject(entry)) {
      const text = textOf(entry)
      if (text !== undefined) data.set(`Data${n}`, text)
      continue
    }
    const attributes = isObject(entry['#attributes']) ? entry['#attributes'] : entry
    const name = textOf(attributes.Name ?? attributes['@Name']) ?? `Data${n}`
    const text = textOf(entry['#text'] ?? entry.text ?? entry.content)
    if (text !== undefined) data.set(name, text)
  }
  return data
}

/** Wazuh begins names with a small letter: `targetUserName`. */
function capitalised(data: Map<string, string>): Map<string, string> {
  return new Map([...data].map(([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), value]))
}

/** Where flat rows keep what is not a value of the event. */
const HEAD = {
  provider: ['Provider', 'ProviderName', 'EventSourceName', 'SourceName', 'source_name', 'Source'],
  channel: ['Channel', 'EventLog', 'log_name', 'LogName'],
  computer: ['Computer', 'Hostname', 'host_name', 'MachineName', 'computer_name'],
  time: ['TimeGenerated', 'EventTime', 'TimeCreated', '@timestamp', 'UtcTime'],
  record_id: ['RecordNumber', 'EventRecordID', 'RecordId', 'EventOriginId'],
  level: ['Level', 'EventLevel'],
} as const

function flat(record: JsonRecord): LogEvent | undefined {
  const id = idOf(record.EventID ?? record.EventId ?? record.event_id)
  if (id === undefined) return undefined
  const used = new Set(['EventID', 'EventId', 'event_id'])
  const first = (names: readonly string[]) => {
    let found: string | undefined
    for (const name of names) {
      const text = textOf(record[name])
      if (text === undefined) continue
      if (found === undefined) used.add(name)
      found ??= text
    }
    return found
  }
  const level = levelOf(first(HEAD.level))
  const time = first(HEAD.time)
  const record_id = first(HEAD.record_id)
  const computer = first(HEAD.computer)
  const provider = first(HEAD.provider)
  const channel = first(HEAD.channel)
  if (computer === undefined && provider === undefined && channel === undefined) return undefined
  const data = nestedData(record, used)
  const unmapped: JsonRecord = {}
  for (const [key, value] of Object.entries(record)) {
    if (used.has(key) || value === null || value === '') continue
    // A Log Analytics column of another type than before gets its type as a suffix.
    const name = key.replace(/_(string|dynamic|long|int)$/, '')
    const text = textOf(value) ?? (typeof value === 'boolean' ? String(value) : undefined)
    if (text !== undefined && !data.has(name) && data.size < 512) data.set(name, text)
    else if (text === undefined) unmapped[key] = value
  }
  return {
    provider: provider ?? channelProvider(channel, id),
    channel: channel ?? provider ?? 'Security',
    id,
    computer,
    time,
    record_id,
    level,
    data,
    unmapped,
  }
}

function channelProvider(channel: string | undefined, id: number): string {
  if (channel !== undefined && channel !== 'Security') return channel
  return id >= 4608 && id <= 6500 ? 'Microsoft-Windows-Security-Auditing' : (channel ?? 'Windows')
}

/** `EventData` as XML, as JSON text, or as an object. */
function nestedData(record: JsonRecord, used: Set<string>): Map<string, string> {
  const { EventData } = record
  if (isObject(EventData)) {
    used.add('EventData')
    return textValues(EventData)
  }
  if (typeof EventData !== 'string' || EventData.length > 1_000_000) return new Map()
  if (EventData.includes('<Data')) {
    used.add('EventData')
    return dataOf(EventData)
  }
  if (!EventData.startsWith('{')) return new Map()
  try {
    const parsed: unknown = JSON.parse(EventData)
    if (isObject(parsed)) {
      used.add('EventData')
      return textValues(parsed)
    }
  } catch {
    // Not JSON after all: it stays as it is.
  }
  return new Map()
}
