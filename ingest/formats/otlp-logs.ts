import { type Outcome, ok } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { type AppSource, httpEvent, logEvent } from './app-events.js'
import { defined, Fields, type JsonRecord } from './fields.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { anyValue, attributesOf, resourceOf } from './otlp-resource.js'
import { sourceTime } from './source-time.js'

/** Words of severity numbers 1 to 24, four of each. */
const WORDS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

/** One log record with its resource and scope. */
export function otlpLog(record: JsonRecord, log: JsonRecord): Outcome<EventDraft[]> {
  const resource = resourceOf(record.resource)
  const fields = new Fields(log, '')
  const when = sourceTime('timeUnixNano', [nano(fields.any('timeUnixNano')), nano(fields.any('observedTimeUnixNano'))])
  if (when.kind !== 'ok') return when
  const observed = sourceTime('observedTimeUnixNano', [nano(fields.any('observedTimeUnixNano'))])
  const attributes = new Fields(attributesOf(fields.any('attributes')), 'attributes')
  const scope = new Fields(scopeOf(record.scope), 'scope')
  const body = anyValue(fields.any('body'))
  const trace = idOf(fields.text('traceId'))
  const span = idOf(fields.text('spanId'))
  const text = fields.text('severityText')
  const severity = severityOfNumber(fields.number('severityNumber'), text)
  const name = fields.text('eventName') ?? attributes.text('event.name')
  const source: AppSource = {
    time: when.value.time,
    cloud: resource.cloud,
    workload: resource.workload,
    trace: trace === undefined ? undefined : { uid: trace, service: { name: String(resource.app.name) } },
    metadata: defined({
      product: { name: 'OpenTelemetry', vendor_name: 'OpenTelemetry', feature: { name: 'logs' } },
      profiles: resource.cloud === undefined ? undefined : ['cloud'],
      log_name: scope.text('name'),
      log_version: scope.text('version'),
      log_level: text,
      log_source: attributes.text('log.file.path') ?? attributes.text('code.file.path'),
      event_code: name,
      correlation_uid: trace,
      original_time: when.value.original_time,
      logged_time: observed.kind === 'ok' ? observed.value.time : undefined,
    }),
  }
  const message = typeof body === 'string' ? body : name
  const draft = httpOf(source, attributes) ?? logEvent(source, resource.app, { message, severity, activity: 'Log' })
  if (draft.message === undefined && message !== undefined) draft.message = message
  const failure = attributes.text('exception.message')
  const type = attributes.text('exception.type')
  if (failure !== undefined || type !== undefined) {
    Object.assign(draft, defined({ status_id: 2, status_code: type, status_detail: failure }))
  }
  const unmapped: JsonRecord = {}
  for (const part of [fields, attributes, scope, resource.fields]) part.rest(unmapped)
  delete unmapped.flags
  if (unmapped.droppedAttributesCount === 0) delete unmapped.droppedAttributesCount
  if (span !== undefined) unmapped.spanId = span
  if (body !== undefined && typeof body !== 'string') unmapped.body = body
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** A time in ns is a fixed64: text in JSON, and 0 where it is not known. */
export function nano(value: unknown): unknown {
  if (value === '0' || value === 0) return undefined
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? Number(value) : undefined
}

function scopeOf(scope: unknown): JsonRecord {
  return typeof scope === 'object' && scope !== null && !Array.isArray(scope) ? (scope as JsonRecord) : {}
}

/** Zeroes mean none. */
function idOf(id: string | undefined): string | undefined {
  return id === undefined || id.length > 64 || /^0*$/.test(id) ? undefined : id.toLowerCase()
}

function severityOfNumber(number: number | undefined, text: string | undefined) {
  const word = number !== undefined && number >= 1 && number <= 24 ? WORDS[Math.ceil(number / 4) - 1] : text
  return severityOf(word)
}

/** A record whose attributes describe an HTTP request. */
function httpOf(source: AppSource, attributes: Fields): EventDraft | undefined {
  const method = attributes.text('http.request.method') ?? attributes.text('http.method')
  const path = attributes.text('url.path') ?? attributes.text('http.target')
  const url = attributes.text('url.full') ?? attributes.text('http.url') ?? path
  if (method === undefined || url === undefined) {
    for (const key of ['http.request.method', 'http.method', 'url.full', 'http.url', 'url.path', 'http.target'])
      attributes.keep(key)
    return undefined
  }
  const port = attributes.number('server.port')
  const server = endpointOf(attributes.text('server.address') ?? attributes.text('http.host'))
  return httpEvent(source, {
    method,
    url,
    code: attributes.number('http.response.status_code') ?? attributes.number('http.status_code'),
    request: defined({ user_agent: attributes.text('user_agent.original') ?? attributes.text('http.user_agent') }),
    src_endpoint: endpointOf(attributes.text('client.address') ?? attributes.text('http.client_ip')),
    dst_endpoint: server && defined({ ...server, port: isPort(port) ? port : server.port }),
  })
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port >= 0 && port <= 65535
}
