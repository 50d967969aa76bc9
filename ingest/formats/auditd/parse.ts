import type { LinePart } from '../../contract.js'
import { JOINED_TYPES, typeName } from './names.js'

/** One audit record: what one line says. */
export type AuditRecord = {
  readonly type: string
  readonly node: string | undefined
  /** The time and serial as written: the same for all records of an event. */
  readonly stamp: string
  readonly serial: string
  /** `key=value` by key; values decoded. Of a key given twice the first counts. */
  readonly fields: Map<string, string>
  /** What auditd added behind 0x1d (log_format = ENRICHED): names of users, groups, calls, by upper-case key. */
  readonly names: Map<string, string>
  /** Words that belong to no key: `avc: denied { write } for`. */
  readonly words: string
  /** Keys somebody looked at; the others become unmapped. */
  readonly read: Set<string>
  /** What was not taken apart, because there was too much of it. */
  readonly rest: string
}

/** Keys taken from one event; far beyond what the kernel writes (an exec of thousands of arguments). */
const MAX_FIELDS = 8_192

const HEADER =
  /(?:^|[\s,])(?:node=(\S{1,255})[\s,]+)?type ?=([A-Za-z0-9_[\]]{1,64}) (?:msg=)?audit\(([^()]{1,48}):(\d{1,20})\) ?:/

/** True if the text has the beginning of an audit record near its own. */
export function looksLikeAudit(text: string): boolean {
  return text.slice(0, 400).includes('audit(') && HEADER.test(text.slice(0, 800))
}

/** Which event a line is a part of (see FormatDefinition.partOf). Reads no further than the header. */
export function auditPartOf(line: string): LinePart | undefined {
  const match = HEADER.exec(line.slice(0, 800))
  if (!match) return undefined
  const [, node = '', type = '', stamp = '', serial = ''] = match
  const name = typeName(type)
  const is_last = name === 'EOE' || name === 'PROCTITLE' || !JOINED_TYPES.has(name)
  // Collectors that join the records themselves put them into one line.
  const is_whole = is_last || line.includes(`audit(${stamp}:${serial})`, match.index + match[0].length)
  return { event: `${node}\n${stamp}:${serial}`, is_last: is_whole }
}

/** The records of a text: one a line, or several of one event in a line. Lines that are none are left out and counted. */
export function parseAudit(text: string): { records: AuditRecord[]; stray: number } {
  const records: AuditRecord[] = []
  let stray = 0
  let room = MAX_FIELDS
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    if (end === start) {
      start++
      continue
    }
    const found = recordsOf(text.slice(start, end), room)
    if (found.length === 0 && text.slice(start, end).trim() !== '') stray++
    for (const record of found) {
      room -= record.fields.size
      records.push(record)
    }
    start = end + 1
  }
  return { records, stray }
}

function recordsOf(line: string, room: number): AuditRecord[] {
  const first = HEADER.exec(line.slice(0, 800))
  if (!first) return []
  const records: AuditRecord[] = []
  const marker = ` audit(${first[3]}:${first[4]})`.slice(1)
  let header: RegExpExecArray | null = first
  let body = first.index + first[0].length
  while (header) {
    // The next record of the same event in this line begins at its own header with the same stamp.
    let next: RegExpExecArray | null = null
    let next_at = line.length
    for (let at = line.indexOf(marker, body); at !== -1 && !next; at = line.indexOf(marker, at + 1)) {
      const from = Math.max(body, at - 340)
      const found = HEADER.exec(line.slice(from, at + marker.length + 2))
      if (found && from + found.index + found[0].length >= at) {
        next = found
        next_at = from + found.index
      }
    }
    records.push(recordOf(header, line.slice(body, next_at), room))
    if (!next) break
    body = next_at + next[0].length
    header = next
    if (records.length >= 1024) break
  }
  return records
}

function recordOf(header: RegExpExecArray, body: string, room: number): AuditRecord {
  const [whole, node, type = '', stamp = '', serial = ''] = header
  const record: AuditRecord = {
    type: typeName(type),
    node: node === undefined || node === '' ? undefined : node,
    stamp,
    serial,
    fields: new Map(),
    names: new Map(),
    words: '',
    read: new Set(),
    rest: '',
  }
  // ausearch -i and ausearch --format text separate the colon, and write dates.
  const is_interpreted = whole.endsWith(' :') || !/^\d+(\.\d+)?$/.test(stamp)
  const { own, names } = splitNames(body)
  const scan: Scan = { record, is_interpreted, words: [], room, rest: '' }
  const nested = nestedMessage(own)
  if (nested) {
    scanPairs(nested.before, scan, record.fields)
    scanPairs(nested.message, scan, record.fields)
    scanPairs(nested.after, scan, record.fields)
  } else scanPairs(own, scan, record.fields)
  if (names !== undefined) scanPairs(names, { ...scan, words: [] }, record.names)
  return { ...record, words: scan.words.join(' '), rest: scan.rest }
}

