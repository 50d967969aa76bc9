import { z } from 'zod'
import { type Outcome, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat, type FormatContext } from '../contract.js'
import { isObject, kindOf } from './fields.js'
import { logEventOutcome } from './windows/draft.js'
import { eventOfXml } from './windows/event.js'
import { eventOfObject } from './windows/log-event.js'
import { windowsMapping } from './windows/mapping.js'

const MAX_CHARS = 1024 * 1024

/** True if a text holds an event of Sysmon for Linux. */
export function holdsSysmon(text: string): boolean {
  const at = text.indexOf('<Event')
  return at !== -1 && at < 600 && text.slice(at, at + 800).includes('Linux-Sysmon')
}

/** The event of a text that holds Sysmon's XML, as syslog and the journal carry it. */
export function sysmonOutcome(text: string, context: FormatContext): Outcome<EventDraft[]> {
  if (text.length > MAX_CHARS) return reject('too_long', `${text.length} characters, at most ${MAX_CHARS} are read`)
  const event = eventOfXml(text)
  if (!event) return reject('not_sysmon', `expected <Event><System>..., found ${kindOf(text)}`)
  return logEventOutcome(event, {}, context)
}

/** Events of Sysmon for Linux: XML alone or in a syslog line, or as JSON. */
export const sysmonLinux = defineFormat({
  name: 'sysmon_linux',
  summary: 'Sysmon for Linux (XML alone, in syslog lines, or JSON): processes, connections, files',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: windowsMapping,
  detect(record) {
    if (typeof record === 'string') return holdsSysmon(record) ? 0.98 : 0
    if (!isObject(record)) return 0
    const { SyslogMessage, MESSAGE, message } = record
    return [SyslogMessage, MESSAGE, message].some((text) => typeof text === 'string' && holdsSysmon(text)) ||
      record.Provider === 'Linux-Sysmon' ||
      record.Channel === 'Linux-Sysmon/Operational'
      ? 0.98
      : 0
  },
  create: () => (record, context) => {
    if (typeof record !== 'string') return reject('not_sysmon', `expected text, found ${kindOf(record)}`)
    if (!/^\s*\{/.test(record.slice(0, 100))) return sysmonOutcome(record, context)
    return objectOutcome(record, context)
  },
})

function objectOutcome(text: string, context: FormatContext): Outcome<EventDraft[]> {
  if (text.length > MAX_CHARS) return reject('too_long', `${text.length} characters, at most ${MAX_CHARS} are read`)
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return reject('invalid_json', 'begins as a JSON object, and is none')
  }
  if (!isObject(record)) return reject('not_sysmon', `expected an object, found ${kindOf(record)}`)
  for (const inner of [record.SyslogMessage, record.MESSAGE, record.message]) {
    if (typeof inner === 'string' && holdsSysmon(inner)) return sysmonOutcome(inner, context)
  }
  const event = eventOfObject(record)
  return event ? logEventOutcome(event, {}, context) : reject('not_sysmon', 'no EventID and provider were found')
}
