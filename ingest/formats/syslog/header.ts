import { parseTime } from '../time.js'

/** One syslog message, whatever notation carried it. */
export type SyslogMessage = {
  readonly notation: 'RFC 5424' | 'RFC 3164' | 'JSON'
  readonly facility: number | undefined
  /** 0 emergency to 7 debug. */
  readonly level: number | undefined
  /** ms since 1970; undefined if the message has none. */
  readonly time: number | undefined
  readonly original_time: string | undefined
  readonly hostname: string | undefined
  readonly app: string | undefined
  readonly pid: number | undefined
  readonly message_id: string | undefined
  /** Structured data as `id.name`. */
  readonly data: ReadonlyMap<string, string>
  readonly text: string
}

/** Names of facilities by number. */
export const FACILITIES: readonly string[] =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console solaris-cron local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  )
export const LEVELS: readonly string[] = 'emerg alert crit err warning notice info debug'.split(' ')

/** The message of a line, or undefined if it has no syslog header. `received_time` gives the year where there is none. */
export function parseLine(line: string, received_time: number): SyslogMessage | undefined {
  // Octet counting of RFC 6587, and what a shell or an exporter left in front.
  const counted = /^\s{0,8}\d{1,7} (?=<\d{1,3}>)/.exec(line.slice(0, 40))
  let at = counted ? counted[0].length : skipBlanks(line, 0)
  const priority = /^<(\d{1,3})>/.exec(line.slice(at, at + 8))
  const number = priority ? Number(priority[1]) : undefined
  if (number !== undefined && number > 191) return undefined
  if (priority) at += priority[0].length
  const facility = number === undefined ? undefined : number >> 3
  const level = number === undefined ? undefined : number & 7
  const rest = line.slice(at)
  return parse5424(rest, facility, level) ?? parse3164(rest, facility, level, received_time)
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9) at++
  return at
}

const HEAD_5424 = /^1 (\S{1,48}) (\S{1,255}) (\S{1,128}) (\S{1,128}) (\S{1,64}) /

function parse5424(rest: string, facility: number | undefined, level: number | undefined): SyslogMessage | undefined {
  // Without structured data and message a line may end behind the message id.
  const match = HEAD_5424.exec(`${rest.slice(0, 800)} `)
  if (!match) return undefined
  const [whole, stamp = '-', host = '-', app = '-', procid = '-', msgid = '-'] = match
  const time = stamp === '-' ? undefined : parseTime(stamp)
  if (stamp !== '-' && time === undefined) return undefined
  const { data, end } = structuredData(rest, whole.length)
  const text = rest.slice(end).replace(/^ ?(?:\ufeff|\u00ef\u00bb\u00bf)?/, '')
  return {
    notation: 'RFC 5424',
    facility,
    level,
    time,
    original_time: nilOf(stamp),
    hostname: nilOf(host),
    app: nilOf(app),
    pid: pidOf(procid),
    message_id: nilOf(msgid),
    data: pidOf(procid) === undefined && procid !== '-' ? new Map([...data, ['procid', procid]]) : data,
    text,
  }
}

function nilOf(text: string): string | undefined {
  return text === '-' ? undefined : text
}

function pidOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : undefined
}

const MAX_PARAMETERS = 1024

