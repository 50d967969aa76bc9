import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Metadata } from '../../ocsf/event.js'
import { defineFormat, type Format } from '../contract.js'
import { arnWorkload, awsCloud, awsTimeOf, badTime } from './aws.js'
import { delivered } from './aws-delivery.js'
import { camelKeys, evidenceOf } from './aws-finding-evidence.js'
import { findingAttacks, techniquesIn } from './aws-finding-tactics.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { ocsf } from './ocsf.js'
import {
  complianceOf,
  elements,
  guarddutyAction,
  indicatorsOf,
  malwareOf,
  networkEvidence,
  processEvidence,
  texts,
  vulnerabilitiesOf,
} from './security-hub-parts.js'
import { resourcesOf } from './security-hub-resources.js'

const SHARED_ROWS = `
UpdatedAt | time, finding_info.modified_time | Activity: Create, Update where updated later than created, Close where RecordState is ARCHIVED.
CreatedAt, FirstObservedAt, LastObservedAt | finding_info.created_time, finding_info.first_seen_time, finding_info.last_seen_time
ProcessedAt | metadata.processed_time
Id | finding_info.uid
Title, Description, SourceUrl | finding_info.title, finding_info.desc, finding_info.src_url
Types, FindingProviderFields.Types | finding_info.types, finding_info.attacks | The tactic of MITRE ATT&CK in TTPs/TACTIC/...
GeneratorId | finding_info.analytic.uid, metadata.product.feature.uid
RelatedFindings | finding_info.related_events[]
Severity | severity_id, vendor_attributes.severity | By Label, else by Normalized.
Confidence | confidence_score
Workflow.Status, WorkflowState, RecordState | status_id
Note.Text | comment
ProductArn, ProductName, CompanyName, SchemaVersion | metadata.product.uid, metadata.product.name, metadata.product.vendor_name, metadata.log_version
AwsAccountId, AwsAccountName, Region | cloud.account.uid, cloud.account.name, cloud.region
Resources | resources[]
Resources of an instance, container or function | workload, device
`

const MAPPING = `
Findings of the AWS Security Finding Format: one, a list (\`Findings\`), an EventBridge event. Findings that are OCSF already pass as the format ocsf does.
# Detection Finding 2004
${SHARED_ROWS}
Action, Network, Process, ProductFields aws/guardduty/service/action | evidences[]
Resources AwsIamAccessKey | evidences[].actor
Malware | malware[]
ThreatIntelIndicators | enrichments[]
Remediation.Recommendation | remediation.desc, remediation.references
VerificationState | verdict_id
# Compliance Finding 2003
Findings with Compliance; the rows above hold, and:
Compliance.Status, Compliance.SecurityControlId | compliance.status_id, compliance.status, compliance.control
Compliance.AssociatedStandards, Compliance.RelatedRequirements | compliance.standards, compliance.requirements
Compliance.StatusReasons, Compliance.SecurityControlParameters | compliance.status_code, compliance.status_details, compliance.control_parameters
Remediation.Recommendation | remediation.desc, remediation.references
# Vulnerability Finding 2002
Findings with Vulnerabilities; the rows above hold, and:
Vulnerabilities | vulnerabilities[].cve, vulnerabilities[].advisory, vulnerabilities[].affected_packages, vulnerabilities[].references, vulnerabilities[].is_fix_available, vulnerabilities[].is_exploit_available
Remediation.Recommendation | vulnerabilities[].remediation
`

/** AWS Security Hub findings, in its own format (ASFF) or in OCSF. */
export const securityHub = defineFormat({
  name: 'security_hub',
  summary:
    'AWS Security Hub findings (ASFF or OCSF; single, list, EventBridge) as detection, compliance and vulnerability findings',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const parts = delivered(record, isFinding)
    const [inner] = parts ?? [record]
    if (!isObject(inner)) return 0
    if (isAsff(inner)) return 0.95
    return parts !== undefined && typeof inner.class_uid === 'number' ? 0.9 : 0
  },
  split: (record) => delivered(record, isFinding),
  create() {
    const passOcsf = ocsf.create({})
    return (record, context) => {
      const [inner] = delivered(record, isFinding) ?? [record]
      if (!isObject(inner)) return reject('not_security_hub', `expected a finding, found ${kindOf(inner)}`)
      if (typeof inner.class_uid === 'number') return ocsfFinding(inner, passOcsf, context)
      const fields = new Fields(inner, '')
      const outcome = draftOf(fields)
      if (outcome.kind !== 'ok') return outcome
      const unmapped = fields.rest()
      if (Object.keys(unmapped).length > 0) outcome.value.unmapped = unmapped
      return ok([outcome.value])
    }
  },
})

function isAsff(record: JsonRecord): boolean {
  return typeof record.AwsAccountId === 'string' && typeof record.ProductArn === 'string'
}

function isFinding(record: JsonRecord): boolean {
  return isAsff(record) || typeof record.class_uid === 'number'
}

