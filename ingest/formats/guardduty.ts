import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { awsCloud, awsTimeOf, badTime } from './aws.js'
import { wordOf } from './aws-access-row.js'
import { delivered } from './aws-delivery.js'
import { camelKeys, evidenceOf } from './aws-finding-evidence.js'
import { findingAttacks, techniquesIn } from './aws-finding-tactics.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, ownEntry } from './fields.js'
import { concernedBy } from './guardduty-resources.js'
import { malwareOf, runtimeProcess } from './guardduty-runtime.js'

const MAPPING = `
A finding, an EventBridge event with one, or the answer of GetFindings.
# Detection Finding 2004
updatedAt | time, finding_info.modified_time | Activity: Create, Update where updated later than created, Close where archived.
createdAt | finding_info.created_time
id, arn | finding_info.uid, finding_info.uid_alt
title, description | finding_info.title, finding_info.desc, message
type | finding_info.types, finding_info.analytic.name, finding_info.attacks | The tactic of MITRE ATT&CK where the type's purpose is one.
severity | severity_id, vendor_attributes.severity | 1 to 3.9 Low, to 6.9 Medium, to 8.9 High, then Critical.
confidence | confidence_score
accountId, region, partition | cloud.account.uid, cloud.region, cloud.cloud_partition
schemaVersion | metadata.log_version
service.detectorId, service.featureName | metadata.product.feature.uid, metadata.product.feature.name
service.eventFirstSeen, service.eventLastSeen | finding_info.first_seen_time, finding_info.last_seen_time, start_time, end_time
service.count | count
service.archived | status_id
service.action | evidences[].api, evidences[].actor, evidences[].src_endpoint, evidences[].dst_endpoint, evidences[].connection_info, evidences[].query, evidences[].http_request
service.action.*.blocked | action_id, disposition_id
service.action.awsApiCallAction.affectedResources | resources[]
service.resourceRole | resources[].role_id
service.additionalInfo | evidences[].data
service.runtimeDetails.process | evidences[].process
service.malwareScanDetails, service.ebsVolumeScanDetails | malware[]
service.evidence.threatIntelligenceDetails | enrichments[]
service.detection.sequence.sequenceIndicators | finding_info.attacks
resource.instanceDetails | device, resources[], workload
resource.lambdaDetails | resources[], workload
resource.containerDetails, resource.kubernetesDetails, resource.ecsClusterDetails | evidences[].container, resources[], workload
resource.accessKeyDetails, resource.kubernetesDetails.kubernetesUserDetails | evidences[].actor, resources[]
resource.s3BucketDetails, resource.rdsDbInstanceDetails, resource.eksClusterDetails | resources[]
`

/** Amazon GuardDuty findings. */
export const guardduty = defineFormat({
  name: 'guardduty',
  summary: 'Amazon GuardDuty findings (native, EventBridge, GetFindings) as detection findings',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const [inner] = delivered(record, isFinding) ?? [record]
    return isObject(inner) && isFinding(inner) ? 0.95 : 0
  },
  split: (record) => delivered(record, isFinding),
  create: () => (record) => {
    if (!isObject(record)) return reject('not_guardduty', `expected a finding, found ${kindOf(record)}`)
    const [inner] = delivered(record, isFinding) ?? [record]
    if (!isObject(inner)) return reject('not_guardduty', `expected a finding, found ${kindOf(inner)}`)
    const finding = inner.Type !== undefined && inner.Severity !== undefined ? camelKeys(inner) : inner
    const fields = new Fields(finding as JsonRecord, '')
    const outcome = draftOf(fields)
    if (outcome.kind !== 'ok') return outcome
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) outcome.value.unmapped = unmapped
    return ok([outcome.value])
  },
})

/** `UnauthorizedAccess:EC2/SSHBruteForce`: purpose, resource and threat. */
const FINDING_TYPE = /^[A-Z][A-Za-z]+:[A-Z][A-Za-z0-9]+\/[A-Z]/

function isFinding(record: JsonRecord): boolean {
  const type = record.type ?? record.Type
  const service = record.service ?? record.Service
  if (typeof type !== 'string' || !isObject(service)) return false
  const name = service.serviceName ?? service.ServiceName
  if (name === 'guardduty' || 'detectorId' in service || 'DetectorId' in service) return true
  return FINDING_TYPE.test(type.slice(0, 200)) && isObject(record.resource ?? record.Resource)
}

