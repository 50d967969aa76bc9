import { isObject, type JsonRecord } from '../fields.js'

/** An event of Windows' or Sysmon's log, whatever notation carried it. */
export type LogEvent = {
  readonly provider: string
  readonly channel: string
  readonly id: number
  readonly computer: string | undefined
  /** As written; UTC. */
  readonly time: string | undefined
  readonly record_id: string | undefined
  /** 1 critical to 5 verbose; 0 for audit events. */
  readonly level: number | undefined
  /** Named values of the event, as text. */
  readonly data: Map<string, string>
  /** What stands around it and has no place above. */
  readonly unmapped: JsonRecord
}

const ENTITIES: { readonly [name: string]: string } = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Text of an XML element: entities resolved. */
function unescapeXml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));/g, (whole, name, decimal, hex) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole
  })
}

const MAX_DATA = 512

/** `<Data Name="Image">/bin/sh</Data>`, in the order they stand. Reads from `from` and in one pass. */
export function dataOf(xml: string, from = 0): Map<string, string> {
  const data = new Map<string, string>()
  for (let at = xml.indexOf('<Data', from); at !== -1 && data.size < MAX_DATA; at = xml.indexOf('<Data', at)) {
    const open = xml.indexOf('>', at)
    if (open === -1) break
    const tag = xml.slice(at, Math.min(open, at + 200))
    const name = /\bName=["']([^"']{1,128})["']/.exec(tag)?.[1]
    if (xml[open - 1] === '/') {
      at = open
      continue
    }
    const close = xml.indexOf('</Data>', open)
    if (close === -1) break
    const key = name ?? `Data${data.size}`
    if (tag.startsWith('<Data ') || tag === '<Data') data.set(key, unescapeXml(xml.slice(open + 1, close)))
    at = close
  }
  return data
}

/** The text of the first element of this name; undefined if there is none or it is empty. */
function elementOf(xml: string, name: string): string | undefined {
  const open = xml.indexOf(`<${name}`)
  if (open === -1) return undefined
  const end = xml.indexOf('>', open)
  const close = xml.indexOf(`</${name}>`, open)
  if (end === -1 || close === -1 || xml[end - 1] === '/' || end > close) return undefined
  return unescapeXml(xml.slice(end + 1, close)) || undefined
}

function attributeOf(xml: string, element: string, name: string): string | undefined {
  const open = xml.indexOf(`<${element}`)
  if (open === -1) return undefined
  const tag = xml.slice(open, Math.min(xml.indexOf('>', open) + 1 || open + 1, open + 1000))
  return new RegExp(`\\b${name}=["']([^"']{1,300})["']`).exec(tag)?.[1]
}

/** An event in the XML that Windows and Sysmon for Linux write. Undefined if it is none. */
export function eventOfXml(xml: string): LogEvent | undefined {
  const start = xml.indexOf('<Event')
  const system = start === -1 ? -1 : xml.indexOf('<System', start)
  if (system === -1 || system - start > 2000) return undefined
  const end = xml.indexOf('</System>', system)
  if (end === -1 || end - system > 20_000) return undefined
  const head = xml.slice(system, end)
  const id = Number(elementOf(head, 'EventID'))
  const provider = attributeOf(head, 'Provider', 'Name')
  if (!Number.isInteger(id) || id < 0 || id > 65_535 || provider === undefined) return undefined
  const level = Number(elementOf(head, 'Level'))
  const unmapped: JsonRecord = {}
  for (const name of ['Version', 'Task', 'Opcode', 'Keywords']) {
    const value = elementOf(head, name)
    if (value !== undefined) unmapped[`System.${name}`] = value
  }
  const security = attributeOf(head, 'Security', 'UserI[dD]')
  if (security !== undefined) unmapped['System.Security.UserId'] = security
  return {
    provider,
    channel: elementOf(head, 'Channel') ?? provider,
    id,
    computer: elementOf(head, 'Computer'),
    time: attributeOf(head, 'TimeCreated', 'SystemTime'),
    record_id: elementOf(head, 'EventRecordID'),
    level: Number.isInteger(level) ? level : undefined,
    data: dataOf(xml, end),
    unmapped,
  }
}

/** Values of an object as text by name; nested ones are left to the caller. */
export function textValues(record: unknown, into = new Map<string, string>()): Map<string, string> {
  if (!isObject(record)) return into
  for (const [key, value] of Object.entries(record)) {
    if (into.size >= MAX_DATA) break
    if (typeof value === 'string') into.set(key, value)
    else if (typeof value === 'number' || typeof value === 'boolean') into.set(key, String(value))
  }
  return into
}