/** Security Hub's newer findings are OCSF; their resources name the workload by its ARN. */
function ocsfFinding(record: JsonRecord, pass: Format, context: Parameters<Format>[1]): Outcome<EventDraft[]> {
  const { envelope, ...finding } = record
  const outcome = pass(finding, context)
  if (outcome.kind !== 'ok') return outcome
  const [draft] = outcome.value as [EventDraft]
  const cloud = isObject(draft.cloud) ? draft.cloud : {}
  const account = isObject(cloud.account) && typeof cloud.account.uid === 'string' ? cloud.account.uid : undefined
  const place = { account, region: typeof cloud.region === 'string' ? cloud.region : undefined }
  if (draft.workload === undefined && Array.isArray(draft.resources)) {
    for (const resource of draft.resources.slice(0, 16)) {
      const uid = isObject(resource) && typeof resource.uid === 'string' ? resource.uid : undefined
      const workload = arnWorkload(uid, place)
      if (workload) draft.workload ??= workload
    }
  }
  if (isObject(envelope)) draft.unmapped = { ...(isObject(draft.unmapped) ? draft.unmapped : {}), envelope }
  return outcome
}

const SEVERITIES: { readonly [label: string]: number } = { INFORMATIONAL: 1, LOW: 2, MEDIUM: 3, HIGH: 4, CRITICAL: 5 }
const STATES: { readonly [status: string]: number } = {
  NEW: 1,
  NOTIFIED: 2,
  ASSIGNED: 2,
  IN_PROGRESS: 2,
  DEFERRED: 3,
  SUPPRESSED: 3,
  RESOLVED: 4,
}
const VERDICTS: { readonly [state: string]: number } = {
  FALSE_POSITIVE: 1,
  TRUE_POSITIVE: 2,
  BENIGN_POSITIVE: 5,
  UNKNOWN: 0,
}

function draftOf(finding: Fields): Outcome<EventDraft> {
  const uid = finding.text('Id')
  const account = finding.text('AwsAccountId')
  if (uid === undefined || account === undefined) {
    return reject('not_security_hub', finding.lacks(uid === undefined ? 'Id' : 'AwsAccountId'))
  }
  const products = finding.object('ProductFields')
  // What the product's fields only repeat.
  products?.repeats('aws/guardduty/service/serviceName', 'guardduty')
  const place = { account, region: finding.text('Region') ?? regionIn(uid) }
  const about = resourcesOf(finding, place)
  const action = actionOf(finding, products, about.actor)
  const times = {
    created: awsTimeOf(finding, 'CreatedAt'),
    updated: awsTimeOf(finding, 'UpdatedAt'),
    first: awsTimeOf(finding, 'FirstObservedAt') ?? awsTimeOf(products, 'aws/guardduty/service/eventFirstSeen'),
    last: awsTimeOf(finding, 'LastObservedAt') ?? awsTimeOf(products, 'aws/guardduty/service/eventLastSeen'),
  }
  const time = times.updated ?? times.last ?? times.created
  const refusal = badTime(finding, 'UpdatedAt', time)
  if (refusal) return refusal
  const provider = finding.object('FindingProviderFields')
  const providerTypes = texts(provider, 'Types')
  const types = texts(finding, 'Types') ?? providerTypes
  const archived = finding.text('RecordState') === 'ARCHIVED'
  const remediation = remediationOf(finding, products)
  const compliance = complianceOf(finding, products)
  const vulnerabilities = vulnerabilitiesOf(finding, remediation)
  const verdict = finding.text('VerificationState')
  const shown = defined({
    ...(action?.evidence ?? (about.actor === undefined ? {} : { actor: about.actor })),
    ...networkEvidence(finding),
    process: processEvidence(finding),
    container: about.container,
  })
  const resources = [...about.resources, ...(action?.affected ?? [])]
  const class_uid = vulnerabilities.length > 0 ? 2002 : compliance ? 2003 : CLASS.detection_finding
  const title = finding.text('Title')
  const desc = finding.text('Description')
  const blocked = action?.blocked
  const draft: EventDraft = defined({
    class_uid,
    activity_id: archived ? 3 : times.updated !== undefined && times.updated !== times.created ? 2 : 1,
    time,
    ...severityOf(finding, provider),
    ...statusOf(finding, archived),
    message: title ?? desc,
    count: products?.whole('aws/guardduty/service/count'),
    comment: finding.object('Note')?.text('Text'),
    confidence_score: finding.whole('Confidence'),
    ...(verdict !== undefined && Object.hasOwn(VERDICTS, verdict) ? { verdict, verdict_id: VERDICTS[verdict] } : {}),
    finding_info: defined({
      uid,
      // A finding of another product has its own id for Security Hub too.
      uid_alt: products?.text('aws/securityhub/FindingId'),
      title,
      desc,
      types,
      analytic: analyticOf(finding),
      src_url: finding.text('SourceUrl'),
      related_events: relatedOf(finding),
      attacks: findingAttacks(types ?? [], techniquesIn(desc)),
      created_time: times.created,
      modified_time: times.updated,
      first_seen_time: times.first,
      last_seen_time: times.last,
    }),
    compliance: class_uid === 2003 ? compliance : undefined,
    vulnerabilities: vulnerabilities.length > 0 ? vulnerabilities : undefined,
    remediation: vulnerabilities.length > 0 ? undefined : remediation,
    evidences: Object.keys(shown).length === 0 ? undefined : [shown],
    resources: resources.length === 0 ? undefined : resources,
    device: about.device,
    malware: class_uid === CLASS.detection_finding ? malwareOf(finding) : undefined,
    enrichments: indicatorsOf(finding),
    cloud: cloudOf(finding, place),
    workload: about.workload,
    metadata: metadataOf(finding, products, verdict !== undefined, blocked !== undefined),
  })
  if (class_uid === CLASS.detection_finding) draft.is_alert = true
  if (blocked !== undefined) Object.assign(draft, { action_id: blocked ? 2 : 1, disposition_id: blocked ? 2 : 1 })
  return ok(draft)
}

