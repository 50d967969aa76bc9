import { z } from 'zod'
import { defineFormat } from '../contract.js'
import { splitAzure } from './azure-envelope.js'
import { azureEvents, sureOfAzure } from './azure-record.js'

/** Azure Functions as they report themselves: Application Insights telemetry and FunctionAppLogs. */
export const azureFunctions = defineFormat({
  name: 'azure_functions',
  summary:
    'Azure Functions: Application Insights requests, dependencies, traces, exceptions, metrics, and FunctionAppLogs',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Read as Log Analytics tables, resource logs, continuous export, query results and the protocol of the SDKs.
    # HTTP Activity 4002
    Requests with a URL, and dependencies of type HTTP.
    TimeGenerated, timestamp, time | time
    Name, Url, ResultCode | http_request.http_method, http_request.url.url_string, http_response.code, activity_id
    Success | status_id
    DurationMs, duration | duration
    ClientIP, ClientCity, ClientCountryOrRegion | src_endpoint.ip, src_endpoint.location
    Target | dst_endpoint.hostname
    AppRoleName, _ResourceId | workload.uid, dst_endpoint.svc_name, cloud.account.uid
    OperationId | metadata.correlation_uid, trace.uid
    # API Activity 6003
    Requests of other triggers (activity Invoke) and dependencies other than HTTP (activity Call).
    OperationName, Type | api.operation, api.service.name
    # Application Lifecycle 6002
    Traces, events and log lines below level error; Executing and Executed of the host are Start and Stop.
    Message, SeverityLevel, level | message, severity_id
    FunctionName, OperationName | app.feature.name
    Category of properties | metadata.log_source
    # Application Error 6008
    Exceptions, and lines of level error and critical.
    ExceptionType, OuterMessage | status_code, status_detail, message
    # Workload Metric 99905001
    Name, Sum | metrics.name, metrics.value
  `,
  detect: (record) => sureOfAzure(record, ['app']),
  split: splitAzure,
  create: () => azureEvents,
})