/** `[id name="value" ...][id2 ...]` or `-`, from `at` on. */
function structuredData(text: string, from: number): { data: Map<string, string>; end: number } {
  const data = new Map<string, string>()
  let at = from
  if (text[at] === '-') return { data, end: at + 1 }
  while (text[at] === '[' && data.size < MAX_PARAMETERS) {
    const id = /^\[([^ =\]"]{1,64})/.exec(text.slice(at, at + 70))?.[1]
    if (id === undefined) break
    at += id.length + 1
    for (;;) {
      const parameter = /^ ([^ =\]"]{1,64})="/.exec(text.slice(at, at + 70))
      if (!parameter || data.size >= MAX_PARAMETERS) break
      const { value, end } = quoted(text, at + parameter[0].length)
      data.set(`${id}.${parameter[1]}`, value)
      at = end
    }
    if (text[at] !== ']') break
    at++
  }
  return { data, end: at }
}

function quoted(text: string, from: number): { value: string; end: number } {
  let value = ''
  let start = from
  for (let at = from; at < text.length; at++) {
    const character = text[at]
    if (character === '"') return { value: value + text.slice(start, at), end: at + 1 }
    if (character === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\' || text[at + 1] === ']')) {
      value += text.slice(start, at)
      start = at + 1
      at++
    }
  }
  return { value: value + text.slice(start), end: text.length }
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const BSD_TIME =
  /^(?:[*.])?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?: (\d{4}))?:? {1,4}/
const ISO_TIME = /^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?) {1,4}/
/** `sshd[123]:`, `su(pam_unix)[12]:`, `postfix/smtpd[1]:`, `kernel:`. */
const TAG = /^([A-Za-z0-9_.\-/@+]{1,96})(\([\w.\-:]{1,64}\))?(?:\[([^\]\s]{1,64})\])?: ?/

function parse3164(
  rest: string,
  facility: number | undefined,
  level: number | undefined,
  received_time: number,
): SyslogMessage | undefined {
  const head = rest.slice(0, 600)
  const bsd = BSD_TIME.exec(head)
  const iso = bsd ? null : ISO_TIME.exec(head)
  const stamp = bsd?.[0] ?? iso?.[0]
  if (stamp === undefined) {
    // A device may leave out everything behind the priority; without a priority it is no syslog.
    if (level === undefined) return undefined
  }
  const time = bsd ? bsdTime(bsd, received_time) : iso ? parseTime(iso[1] ?? '') : undefined
  if (stamp !== undefined && time === undefined) return undefined
  const behind = rest.slice(stamp?.length ?? 0)
  const host = stamp === undefined ? null : /^(\S{1,255}) +/.exec(behind.slice(0, 300))
  const untagged = host ? behind.slice(host[0].length) : behind
  // Some senders leave out the host name: what follows the time is the tag then.
  const hostIsTag = host?.[1]?.endsWith(':') === true
  const tagged = hostIsTag ? behind : untagged
  const tag = TAG.exec(tagged.slice(0, 300))
  const pid = pidOf(tag?.[3])
  const service = tag?.[2]
  return {
    notation: 'RFC 3164',
    facility,
    level,
    time,
    original_time: stamp?.trim().replace(/:$/, ''),
    hostname: hostIsTag ? undefined : host?.[1],
    app: tag?.[1],
    pid,
    message_id: undefined,
    data: new Map(tag?.[3] !== undefined && pid === undefined ? [['procid', tag[3]]] : []),
    // `su(pam_unix)[1]: text` is what newer systems write as `su[1]: pam_unix(su:...): text`.
    text: (service === undefined ? '' : `${service.slice(1, -1)}: `) + tagged.slice(tag?.[0].length ?? 0),
  }
}

/** The year is left out: the latest one in which the message is not from tomorrow. */
function bsdTime(match: RegExpExecArray, received_time: number): number | undefined {
  const [, month = '', day = '', year_before, clock, fraction = '0', year_behind] = match
  const number = String(MONTHS.indexOf(month) / 3 + 1).padStart(2, '0')
  const given = year_before ?? year_behind
  const of = (year: number) =>
    parseTime(`${String(year).padStart(4, '0')}-${number}-${day.padStart(2, '0')}T${clock}.${fraction}`)
  if (given !== undefined) return of(Number(given))
  const year = new Date(received_time).getUTCFullYear()
  const time = of(year)
  // 29 February exists in one year of four.
  if (time === undefined) return of(year - 1) ?? of(year - 2) ?? of(year - 3)
  return time > received_time + 86_400_000 ? (of(year - 1) ?? time) : time
}
