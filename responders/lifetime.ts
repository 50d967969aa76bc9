import type { OcsfEvent } from '../ocsf/event.js'
import type { ActionDefinition } from './contract.js'
import { type ResponseRecord, type ResponseState, responseOf } from './record.js'

const HOUR_MS = 3_600_000
const RETRY_FAILED_AFTER_MS = 10 * 60_000

/** States in which something may still happen to a response. */
export const OPEN: ReadonlySet<ResponseState> = new Set([
  'proposed',
  'waiting_approval',
  'planned',
  'executing',
  'verified',
  'undoing',
])

/**
 * Whether more findings belong to this response. An irreversible action that worked is over, a dry run after an hour. One
 * that failed is not tried again at once: the next finding would only fail in the same way.
 */
export function isCurrent(record: ResponseRecord, definition: ActionDefinition, now: number): boolean {
  if (record.state === 'failed') return now - record.time < RETRY_FAILED_AFTER_MS
  if (record.state === 'planned' && record.dry_run) return now - record.time < HOUR_MS
  return OPEN.has(record.state) && !(record.state === 'verified' && !definition.reversible)
}

/** The newest step of every response that is not over; `recorded` in any order. */
export function newestSteps(recorded: readonly OcsfEvent[]): ResponseRecord[] {
  const newest = new Map<string, ResponseRecord>()
  for (const event of recorded) {
    const record = responseOf(event)
    if (record && (newest.get(record.uid)?.step ?? -1) < record.step) newest.set(record.uid, record)
  }
  return [...newest.values()].filter((record) => OPEN.has(record.state))
}