function draftOf(finding: Fields): Outcome<EventDraft> {
  const uid = finding.text('id')
  const type = finding.text('type')
  const severity = finding.number('severity')
  if (uid === undefined || type === undefined) {
    return reject('not_guardduty', finding.lacks(uid === undefined ? 'id' : 'type'))
  }
  const place = { account: finding.text('accountId'), region: finding.text('region') }
  const partition = finding.text('partition')
  const title = finding.text('title')
  const desc = finding.text('description')
  const service = finding.object('service')
  const times = {
    created: awsTimeOf(finding, 'createdAt'),
    updated: awsTimeOf(finding, 'updatedAt'),
    first: awsTimeOf(service, 'eventFirstSeen'),
    last: awsTimeOf(service, 'eventLastSeen'),
  }
  const time = times.updated ?? times.last ?? times.created
  const refusal = badTime(finding, 'updatedAt', time)
  if (refusal) return refusal
  const archived = service?.boolean('archived') === true
  const about = concernedBy(finding.object('resource'), place)
  const { evidence, affected, blocked } = evidenceOf(service?.object('action'), about.actor)
  const process = runtimeProcess(service?.object('runtimeDetails'))
  const shown: JsonRecord = defined({ ...evidence, process, container: about.container, device: undefined })
  const more = service?.any('additionalInfo')
  // Only where it says anything: OCSF wants evidences to have more than this too.
  if (isObject(more) && Object.keys(more).length > 0 && Object.keys(shown).length > 0) shown.data = more
  else service?.keep('additionalInfo')
  const indicators = indicatorsOf(service)
  const role = ownEntry(ROLES, service?.text('resourceRole') ?? '')
  const open = role === undefined ? [] : about.resources.filter(({ role_id }) => role_id === ROLES.TARGET?.role_id)
  for (const resource of open) Object.assign(resource, role)
  if (open.length === 0) service?.keep('resourceRole')
  const resources = [...about.resources, ...affected]
  const attacks = findingAttacks([type, ...indicators.tactics], [...indicators.techniques, ...techniquesIn(desc)])
  return ok(
    defined({
      class_uid: CLASS.detection_finding,
      activity_id: archived ? 3 : times.updated !== undefined && times.updated !== times.created ? 2 : 1,
      time,
      severity_id: severityOf(severity),
      status_id: archived ? 5 : 1,
      is_alert: true,
      count: service?.whole('count'),
      confidence_score: finding.whole('confidence'),
      message: title ?? desc,
      start_time: times.first,
      end_time: times.last,
      vendor_attributes: severity === undefined ? undefined : { severity: String(severity) },
      finding_info: defined({
        uid,
        uid_alt: finding.text('arn'),
        title,
        desc,
        types: [type],
        analytic: { name: type, uid: type, type_id: 0 },
        attacks,
        created_time: times.created,
        modified_time: times.updated,
        first_seen_time: times.first,
        last_seen_time: times.last,
      }),
      ...verdict(blocked),
      evidences: Object.keys(shown).length === 0 ? undefined : [shown],
      resources: resources.length === 0 ? undefined : resources,
      device: about.device,
      malware: service === undefined ? undefined : malwareOf(service),
      enrichments: threatLists(service),
      cloud: defined({ ...awsCloud(place), cloud_partition: partition }),
      workload: about.workload,
      metadata: metadataOf(finding, service, blocked !== undefined),
    }),
  )
}

/** Whether the resource was attacked, or is what attacked. */
const ROLES: { readonly [role: string]: JsonRecord } = {
  TARGET: { role_id: 1, role: 'Target' },
  ACTOR: { role_id: 2, role: 'Actor' },
}

/** GuardDuty's scale: Low below 4, Medium below 7, High below 9, Critical from 9. */
function severityOf(severity: number | undefined): number {
  if (severity === undefined) return 0
  return severity >= 9 ? 5 : severity >= 7 ? 4 : severity >= 4 ? 3 : severity >= 1 ? 2 : 1
}

function verdict(blocked: boolean | undefined) {
  if (blocked === undefined) return {}
  return blocked
    ? { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' }
    : { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' }
}

function metadataOf(finding: Fields, service: Fields | undefined, controls: boolean) {
  service?.text('serviceName')
  const feature = defined({ uid: service?.text('detectorId'), name: service?.text('featureName') })
  return defined({
    product: defined({
      name: 'GuardDuty',
      vendor_name: 'AWS',
      feature: Object.keys(feature).length === 0 ? undefined : feature,
    }),
    profiles: controls ? ['cloud', 'security_control'] : ['cloud'],
    log_name: 'guardduty',
    log_version: finding.text('schemaVersion'),
  })
}

/** What an attack sequence says it consists of. */
function indicatorsOf(service: Fields | undefined): { techniques: string[]; tactics: string[] } {
  const result = { techniques: [] as string[], tactics: [] as string[] }
  const sequence = service?.object('detection')?.object('sequence')
  for (const [n, entry] of (sequence?.list('sequenceIndicators') ?? []).slice(0, 64).entries()) {
    if (!isObject(entry) || !sequence) continue
    const indicator = sequence.element('sequenceIndicators', n, entry)
    const key = indicator.text('key')
    const values = (indicator.list('values') ?? []).filter((value): value is string => typeof value === 'string')
    if (key === 'ATTACK_TECHNIQUE') result.techniques.push(...values.flatMap(techniquesIn))
    else if (key === 'ATTACK_TACTIC') result.tactics.push(...values.map((value) => `TTPs/${value}`))
    else {
      indicator.keep('key')
      indicator.keep('values')
    }
  }
  return result
}

function threatLists(service: Fields | undefined): JsonRecord[] | undefined {
  const evidence = service?.object('evidence')
  const found: JsonRecord[] = []
  for (const [n, entry] of (evidence?.list('threatIntelligenceDetails') ?? []).slice(0, 32).entries()) {
    if (!isObject(entry) || !evidence) continue
    const details = evidence.element('threatIntelligenceDetails', n, entry)
    const list = details.text('threatListName')
    const names = details.list('threatNames')
    if (list === undefined && names === undefined) continue
    found.push({
      name: 'service.evidence.threatIntelligenceDetails',
      value: list ?? wordOf(names?.[0]) ?? 'unnamed',
      type: 'threat list',
      provider: 'GuardDuty',
      data: defined({ threatListName: list, threatNames: names }),
    })
  }
  return found.length === 0 ? undefined : found
}
