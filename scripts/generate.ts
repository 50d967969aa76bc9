// Writes every generated file of the repository; with --check, compares instead and exits 1 naming the stale ones.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packageRoot } from '../core/paths.js'
import { overviewJson } from '../dashboards/overview.js'
import { dashboardsYaml, datasourcesYaml } from '../dashboards/provisioning.js'
import { formats } from '../ingest/formats/index.js'
import { cliPage } from './cli-reference.js'
import { clusterConfig, configPage, configSchemaFile, exampleConfig } from './config-reference.js'
import { formatPage } from './format-pages.js'
import { clusterSchema, lakeSchema, tablesPage } from './lake-tables.js'
import { ocsfClassesPage } from './ocsf-classes.js'
import { ocsfTypes } from './ocsf-types.js'
import { actionsPage, collectorsPage, detectorsPage, formatsPage, modelsPage, playbooksPage } from './reference.js'

type Generated = {
  /** Below the repository root. */
  readonly path: string
  /** The whole file; the same on every machine. */
  content(): string | Promise<string>
}

/** To add a generated file, add a line. */
const generated: readonly Generated[] = [
  { path: 'ocsf/types.generated.ts', content: ocsfTypes },
  { path: 'docs/reference/ocsf-classes.md', content: ocsfClassesPage },
  { path: 'lake/schema.sql', content: lakeSchema },
  { path: 'lake/schema-cluster.sql', content: clusterSchema },
  { path: 'docs/reference/tables.md', content: tablesPage },
  { path: 'dashboards/grafana/overview.json', content: overviewJson },
  { path: 'dashboards/grafana/provisioning/datasources/weir.yaml', content: datasourcesYaml },
  { path: 'dashboards/grafana/provisioning/dashboards/weir.yaml', content: dashboardsYaml },
  { path: 'docs/reference/collectors.md', content: collectorsPage },
  { path: 'docs/reference/formats.md', content: formatsPage },
  { path: 'docs/reference/models.md', content: modelsPage },
  { path: 'docs/reference/detectors.md', content: detectorsPage },
  { path: 'docs/reference/actions.md', content: actionsPage },
  { path: 'docs/reference/playbooks.md', content: playbooksPage },
  { path: 'docs/reference/config.md', content: configPage },
  { path: 'docs/reference/cli.md', content: cliPage },
  { path: 'weir.schema.json', content: configSchemaFile },
  { path: 'weir.example.yaml', content: exampleConfig },
  { path: 'deploy/weir.cluster.example.yaml', content: clusterConfig },
  ...formats.all
    .filter(({ mapping }) => mapping !== undefined)
    .map((format) => ({ path: `docs/reference/formats/${format.name}.md`, content: () => formatPage(format) })),
]

const isCheck = process.argv.includes('--check')
let stale = 0
for (const { path, content } of generated) {
  const file = join(packageRoot, path)
  const wanted = await content()
  if (existsSync(file) && readFileSync(file, 'utf8') === wanted) continue
  stale++
  if (isCheck) {
    process.stderr.write(`${path} is stale\n`)
  } else {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, wanted)
    process.stderr.write(`${path} written\n`)
  }
}
if (isCheck && stale > 0) {
  process.stderr.write('Run `npm run generate` and commit the result.\n')
  process.exitCode = 1
}
