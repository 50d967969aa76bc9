import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { metricEvent, whole } from './app-events.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'
import type { LambdaSource } from './lambda-source.js'
import { parseTime } from './time.js'

type Activity = readonly [id: number, name?: string]

/** What Lambda's platform records mean as Application Lifecycle. */
const ACTIVITIES: { readonly [type: string]: Activity } = {
  initStart: [3],
  initRuntimeDone: [99, 'Initialized'],
  initReport: [99, 'Initialized'],
  restoreStart: [5],
  restoreRuntimeDone: [99, 'Restored'],
  restoreReport: [99, 'Restored'],
  start: [99, 'Invoke'],
  end: [99, 'Invoked'],
  runtimeDone: [99, 'Invoked'],
  report: [99, 'Invoked'],
  fault: [99, 'Fault'],
  extension: [3],
}

/** Names and units of the numbers Lambda reports. Sizes become bytes, as in every workload metric. */
const MEASURES: { readonly [name: string]: readonly [name: string, unit: string, factor?: number] } = {
  durationMs: ['duration_ms', 'ms'],
  billedDurationMs: ['billed_duration_ms', 'ms'],
  initDurationMs: ['init_duration_ms', 'ms'],
  restoreDurationMs: ['restore_duration_ms', 'ms'],
  billedRestoreDurationMs: ['billed_restore_duration_ms', 'ms'],
  maxMemoryUsedMB: ['memory_used_bytes', 'bytes', 1_048_576],
  memorySizeMB: ['memory_limit_bytes', 'bytes', 1_048_576],
  producedBytes: ['produced_bytes', 'bytes'],
}

/** The request a platform record belongs to. */
export function requestOf(record: Fields): string | undefined {
  return record.text('requestId')
}

/** True for the name of a platform record, without its `platform.`. */
export function isPlatformType(type: string): boolean {
  return (
    Object.hasOwn(ACTIVITIES, type) ||
    type === 'logsDropped' ||
    type === 'telemetrySubscription' ||
    type === 'logsSubscription'
  )
}

/**
 * The events of a platform record: a step in the life of the function's environment or of an invocation, numbers where
 * it reports some, an Application Error where it failed, coverage where logs were lost. Unmapped fields are the
 * caller's to add to the first event.
 */
export function platformDrafts(type: string, record: Fields, source: LambdaSource): EventDraft[] {
  if (type === 'logsDropped') return [lostLogs(record, source)]
  if (type === 'telemetrySubscription' || type === 'logsSubscription') return [subscription(record, source)]
  const status = record.text('status')
  const error = record.text('errorType')
  const failed = status !== undefined && status !== 'success'
  const metrics = measuresOf(record)
  const duration = whole(metrics.find(({ name }) => name === 'duration_ms')?.value)
  const [activity_id, activity_name] = ACTIVITIES[type] ?? ([99, type] as const)
  const trace = traceOf(record)
  const spans = spansOf(record)
  const extension = type === 'extension' ? extensionOf(record, source) : undefined
  const version = record.text('version')
  const metadata = { ...source.common.metadata, ...trace, event_code: `platform.${type}` }
  const drafts: EventDraft[] = [
    defined({
      ...source.common,
      class_uid: failed ? CLASS.application_error : CLASS.application_lifecycle,
      activity_id: failed ? 1 : activity_id,
      activity_name: failed ? undefined : activity_name,
      app: failed ? undefined : (extension ?? appWith(source, record, version)),
      severity_id: failed ? (status === 'failure' || status === 'timeout' || status === 'error' ? 4 : 3) : 1,
      status_id: status === undefined ? undefined : failed ? 2 : 1,
      status_code: failed ? (error ?? status) : undefined,
      status_detail: failed && error !== undefined ? status : undefined,
      duration,
      start_time: spans?.start,
      message: messageOf(type, status, record),
      metadata,
    }),
  ]
  if (type !== 'start' && metrics.length > 0) {
    drafts.push({
      ...metricEvent(source.common as Parameters<typeof metricEvent>[0], metrics),
      metadata: { ...metadata },
    })
  }
  return drafts
}

