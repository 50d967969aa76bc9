import { z } from 'zod'
import { analystRoleSql } from '../lake/analyst-role.js'
import { createTableSql, createViewSql } from '../lake/ddl.js'
import { migrationSql } from '../lake/provision.js'
import { createDatabaseSql, serverCluster } from '../lake/server.js'
import { serverLakeFields } from '../lake/server-config.js'
import { tables } from '../lake/tables/index.js'
import type { Table } from '../lake/tables/table.js'
import { type View, views } from '../lake/tables/views.js'

/** lake/schema.sql: what openLake creates in an empty folder. */
export function lakeSchema(): string {
  const head =
    '-- Generated from lake/tables/*.ts by `npm run generate`. Retention is that of a lake without configuration.\n'
  const statements = [...tables.map((table) => createTableSql(table)), ...views.map((view) => createViewSql(view))]
  return `${head}\n${statements.map((statement) => `${statement};\n`).join('\n')}`
}

/** lake/schema-cluster.sql: what `weir migrate --print` says for an empty cluster. */
export async function clusterSchema(): Promise<string> {
  const config = { ...z.strictObject(serverLakeFields).parse({ cluster: 'weir' }), url: 'http://clickhouse:8123' }
  const head =
    '-- Generated from lake/tables/*.ts by `npm run generate`: a cluster named weir, without other configuration.\n'
  const cluster = serverCluster(config)
  const statements = [
    createDatabaseSql(config),
    ...(await migrationSql(undefined, undefined, cluster)),
    ...analystRoleSql(
      config.database,
      { max_execution_ms: 60_000, max_memory_bytes: 2e9, max_result_rows: 0 },
      cluster,
    ),
  ]
  return `${head}\n${statements.map((sql) => `${sql};\n`).join('\n')}`
}

/** docs/reference/tables.md: every table and column. */
export function tablesPage(): string {
  const head = `# Tables of the lake

Generated from \`lake/tables/*.ts\` by \`npm run generate\`. Times are milliseconds in UTC. A column holds its type's default
(empty text, 0) where the event has no such attribute; \`rest\` keeps what has no column, and the view \`events_json\` shows the whole event.
`
  return [head, ...tables.map(section), ...views.map(viewSection)].join('\n')
}

function section(table: Table): string {
  const kept = table.retention_days === 0 ? 'for ever' : `${table.retention_days} days after they were stored`
  const rows = table.columns.map((column) => {
    const source = column.path ? `\`${column.path}\`` : column.alias ? 'computed when read' : ''
    return `| \`${column.name}\` | ${column.type} | ${source} | ${column.doc} |`
  })
  return `## ${table.name}

${table.doc}.

Sorted by \`${table.order_by.join(', ')}\`; partitioned by \`${table.partition_by}\`; rows are kept ${kept} unless configured.
${table.fsync ? 'Rows are on the disk, not in the page cache, when a write is acknowledged.\n' : ''}
| column | type | attribute | what |
|---|---|---|---|
${rows.join('\n')}
`
}

function viewSection(view: View): string {
  return `## ${view.name}

${view.doc}. A view.
`
}
