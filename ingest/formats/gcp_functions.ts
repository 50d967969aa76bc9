import { z } from 'zod'
import { defineFormat } from '../contract.js'
import { splitGcp } from './gcp-entry.js'
import { gcpEvents, sureOfGcp } from './gcp-record.js'

/** Logs of Cloud Functions and Cloud Run, and requests to load balancers. */
export const gcpFunctions = defineFormat({
  name: 'gcp_functions',
  summary:
    'Google Cloud Functions (both generations) and Cloud Run: lines of code and requests; load balancer requests too',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Log entries as the Logging API, a log sink (Pub/Sub push and pull messages, buckets) and tables write them. An entry of another kind is read by the rules of its own format, because one topic carries them all.
    A function of the second generation runs as a Cloud Run service: both names are one workload.
    # HTTP Activity 4002
    httpRequest.requestMethod, requestUrl, userAgent, referer, protocol, requestSize | http_request.http_method, activity_id, http_request.url, http_request.user_agent, http_request.referrer, http_request.version, http_request.length
    httpRequest.status, responseSize, latency | http_response.code, status_id, http_response.length, duration
    httpRequest.remoteIp, serverIp | src_endpoint.ip, dst_endpoint.ip
    resource.labels | workload.uid, cloud.account.uid, cloud.region
    trace | trace.uid, metadata.correlation_uid
    # Application Lifecycle 6002
    Lines below level error. What the platform writes when an execution begins and ends is Start and Stop.
    textPayload, jsonPayload.message | message, activity_id, duration
    severity | severity_id, metadata.log_level
    labels.execution_id | metadata.correlation_uid
    resource.labels.revision_name | app.version, workload.version
    sourceLocation | metadata.log_source
    # Application Error 6008
    Lines of level error and above.
    textPayload, jsonPayload.message | message
  `,
  detect: (record) => sureOfGcp(record, 'app', splitGcp(record)?.[0]),
  split: splitGcp,
  create: () => gcpEvents,
})
