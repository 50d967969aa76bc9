import { z } from 'zod'
import { defineFormat } from '../contract.js'
import { splitGcp } from './gcp-entry.js'
import { gcpEvents, sureOfGcp } from './gcp-record.js'

/** Google Cloud audit logs, bare or in a Pub/Sub message. */
export const gcpAudit = defineFormat({
  name: 'gcp_audit',
  summary:
    'Google Cloud audit logs (admin activity, data access, system event, policy denied) as API activity and sign-ins',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Log entries as the Logging API, a log sink (Pub/Sub push and pull messages, buckets) and tables write them. An entry of another kind is read by the rules of its own format, because one topic carries them all.
    # API Activity 6003
    timestamp, receiveTimestamp | time, metadata.original_time, metadata.logged_time
    logName | metadata.log_name, metadata.product.feature.name
    insertId | metadata.uid, metadata.original_event_uid | uid: of log name, time and insert id, as Google tells entries apart
    protoPayload.methodName | api.operation, activity_id, metadata.event_code, api.version | the permission asked for, where it is absent
    protoPayload.serviceName | api.service.name, dst_endpoint.svc_name
    protoPayload.resourceName | resources.uid, resources.name, workload.uid
    protoPayload.authenticationInfo.principalEmail, principalSubject | actor.user.name, actor.user.uid, actor.user.email_addr, actor.user.type_id
    protoPayload.authenticationInfo.serviceAccountKeyName | actor.user.credential_uid
    protoPayload.authenticationInfo.serviceAccountDelegationInfo | actor.invoked_by
    protoPayload.authorizationInfo | actor.authorizations, resources
    protoPayload.requestMetadata.callerIp, callerNetwork | src_endpoint.ip, src_endpoint.vpc_uid
    protoPayload.requestMetadata.callerSuppliedUserAgent | http_request.user_agent
    protoPayload.requestMetadata.destinationAttributes | dst_endpoint.ip, dst_endpoint.port
    protoPayload.status | status_id, status_code, status_detail, api.response.error, api.response.error_message
    protoPayload.request, protoPayload.response | api.request.data, api.response.data
    protoPayload.serviceData, protoPayload.metadata | resources.data
    resource | resources.type, resources.labels, cloud.project_uid, cloud.account.uid, cloud.region, cloud.zone
    operation.id, trace | metadata.correlation_uid, api.request.uid
    severity | severity_id, metadata.log_level
    # Authentication 3002
    Methods of login.googleapis.com.
    protoPayload.authenticationInfo.principalEmail | user.name, user.email_addr
  `,
  detect: (record) => sureOfGcp(record, 'audit', splitGcp(record)?.[0]),
  split: splitGcp,
  create: () => gcpEvents,
})
