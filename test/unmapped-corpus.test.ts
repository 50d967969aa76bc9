import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formats } from '../ingest/formats/index.js'
import { corpusOf, corpusReport } from './corpus.js'

/** Fields of the tools that collected the samples, not of their sources: of Panther, Logstash and a notebook. */
const COLLECTORS = 'p_* @timestamp @version someDummyField *CustomEntity'

/**
 * What may stay only in `unmapped`, by format, each judged with the OCSF schema at hand: its class and objects have no
 * attribute for it, or an attribute has the same value. `*` stands for any text. A new path needs an attribute, or a
 * line here.
 */
const ALLOWED: { readonly [format: string]: string } = {
  // Arguments, further users and security contexts of a system call, capabilities of files, further paths of an exec.
  auditd:
    'SYSCALL.a? SYSCALL.exit SYSCALL.items SYSCALL.ARCH SYSCALL.*uid SYSCALL.*gid SYSCALL.*UID SYSCALL.*GID *.subj AVC.scontext PATH.* PATH[].* DAEMON_START.format DAEMON_START.kernel ANOM_EXEC.res',
  azure_activity:
    'properties.serviceType properties.serverLatencyMs properties.tlsVersion properties.etag status protocol properties.recommendation* properties.eventCategory properties.isComplianceCheck properties.resourceLocation tenantId"',
  // The details of steps and changes in lists whose facts are attributes; what says `none`; other names of the target.
  azure_entra:
    'resourceId callerIpAddress operationName identity additionalDetails properties.additionalDetails properties.operationName *.modifiedProperties properties.authenticationDetails properties.authenticationProcessingDetails properties.crossTenantAccessType properties.flaggedForReview properties.isTenantRestricted properties.resourceServicePrincipalId properties.clientAppUsed properties.deviceDetail.browser properties.managedIdentityType properties.originalRequestId properties.rngcStatus properties.tenantGeo correlationId properties.tenantId SourceSystem Resource ResourceGroup AADTenantId AADOperationType Type target target* keyEvents Initiating* DisplayName Permissions*',
  bedrock_invocation: 'input.inputContentType output.outputContentType',
  // TLS has no place in API Activity; false is the absence of a flag; the issuer of what is no role.
  cloudtrail:
    'tlsDetails.cipherSuite tlsDetails.tlsVersion readOnly managementEvent userIdentity.sessionContext.sessionIssuer.* userIdentity.sessionContext.ec2RoleDelivery userIdentity.accesKeyId additionalEventData.SignatureVersion additionalEventData.CipherSuite additionalEventData.AuthenticationMethod additionalEventData.MobileVersion additionalEventData.bytesTransferredOut additionalEventData.vpcEndpointId resources',
  // Response times and counters of a minute, the raw record once more, flags of the account's device.
  defender_hunting:
    'AdditionalFields LinksTerminated Responses ResponseTime* Machine AgentId SourceSystem InitiatingProcessVersionInfoInternalFileName Protocol IsAdminOperation DeviceType IsAnonymousProxy ActivityType AppId ActivityObjects RawEventData rawData',
  // Counters of Falco's own losses beside their sum; fields that were never filled in.
  falco: 'user.loginuid n_drops_* n_evts ebpf_enabled ebpf/enabled n?drops* container.image.* container.info proc.args',
  gcp_audit:
    'operation.* protoPayload.resourceLocation protoPayload.requestMetadata* protoPayload.resource protoPayload.timestamp protoPayload.receive* authorizationInfo serviceName status resource protoPayload.status.details',
  gcp_functions:
    'resource.labels.target_proxy_name jsonPayload.remoteIp jsonPayload.enforcedSecurityPolicy.matched* jsonPayload.previewSecurityPolicy jsonPayload.backend* jsonPayload.cacheDecision',
  guardduty: 'service.resourceRole service.additionalInfo resource.resourceType',
  k8s_audit: 'operationName operation.* protoPayload.at_sign_type protoPayload.authenticationInfo.authoritySelector',
  // Columns are chosen by whoever wrote the query.
  osquery: 'epoch log_type decorations.environment columns.*',
  s3_access: 'tlsversion ciphersuite signatureversion authenticationtype',
  security_hub: 'ProductFields.* Action.* FindingProviderFields.Severity.* Severity.Product Sample',
  // As auditd; Log Analytics keeps the raw line once more.
  syslog: 'SourceSystem TimeGenerated MG Type EventType EventData AUOMS_EXECVE.* AVC.*',
  sysmon_linux: 'System.Task System.Opcode System.Keywords System.Security.UserId TerminalSessionId',
  // Counters of Tetragon's cache and of TCP; when the container of a process started.
  tetragon: '*.refcnt *.pod.container.start_time *.stats.* process_kprobe.args[].*',
  // Lists whose rules are attributes.
  waf: 'ruleGroupList nonTerminatingMatchingRules rateBasedRuleList captchaResponse',
  wazuh:
    'protoPayload.numResponseItems operation.* resource.labels.target_proxy_name gcp.c_ip_type gcp.cs_operation gcp.cs_object gcp.bucket gcp.storage_byte_hours',
  // Handles, masks and contexts of Windows; the same account in other words.
  windows_event:
    'Type SourceSystem Task MG AccountType ImpersonationLevel TargetLinkedLogonId VirtualAccount ObjectServer HandleId AccessList RestrictedSidCount CallTrace EventData InstanceId KeyLength Properties timestamp OldSd NewSd TargetLogonId TokenElevationType ClaimsName Operation TargetAccount SubjectAccount Account',
}

const FILES = [
  'auditd_linux',
  'auditd_otrf_raw',
  'aws_cloudtrail',
  'aws_guardduty_asff',
  'aws_other_s3_waf_alb_dns',
  'aws_vpc_flow',
  'azure_activity_and_audit',
  'falco_alerts',
  'gcp_audit',
  'k8s_audit',
  'osquery',
  'otrf_json_mixed',
  'tetragon',
  'wazuh_docker_events',
  'wazuh_gcp',
].map((name) => `parser-corpus/${name}.jsonl`)

function patternOf(list: string): RegExp {
  const literal = (glob: string) =>
    glob
      .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
  return new RegExp(`^(?:${list.split(' ').map(literal).join('|')})$`)
}

for (const definition of formats.all) {
  const records = corpusOf(definition.name, [...FILES, 'stratus', 'falco-k8s-audit/traces'])
  if (records?.length === 0) continue
  const skip = records ? false : '../shared/data is absent'
  test(`${definition.name}: what has a place in OCSF does not stay unmapped`, { skip }, () => {
    const report = corpusReport(definition, records ?? [])
    const allowed = patternOf(`${COLLECTORS} ${ALLOWED[definition.name] ?? ''}`.trim())
    assert.deepEqual(
      Object.keys(report.unmapped).filter((path) => !allowed.test(path)),
      [],
    )
    assert.deepEqual([report.problems, report.rejected], [{}, {}])
  })
}
