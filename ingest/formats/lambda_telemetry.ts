import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { type LogContext, logDrafts, platformRecord } from './lambda-log.js'
import type { FunctionFacts } from './lambda-source.js'
import { isEventTime, parseTime } from './time.js'

const config = z.strictObject({
  function: z
    .string()
    .optional()
    .describe('ARN of the function whose telemetry arrives without one, where a source has only that one function.'),
})

const MAPPING = `
Events of the Lambda Telemetry API, schema 2022-07-01 to 2025-01-29. They do not name their function: an extension sends them as \`{"function": {"arn": "...", "version": "7", "instance": "..."}, "events": [...]}\`, or the option \`function\` names it.
# Application Lifecycle 6002
time | time
type | metadata.event_code, activity_id | initStart: Start. restoreStart: Restart. start: Invoke. runtimeDone, report: Invoked. extension: Start of the extension.
record.requestId | metadata.correlation_uid
record.status | status_id
record.metrics.durationMs | duration
record.tracing | metadata.tags
record.runtimeVersion, record.runtimeVersionArn | app.feature.name, app.feature.uid
record.version, function.version | app.version, workload
record.functionName, function.arn | app.name, app.uid, workload
record of a function or extension log | message, severity_id, metadata.log_level | Level error and above: Application Error.
# Application Error 6008
record.status of failure, timeout or error | status_id, severity_id, status_code
record.errorType | status_code
# Workload Metric 99905001
record.metrics | metrics[] | duration_ms, billed_duration_ms, init_duration_ms, restore_duration_ms, memory_used_bytes, memory_limit_bytes, memory_percent, produced_bytes
# Coverage 99906002
platform.logsDropped: droppedRecords, reason | lost_count, message, status_id | Degraded
platform.telemetrySubscription | message, status_id | Ok
`

/** The Lambda Telemetry API, as an extension receives it. */
export const lambdaTelemetry = defineFormat({
  name: 'lambda_telemetry',
  summary: 'AWS Lambda Telemetry API: life of environments and invocations, measurements, logs, lost logs as coverage',
  config,
  example: { function: 'arn:aws:lambda:eu-central-1:123456789012:function:orders' },
  input: 'json',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const parts = splitTelemetry(record)
    const [inner] = parts ?? [record]
    return isTelemetry(inner) ? 0.9 : 0
  },
  split: splitTelemetry,
  create({ function: configured }) {
    return (record, { received_time }) => normalise(record, configured, received_time)
  },
})

function isTelemetry(record: unknown): record is JsonRecord {
  if (!isObject(record) || typeof record.type !== 'string' || !('record' in record)) return false
  return record.type.startsWith('platform.') || record.type === 'function' || record.type === 'extension'
}

/** A batch as Lambda posts it, or as an extension forwards it with the function it belongs to. */
function splitTelemetry(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value) || !Array.isArray(value.events)) return undefined
  const about = value.function
  if (about === undefined) return value.events
  return value.events.map((event) => (isObject(event) ? { ...event, function: about } : event))
}

function normalise(record: unknown, configured: string | undefined, received: number): Outcome<EventDraft[]> {
  if (!isTelemetry(record)) {
    return reject('not_lambda_telemetry', `expected an object with time, type and record, found ${kindOf(record)}`)
  }
  const { time: written, type, function: about, ...rest } = record
  if (written !== undefined && written !== null && typeof written !== 'string') {
    return reject('wrong_type', `time: expected a string, found ${kindOf(written)}`)
  }
  const time = typeof written === 'string' ? parseTime(written) : undefined
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `time: expected a date from 1970 to 2200, found ${kindOf(written)}`)
  }
  const facts = factsOf(about, configured)
  if (facts.kind !== 'ok') return facts
  const context: LogContext = {
    facts: facts.value,
    time: time ?? received,
    log_name: 'lambda_telemetry',
    isExtension: type === 'extension',
  }
  const inner = rest.record
  if (String(type).startsWith('platform.') && !isObject(inner)) {
    return reject('wrong_type', `record: expected an object, found ${kindOf(inner)}`)
  }
  const drafts =
    isObject(inner) && String(type).startsWith('platform.')
      ? platformRecord({ ...rest, time: written, type }, context)
      : logDrafts(inner, context)
  const [first] = drafts
  const { record: _, ...beside } = rest
  if (first && Object.keys(beside).length > 0 && !String(type).startsWith('platform.')) {
    first.unmapped = { ...first.unmapped, ...beside }
  }
  return ok(drafts)
}

function factsOf(about: unknown, configured: string | undefined): Outcome<FunctionFacts> {
  if (typeof about === 'string') return ok(about.startsWith('arn:') ? { arn: about } : { name: about })
  if (about === undefined || about === null) return ok(configured === undefined ? {} : { arn: configured })
  if (!isObject(about)) return reject('wrong_type', `function: expected an object or an ARN, found ${kindOf(about)}`)
  const facts: { [key: string]: string } = {}
  for (const key of ['arn', 'name', 'version', 'account', 'region', 'instance'] as const) {
    const value = about[key]
    if (value === undefined || value === null || value === '') continue
    if (typeof value !== 'string') {
      return reject('wrong_type', `function.${key}: expected a string, found ${kindOf(value)}`)
    }
    facts[key] = value
  }
  return ok(facts)
}
