import { isIP } from 'node:net'
import type { Attribute } from '../../../ocsf/table.js'
import { isMac, isUuid } from '../../../ocsf/text-formats.js'
import { isObject } from '../fields.js'
import { sourceTime } from '../source-time.js'

/** How a source writes its times. */
export const TIME_FORMATS = [
  'auto',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
  'clf',
  'rfc2822',
] as const
export type TimeFormat = (typeof TIME_FORMATS)[number]

const MS: { readonly [unit: string]: number } = { seconds: 1e3, milliseconds: 1, microseconds: 1e-3, nanoseconds: 1e-6 }

/** The value as the attribute wants it, or undefined if it cannot be that. */
export function convert(value: unknown, attribute: Attribute, time: TimeFormat): unknown {
  if (!attribute.array) return one(value, attribute, time)
  const list = Array.isArray(value) ? value : [value]
  const converted = list.map((entry) => one(entry, attribute, time)).filter((entry) => entry !== undefined)
  return converted.length === 0 ? undefined : converted
}

function one(value: unknown, attribute: Attribute, time: TimeFormat): unknown {
  if (attribute.object !== undefined || attribute.type === 'object_t') return isObject(value) ? value : undefined
  switch (attribute.type) {
    case 'integer_t':
    case 'long_t':
      return attribute.enum === undefined ? integer(value) : (integer(value) ?? captioned(value, attribute.enum))
    case 'port_t':
      return inRange(integer(value), 0, 65_535)
    case 'float_t':
      return number(value)
    case 'boolean_t':
      return boolean(value)
    case 'timestamp_t':
      return timestamp(value, time)
    case 'ip_t':
      return typeof value === 'string' && isIP(value) ? value : undefined
    case 'mac_t':
      return typeof value === 'string' && isMac(value) ? value : undefined
    case 'uuid_t':
      return typeof value === 'string' && isUuid(value) ? value : undefined
    case 'json_t':
      return value
    default:
      return text(value)
  }
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function number(value: unknown): number | undefined {
  const found = typeof value === 'string' && value.trim() !== '' && value.length < 40 ? Number(value) : value
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

function integer(value: unknown): number | undefined {
  const found = number(value)
  return found !== undefined && Number.isSafeInteger(found) ? found : undefined
}

function inRange(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined
}

/** The number of a caption in any case: `Failure`. */
function captioned(value: unknown, captions: ReadonlyMap<number, string>): number | undefined {
  if (typeof value !== 'string') return undefined
  const word = value.toLowerCase()
  for (const [id, caption] of captions) if (caption.toLowerCase() === word) return id
  return undefined
}

const WORDS: { readonly [word: string]: boolean } = {
  true: true,
  yes: true,
  '1': true,
  false: false,
  no: false,
  '0': false,
}

function boolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  const word = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : ''
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const CLF = /^\[?(\d{2})\/([A-Za-z]{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})\]?$/

function timestamp(value: unknown, format: TimeFormat): number | undefined {
  const unit = MS[format]
  if (unit !== undefined) {
    const found = number(value)
    return found === undefined ? undefined : inRange(Math.floor(found * unit), 0, 8.64e15)
  }
  if (format === 'clf') {
    const match = typeof value === 'string' ? CLF.exec(value.slice(0, 64)) : null
    if (match === null) return undefined
    const month = String(MONTHS.indexOf((match[2] as string).toLowerCase()) + 1).padStart(2, '0')
    const ms = Date.parse(`${match[3]}-${month}-${match[1]}T${match[4]}${match[5]}:${match[6]}`)
    return Number.isNaN(ms) ? undefined : ms
  }
  if (format === 'rfc2822') {
    const ms = typeof value === 'string' && value.length < 64 ? Date.parse(value) : Number.NaN
    return Number.isNaN(ms) ? undefined : ms
  }
  const found = sourceTime('time', [value])
  return found.kind === 'ok' ? found.value.time : undefined
}
