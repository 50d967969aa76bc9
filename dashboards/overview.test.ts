import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { PLUGIN } from './clickhouse.js'
import { overview, overviewJson } from './overview.js'
import { dashboardsYaml, datasourcesYaml } from './provisioning.js'

// What was built is a graph of builders' objects; what Grafana gets is JSON.
const dashboard = JSON.parse(overviewJson())

test('making it twice gives the same dashboard', () => {
  assert.equal(JSON.stringify(overview()), JSON.stringify(overview()))
})

test('every panel says what it shows, asks the chosen data source and has an id of its own', () => {
  const panels = dashboard.panels.filter((panel: any) => panel.type !== 'row')
  assert.ok(panels.length >= 10)
  for (const panel of panels) {
    assert.ok(panel.title.length > 2, JSON.stringify(panel.gridPos))
    assert.ok(panel.description.length > 20, `${panel.title} has no description`)
    assert.deepEqual(panel.datasource, { type: PLUGIN, uid: '${datasource}' })
    for (const target of panel.targets) {
      assert.equal(target.editorType, 'sql')
      assert.equal(target.format, panel.type === 'timeseries' ? 0 : 1)
    }
  }
  assert.equal(new Set(dashboard.panels.map((panel: any) => panel.id)).size, dashboard.panels.length)
  assert.equal(new Set(panels.map((panel: any) => panel.title)).size, panels.length)
})

test('the panels fill the 24 columns and none lies over another', () => {
  const taken = new Set<string>()
  let cells = 0
  for (const { gridPos, title } of dashboard.panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(x < 24, `${title} is outside`)
        taken.add(`${x},${y}`)
        cells++
      }
    }
  }
  const height = Math.max(...dashboard.panels.map(({ gridPos }: any) => gridPos.y + gridPos.h))
  assert.equal(taken.size, cells)
  assert.equal(cells, 24 * height)
})

test('the provisioned data source is the local endpoint as analyst, without a secret in the file', () => {
  const [source] = parse(datasourcesYaml()).datasources
  assert.equal(source.type, PLUGIN)
  const { protocol, host, port, username } = source.jsonData
  assert.deepEqual(
    { protocol, host, port, username },
    { protocol: 'http', host: 'localhost', port: 8123, username: 'analyst' },
  )
  assert.equal(source.secureJsonData.password, '${WEIR_SQL_PASSWORD}')
  assert.equal(parse(dashboardsYaml()).providers[0].options.path, '/var/lib/grafana/dashboards')
})