function messageOf(type: string, status: string | undefined, record: Fields): string | undefined {
  if (type === 'fault') return record.text('message')
  return status === undefined ? `platform.${type}` : `platform.${type}: ${status}`
}

/** The function as an application; initStart also names the runtime that carries it. */
function appWith(source: LambdaSource, record: Fields, version: string | undefined): JsonRecord {
  const runtime = record.text('runtimeVersion')
  const arn = record.text('runtimeVersionArn') ?? record.text('runtimeArn')
  const feature = defined({ name: runtime, uid: arn })
  return defined({
    ...source.app,
    version: version ?? source.app.version,
    feature: Object.keys(feature).length === 0 ? undefined : feature,
  })
}

function extensionOf(record: Fields, source: LambdaSource): JsonRecord {
  const name = record.text('name') ?? 'extension'
  return { name, vendor_name: 'AWS Lambda extension', feature: { name: String(source.app.name) } }
}

function measuresOf(record: Fields) {
  const metrics = record.object('metrics')
  const found: { name: string; value: number; unit: string }[] = []
  for (const key of Object.keys(MEASURES)) {
    const value = metrics?.number(key)
    if (value === undefined) continue
    const [name, unit, factor = 1] = MEASURES[key] as readonly [string, string, number?]
    found.push({ name, value: value * factor, unit })
  }
  // Only what a record says once: memory in percent is what detectors compare across functions.
  const used = found.find(({ name }) => name === 'memory_used_bytes')?.value
  const limit = found.find(({ name }) => name === 'memory_limit_bytes')?.value
  if (used !== undefined && limit) found.push({ name: 'memory_percent', value: (used / limit) * 100, unit: 'percent' })
  return found
}

/** `Root=1-62e900b2-...;Parent=0efb...;Sampled=1`, X-Ray's header. The request id stays the correlation. */
function traceOf(record: Fields): { tags?: JsonRecord[] } {
  const tracing = record.object('tracing')
  const value = tracing?.text('value')
  const span = tracing?.text('spanId')
  tracing?.text('type')
  const tags: JsonRecord[] = []
  if (value !== undefined) tags.push({ name: 'X-Amzn-Trace-Id', value })
  if (span !== undefined) tags.push({ name: 'spanId', value: span })
  return tags.length === 0 ? {} : { tags }
}

/** When the first span began; the spans themselves have no home but in traces, and stay. */
function spansOf(record: Fields): { start: number | undefined } | undefined {
  const spans = record.list('spans')
  record.keep('spans')
  const [first] = spans ?? []
  const start = isObject(first) && typeof first.start === 'string' ? parseTime(first.start) : undefined
  return start === undefined ? undefined : { start }
}

function lostLogs(record: Fields, source: LambdaSource): EventDraft {
  const lost = record.number('droppedRecords')
  const reason = record.text('reason')
  return defined({
    ...source.common,
    class_uid: CLASS.coverage,
    activity_id: 1,
    severity_id: 2,
    status_id: 3,
    message: reason ?? 'Lambda dropped telemetry',
    lost_count: lost !== undefined && Number.isInteger(lost) && lost >= 0 ? lost : undefined,
    source: sourceOf(source),
    metadata: { ...source.common.metadata, event_code: 'platform.logsDropped' },
  })
}

function subscription(record: Fields, source: LambdaSource): EventDraft {
  const name = record.text('name')
  const state = record.text('state')
  const types = record.list('types')
  return defined({
    ...source.common,
    class_uid: CLASS.coverage,
    activity_id: 1,
    severity_id: 1,
    status_id: 1,
    message: `${name ?? 'an extension'}: ${state ?? 'subscribed'} to ${(types ?? [])
      .filter((type) => typeof type === 'string')
      .join(', ')
      .slice(0, 200)}`,
    source: sourceOf(source),
    metadata: { ...source.common.metadata, event_code: 'platform.telemetrySubscription' },
  })
}

function sourceOf({ workload }: LambdaSource) {
  return { name: `lambda/${workload?.name ?? 'unknown'}`, format: 'lambda_telemetry' }
}
