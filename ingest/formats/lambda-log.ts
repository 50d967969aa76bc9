import type { EventDraft } from '../../ocsf/event.js'
import { type AppSource, logEvent } from './app-events.js'
import { Fields, isObject, type JsonRecord } from './fields.js'
import { lambdaLine } from './lambda-lines.js'
import { isPlatformType, platformDrafts, requestOf } from './lambda-platform.js'
import { type FunctionFacts, lambdaSource } from './lambda-source.js'
import { severityOf } from './log-level.js'
import { isEventTime, parseTime } from './time.js'

/** Where a log record stood: when the platform received it, and who wrote it. */
export type LogContext = {
  readonly facts: FunctionFacts
  readonly time: number | undefined
  readonly log_name: string
  readonly uid?: string | undefined
  /** The application if it is not the function itself: an extension. */
  readonly isExtension?: boolean
}

const REQUEST_KEYS = [
  'requestId',
  'AWSRequestId',
  'awsRequestId',
  'aws_request_id',
  'function_request_id',
  'request_id',
]
const MESSAGE_KEYS = ['message', 'msg', 'Message', 'event', 'log', 'errorMessage']
const LEVEL_KEYS = ['level', 'levelname', 'severity', 'log.level', 'logLevel', 'LogLevel', 'Level']
const TIME_KEYS = ['timestamp', 'time', '@timestamp', 'ts']

/** The events of one thing that was logged: a line, or JSON that a structured logger or Lambda's JSON format wrote. */
export function logDrafts(log: unknown, context: LogContext): EventDraft[] {
  if (isObject(log)) return isPlatform(log) ? platformRecord(log, context) : structured(log, context)
  const text = typeof log === 'string' ? log : JSON.stringify(log)
  const line = lambdaLine(text.trimEnd())
  if (line.kind === 'platform') {
    return platformRecord({ type: `platform.${line.type}`, record: line.record }, context)
  }
  const time = context.time ?? timeOf(line.time)
  const source = lambdaSource(context.facts, { ...context, time, request_id: line.request_id })
  const draft = logEvent(source.common as AppSource, appOf(source.app, context), {
    message: line.message,
    severity: severityOf(line.level),
    ...(context.isExtension ? { activity: 'Extension Log' } : {}),
  })
  if (line.error !== undefined) draft.status_code = line.error
  if (line.level !== undefined) draft.metadata = { ...draft.metadata, log_level: line.level }
  return [draft]
}

function isPlatform(log: JsonRecord): boolean {
  return typeof log.type === 'string' && log.type.startsWith('platform.') && isObject(log.record)
}

/** A record of Lambda itself; `time` is its own. */
export function platformRecord(log: JsonRecord, context: LogContext): EventDraft[] {
  const fields = new Fields(log, '')
  const type = (fields.text('type') ?? '').slice('platform.'.length)
  const written = fields.text('time')
  const record = fields.object('record') ?? new Fields({}, 'record')
  const named = {
    name: record.text('functionName'),
    version: record.text('functionVersion'),
    instance: record.text('instanceId'),
  }
  const time = timeOf(written) ?? context.time
  const facts = {
    ...context.facts,
    ...(context.facts.name === undefined && context.facts.arn === undefined && named.name ? { name: named.name } : {}),
    ...(context.facts.version === undefined && named.version ? { version: named.version } : {}),
    ...(context.facts.instance === undefined && named.instance ? { instance: named.instance } : {}),
  }
  const version = record.text('version')
  const isCode = version !== undefined && facts.version === undefined && type === 'start'
  const source = lambdaSource(isCode ? { ...facts, version } : facts, {
    ...context,
    time,
    request_id: requestOf(record),
  })
  const drafts = platformDrafts(type, record, source)
  if (!isPlatformType(type)) record.keep('status')
  addRest(drafts, fields)
  return drafts
}

function structured(log: JsonRecord, context: LogContext): EventDraft[] {
  const fields = new Fields(log, '')
  const level = firstText(fields, LEVEL_KEYS)
  const written = firstText(fields, TIME_KEYS)
  const message = firstText(fields, MESSAGE_KEYS)
  const arn = textIn(log, 'function_arn') ?? textIn(log, 'functionArn') ?? textIn(log, 'invokedFunctionArn')
  const name = textIn(log, 'function_name') ?? textIn(log, 'functionName')
  for (const key of ['function_arn', 'functionArn', 'invokedFunctionArn', 'function_name', 'functionName']) {
    if (textIn(log, key) !== undefined) fields.any(key)
  }
  const facts = { ...context.facts, arn: context.facts.arn ?? arn, name: context.facts.name ?? name }
  const time = timeOf(written) ?? context.time
  const trace = firstText(fields, ['xRayTraceId', 'xray_trace_id', 'trace_id', 'traceId'])
  const source = lambdaSource(facts, { ...context, time, request_id: firstText(fields, REQUEST_KEYS) })
  const error = firstText(fields, ['errorType', 'exception_name', 'error_type'])
  const detail = firstText(fields, ['errorMessage', 'exception'])
  const isError = error !== undefined && level === undefined
  const draft = logEvent(source.common as AppSource, appOf(source.app, context), {
    message: message ?? detail,
    severity: isError ? { severity_id: 4 } : severityOf(level),
    ...(context.isExtension ? { activity: 'Extension Log' } : {}),
  })
  if (error !== undefined) draft.status_code = error
  if (detail !== undefined) draft.status_detail = detail
  draft.metadata = {
    ...draft.metadata,
    ...(level === undefined ? {} : { log_level: level }),
    ...(trace === undefined ? {} : { tags: [{ name: 'X-Amzn-Trace-Id', value: trace }] }),
  }
  addRest([draft], fields)
  return [draft]
}

/** The function, or the extension that runs beside it. */
function appOf(app: JsonRecord, { isExtension }: LogContext): JsonRecord {
  return isExtension ? { ...app, feature: { name: 'extension' } } : app
}

function addRest(drafts: readonly EventDraft[], fields: Fields) {
  const unmapped = fields.rest()
  const [first] = drafts
  if (first && Object.keys(unmapped).length > 0) first.unmapped = unmapped
}

/** The first of these fields that is text; one of another type is the function's own and stays. */
function firstText(fields: Fields, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = fields.any(key)
    if (typeof value === 'string') return value
    if (value !== undefined) fields.keep(key)
  }
  return undefined
}

function textIn(log: JsonRecord, key: string): string | undefined {
  const value = Object.hasOwn(log, key) ? log[key] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

function timeOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : parseTime(text)
  return ms !== undefined && isEventTime(ms) ? ms : undefined
}
