import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat, type Format, type FormatContext, type FormatDefinition } from '../contract.js'
import { azureActivity } from './azure_activity.js'
import { falco } from './falco.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { gcpAudit } from './gcp_audit.js'
import { gcpActivity } from './gcp-operations.js'
import { ocsf } from './ocsf.js'
import { sourceTime } from './source-time.js'

/** Whose data can be an event of a format of its own, and how its type begins. */
const CONTENTS: readonly { readonly type: RegExp; readonly definition: FormatDefinition; readonly whole?: true }[] = [
  { type: /^google\.cloud\.audit\./, definition: gcpAudit },
  { type: /^falco\./, definition: falco },
  // The time and the subject stand in the envelope.
  { type: /^Microsoft\./, definition: azureActivity, whole: true },
]

/** CloudEvents 1.0 in structured and batched JSON. In binary mode the attributes are HTTP headers, which are not seen. */
export const cloudevents = defineFormat({
  name: 'cloudevents',
  summary: 'CloudEvents 1.0 (structured or batched JSON): known contents by their own format, others as API activity',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Data that is an OCSF event, a Google audit log entry, a Falco alert or an Azure event is read by the rules of that format. Binary mode (attributes in HTTP headers) is not supported.
    # API Activity 6003
    id | metadata.original_event_uid, api.request.uid | unique only together with source
    source | api.service.name, actor.app_uid, src_endpoint.svc_name
    type | api.operation, activity_id, metadata.event_code
    subject | resources.name
    time | time, metadata.original_time
    datacontenttype, dataschema | metadata.log_format, metadata.log_source
    data, data_base64 | api.request.data
  `,
  detect(record) {
    const sample = Array.isArray(record) ? record[0] : record
    if (!isObject(sample) || typeof sample.specversion !== 'string') return 0
    return typeof sample.type === 'string' && typeof sample.source === 'string' ? 0.94 : 0.5
  },
  split: (value) => (Array.isArray(value) ? value : undefined),
  create() {
    const readers = CONTENTS.map(({ type, definition, whole }) => ({ type, whole, format: formatOf(definition) }))
    const readOcsf = formatOf(ocsf)
    return (record, context) => {
      const outcome = envelopeOf(record)
      if (outcome.kind !== 'ok') return outcome
      const { event, type, data } = outcome.value
      if (isObject(data) && Number.isInteger(data.class_uid)) return readOcsf(data, context)
      const reader = readers.find((candidate) => candidate.type.test(type))
      if (reader !== undefined && isObject(data)) return delegated(reader, event, data, context)
      return generic(event, type, data)
    }
  },
})

function formatOf(definition: FormatDefinition): Format {
  return definition.create(definition.config.parse({}))
}

function delegated(
  { format, whole }: { format: Format; whole: true | undefined },
  event: JsonRecord,
  data: JsonRecord,
  context: FormatContext,
): Outcome<EventDraft[]> {
  if (whole) return format(event, context)
  const { data: _, ...envelope } = event
  const outcome = format(data, context)
  if (outcome.kind !== 'ok') return outcome
  for (const draft of outcome.value) draft.unmapped = { ...draft.unmapped, cloudevent: envelope }
  return outcome
}

function envelopeOf(record: unknown): Outcome<{ event: JsonRecord; type: string; data: unknown }> {
  if (!isObject(record)) return reject('not_cloudevent', `expected an object with specversion, found ${kindOf(record)}`)
  for (const key of ['specversion', 'id', 'source', 'type']) {
    const value = record[key]
    if (typeof value !== 'string' || value === '') {
      return reject('not_cloudevent', `${key}: required, expected a text that is not empty, found ${kindOf(value)}`)
    }
  }
  if (!(record.specversion as string).startsWith('1.')) {
    return reject('unsupported_version', `specversion: expected 1.0, found ${kindOf(record.specversion)}`)
  }
  const { data_base64 } = record
  if (typeof data_base64 !== 'string') return ok({ event: record, type: record.type as string, data: record.data })
  return ok({ event: record, type: record.type as string, data: jsonInside(data_base64) ?? data_base64 })
}

/** The JSON in a base64 text; undefined if it holds anything else, which its beginning tells of megabytes. */
function jsonInside(base64: string): unknown {
  const decoded = (text: string) => Buffer.from(text, 'base64').toString('utf8')
  if (!/^\s*(?:["{[\dtfn-]|$)/.test(decoded(base64.slice(0, 64)))) return undefined
  try {
    return JSON.parse(decoded(base64)) as unknown
  } catch {
    return undefined
  }
}

function generic(event: JsonRecord, type: string, data: unknown): Outcome<EventDraft[]> {
  const fields = new Fields(event, '')
  const when = sourceTime('time', [fields.any('time')])
  if (when.kind !== 'ok') return when
  for (const key of ['specversion', 'type', 'data', 'data_base64']) fields.any(key)
  const id = fields.text('id') as string
  const source = fields.text('source') as string
  const subject = fields.text('subject')
  const activity_id = gcpActivity(type)
  const draft: EventDraft = defined({
    class_uid: CLASS.api_activity,
    activity_id,
    activity_name: activity_id === 99 ? type : undefined,
    severity_id: 1,
    time: when.value.time,
    actor: { app_uid: source },
    api: { operation: type, service: { name: source }, request: defined({ uid: id, data }) },
    src_endpoint: { svc_name: source },
    resources: subject === undefined ? undefined : [{ name: subject, role_id: 1, role: 'Target' }],
    metadata: defined({
      product: { name: source, vendor_name: 'CloudEvents' },
      event_code: type,
      original_event_uid: id,
      log_format: fields.text('datacontenttype'),
      log_source: fields.text('dataschema'),
      original_time: when.value.original_time,
    }),
  })
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}
