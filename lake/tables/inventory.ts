import type { OcsfEvent } from '../../ocsf/event.js'
import { ingested_time, moment, type Row, type Table, text, word, workload_columns } from './table.js'
import { eventJson, textOf, workloadCells } from './workload-cells.js'

/** What exists: the newest description of every object. */
export const inventory: Table = {
  name: 'inventory',
  doc: 'One row a description of an object (OCSF discovery events, category 5); argMax by valid_from gives the present',
  columns: [
    word('kind', 'OCSF class that described it, e.g. Device Inventory Info'),
    word('object_uid', 'Id of the object'),
    word('object_name', 'Name of the object'),
    moment('valid_from', 'Since when the description holds'),
    ...workload_columns,
    text('metadata_uid', 'Id of the event'),
    text('event', 'The whole event as JSON'),
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'tuple()',
  order_by: ['kind', 'workload_uid', 'object_uid', 'valid_from'],
  indexes: [],
  retention_days: 400,
  fsync: false,
}

/** One row for a discovery event. */
export function inventoryRows(event: OcsfEvent): Row[] {
  const subject = event.image ?? event.package ?? event.container ?? event.resources?.[0] ?? event.device ?? {}
  return [
    {
      kind: textOf(event.class_name),
      object_uid: textOf(subject.uid) ?? textOf(subject.name) ?? event.workload?.uid,
      object_name: textOf(subject.name) ?? textOf(subject.hostname) ?? event.workload?.name,
      valid_from: event.time,
      ...workloadCells(event),
      metadata_uid: event.metadata.uid,
      event: eventJson(event),
    },
  ]
}
