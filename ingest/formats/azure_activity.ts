import { z } from 'zod'
import { defineFormat } from '../contract.js'
import { splitAzure } from './azure-envelope.js'
import { azureEvents, sureOfAzure } from './azure-record.js'

/** The Azure Activity Log and resource logs, as event hubs, storage, Event Grid, tables and the REST API deliver them. */
export const azureActivity = defineFormat({
  name: 'azure_activity',
  summary:
    'Azure Activity Log and resource logs as API activity, from event hubs, storage, Event Grid, tables and the REST API',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Deliveries are taken apart first: records of an event hub message, value of the REST API, data of Event Grid. A record of another kind (sign-in, directory audit, function log) is read by the rules of that format, because one event hub carries them all.
    The workload is the function app or virtual machine that called with its managed identity, else the one called upon. A function app is known by its name, which is unique in Azure.
    # API Activity 6003
    time, eventTimestamp, TimeGenerated | time, metadata.original_time
    operationName | activity_id, api.operation, metadata.event_code | write Update, read Read, delete Delete, action by its verb
    operationVersion | api.version
    resourceId | resources.uid, resources.name, resources.type, resources.group.name, cloud.account.uid
    location | cloud.region
    tenantId | cloud.org.uid, metadata.tenant_uid
    callerIpAddress | src_endpoint.ip, src_endpoint.port
    identity.claims, claims, caller | actor.user.name, actor.user.uid, actor.user.email_addr, actor.app_uid, actor.session.uid
    identity.authorization | actor.authorizations
    identity.tokenHash | actor.user.credential_uid
    resultType, statusCode, status, properties.metricResponseType | status_id, status, status_code, api.response.code
    resultSignature, subStatus, statusText | status_code, status_detail
    resultDescription, description | message
    level | severity_id, metadata.log_level
    category | metadata.log_name, metadata.product.feature.name
    correlationId, operationId | metadata.correlation_uid, api.request.uid
    eventDataId | metadata.uid
    durationMs | duration
    properties.requestbody, properties.responseBody | api.request.data, api.response.data
    properties.objectKey, properties.entity | resources.name, resources.uid
    properties.userAgentHeader, httpRequest, uri | http_request.user_agent, http_request.http_method, http_request.url.url_string
  `,
  detect: (record) => sureOfAzure(record, ['activity']),
  split: splitAzure,
  create: () => azureEvents,
})
