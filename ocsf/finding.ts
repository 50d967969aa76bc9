import { techniqueName } from './attack.js'
import { CLASS, type OcsfEvent, type Workload } from './event.js'

/** Families of detectors are independent ways of knowing; a response needs two of them (or a person). */
export type FindingFamily = 'rules' | 'profile' | 'anomaly' | 'posture'

/** A finding as people, playbooks and reports see it. `findingEvent` writes it, `findingOf` reads it back. */
export type Finding = {
  /** Deterministic: the same detection made again has the same uid. Also `metadata.uid` of its event. */
  readonly uid: string
  /** Name of the detector instance. */
  readonly detector: string
  readonly family: FindingFamily
  /** Stable key of this kind of finding. */
  readonly rule: string
  /** MITRE ATT&CK technique ids. */
  readonly techniques: readonly string[]
  /** Absent if the evidence concerns no workload, e.g. an API call of a person in a cloud account. */
  readonly workload?: Workload | undefined
  /** OCSF severity_id, 1 informational to 5 critical. */
  readonly severity_id: number
  /** 0 to 100. */
  readonly confidence: number
  readonly title: string
  /** Why, in words. */
  readonly reason: string
  /** metadata.uid of the events that show it, oldest first. */
  readonly evidence: readonly string[]
  /** Event time of the newest evidence, ms since 1970. */
  readonly time: number
  /** Numbers and names behind the reason. */
  readonly details: { readonly [key: string]: string | number | boolean | readonly string[] }
}

/** `metadata.log_name` of Weir's own findings; a source that reports findings (Falco, GuardDuty) has another one. */
const FINDINGS_LOG = 'weir.findings'

const severities = ['Unknown', 'Informational', 'Low', 'Medium', 'High', 'Critical'] as const
const analyticTypes: { readonly [family in FindingFamily]: { readonly type_id: number; readonly type: string } } = {
  rules: { type_id: 1, type: 'Rule' },
  profile: { type_id: 2, type: 'Behavioral' },
  anomaly: { type_id: 4, type: 'Learning (ML/DL)' },
  posture: { type_id: 99, type: 'Posture' },
}

/** The OCSF Detection Finding (2004) of a finding. The only writer of this shape. */
export function findingEvent(finding: Finding): OcsfEvent {
  const severity_id = Math.min(5, Math.max(1, Math.trunc(finding.severity_id)))
  return {
    class_uid: CLASS.detection_finding,
    class_name: 'Detection Finding',
    category_uid: 2,
    category_name: 'Findings',
    activity_id: 1,
    activity_name: 'Create',
    type_uid: CLASS.detection_finding * 100 + 1,
    type_name: 'Detection Finding: Create',
    time: finding.time,
    severity_id,
    severity: severities[severity_id] ?? 'Unknown',
    status_id: 1,
    status: 'New',
    is_alert: severity_id >= 3,
    confidence_score: Math.round(finding.confidence),
    message: finding.title,
    metadata: {
      version: '1.8.0',
      uid: finding.uid,
      log_name: FINDINGS_LOG,
      product: { name: 'Weir', vendor_name: 'Weir', feature: { name: finding.detector } },
    },
    finding_info: {
      uid: finding.uid,
      title: finding.title,
      desc: finding.reason,
      // Event time: a replay must write the same finding again.
      created_time: finding.time,
      analytic: {
        name: finding.detector,
        uid: finding.rule,
        category: finding.family,
        ...analyticTypes[finding.family],
      },
      attacks: finding.techniques.map(attackOf),
      related_events: finding.evidence.map((uid) => ({ uid })),
    },
    ...(finding.workload === undefined ? {} : { workload: finding.workload }),
    unmapped: { details: finding.details },
  }
}

function attackOf(id: string) {
  const name = techniqueName(id)
  const reference = name === undefined ? { uid: id } : { uid: id, name }
  if (!id.includes('.')) return { technique: reference }
  const parent = id.slice(0, id.indexOf('.'))
  const parentName = techniqueName(parent)
  return {
    technique: parentName === undefined ? { uid: parent } : { uid: parent, name: parentName },
    sub_technique: reference,
  }
}

/** True for a Detection Finding that Weir's own engine made. */
export function isOwnFinding(event: OcsfEvent): boolean {
  return event.class_uid === CLASS.detection_finding && event.metadata?.log_name === FINDINGS_LOG
}

/** Reads one of Weir's own findings back; undefined if the event is not one or is damaged. */
export function findingOf(event: OcsfEvent): Finding | undefined {
  if (!isOwnFinding(event)) return undefined
  const info = event.finding_info
  const analytic = info?.analytic
  const family = analytic?.category
  if (typeof info?.uid !== 'string' || typeof analytic?.name !== 'string' || !isFamily(family)) return undefined
  return {
    uid: info.uid,
    detector: analytic.name,
    family,
    rule: String(analytic.uid ?? ''),
    techniques: listOf(info.attacks)
      .map((attack) => attack?.sub_technique?.uid ?? attack?.technique?.uid)
      .filter((id) => typeof id === 'string'),
    ...(event.workload === undefined ? {} : { workload: event.workload }),
    severity_id: event.severity_id,
    confidence: event.confidence_score ?? 0,
    title: String(info.title ?? ''),
    reason: String(info.desc ?? ''),
    evidence: listOf(info.related_events)
      .map((related) => related?.uid)
      .filter((uid) => typeof uid === 'string'),
    time: event.time,
    details: (event.unmapped?.details ?? {}) as Finding['details'],
  }
}

function isFamily(value: unknown): value is FindingFamily {
  return typeof value === 'string' && Object.hasOwn(analyticTypes, value)
}

// biome-ignore lint/suspicious/noExplicitAny: attributes of a stored event
function listOf(value: unknown): any[] {
  return Array.isArray(value) ? value : []
}
