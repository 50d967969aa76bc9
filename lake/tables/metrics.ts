import type { OcsfEvent } from '../../ocsf/event.js'
import { type Column, ingested_time, moment, type Row, type Table, text, word, workload_columns } from './table.js'
import { workloadCells } from './workload-cells.js'

/** Numeric telemetry. */
export const metrics: Table = {
  name: 'metrics',
  doc: 'One row a measurement of a workload (our class 99905001)',
  columns: [
    word('metric', 'What was measured, with its unit where it has one, e.g. memory_used_bytes'),
    ...workload_columns.filter((column) => column.name === 'workload_uid'),
    { ...moment('time', 'When it was measured'), codec: 'DoubleDelta, ZSTD(1)' } satisfies Column,
    { name: 'value', type: 'Float64', doc: 'The measurement in its unit', codec: 'Gorilla, ZSTD(1)' },
    word('unit', 'percent, bytes, bytes_per_s, count, ms'),
    ...workload_columns.filter((column) => column.name !== 'workload_uid'),
    text('metadata_uid', 'Id of the event, in the row of its first measurement'),
    ingested_time,
  ],
  engine: 'ReplacingMergeTree',
  partition_by: 'toYYYYMMDD(time)',
  order_by: ['metric', 'workload_uid', 'time'],
  indexes: [],
  retention_days: 30,
  fsync: false,
}

/** One row for each measurement of a workload_metric event. */
export function metricRows(event: OcsfEvent): Row[] {
  const workload = workloadCells(event)
  const measures: { name?: string; value?: number; unit?: string }[] = Array.isArray(event.metrics) ? event.metrics : []
  return measures.map((measure, index) => ({
    metric: measure.name,
    value: measure.value,
    unit: measure.unit,
    time: event.time,
    metadata_uid: index === 0 ? event.metadata.uid : undefined,
    ...workload,
  }))
}