/** `Action` of the finding, or what GuardDuty put into its product fields. */
function actionOf(finding: Fields, products: Fields | undefined, actor: JsonRecord | undefined) {
  const action = finding.any('Action')
  if (!isObject(action)) return guarddutyAction(products, actor)
  return evidenceOf(finding.virtual('Action', camelKeys(action) as JsonRecord), actor)
}

function severityOf(
  finding: Fields,
  provider: Fields | undefined,
): { severity_id: number; vendor_attributes?: JsonRecord } {
  const own = finding.object('Severity')
  const first = provider?.object('Severity')
  const label = own?.text('Label') ?? first?.text('Label')
  const normalized = own?.number('Normalized')
  const original = own?.text('Original') ?? first?.text('Original')
  first?.text('Label')
  const known = label !== undefined && Object.hasOwn(SEVERITIES, label) ? SEVERITIES[label] : undefined
  return defined({
    severity_id: known ?? (normalized === undefined ? 0 : scaleOf(normalized)),
    vendor_attributes: original === undefined ? undefined : { severity: original },
  })
}

function scaleOf(normalized: number): number {
  return normalized >= 90 ? 5 : normalized >= 70 ? 4 : normalized >= 40 ? 3 : normalized >= 1 ? 2 : 1
}

function statusOf(finding: Fields, archived: boolean) {
  const older = finding.text('WorkflowState')
  const word = finding.object('Workflow')?.text('Status') ?? older
  const known = word !== undefined && Object.hasOwn(STATES, word) ? STATES[word] : undefined
  if (word !== undefined && known === undefined) return { status_id: 99, status: word }
  return { status_id: archived ? 5 : (known ?? 1) }
}

function remediationOf(finding: Fields, products: Fields | undefined): JsonRecord | undefined {
  const advice = finding.object('Remediation')?.object('Recommendation')
  const desc = advice?.text('Text')
  const url = advice?.text('Url') ?? products?.text('RecommendationUrl')
  products?.repeats('RecommendationUrl', url)
  if (desc === undefined && url === undefined) return undefined
  return defined({ desc: desc ?? url, references: url === undefined ? undefined : [url] })
}

function analyticOf(finding: Fields): JsonRecord | undefined {
  const uid = finding.text('GeneratorId')
  return uid === undefined ? undefined : { uid, type_id: 1, type: 'Rule' }
}

function relatedOf(finding: Fields): JsonRecord[] | undefined {
  const related = [...elements(finding, 'RelatedFindings')].flatMap((entry) => {
    const uid = entry.text('Id')
    const product = entry.text('ProductArn')
    return uid === undefined ? [] : [defined({ uid, product: product === undefined ? undefined : { uid: product } })]
  })
  return related.length === 0 ? undefined : related
}

function cloudOf(finding: Fields, place: { account: string; region: string | undefined }): JsonRecord {
  const cloud = awsCloud(place)
  const name = finding.text('AwsAccountName')
  return name === undefined ? cloud : { ...cloud, account: { ...(cloud.account as JsonRecord), name } }
}

function regionIn(arn: string): string | undefined {
  return arn.startsWith('arn:') ? arn.split(':', 4)[3] || undefined : undefined
}

function metadataOf(
  finding: Fields,
  products: Fields | undefined,
  judged: boolean,
  controls: boolean,
): Partial<Metadata> {
  const generator = finding.text('GeneratorId')
  const vendor_name = finding.text('CompanyName') ?? products?.text('aws/securityhub/CompanyName')
  const name = finding.text('ProductName') ?? products?.text('aws/securityhub/ProductName')
  products?.repeats('aws/securityhub/CompanyName', vendor_name)
  products?.repeats('aws/securityhub/ProductName', name)
  const profiles = ['cloud', ...(controls ? ['security_control'] : []), ...(judged ? ['incident'] : [])]
  return defined({
    product: defined({
      uid: finding.text('ProductArn'),
      name: name ?? 'Security Hub',
      vendor_name: vendor_name ?? 'AWS',
      ...(generator === undefined ? {} : { feature: { uid: generator } as { name?: string } }),
    }),
    profiles,
    log_name: 'security_hub',
    log_version: finding.text('SchemaVersion'),
    processed_time: awsTimeOf(finding, 'ProcessedAt'),
  })
}
