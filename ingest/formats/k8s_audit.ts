import { z } from 'zod'
import { drop, type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { isObject, kindOf, setOwn } from './fields.js'
import { callOf } from './k8s-audit-call.js'
import { draftOf } from './k8s-audit-draft.js'
import { splitEnvelope, unwrap, type Wrapped } from './k8s-audit-envelope.js'
import { gkeCallOf, isGke } from './k8s-audit-gke.js'
import { mapping } from './k8s-audit-mapping.js'
import { withoutSecretValues } from './k8s-audit-secrets.js'
import { isEventTime } from './time.js'

const config = z.strictObject({
  cluster: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Name of the cluster, for audit events that do not say it (the log file and the webhook do not; EKS, GKE and AKS do). Two clusters may have pods of the same name.',
    ),
})

/**
 * The audit log of Kubernetes (audit.k8s.io): single events, lists as the webhook sends them, and what EKS (CloudWatch
 * Logs), GKE (Cloud Logging) and AKS (diagnostic settings) wrap around them. Every call is one API Activity.
 */
export const k8sAudit = defineFormat({
  name: 'k8s_audit',
  summary: 'Kubernetes audit events (log file, webhook, EKS, GKE and AKS) as API activity',
  config,
  example: { cluster: 'shop' },
  input: 'json',
  keeps_raw: false,
  mapping,
  detect(record) {
    const inner = splitEnvelope(record)
    return sureOf(inner === undefined ? record : inner[0])
  },
  split: splitEnvelope,
  create({ cluster }) {
    const one = (record: unknown) => kubernetesEvents(record, cluster)
    return (record) => {
      const inner = splitEnvelope(record)
      if (inner === undefined) return one(record)
      if (inner.length === 0) return drop('empty_envelope')
      // A runner that does not split gets all events of an envelope or the first reason against one of them.
      const drafts: EventDraft[] = []
      for (const entry of inner) {
        const outcome = one(entry)
        if (outcome.kind !== 'ok') return outcome
        drafts.push(...outcome.value)
      }
      return ok(drafts)
    }
  },
})

function sureOf(record: unknown): number {
  if (!isObject(record)) return 0
  if (isGke(record)) return 0.98
  const wrapped = unwrap(record)
  const { event } = wrapped
  if (!isObject(event)) return wrapped.isNamed ? 0.9 : 0
  if (typeof event.apiVersion === 'string' && event.apiVersion.startsWith('audit.k8s.io/')) return 0.98
  if (typeof event.verb !== 'string') return 0
  const marks = ['objectRef', 'requestURI', 'auditID', 'stage', 'responseStatus'].filter((key) => key in event).length
  return marks === 0 ? 0 : Math.min(0.9, 0.4 + marks * 0.2)
}

/** One audit event, also as a LogEntry of Google Cloud; `cluster` names the cluster of events that do not say theirs. */
export function kubernetesEvents(record: unknown, cluster?: string): Outcome<EventDraft[]> {
  if (!isObject(record)) return reject('not_kubernetes_audit', `expected an audit event, found ${kindOf(record)}`)
  const wrapped = isGke(record) ? undefined : unwrap(record)
  const event = wrapped ? wrapped.event : record
  const clean = isObject(event) ? withoutSecretValues(event) : event
  const outcome = wrapped ? callIn({ ...wrapped, event: clean }) : gkeCallOf(clean as typeof record)
  if (outcome.kind !== 'ok') return outcome
  const call = outcome.value
  for (const [name, time] of [
    ['requestReceivedTimestamp', call.start_time],
    ['stageTimestamp', call.time],
  ] as const) {
    if (time !== undefined && !isEventTime(time)) {
      return reject('bad_time', `${name}: expected a date from 1970 to 2200, found ${call.original_time}`)
    }
  }
  if (cluster !== undefined) call.cluster ??= cluster
  const draft = draftOf(call)
  // The record as it came has what was removed.
  if (clean !== event) draft.raw_data = JSON.stringify(clean)
  const unmapped = call.rest()
  if (Object.keys(unmapped).length > 0) {
    draft.unmapped = {}
    for (const key of Object.keys(unmapped)) setOwn(draft.unmapped, key, unmapped[key])
  }
  return ok([draft])
}

function callIn(wrapped: Wrapped) {
  if (wrapped.drop !== undefined) return { kind: 'drop', reason: wrapped.drop } as const
  if (!isObject(wrapped.event)) {
    return reject('not_kubernetes_audit', `${wrapped.path}: expected a JSON object, found ${kindOf(wrapped.event)}`)
  }
  return callOf(wrapped.event, wrapped)
}