/** The separator as it is, as JSON-ish escapes leave it, and as rsyslog writes it. */
const SEPARATORS = ['\x1d', '\\u001D', '\\u001d', '#035'] as const

function splitNames(body: string): { own: string; names: string | undefined } {
  for (const separator of SEPARATORS) {
    const at = body.indexOf(separator)
    if (at !== -1) return { own: body.slice(0, at), names: body.slice(at + separator.length) }
  }
  return { own: body, names: undefined }
}

/** `msg='...'` of user space programs: its keys belong to the record. A missing end quote was cut off. */
function nestedMessage(body: string): { before: string; message: string; after: string } | undefined {
  const at = body.indexOf("msg='")
  if (at === -1) return undefined
  const end = body.lastIndexOf("'")
  const cut = end > at + 4 ? end : body.length
  return { before: body.slice(0, at), message: body.slice(at + 5, cut), after: body.slice(cut + 1) }
}

type Scan = {
  readonly record: AuditRecord
  readonly is_interpreted: boolean
  readonly words: string[]
  readonly room: number
  rest: string
}

const MAX_KEY = 64
const EXECVE_KEY = /(?:argc|a\d{1,5}(?:\[\d{1,5}\]|_len)?)=/y

/** Where the `=` behind a key stands that begins at `from`; -1 if none begins there. */
function keyEnd(text: string, from: number): number {
  const end = Math.min(text.length, from + MAX_KEY + 1)
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
    if (isLetter) continue
    if (code === 61) return at > from ? at : -1
    // Digits, `-`, `.` and brackets may follow the first letter.
    const mayFollow = (code >= 48 && code <= 57) || code === 45 || code === 46 || code === 91 || code === 93
    if (at === from || !mayFollow) return -1
  }
  return -1
}

/** The same for the keys of an argument list: an interpreted argument may look like `x=1`. */
function argumentEnd(text: string, from: number): number {
  EXECVE_KEY.lastIndex = from
  const match = EXECVE_KEY.exec(text)
  return match ? from + match[0].length - 1 : -1
}

function scanPairs(text: string, scan: Scan, into: Map<string, string>) {
  const isExecve = scan.record.type === 'EXECVE' && into === scan.record.fields
  let last: string | undefined
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at)
    // Blanks, commas between pairs, and the parentheses of old records.
    if (code === 32 || code === 9 || code === 44 || code === 40) {
      at++
      continue
    }
    if (into.size >= scan.room) {
      scan.rest = text.slice(at)
      return
    }
    const equals = isExecve ? argumentEnd(text, at) : keyEnd(text, at)
    if (equals === -1) {
      const end = wordEnd(text, at)
      const word = text.slice(at, end)
      at = end
      // In interpreted and older records a value may have several words.
      const value = last === undefined ? undefined : into.get(last)
      if (last === undefined || value === undefined) {
        if (scan.words.length < 256) scan.words.push(word)
      } else if (value.length < 65_536) into.set(last, value === '' ? word : `${value} ${word}`)
      continue
    }
    const key = text.slice(at, equals)
    const { value, end, quoted } = valueAt(text, equals + 1, key)
    at = end
    if (!into.has(key)) into.set(key, quoted || scan.is_interpreted ? value : decoded(scan.record.type, key, value))
    last = quoted ? undefined : key
  }
}

function wordEnd(text: string, from: number): number {
  let end = text.indexOf(' ', from)
  if (end === -1) end = text.length
  return end
}

function valueAt(text: string, from: number, key: string): { value: string; end: number; quoted: boolean } {
  const open = text[from]
  if (open === '"') {
    // auoms does not escape quotes inside of a command line.
    const close = key === 'cmdline' ? text.lastIndexOf('"') : text.indexOf('"', from + 1)
    if (close > from) return { value: text.slice(from + 1, close), end: close + 1, quoted: true }
    return { value: text.slice(from + 1), end: text.length, quoted: true }
  }
  if (open === '{' || open === '[') {
    const close = text.indexOf(open === '{' ? '}' : '"]', from)
    if (close !== -1) {
      const end = close + (open === '{' ? 1 : 2)
      return { value: text.slice(from, end), end, quoted: true }
    }
  }
  const end = wordEnd(text, from)
  // Old records put pairs between parentheses and commas.
  let stop = end
  if (text.charCodeAt(stop - 1) === 44 && stop > from) stop--
  if (text.charCodeAt(stop - 1) === 41 && stop > from) {
    const value = text.slice(from, stop)
    if (!value.includes('(')) stop--
  }
  return { value: text.slice(from, stop), end, quoted: false }
}

