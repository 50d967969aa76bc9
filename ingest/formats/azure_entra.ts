import { z } from 'zod'
import { defineFormat } from '../contract.js'
import { splitAzure } from './azure-envelope.js'
import { azureEvents, sureOfAzure } from './azure-record.js'

/** Microsoft Entra ID: sign-ins of people, service principals and managed identities, and the directory's audit log. */
export const azureEntra = defineFormat({
  name: 'azure_entra',
  summary:
    'Microsoft Entra ID sign-in logs as authentication, audit logs as account, group, privilege and entity changes',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Fields are those of properties in a diagnostic-settings record, or of the record itself as Microsoft Graph and Log Analytics have it.
    # Authentication 3002
    createdDateTime, time | time, metadata.original_time
    userPrincipalName, userId, userDisplayName | user.name, user.uid, user.display_name, user.email_addr
    servicePrincipalName, servicePrincipalId, servicePrincipalCredentialKeyId | user.name, user.uid, user.credential_uid | user.type_id is Service
    appDisplayName, appId | actor.app_name, actor.app_uid
    resourceDisplayName, resourceId | service.name, service.uid
    ipAddress, callerIpAddress | src_endpoint.ip
    location, autonomousSystemNumber | src_endpoint.location, src_endpoint.autonomous_system.number
    status.errorCode, resultType | status_id, status_code
    status.failureReason, status.additionalDetails | status_detail
    authenticationRequirement | is_mfa
    authenticationProtocol | auth_protocol_id, auth_protocol
    authenticationDetails | auth_factors | the list itself stays unmapped too
    isInteractive | logon_type_id | Interactive or Network
    sessionId, uniqueTokenIdentifier | session.uid, session.credential_uid
    deviceDetail | device.uid, device.name, device.os.name, device.is_compliant, device.is_managed
    riskLevelAggregated, riskLevelDuringSignIn | risk_level_id, user.risk_level_id
    riskDetail, riskState, riskEventTypes_v2 | risk_details
    appliedConditionalAccessPolicies, conditionalAccessStatus | authorizations
    mfaDetail, clientCredentialType | auth_factors
    incomingTokenType | authentication_token
    userAgent | http_request.user_agent
    id, correlationId | metadata.original_event_uid, metadata.correlation_uid
    tenantId, resourceTenantId, homeTenantId | metadata.tenant_uid, cloud.org.uid, user.account.uid
    # Account Change 3001
    Targets of type User: created, enabled, disabled, deleted, locked, password and MFA changes.
    activityDateTime | time
    activityDisplayName, operationName | activity_id, api.operation, metadata.event_code
    targetResources | user.name, user.uid
    initiatedBy.user, initiatedBy.app | actor.user.name, actor.user.uid, actor.app_name, src_endpoint.ip
    result, resultReason | status_id, status_detail
    loggedByService, correlationId | api.service.name, api.request.uid
    # Group Management 3006
    targetResources | group.name, group.uid, user.name
    # User Access Management 3005
    Roles, consents and app roles given to or taken from a user or service principal.
    targetResources | user.name, privileges, resources.name
    # Entity Management 3004
    Applications, service principals, policies, devices, domains.
    targetResources | entity.name, entity.uid, entity.type, entity.policy, entity.device, entity.data, entity_result.data
  `,
  detect: (record) => sureOfAzure(record, ['sign_in', 'audit']),
  split: splitAzure,
  create: () => azureEvents,
})
