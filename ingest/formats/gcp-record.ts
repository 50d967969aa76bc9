import { type Outcome, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { appLog } from './gcp-app-log.js'
import { auditLog } from './gcp-audit-log.js'
import { gcpEntry, logOf, PAYLOADS } from './gcp-entry.js'
import { flowLog } from './gcp-flow-log.js'
import { kubernetesEvents } from './k8s_audit.js'
import { isGke } from './k8s-audit-gke.js'

type GcpKind = 'audit' | 'flow' | 'app'

function kindOfEntry(entry: JsonRecord): GcpKind | undefined {
  if (isObject(entry.protoPayload)) return 'audit'
  const { jsonPayload } = entry
  const log = logOf(entry)
  if (isObject(jsonPayload) && isObject(jsonPayload.connection) && (/vpc_flows|firewall/.test(log) || log === ''))
    return 'flow'
  const isEntry = 'logName' in entry || 'insertId' in entry || (isObject(entry.resource) && 'timestamp' in entry)
  return isEntry && PAYLOADS.some((key) => key in entry) ? 'app' : undefined
}

/**
 * Any log entry of Google Cloud: a log sink sends all kinds to one topic, so each Google format reads them all.
 */
export function gcpEvents(value: unknown): Outcome<EventDraft[]> {
  const entry = gcpEntry(value)
  const kind = entry === undefined ? undefined : kindOfEntry(entry)
  if (entry === undefined || kind === undefined) {
    const found = entry === undefined ? kindOf(value) : 'none of them'
    return reject('not_log_entry', `expected a LogEntry with ${PAYLOADS.join(', ')}, found ${found}`)
  }
  if (kind === 'audit') return isGke(entry) ? kubernetesEvents(entry) : auditLog(entry)
  return kind === 'flow' ? flowLog(entry) : appLog(entry)
}

/** How sure one may be that a value is an entry (or envelope of entries) of this kind. */
export function sureOfGcp(value: unknown, wanted: GcpKind, inner?: unknown): number {
  const found = inner ?? value
  const entry = gcpEntry(found)
  const kind = entry === undefined ? undefined : kindOfEntry(entry)
  if (entry === undefined || kind === undefined) return 0
  // Others name methods as well.
  if (isObject(found) && typeof found.methodName === 'string') return kind === wanted ? 0.5 : 0.25
  return kind === wanted ? 0.92 : 0.46
}
