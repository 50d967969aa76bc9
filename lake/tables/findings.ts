import type { OcsfEvent } from '../../ocsf/event.js'
import { ingested_time, moment, type Row, type Table, text, whole, word, workload_columns } from './table.js'
import { eventJson, numberOf, textOf, textsOf, workloadCells } from './workload-cells.js'

/** What the detectors found. */
export const findings: Table = {
  name: 'findings',
  doc: 'One row a finding of a detector (OCSF Detection Finding 2004)',
  columns: [
    text('finding_uid', 'Id of the finding (finding_info.uid)'),
    moment('time', 'Event time of the newest evidence'),
    word('title', 'What was found'),
    text('reason', 'Why, in words'),
    whole('severity_id', 'UInt8', '1 informational, 2 low, 3 medium, 4 high, 5 critical'),
    whole('confidence', 'UInt8', 'How sure, 0 to 100'),
    word('detector', 'Name of the detector instance'),
    word('rule', 'Rule or kind of finding'),
    word('family', 'rules, profile, anomaly or posture'),
    { name: 'techniques', type: 'Array(String)', doc: 'MITRE ATT&CK techniques', codec: 'ZSTD(1)' },
    {
      name: 'evidence',
      type: 'Array(String)',
      doc: 'metadata_uid of the events that show it, oldest first',
      codec: 'ZSTD(3)',
    },
    ...workload_columns,
    text('metadata_uid', 'Id of the event'),
    text('event', 'The whole event as JSON'),
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'toYYYYMM(time)',
  order_by: ['time', 'finding_uid', 'metadata_uid'],
  indexes: [{ name: 'by_workload', expression: 'workload_uid', type: 'bloom_filter(0.01)', granularity: 1 }],
  retention_days: 400,
  fsync: true,
}

/** One row for a finding. */
export function findingRows(event: OcsfEvent): Row[] {
  const info = event.finding_info ?? {}
  const attacks: { technique?: { uid?: unknown }; sub_technique?: { uid?: unknown } }[] = Array.isArray(info.attacks)
    ? info.attacks
    : []
  const related: { uid?: unknown }[] = Array.isArray(info.related_events) ? info.related_events : []
  return [
    {
      finding_uid: textOf(info.uid),
      time: event.time,
      title: textOf(info.title),
      reason: textOf(info.desc),
      severity_id: event.severity_id,
      confidence: numberOf(event.confidence_score),
      detector: textOf(info.analytic?.name),
      rule: textOf(info.analytic?.uid),
      family: textOf(info.analytic?.category),
      techniques: textsOf(attacks.map((attack) => attack?.sub_technique?.uid ?? attack?.technique?.uid)),
      evidence: textsOf(related.map((item) => item?.uid)),
      ...workloadCells(event),
      metadata_uid: event.metadata.uid,
      event: eventJson(event),
    },
  ]
}
