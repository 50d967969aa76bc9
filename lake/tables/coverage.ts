import type { OcsfEvent } from '../../ocsf/event.js'
import { ingested_time, moment, type Row, type Table, text, whole, word, workload_columns } from './table.js'
import { numberOf, textOf, workloadCells } from './workload-cells.js'

/** Is a source alive, and what did it lose. */
export const coverage: Table = {
  name: 'coverage',
  doc: 'One row a report about a source of events: no data is not no anomaly (our class 99906002)',
  columns: [
    word('source_name', 'Configured instance'),
    word('source_part', 'Part of the source the report is about, if not all of it'),
    moment('time', 'When it was reported'),
    word('collector', 'Transport'),
    word('format', 'Wire format'),
    word('status', 'Ok, Degraded, Silent, Unavailable'),
    text('message', 'What is (not) seen, and why'),
    whole('lost_count', 'UInt64', 'Records lost since the report before'),
    moment('last_event_time', 'Time of the newest event of the source'),
    whole('lag_ms', 'Int64', 'How far the source is behind'),
    ...workload_columns,
    text('metadata_uid', 'Id of the event'),
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'toYYYYMM(time)',
  order_by: ['source_name', 'source_part', 'time', 'metadata_uid'],
  indexes: [],
  retention_days: 90,
  fsync: false,
}

/** One row for a report. */
export function coverageRows(event: OcsfEvent): Row[] {
  const source = event.source ?? {}
  const instance = textOf(source.instance)
  return [
    {
      source_name: instance ?? textOf(source.name),
      source_part: instance === undefined ? undefined : textOf(source.name),
      time: event.time,
      collector: textOf(source.collector),
      format: textOf(source.format),
      status: textOf(event.status),
      message: textOf(event.message),
      lost_count: numberOf(event.lost_count),
      last_event_time: numberOf(event.last_event_time),
      lag_ms: numberOf(event.lag_ms),
      ...workloadCells(event),
      metadata_uid: event.metadata.uid,
    },
  ]
}
