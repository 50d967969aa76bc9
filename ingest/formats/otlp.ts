import { z } from 'zod'
import { reject } from '../../core/outcome.js'
import { defineFormat } from '../contract.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { otlpLog } from './otlp-logs.js'
import { otlpMetric } from './otlp-metrics.js'

/** OpenTelemetry logs and metrics, as the JSON of an export request or taken apart by the http collector. */
export const otlp = defineFormat({
  name: 'otlp',
  summary: 'OpenTelemetry logs and metrics (OTLP JSON; protobuf at /v1/logs and /v1/metrics of the http collector)',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    The workload is told by the attributes of the resource: faas.name, else container.id, else host.id or host.name, with cloud.provider, cloud.account.id and cloud.region. Attributes without a home stay under resource.attributes and attributes in unmapped. Traces are not taken.
    # Application Lifecycle 6002
    Log records below severity ERROR.
    timeUnixNano, observedTimeUnixNano | time, metadata.logged_time
    severityNumber, severityText | severity_id, metadata.log_level
    body | message | a structured body stays in unmapped
    eventName | metadata.event_code
    traceId | metadata.correlation_uid
    scope.name, scope.version | metadata.log_name, metadata.log_version
    resource service.name, service.version, service.instance.id | app.name, app.version, app.uid
    resource faas.*, container.*, k8s.*, host.* | workload.uid, workload.image, workload.namespace
    resource cloud.* | cloud.provider, cloud.account.uid, cloud.region, cloud.zone
    # Application Error 6008
    Log records of severity ERROR and FATAL.
    attributes exception.type, exception.message | status_code, status_detail
    # HTTP Activity 4002
    Log records whose attributes have http.request.method and a URL.
    attributes http.request.method, url.full, user_agent.original | http_request.http_method, http_request.url, http_request.user_agent
    attributes http.response.status_code | http_response.code, status_id
    attributes client.address, server.address, server.port | src_endpoint.ip, dst_endpoint.hostname, dst_endpoint.port
    traceId | trace.uid
    # Workload Metric 99905001
    One event for each time of a metric. Points are named by their attributes: name{key=value}; histograms and summaries give name.count, .sum, .min, .max, .p99.
    dataPoints asDouble, asInt, count, sum, min, max, quantileValues | metrics.name, metrics.value
    unit | metrics.unit
    timeUnixNano | time
  `,
  detect(record) {
    if (!isObject(record)) return 0
    if (Array.isArray(record.resourceLogs) || Array.isArray(record.resourceMetrics)) return 0.95
    return isObject(record.logRecord) || (isObject(record.metric) && 'resource' in record) ? 0.9 : 0
  },
  split: splitOtlp,
  create: () => (record) => {
    if (!isObject(record)) return reject('not_otlp', `expected an object with resourceLogs, found ${kindOf(record)}`)
    if (isObject(record.logRecord)) return otlpLog(record, record.logRecord)
    if (isObject(record.metric)) return otlpMetric(record, record.metric)
    return reject('not_otlp', 'expected resourceLogs or resourceMetrics, or one logRecord or metric with its resource')
  },
})

/** Every log record and metric of an export request, each with its resource and scope. */
export function splitOtlp(value: unknown): readonly JsonRecord[] | undefined {
  if (!isObject(value)) return undefined
  const { resourceLogs, resourceMetrics } = value
  if (!Array.isArray(resourceLogs) && !Array.isArray(resourceMetrics)) return undefined
  return [
    ...parts(resourceLogs, 'scopeLogs', 'logRecords', 'logRecord'),
    ...parts(resourceMetrics, 'scopeMetrics', 'metrics', 'metric'),
  ]
}

function parts(resources: unknown, scopes: string, items: string, name: string): JsonRecord[] {
  const found: JsonRecord[] = []
  for (const entry of listOf(resources)) {
    if (!isObject(entry)) continue
    for (const scoped of listOf(entry[scopes])) {
      if (!isObject(scoped)) continue
      for (const item of listOf(scoped[items])) {
        const part: JsonRecord = { [name]: item }
        if (entry.resource !== undefined) part.resource = entry.resource
        if (scoped.scope !== undefined) part.scope = scoped.scope
        found.push(part)
      }
    }
  }
  return found
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
