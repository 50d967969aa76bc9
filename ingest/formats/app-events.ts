import { CLASS, type EventDraft, type Metadata, type Workload } from '../../ocsf/event.js'
import { defined, type JsonRecord } from './fields.js'

/** OCSF HTTP Activity of a method. */
const METHODS: { readonly [method: string]: number } = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
  TRACE: 8,
  PATCH: 9,
}

/** What the events of one application share. */
export type AppSource = {
  readonly time: number | undefined
  readonly metadata: Partial<Metadata>
  readonly cloud?: JsonRecord | undefined
  readonly workload?: Workload | undefined
  readonly trace?: JsonRecord | undefined
}

export type HttpCall = {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly code: number | undefined
  readonly request?: JsonRecord
  readonly response?: JsonRecord
  readonly src_endpoint?: JsonRecord | undefined
  readonly dst_endpoint?: JsonRecord | undefined
  readonly duration?: number | undefined
}

/** A request or call over HTTP; a status code from 400 on is a failure. */
export function httpEvent(source: AppSource, call: HttpCall): EventDraft {
  const method = call.method?.toUpperCase()
  const url = call.url === undefined ? undefined : urlOf(call.url)
  const known = method !== undefined && Object.hasOwn(METHODS, method) ? METHODS[method] : undefined
  const request = defined({ http_method: method, url, ...call.request })
  const code = httpCode(call.code)
  return defined({
    class_uid: CLASS.http_activity,
    activity_id: known ?? (method === undefined ? 0 : 99),
    activity_name: known === undefined ? method : undefined,
    severity_id: 1,
    status_id: code === undefined ? undefined : code < 400 ? 1 : 2,
    status_code: code === undefined ? undefined : String(code),
    http_request: request,
    http_response: code === undefined ? undefined : defined({ code, ...call.response }),
    src_endpoint: call.src_endpoint,
    dst_endpoint: call.dst_endpoint,
    duration: whole(call.duration),
    ...source,
  })
}

/** A line that an application wrote: an Application Error from level error on, else Application Lifecycle: Other. */
export function logEvent(
  source: AppSource,
  app: JsonRecord,
  log: { message: string | undefined; severity: { severity_id: number; severity?: string }; activity?: string },
): EventDraft {
  const { severity, message, activity = 'Log' } = log
  const isError = severity.severity_id >= 4 && severity.severity_id <= 6
  const lifecycle = LIFECYCLE[activity] ?? 99
  return defined({
    ...(isError
      ? { class_uid: CLASS.application_error, activity_id: 1 }
      : { class_uid: CLASS.application_lifecycle, activity_id: lifecycle, app }),
    activity_name: !isError && lifecycle === 99 ? activity : undefined,
    ...severity,
    message,
    ...source,
    // Not every class has a home for the trace.
    trace: undefined,
  })
}

const LIFECYCLE: { readonly [activity: string]: number } = { Start: 3, Stop: 4, Restart: 5 }

/** Numbers about a workload at one time. */
export function metricEvent(
  source: AppSource,
  metrics: readonly { name: string; value: number; unit?: string }[],
): EventDraft {
  return defined({
    class_uid: CLASS.workload_metric,
    activity_id: 1,
    severity_id: 1,
    metrics,
    ...source,
    trace: undefined,
  })
}

/** OCSF url of an absolute URL or a path. Never throws; a text that is no URL is kept as it is. */
export function urlOf(text: string): JsonRecord {
  if (text.length > 100_000) return { url_string: text }
  if (text.startsWith('/')) {
    const query = text.indexOf('?')
    if (query < 0) return { url_string: text, path: text }
    return { url_string: text, path: text.slice(0, query), query_string: text.slice(query + 1) }
  }
  const match = /^([a-z][a-z0-9+.-]{0,20}):\/\/([^/?#]{1,300})([^?#]*)(?:\?([^#]*))?/i.exec(text)
  if (match === null) return { url_string: text }
  const [, scheme, authority = '', path, query_string] = match
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const port = /:(\d{1,5})$/.exec(host)
  const number = port === null ? undefined : Number(port[1])
  return defined({
    url_string: text,
    scheme: scheme?.toLowerCase(),
    hostname: port === null ? host : host.slice(0, port.index),
    port: number !== undefined && number <= 65535 ? number : undefined,
    path: path || undefined,
    query_string,
  })
}

/** A number that can be an HTTP status. */
export function httpCode(code: number | undefined): number | undefined {
  return code !== undefined && Number.isInteger(code) && code >= 100 && code <= 999 ? code : undefined
}

/** ms, rounded, or nothing where it cannot be a duration. */
export function whole(ms: number | undefined): number | undefined {
  return ms !== undefined && ms >= 0 && ms <= 4e9 ? Math.round(ms) : undefined
}