/** Fields the kernel and user space programs write in hexadecimal when they contain blanks, quotes or control characters. */
const ENCODED = new Set(
  'acct cmd comm cwd data dir exe grp key name new_group ocomm old-disk new-disk path proctitle unit vm root_dir watch ID old_name file xattr reason id-name ROOT'.split(
    ' ',
  ),
)
const HEX = /^(?:[0-9A-Fa-f]{2})+$/
const ARGUMENT = /^a\d{1,5}(?:\[\d{1,5}\])?$/

function decoded(type: string, key: string, value: string): string {
  if (value.length < 2 || value.length % 2 === 1) return value
  const first = key.charCodeAt(0)
  const is_encoded = ENCODED.has(key) || (first >= 65 && first <= 90) || (type === 'EXECVE' && ARGUMENT.test(key))
  if (!is_encoded || !HEX.test(value)) return value
  const bytes = Buffer.from(value, 'hex')
  if (key === 'proctitle') return titleOf(bytes)
  const text = bytes.toString('utf8')
  // A number that happens to be hexadecimal is not text.
  if (key !== 'key' && /^\d+$/.test(value) && !isPrintable(text)) return value
  if (key === 'key') return text.replaceAll('\x01', ',')
  return text.replace(/\0.*$/s, '')
}

/** A title as one line: arguments end with NUL, and long ones are padded with it. */
function titleOf(bytes: Buffer): string {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  for (let at = bytes.indexOf(0); at !== -1 && at < end; at++) if (bytes[at] === 0) bytes[at] = 32
  return bytes.toString('utf8', 0, end)
}

function isPrintable(text: string): boolean {
  for (let n = 0; n < text.length; n++) {
    const code = text.charCodeAt(n)
    if ((code < 32 && code !== 9 && code !== 10 && code !== 0) || code === 0xfffd) return false
  }
  return true
}

/** Text the log uses for "no value". */
const NOTHING = new Set(['', '?', '(none)', '(null)', 'unset', '(unset)', '4294967295', '18446744073709551615'])

/** The value of a key, marked as read; undefined where the record says that there is none. */
export function take(record: AuditRecord | undefined, key: string): string | undefined {
  if (!record) return undefined
  const value = record.fields.get(key)
  if (value === undefined) return undefined
  record.read.add(key)
  return NOTHING.has(value) ? undefined : value
}

/** Microsoft's audit agent joins the records of an event into one, and names users beside their numbers. */
export function isAuoms({ type }: AuditRecord): boolean {
  return type.startsWith('AUOMS_')
}

const AUOMS_NAMES: { readonly [key: string]: string } = {
  uid: 'user',
  gid: 'group',
  auid: 'audit_user',
  euid: 'effective_user',
  egid: 'effective_group',
  ouid: 'o_user',
  ogid: 'owner_group',
}

/** What auditd resolved for a key (`UID` for `uid`), marked as read. */
export function nameFor(record: AuditRecord | undefined, key: string): string | undefined {
  const upper = key.toUpperCase()
  const alias = record !== undefined && isAuoms(record) ? AUOMS_NAMES[key] : undefined
  if (alias !== undefined) return take(record, alias)
  const name = record?.names.get(upper)
  if (record === undefined || name === undefined) return undefined
  record.read.add(`${upper}=`)
  return NOTHING.has(name) || name.startsWith('unknown(') ? undefined : name
}

/** A whole number, as text in the record. Undefined, and left to be unmapped, if it is none. */
export function takeInteger(record: AuditRecord | undefined, key: string): number | undefined {
  const text = record?.fields.get(key)
  if (record === undefined || text === undefined || !/^-?\d{1,10}$/.test(text) || NOTHING.has(text)) {
    if (text !== undefined && NOTHING.has(text)) record?.read.add(key)
    return undefined
  }
  const number = Number(text)
  if (number > 2_147_483_647 || number < -2_147_483_648) return undefined
  record.read.add(key)
  return number
}
