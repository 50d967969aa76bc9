import type { OcsfEvent } from '../ocsf/event.js'
import { findingEvent } from '../ocsf/finding.js'
import { eventUid } from '../ocsf/uid.js'
import type { Family, FindingDraft } from './contract.js'

const max_evidence = 20

/** What the engine knows about the detector that made a draft. */
export type FindingOrigin = {
  readonly instance: string
  readonly family: Family
  /** Repeats that were counted and not reported since the finding before this one. */
  readonly repeats: number
}

/** Repeats with the same key inside the suppression window are one finding. */
export function dedupKeyOf(instance: string, draft: FindingDraft): string {
  return `${instance}\n${draft.dedup_key ?? `${draft.rule}\n${draft.workload?.uid ?? ''}`}`
}

/**
 * Makes the OCSF event of a draft. Its uid depends on detector, key and first evidence only, so that the same
 * events handled again after a crash give the same uid.
 */
export function makeFinding(draft: FindingDraft, origin: FindingOrigin): OcsfEvent {
  return findingEvent({
    uid: findingUid(draft, origin.instance),
    detector: origin.instance,
    family: origin.family,
    rule: draft.rule,
    techniques: draft.techniques,
    workload: draft.workload,
    severity_id: draft.severity_id,
    confidence: draft.confidence,
    title: draft.title,
    reason: draft.reason,
    evidence: draft.evidence.slice(0, max_evidence),
    time: draft.time,
    details: {
      ...draft.details,
      dedup_key: dedupKeyOf(origin.instance, draft),
      ...(origin.repeats > 0 ? { repeats_before: origin.repeats } : {}),
    },
  })
}

/** The uid that `makeFinding` gives this draft. */
export function findingUid(draft: FindingDraft, instance: string): string {
  return eventUid(draft.time, `${dedupKeyOf(instance, draft)}\n${draft.evidence[0] ?? draft.time}`)
}
