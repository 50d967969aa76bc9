import type { ActionDefinition } from './contract.js'
import type { Job } from './jobs/port.js'
import type { ResponseRecord, ResponseState } from './record.js'

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

/** What must happen next without anybody asking, and when, ms since 1970; undefined if nothing must. */
export function nextJob(record: ResponseRecord): { kind: Job['kind']; time: number } | undefined {
  const { state, time } = record
  if (record.dry_run) return undefined
  if (state === 'planned' || state === 'executing') return { kind: 'execute', time }
  if (state === 'undoing' || (state === 'failed' && record.take_back)) return { kind: 'undo', time }
  if (state === 'verified' && record.undo_time !== undefined) return { kind: 'undo', time: record.undo_time }
  return undefined
}
