import { type Outcome, ok } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Workload } from '../../ocsf/event.js'
import { type AppSource, httpCode, httpEvent, logEvent, metricEvent, whole } from './app-events.js'
import type { AppKind } from './azure-app-record.js'
import { azureCloud, azureFunction, azureRegion, azureResource, azureWorkload } from './azure-resource.js'
import { defined, Fields, isObject, type JsonRecord } from './fields.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { sourceTime } from './source-time.js'

/** Application Insights numbers its levels from 0. */
const LEVELS = ['Verbose', 'Information', 'Warning', 'Error', 'Critical']

/** Requests, dependencies, traces, exceptions, events and metrics of Application Insights, and function app logs. */
export function appTelemetry(kind: AppKind, record: JsonRecord): Outcome<EventDraft[]> {
  const fields = new Fields(record, '')
  const when = sourceTime('time', [fields.any('time')])
  if (when.kind !== 'ok') return when
  const resource = azureResource(fields.text('resourceId'))
  const region = azureRegion(fields.text('location'))
  const app = fields.text('appName') ?? fields.text('roleName')
  const workload = workloadOf(app, resource, region)
  const name = fields.text('name')
  const operation = fields.text('operationName')
  const correlation = fields.text('operationId') ?? fields.text('invocationId')
  const source: AppSource = {
    time: when.value.time,
    workload,
    cloud: azureCloud(resource?.subscription, fields.text('tenantId'), region),
    metadata: defined({
      product: { name: 'Application Insights', vendor_name: 'Microsoft', feature: { name: kind } },
      profiles: ['cloud'],
      log_name: fields.text('category') ?? fields.text('Type') ?? fields.text('itemType'),
      log_source: fields.text('logCategory'),
      event_code: kind === 'log' ? fields.text('eventName') : undefined,
      original_event_uid: fields.text('id'),
      correlation_uid: correlation,
      original_time: when.value.original_time,
    }),
  }
  const product = defined({
    name: app ?? resource?.name ?? 'unknown',
    uid: resource?.id,
    version: fields.text('appVersion'),
    feature: functionOf(fields, operation),
  })
  const draft = draftOf({ kind, fields, source, product, name, operation })
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** The role is the function app's name; the resource of a log is the app itself, of telemetry its Application Insights. */
function workloadOf(app: string | undefined, resource: ReturnType<typeof azureResource>, region: string | undefined) {
  const own: Workload | undefined = azureWorkload(resource, region)
  return own ?? (app === undefined ? undefined : azureFunction(resource?.subscription, app, region))
}

function functionOf(fields: Fields, operation: string | undefined): { name: string } | undefined {
  const name = fields.text('functionName') ?? operation
  return name === undefined || name.startsWith('Microsoft.Web/') ? undefined : { name }
}

type Parts = {
  kind: AppKind
  fields: Fields
  source: AppSource
  product: JsonRecord
  name: string | undefined
  operation: string | undefined
}

function draftOf(parts: Parts): EventDraft {
  const { kind, fields, source, product, name } = parts
  if (kind === 'request' || kind === 'dependency') return callEvent(parts)
  if (kind === 'metric') {
    const value = fields.number('sum') ?? fields.number('value')
    if (name !== undefined && value !== undefined) return metricEvent(source, [{ name, value }])
  }
  const level = levelOf(fields)
  if (kind === 'exception') return exceptionEvent(fields, source, level)
  const message = fields.text('message') ?? name
  const failure = fields.text('exceptionMessage')
  const type = fields.text('exceptionType')
  const draft = logEvent(source, product, {
    message,
    severity: severityOf(failure !== undefined && level === undefined ? 'error' : level),
    activity: kind === 'event' ? 'Event' : activityOf(message),
  })
  if (failure !== undefined || type !== undefined) {
    Object.assign(draft, defined({ status_id: 2, status_code: type, status_detail: failure }))
  }
  return draft
}

/** The host writes when a function begins and ends. */
function activityOf(message: string | undefined): string {
  if (message?.startsWith('Executing ')) return 'Start'
  return message?.startsWith('Executed ') ? 'Stop' : 'Log'
}

function levelOf(fields: Fields): string | undefined {
  const level = fields.any('severityLevel') ?? fields.any('level')
  if (typeof level === 'number') return LEVELS[level] ?? String(level)
  if (typeof level !== 'string') return undefined
  return /^[0-4]$/.test(level) ? LEVELS[Number(level)] : level
}

function exceptionEvent(fields: Fields, source: AppSource, level: string | undefined): EventDraft {
  const inner = firstException(fields)
  const type = fields.text('exceptionType') ?? inner?.text('type') ?? inner?.text('typeName')
  const detail = fields.text('outerMessage') ?? fields.text('innermostMessage') ?? inner?.text('message')
  return defined({
    class_uid: CLASS.application_error,
    activity_id: 1,
    ...severityOf(level ?? 'error'),
    status_id: 2,
    status_code: type,
    status_detail: detail,
    message: [type, detail].filter(Boolean).join(': ') || undefined,
    ...source,
  })
}

/** The telemetry protocol lists an exception with its causes. */
function firstException(fields: Fields): Fields | undefined {
  const all = fields.any('exceptions')
  fields.keep('exceptions')
  const first = Array.isArray(all) ? all[0] : undefined
  return isObject(first) ? new Fields(first, '') : undefined
}

/** `00:00:01.2340000`, or ms. */
function durationOf(fields: Fields): number | undefined {
  const value = fields.any('durationMs') ?? fields.any('duration')
  if (typeof value === 'number') return whole(value)
  if (typeof value !== 'string' || value.length > 32) return undefined
  const match = /^(?:(\d{1,6})\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d{1,9})?)$/.exec(value)
  if (match === null) return whole(Number(value))
  const [, days = '0', hours, minutes, seconds] = match
  return whole(((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000)
}

function callEvent(parts: Parts): EventDraft {
  const { kind, fields, source, product, name, operation } = parts
  const isRequest = kind === 'request'
  const code = fields.number('resultCode')
  const written = fields.any('resultCode')
  const result = typeof written === 'string' || typeof written === 'number' ? String(written) : undefined
  const success = fields.boolean('success')
  const duration = durationOf(fields)
  const type = fields.text('dependencyType') ?? fields.text('type')
  const url = fields.text('url') ?? (isRequest ? undefined : fields.text('data'))
  const [, method] = /^([A-Z]{3,7}) /.exec(name ?? '') ?? []
  const self = { svc_name: String(product.name) }
  const isHttp = isRequest ? url !== undefined : type?.toLowerCase().startsWith('http') === true
  const client = isRequest ? clientOf(fields) : undefined
  const target = isRequest ? undefined : fields.text('target')
  const uid = source.metadata.correlation_uid
  const trace = typeof uid === 'string' ? { uid, service: { name: self.svc_name } } : undefined
  const status_id = success === undefined ? undefined : success ? 1 : 2
  const outcome = defined({ status_id, status_code: result, message: name ?? operation })
  if (isHttp) {
    const event = httpEvent(
      { ...source, trace },
      {
        method,
        url,
        code: httpCode(code),
        src_endpoint: isRequest ? client : self,
        dst_endpoint: isRequest ? self : endpointOf(target?.split(' ', 1)[0]),
        duration,
      },
    )
    return Object.assign(event, outcome)
  }
  return defined({
    class_uid: CLASS.api_activity,
    activity_id: 99,
    activity_name: isRequest ? 'Invoke' : 'Call',
    severity_id: 1,
    ...source,
    ...outcome,
    duration,
    actor: isRequest ? { invoked_by: fields.text('source') ?? 'trigger' } : { app_name: self.svc_name },
    api: defined({
      operation: operation ?? name ?? 'unknown',
      service: { name: (isRequest ? self.svc_name : type) ?? 'unknown' },
      request: typeof uid === 'string' ? { uid } : undefined,
    }),
    src_endpoint: isRequest ? (client ?? { svc_name: fields.text('source') ?? 'trigger' }) : self,
    dst_endpoint: isRequest ? self : endpointOf(target?.split(' ', 1)[0]),
    trace,
  })
}

function clientOf(fields: Fields): JsonRecord | undefined {
  const endpoint = endpointOf(fields.text('clientIp'))
  const location = defined({
    city: fields.text('clientCity'),
    region: fields.text('clientState'),
    country: fields.text('clientCountry'),
  })
  return endpoint && Object.keys(location).length > 0 ? { ...endpoint, location } : endpoint
}
