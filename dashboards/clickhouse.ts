import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'

/** Id of the official ClickHouse data source plugin. */
export const PLUGIN = 'grafana-clickhouse-datasource'

/** The data source a viewer has chosen, so that the dashboard can be imported into any Grafana. */
export const datasource = { type: PLUGIN, uid: '${datasource}' }

/** How the plugin turns rows into frames: one series a label (time, labels, value), or a table as it is. */
export type ResultShape = 'time_series' | 'table'

/** The numbers of the plugin's `format` field. */
const FORMAT: { readonly [shape in ResultShape]: number } = { time_series: 0, table: 1 }

/** One query of a panel. */
export function query(shape: ResultShape, sql: string, refId = 'A'): Builder<Dataquery> {
  const target = {
    refId,
    datasource,
    editorType: 'sql',
    queryType: shape === 'table' ? 'table' : 'timeseries',
    format: FORMAT[shape],
    rawSql: sql.trim(),
    pluginVersion: '4.0.0',
  }
  return { build: () => target as unknown as Dataquery }
}

/** What the viewer has chosen above the dashboard; "All" is no condition at all, so it keeps rows of no workload. */
export const chosen = `$__conditionalAll(workload_kind IN (\${kind:singlequote}), $kind)
  AND $__conditionalAll(workload_uid IN (\${workload:singlequote}), $workload)`
