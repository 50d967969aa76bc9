import { registry } from '../../core/define.js'
import type { FormatDefinition } from '../contract.js'
import { alb } from './alb.js'
import { auditd } from './auditd.js'
import { azureActivity } from './azure_activity.js'
import { azureEntra } from './azure_entra.js'
import { azureFunctions } from './azure_functions.js'
import { bedrockInvocation } from './bedrock_invocation.js'
import { cloudevents } from './cloudevents.js'
import { cloudtrail } from './cloudtrail.js'
import { cyclonedx } from './cyclonedx.js'
import { defenderHunting } from './defender_hunting.js'
import { dockerEvents } from './docker_events.js'
import { falco } from './falco.js'
import { gcpAudit } from './gcp_audit.js'
import { gcpFunctions } from './gcp_functions.js'
import { gcpVpcFlow } from './gcp_vpc_flow.js'
import { grype } from './grype.js'
import { guardduty } from './guardduty.js'
import { ibmActivityTracker } from './ibm_activity_tracker.js'
import { k8sAudit } from './k8s_audit.js'
import { kubernetesObjects } from './kubernetes_objects.js'
import { lambdaLogs } from './lambda_logs.js'
import { lambdaTelemetry } from './lambda_telemetry.js'
import { ndjson } from './ndjson.js'
import { ocsf } from './ocsf.js'
import { openwhiskActivation } from './openwhisk_activation.js'
import { osquery } from './osquery.js'
import { otlp } from './otlp.js'
import { route53Resolver } from './route53_resolver.js'
import { s3Access } from './s3_access.js'
import { securityHub } from './security_hub.js'
import { spdx } from './spdx.js'
import { syslog } from './syslog.js'
import { sysmonLinux } from './sysmon_linux.js'
import { tetragon } from './tetragon.js'
import { tracee } from './tracee.js'
import { trivy } from './trivy.js'
import { vpcFlow } from './vpc_flow.js'
import { waf } from './waf.js'
import { wazuh } from './wazuh.js'
import { windowsEvent } from './windows_event.js'

/** Every wire format Weir reads. A new one is one file beside this and one line here. */
export const formats = registry<FormatDefinition>('format', [
  alb,
  auditd,
  azureActivity,
  azureEntra,
  azureFunctions,
  bedrockInvocation,
  cloudevents,
  cloudtrail,
  cyclonedx,
  defenderHunting,
  dockerEvents,
  falco,
  gcpAudit,
  gcpFunctions,
  gcpVpcFlow,
  grype,
  guardduty,
  ibmActivityTracker,
  k8sAudit,
  kubernetesObjects,
  lambdaLogs,
  lambdaTelemetry,
  ndjson,
  ocsf,
  openwhiskActivation,
  osquery,
  otlp,
  route53Resolver,
  s3Access,
  securityHub,
  spdx,
  syslog,
  sysmonLinux,
  tetragon,
  tracee,
  trivy,
  vpcFlow,
  waf,
  wazuh,
  windowsEvent,
])
