import type { OcsfEvent } from '../../ocsf/event.js'
import { ingested_time, moment, type Row, type Table, text, word } from './table.js'
import { textOf } from './workload-cells.js'

/** What could not become an event. */
export const dead_letters: Table = {
  name: 'dead_letters',
  doc: 'One row an input that could not become an event, with the reason and the raw record (our class 99906003)',
  columns: [
    moment('time', 'When it was rejected'),
    word('reason', 'Why, one word'),
    text('detail', 'Where and what was found'),
    word('source_instance', 'Collector instance it came from'),
    word('source_format', 'Format that was tried'),
    text('source_position', 'Where it stood in its source'),
    { name: 'raw_data', type: 'String', doc: 'The record as it came', codec: 'ZSTD(6)' },
    text('metadata_uid', 'Id of the event'),
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'toYYYYMM(time)',
  order_by: ['reason', 'time', 'metadata_uid'],
  indexes: [],
  retention_days: 30,
  fsync: false,
}

/** One row for a dead letter. */
export function deadLetterRows(event: OcsfEvent): Row[] {
  const source = event.source ?? {}
  return [
    {
      time: event.time,
      reason: textOf(event.reason),
      detail: textOf(event.detail),
      source_instance: textOf(source.instance),
      source_format: textOf(source.format),
      source_position: textOf(source.position),
      raw_data: textOf(event.raw_data),
      metadata_uid: event.metadata.uid,
    },
  ]
}
