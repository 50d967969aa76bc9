import { isIp } from '../../ocsf/text-formats.js'
import type { Fields, JsonRecord } from './fields.js'
import { setOwn } from './fields.js'

const SPACE = 32
const SPACES = / +/y
const BACKSLASH = 92

/**
 * The words of an access log's line: cut at spaces, except inside `"..."` and `[...]`. A quote inside a quoted word is
 * written `\"`, or by S3 as it is: a quote ends a word only before a space or at the end of the line.
 */
export function accessWords(line: string, max = 64): string[] {
  const words: string[] = []
  let at = 0
  while (words.length < max) {
    if (line.charCodeAt(at) === SPACE) {
      SPACES.lastIndex = at
      if (SPACES.test(line)) at = SPACES.lastIndex
    }
    if (at >= line.length) break
    const first = line[at]
    // `[2001:db8::7]:443` is an address with its port, and a word as any other.
    const isBracket = first === '[' && line[line.indexOf(']', at) + 1] !== ':'
    const closing = first === '"' ? '"' : isBracket ? ']' : undefined
    const end = closing === undefined ? line.indexOf(' ', at) : closeOf(line, at + 1, closing)
    const stop = end < 0 ? line.length : end
    words.push(closing === undefined ? line.slice(at, stop) : line.slice(at + 1, stop))
    at = closing === undefined ? stop + 1 : stop + 2
  }
  return words
}

function closeOf(line: string, from: number, closing: string): number {
  const end = `${closing} `
  for (let at = line.indexOf(end, from); at >= 0; at = line.indexOf(end, at + 1)) {
    if (line.charCodeAt(at - 1) !== BACKSLASH) return at
  }
  const last = line.length - 1
  return last >= from && line[last] === closing && line.charCodeAt(last - 1) !== BACKSLASH ? last : -1
}

/** Fields by plain names (`request_uri`, `requestURI` and `RequestUri` are `requesturi`), and what else they are called. */
export type RowNames = { readonly known: ReadonlySet<string>; readonly aliases: { readonly [plain: string]: string } }

/** A JSON row under plain names; `-` is no value. Names that are none of the log's stay as they are. */
export function plainRow(record: JsonRecord, { known, aliases }: RowNames): JsonRecord {
  const row: JsonRecord = {}
  for (const name of Object.keys(record)) {
    const value = record[name]
    if (value === '-') continue
    const plain = name.length > 64 ? name : name.replace(/[-_]/g, '').toLowerCase()
    const key = known.has(plain) ? plain : Object.hasOwn(aliases, plain) ? (aliases[plain] as string) : name
    setOwn(row, Object.hasOwn(row, key) ? name : key, value)
  }
  return row
}

/** A line's words under the names of its columns; more words than columns stay as `column_30` and so on. */
export function wordRow(words: readonly string[], columns: readonly string[]): JsonRecord {
  const row: JsonRecord = {}
  for (let n = 0; n < words.length; n++) {
    const word = words[n]
    if (word !== '-' && word !== '') row[columns[n] ?? `column_${n + 1}`] = word
  }
  return row
}

/** A text, or a number as text; an object from a stranger may not even become text. */
export function wordOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : undefined
}

/** An address; what is none stays unmapped. */
export function ipField(row: Fields, key: string): string | undefined {
  const text = row.text(key)
  if (text === undefined || isIp(text)) return text
  row.keep(key)
  return undefined
}

/** `203.0.113.7:443` and `[2001:db8::7]:443`: an address with its port; what is none stays unmapped. */
export function addressAndPort(row: Fields, key: string) {
  const text = row.text(key)
  if (text === undefined) return undefined
  const colon = text.lastIndexOf(':')
  const host = text.slice(0, colon < 0 ? text.length : colon).replace(/^\[|\]$/g, '')
  const port = colon < 0 ? undefined : Number(text.slice(colon + 1))
  if (!isIp(host) || (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))) {
    row.keep(key)
    return undefined
  }
  return port === undefined ? { ip: host } : { ip: host, port }
}

/** `GET /a?b HTTP/1.1`, as access logs quote it. */
export function requestLine(text: string | undefined): { method?: string; target?: string; version?: string } {
  if (text === undefined) return {}
  const first = text.indexOf(' ')
  const last = text.lastIndexOf(' ')
  if (first < 1) return { target: text }
  const hasVersion = last > first && text.startsWith('HTTP/', last + 1)
  // What could not be read of a malformed request is `-`: `- http://host:80- -`.
  if (text.startsWith('- ')) {
    const target = text.slice(first + 1, text.endsWith(' -') ? last : text.length)
    return target === '-' || target === '' ? {} : { target }
  }
  return {
    method: text.slice(0, first),
    target: text.slice(first + 1, hasVersion ? last : text.length),
    ...(hasVersion ? { version: text.slice(last + 1).trim() } : {}),
  }
}
