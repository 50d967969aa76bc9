import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft, Metadata } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, setOwn } from './fields.js'
import { splitShipped } from './shipper.js'
import { isEventTime } from './time.js'
import { activityOf } from './tracee-activity.js'
import { contextOf } from './tracee-context.js'
import { findingOf, threatOf } from './tracee-finding.js'
import { mapping } from './tracee-mapping.js'
import { flattened, isProto } from './tracee-proto.js'

/** Events of Aqua Tracee: JSON output (flat), gRPC events as JSON, and findings of the former tracee-rules. */
export const tracee = defineFormat({
  name: 'tracee',
  summary: 'Tracee events as process, file, network, DNS, HTTP, kernel and container activity; signatures as findings',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping,
  split: (record) => splitShipped(record, isTracee),
  detect(shipped) {
    const record = splitShipped(shipped, isTracee)?.[0] ?? shipped
    if (!isObject(record) || !isTracee(record)) return 0
    return 'hostProcessId' in record || 'SigMetadata' in record || isProto(record) ? 0.97 : 0.8
  },
  create: () => (shipped) => {
    const record = splitShipped(shipped, isTracee)?.[0] ?? shipped
    if (!isObject(record)) return reject('not_tracee', `expected an object, found ${kindOf(record)}`)
    return normalise(record)
  },
})

function isTracee(record: JsonRecord): boolean {
  if (typeof record.eventName === 'string') return 'processId' in record || 'hostName' in record || 'args' in record
  return isObject(record.SigMetadata) || isProto(record)
}

function normalise(record: JsonRecord): Outcome<EventDraft[]> {
  // tracee-rules: the event is the context of the finding.
  const signature = isObject(record.SigMetadata) ? record.SigMetadata : undefined
  const flat =
    signature !== undefined && isObject(record.Context) ? record.Context : isProto(record) ? flattened(record) : record
  const fields = new Fields(flat, '')
  const event_name = fields.text('eventName') ?? (signature === undefined ? undefined : 'finding')
  if (event_name === undefined) {
    return reject('not_tracee', fields.lacks('eventName'))
  }
  const ns = fields.number('timestamp')
  const time = ns === undefined ? undefined : Math.floor(ns > 1e17 ? ns / 1e6 : ns > 1e14 ? ns / 1e3 : ns)
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `timestamp: expected nanoseconds from 1970 to 2200, found ${ns}`)
  }
  const args = argumentsOf(fields)
  const context = contextOf(fields, time)
  const threat = threatOf(fields, signature)
  const base = {
    severity_id: 1,
    ...(time === undefined ? {} : { time }),
    ...statusOf(fields),
    device: context.device,
    metadata: metadataOf(fields, event_name, threat !== undefined),
    ...(context.workload === undefined ? {} : { workload: context.workload }),
    ...policiesOf(fields),
  }
  const draft =
    threat === undefined
      ? activityOf(event_name, args, context, base, fields)
      : findingOf(threat, event_name, args, context, base, time)
  const unmapped = args.rest(fields.rest())
  if (threat !== undefined) keepProperties(signature ?? fields.any('metadata'), unmapped)
  if (signature !== undefined) {
    for (const key of ['Data', 'Error']) if (hasValue(record[key])) setOwn(unmapped, key, record[key])
  }
  if (Object.keys(unmapped).length > 0) {
    draft.unmapped = {}
    for (const key of Object.keys(unmapped)) setOwn(draft.unmapped, key, unmapped[key])
  }
  return ok([draft])
}

const PROPERTIES = new Set(['signatureID', 'signatureName', 'Severity', 'external_id', 'Category', 'Technique'])

/** What a signature says beyond what a finding has attributes for. */
function keepProperties(metadata: unknown, unmapped: JsonRecord) {
  const properties = isObject(metadata) ? metadata.Properties : undefined
  if (!isObject(properties)) return
  for (const key of Object.keys(properties)) {
    if (!PROPERTIES.has(key) && hasValue(properties[key]))
      setOwn(unmapped, `metadata.Properties.${key}`, properties[key])
  }
}

function hasValue(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

/** Arguments by their names. */
function argumentsOf(fields: Fields): Fields {
  const named: JsonRecord = {}
  const list = fields.list('args') ?? []
  for (let n = 0; n < list.length; n++) {
    const entry = list[n]
    if (!isObject(entry) || typeof entry.name !== 'string') {
      fields.keep('args')
      continue
    }
    if (entry.value !== null && entry.value !== undefined) setOwn(named, entry.name, entry.value)
  }
  fields.any('argsNum')
  return new Fields(named, 'args')
}

function statusOf(fields: Fields): Pick<EventDraft, 'status_id'> & { status_code?: string } {
  const value = fields.number('returnValue')
  if (value === undefined) return { status_id: 1 }
  return value < 0 ? { status_id: 2, status_code: String(value) } : { status_id: 1 }
}

function policiesOf(fields: Fields): { policy?: JsonRecord } {
  const names = (fields.list('matchedPolicies') ?? []).filter((name) => typeof name === 'string')
  return names.length === 0 ? {} : { policy: { name: names.join(', '), type: 'Tracee policy' } }
}

function metadataOf(fields: Fields, event_code: string, isFinding: boolean): Partial<Metadata> {
  const event_id = fields.any('eventId')
  const about = fields.any('metadata')
  const version = isObject(about) ? about.Version : undefined
  return defined({
    product: defined({
      name: 'Tracee',
      vendor_name: 'Aqua Security',
      feature: { name: isFinding ? 'signatures' : 'events' },
    }),
    profiles: ['host', 'container'],
    log_name: 'tracee',
    event_code,
    log_version: typeof version === 'string' ? version : undefined,
    source: event_id === undefined || typeof event_id === 'object' ? undefined : `event ${String(event_id)}`,
  })
}
