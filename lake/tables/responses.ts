import type { OcsfEvent } from '../../ocsf/event.js'
import { ingested_time, moment, type Row, type Table, text, whole, word, workload_columns } from './table.js'
import { eventJson, numberOf, textOf, textsOf, workloadCells } from './workload-cells.js'

/** What the responders did, step by step. */
export const responses: Table = {
  name: 'responses',
  doc: 'One row a step of a response (OCSF Remediation Activity 7001); the newest row of a response_uid is its state',
  columns: [
    text('response_uid', 'Id of the response: all its steps have it'),
    moment('time', 'When the step was taken'),
    whole('step', 'UInt16', 'Number of the step, from 0'),
    word('state', 'State of the response after the step'),
    word('action', 'Name of the action'),
    word('playbook', 'Playbook that decided'),
    { name: 'dry_run', type: 'Bool', doc: 'Nothing was changed', codec: 'ZSTD(1)' },
    text('message', 'The step in one sentence'),
    { name: 'findings', type: 'Array(String)', doc: 'finding_uid of the findings that led here', codec: 'ZSTD(3)' },
    ...workload_columns,
    text('metadata_uid', 'Id of the event'),
    text('event', 'The whole event as JSON: plan, pre-image, evidence of verification'),
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'toYYYYMM(time)',
  order_by: ['response_uid', 'step', 'time', 'metadata_uid'],
  indexes: [],
  retention_days: 0,
  fsync: true,
}

/** One row for a step. What OCSF has no attribute for stands in `unmapped.response` (responders/record.ts). */
export function responseRows(event: OcsfEvent): Row[] {
  const own = (event.unmapped?.response ?? {}) as Record<string, unknown>
  return [
    {
      response_uid: textOf(event.command_uid),
      time: event.time,
      step: numberOf(own.step),
      state: textOf(own.state),
      action: textOf(own.action),
      playbook: textOf(own.playbook),
      dry_run: own.dry_run === true,
      message: textOf(event.message),
      findings: textsOf(own.finding_uids),
      ...workloadCells(event),
      metadata_uid: event.metadata.uid,
      event: eventJson(event),
    },
  ]
}
