import type { EventDraft } from '../../../ocsf/event.js'
import type { AuditRecord } from './parse.js'

/** All records of one event. */
export type AuditEvent = {
  readonly records: readonly AuditRecord[]
  /** The first record of the first of these types that there is. */
  of(...types: string[]): AuditRecord | undefined
  all(type: string): AuditRecord[]
}

/** What a class adds to the attributes that every event of the log has. */
export type ClassPart = Pick<EventDraft, 'class_uid' | 'activity_id'> & {
  activity_name?: string
  message?: string
  // biome-ignore lint/suspicious/noExplicitAny: OCSF attributes differ by class; the validator checks them
  [attribute: string]: any
}

export function auditEvent(records: readonly AuditRecord[]): AuditEvent {
  return {
    records,
    of(...types) {
      for (const type of types) {
        const found = records.find((record) => record.type === type)
        if (found) return found
      }
      return undefined
    },
    all: (type) => records.filter((record) => record.type === type),
  }
}
