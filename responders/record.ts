import { CLASS, type Json, type OcsfEvent, type Workload } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { eventUid } from '../ocsf/uid.js'
import type { Plan } from './contract.js'

/**
 * Where a response stands. proposed: a person must look (not verified, or guarded). waiting_approval: verified, a person
 * must agree. planned: dry run ends here. executing is durable before anything is changed.
 */
export type ResponseState =
  | 'proposed'
  | 'waiting_approval'
  | 'planned'
  | 'executing'
  | 'verified'
  | 'failed'
  | 'undoing'
  | 'undone'
  | 'rejected'

/** One response as of one step. Every step holds the whole state, so the newest row of a response is enough to go on. */
export type ResponseRecord = {
  readonly uid: string
  /** 0, 1, 2 ...: the order of the steps. */
  readonly step: number
  readonly time: number
  /** When the finding that led here happened: the same, and so are the uids of the steps, whoever answers it. */
  readonly created_time: number
  readonly state: ResponseState
  readonly playbook: string
  readonly action: string
  /** Of several actions of this name in the playbook the second (1), the third (2), ...; absent for the first. */
  readonly nth?: number
  readonly params: Json
  readonly workload: Workload
  readonly finding_uids: readonly string[]
  readonly dry_run: boolean
  /** Why it is in this state, in sentences. */
  readonly reasons: readonly string[]
  readonly plan?: Plan
  /** When it will be taken back, ms since 1970. */
  readonly undo_time?: number
  /** Who approved, rejected or asked for undo. */
  readonly by?: string
  /** It failed half way: what it did must be taken back. */
  readonly take_back?: boolean
  /** The process that made the step: of two that made the same one, the first in the log counts. */
  readonly writer?: string
}

const ACTIVITY: Record<ResponseState, number> = {
  proposed: 5,
  waiting_approval: 5,
  planned: 5,
  executing: 1,
  verified: 1,
  failed: 1,
  undoing: 3,
  undone: 3,
  rejected: 99,
}
const STATUS: Partial<Record<ResponseState, number>> = { verified: 1, undone: 1, failed: 2 }

/** The OCSF event (7001 Remediation Activity) of one step. The same step of the same response has the same uid. */
export function responseEvent(record: ResponseRecord): OcsfEvent {
  const { uid, step, time, state, workload, finding_uids, reasons, ...rest } = record
  const status_id = STATUS[state] ?? 0
  return finish(
    {
      class_uid: CLASS.remediation_activity,
      activity_id: ACTIVITY[state],
      ...(state === 'rejected' ? { activity_name: 'Reject' } : {}),
      time,
      severity_id: state === 'failed' ? 4 : 1,
      status_id,
      status_detail: reasons.join(' '),
      command_uid: uid,
      message: `${record.action} on ${workload.name}: ${state.replaceAll('_', ' ')}${record.dry_run ? ' (dry run)' : ''}`,
      ...(record.plan ? { remediation: { desc: record.plan.steps.join(' ') } } : {}),
      metadata: {
        uid: eventUid(record.created_time, `${uid}:${step}`),
        product: { name: 'Weir', vendor_name: 'Weir', feature: { name: 'responders' } },
        correlation_uid: uid,
      },
      workload,
      unmapped: { response: { step, state, finding_uids, reasons, ...rest } },
    },
    { format: 'weir', instance: 'responders', ordinal: step, received_time: time },
  )
}

/** The record in a response event, or undefined if it is another event. */
export function responseOf(event: OcsfEvent): ResponseRecord | undefined {
  const response = event.unmapped?.response as Omit<ResponseRecord, 'uid' | 'time' | 'workload'> | undefined
  if (event.class_uid !== CLASS.remediation_activity || !response || !event.workload) return undefined
  return { ...response, uid: event.command_uid as string, time: event.time, workload: event.workload }
}
