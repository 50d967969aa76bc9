import { z } from 'zod'
import { type Outcome, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat, type FormatContext } from '../contract.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { logEventOutcome } from './windows/draft.js'
import { eventOfXml } from './windows/event.js'
import { eventOfObject } from './windows/log-event.js'
import { windowsMapping } from './windows/mapping.js'

const MAX_CHARS = 1024 * 1024

/** Events of Windows' logs: the Security log and Sysmon by number, every other provider as what an application said. */
export const windowsEvent = defineFormat({
  name: 'windows_event',
  summary: 'Windows event log (XML, winlogbeat, Log Analytics, evtx exports): Security log and Sysmon by event number',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: windowsMapping,
  detect(record) {
    if (typeof record === 'string') {
      return /^\s*(<\?xml[^>]{0,200}\?>\s*)?<Event\b/.test(record.slice(0, 400)) ? 0.9 : 0
    }
    return isObject(record) ? sureOf(record) : 0
  },
  create: () => (record, context) => {
    if (typeof record !== 'string') return reject('not_windows_event', `expected text, found ${kindOf(record)}`)
    if (record.length > MAX_CHARS)
      return reject('too_long', `${record.length} characters, at most ${MAX_CHARS} are read`)
    return textOutcome(record, context)
  },
})

function sureOf(record: JsonRecord): number {
  if (isObject(record.winlog) || (isObject(record.Event) && isObject(record.Event.System))) return 0.95
  const id = record.EventID ?? record.EventId ?? record.event_id
  if (typeof id !== 'number' && !(typeof id === 'string' && /^\d{1,5}$/.test(id))) return 0
  const where = record.Channel ?? record.EventLog ?? record.log_name ?? record.SourceName ?? record.Provider
  if (typeof where === 'string') return 0.9
  return typeof record.Computer === 'string' || typeof record.Hostname === 'string' ? 0.7 : 0
}

function textOutcome(text: string, context: FormatContext): Outcome<EventDraft[]> {
  if (!/^\s*\{/.test(text.slice(0, 100))) {
    const event = eventOfXml(text)
    if (event) return logEventOutcome(event, {}, context)
    return reject('not_windows_event', `expected <Event><System>... or an object, found ${kindOf(text)}`)
  }
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    return reject('invalid_json', 'begins as a JSON object, and is none')
  }
  const event = isObject(record) ? eventOfObject(record) : undefined
  if (!event) return reject('not_windows_event', 'no EventID with a computer, provider or channel was found')
  return logEventOutcome(event, {}, context)
}
