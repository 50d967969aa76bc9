import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { chosen, datasource, PLUGIN, query } from './clickhouse.js'
import { eventsByClass, eventsByKind, workloads } from './panels/activity.js'
import { findings } from './panels/findings.js'
import { cpu, memory, sent } from './panels/measurements.js'
import { responses } from './panels/responses.js'
import { blindSpots, findingsBySeverity, waiting, watched } from './panels/summary.js'
import { coverage, deadLetters, deadLettersByReason } from './panels/trust.js'

const kindsSql = `SELECT DISTINCT workload_kind FROM (
  SELECT workload_kind FROM events WHERE $__timeFilter_ms(time)
  UNION DISTINCT SELECT workload_kind FROM metrics WHERE $__timeFilter_ms(time)
) WHERE workload_kind != '' ORDER BY workload_kind`

/** Value and text: the value is the identity, the text what a person calls it. */
const workloadsSql = `SELECT workload_uid, any(workload_name) AS name FROM (
  SELECT workload_uid, any(workload_name) AS workload_name FROM events
  WHERE $__timeFilter_ms(time) AND $__conditionalAll(workload_kind IN (\${kind:singlequote}), $kind) GROUP BY workload_uid
  UNION ALL SELECT workload_uid, any(workload_name) AS workload_name FROM metrics
  WHERE $__timeFilter_ms(time) AND $__conditionalAll(workload_kind IN (\${kind:singlequote}), $kind) GROUP BY workload_uid
) WHERE workload_uid != '' GROUP BY workload_uid ORDER BY name LIMIT 2000`

/** Marks on every chart, so that a line that rises can be seen beside what was found at that time. */
const seriousSql = `SELECT time, concat(title, if(workload_name = '', '', concat(' (', workload_name, ')'))) AS text,
  arrayStringConcat(techniques, ',') AS tags
FROM findings FINAL
WHERE $__timeFilter_ms(time) AND severity_id >= 4 AND ${chosen}
ORDER BY time DESC LIMIT 200`

/** A variable that is filled by a query, of which any number can be chosen. */
function choice(name: string, label: string, sql: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ refId: name, editorType: 'sql', queryType: 'table', format: 1, rawSql: sql })
    .definition(sql)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ['All'], value: ['$__all'] })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.Disabled)
}

/** The first page: what is watched, what was found, what was done about it, and whether the data can be trusted. */
export function overview(): Dashboard {
  const dashboard = new DashboardBuilder('Weir overview')
    .uid('weir-overview')
    .description('What is watched, what was found, what was done about it, and whether the data can be trusted.')
    .tags(['weir', 'security'])
    .timezone('browser')
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Lake').type(PLUGIN))
    .withVariable(choice('kind', 'Kind', kindsSql))
    .withVariable(choice('workload', 'Workload', workloadsSql))
    .annotation(
      new AnnotationQueryBuilder()
        .name('Findings, high and critical')
        .datasource(datasource)
        .enable(true)
        .iconColor('red')
        .target(query('table', seriousSql)),
    )
  const rows = [
    { title: 'At a glance', panels: [watched, findingsBySeverity, waiting, blindSpots] },
    { title: 'Found and done', panels: [findings, responses] },
    { title: 'What is watched', panels: [eventsByKind, eventsByClass, workloads] },
    { title: 'Measurements', panels: [cpu, memory, sent] },
    { title: 'Can the data be trusted', panels: [coverage, deadLettersByReason, deadLetters] },
  ]
  for (const { title, panels } of rows) {
    dashboard.withRow(new RowBuilder(title))
    for (const panel of panels) dashboard.withPanel(panel)
  }
  return numbered(dashboard.build())
}

/** Gives every panel an id, so that links to a panel survive the next change. */
function numbered(dashboard: Dashboard): Dashboard {
  dashboard.panels?.forEach((panel, index) => {
    panel.id = index + 1
  })
  return dashboard
}

/** The dashboard as Grafana imports it. */
export function overviewJson(): string {
  return `${JSON.stringify(overview(), null, 2)}\n`
}
