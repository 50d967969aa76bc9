// Every query of every dashboard, as the official data source sends it, on the demo's data through the analysts' endpoint.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createMemoryBus } from '../bus/memory.js'
import { TOPICS, type Topic } from '../bus/port.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { packageRoot } from '../core/paths.js'
import { expandSql, type PanelContext, type Variable } from '../dashboards/macros.js'
import { type Line, readRecording } from '../demo/recording.js'
import { api, cache, vm } from '../demo/world.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake } from '../ingest/intake.js'
import { createSqlEndpoint, type SqlEndpoint } from '../lake/endpoint/server.js'
import { openLake } from '../lake/open.js'
import type { EmbeddedLake } from '../lake/port.js'
import { createStore, type Store } from '../lake/store.js'
import { CLASS, type OcsfEvent } from '../ocsf/event.js'
import { findingEvent } from '../ocsf/finding.js'
import { finish } from '../ocsf/finish.js'
import { type ResponseRecord, type ResponseState, responseEvent } from '../responders/record.js'

type Panel = {
  type: string
  title: string
  targets: { rawSql: string }[]
  fieldConfig: { defaults: { displayName?: string }; overrides: { matcher: { options: string }; properties: any[] }[] }
}
type Dashboard = {
  panels: Panel[]
  annotations: { list: { name: string; target: { rawSql: string } }[] }
  templating: { list: { name: string; type: string; query: { rawSql: string } }[] }
}
type Result = { meta: { name: string; type: string }[]; data: Record<string, any>[] }

const dashboards = readdirSync(join(packageRoot, 'dashboards', 'grafana'))
  .filter((name) => name.endsWith('.json'))
  .map((name): [string, Dashboard] => [
    name,
    JSON.parse(readFileSync(join(packageRoot, 'dashboards', 'grafana', name), 'utf8')),
  ])

const recording = readRecording()
const lines = [...recording.normal, ...recording.attack]
const end = Math.max(...lines.map(({ time }) => time))
const range = { from: Math.min(...lines.map(({ time }) => time)), to: end, interval_ms: 300_000 }
const folder = mkdtempSync(join(tmpdir(), 'weir-dashboards-test-'))
const log = createLog('silent')
const metrics = createMetrics()
let lake: EmbeddedLake
let store: Store
let endpoint: SqlEndpoint

before(async () => {
  lake = await openLake({ path: join(folder, 'lake') })
  store = await createStore({ lake, metrics, log })
  const bus = createMemoryBus({ max_messages: 50_000, max_batch: 10_000, log })
  await bus.subscribe('store', TOPICS, async ({ topic, messages }) => {
    const receipt = await store.handle(
      topic,
      messages.map(({ value }) => value),
    )
    assert.deepEqual(receipt.rejected, [])
  })
  const known = new Map(
    formats.all.map((definition) => [
      definition.name,
      { definition, format: definition.create(definition.config.parse({}) as never) },
    ]),
  )
  const intake = createIntake({ bus, formats: known, metrics, max_record_length: 1_000_000, now: () => end })
  for (const format of new Set(lines.map((line) => line.format))) {
    const records = lines.filter((line: Line) => line.format === format).map(({ data }) => ({ data }))
    const receipt = await intake.emit('demo', format, records)
    assert.equal(receipt.dead_lettered, 0)
  }
  const garbage = ['{"class_uid": 1007,', '{"class_uid": "process"}', '[]'].map((data) => ({ data }))
  assert.equal((await intake.emit('push', 'ocsf', garbage)).dead_lettered, garbage.length)
  for (const [topic, events] of Object.entries(made())) {
    await bus.publish(
      topic as Topic,
      events.map((value) => ({ key: value.workload?.uid ?? '', value, timestamp: value.time })),
    )
  }
  await store.flush()
  endpoint = createSqlEndpoint({ open: () => lake.openSession(), port: 0, log, metrics })
  await endpoint.start()
})
after(async () => {
  await endpoint?.stop()
  await store?.stop()
  await lake?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What detectors, responders and the runner would say about the attack. */
function made(): Partial<Record<Topic, OcsfEvent[]>> {
  const finding = (n: number, workload: typeof vm | undefined, severity_id: number) =>
    findingEvent({
      uid: `0198f000-0000-7000-8000-00000000000${n}`,
      detector: 'profile',
      family: 'profile',
      rule: 'first_seen_process',
      techniques: ['T1496', 'T1059.004'],
      workload,
      severity_id,
      confidence: 80,
      title: 'Process never seen before',
      reason: 'xmrig was started; in 24 hours nothing but node ran here.',
      evidence: [`e${n}`],
      time: end - n * 60_000,
      details: {},
    })
  const step = (uid: string, step: number, state: ResponseState, extra: Partial<ResponseRecord> = {}) =>
    responseEvent({
      uid,
      step,
      state,
      time: end - 30_000 + step,
      created_time: end - 30_000,
      playbook: 'miner_in_container',
      action: 'docker_quarantine',
      params: {},
      workload: api,
      finding_uids: ['f1'],
      dry_run: false,
      reasons: ['Two families agree.', 'It was approved.'],
      ...extra,
    })
  const report = (instance: string, status_id: number, status: string) =>
    finish(
      {
        class_uid: CLASS.coverage,
        activity_id: 1,
        time: end - 10_000,
        severity_id: status_id === 1 ? 1 : 3,
        status_id,
        status,
        message: `${instance} is ${status}`,
        source: { instance, collector: instance, format: 'ocsf' },
        lost_count: 3,
        last_event_time: end - 20_000,
        lag_ms: 120,
      },
      { format: 'weir', instance, ordinal: 0, received_time: end },
    )
  return {
    'weir.findings': [finding(1, api, 5), finding(2, vm, 3), finding(3, undefined, 4)],
    'weir.responses': [
      ...[step('r1', 0, 'executing'), step('r1', 1, 'verified')],
      ...[step('r2', 0, 'planned', { dry_run: true, workload: cache }), step('r3', 0, 'waiting_approval')],
    ],
    'weir.coverage': [report('host', 1, 'Ok'), report('docker', 4, 'Silent')],
  }
}

/** One query as Grafana's analyst. */
async function ask(sql: string): Promise<Result> {
  const response = await fetch(`${endpoint.url}/?default_format=JSON`, {
    method: 'POST',
    body: sql,
    headers: { 'X-ClickHouse-User': 'analyst' },
  })
  const text = await response.text()
  assert.equal(response.status, 200, `${text}\n${sql}`)
  return JSON.parse(text)
}

/** Asks for the values of every variable, each seeing those before it as chosen. */
async function contextOf(dashboard: Dashboard, chosen: { [name: string]: string[] } = {}): Promise<PanelContext> {
  const variables: { [name: string]: Variable } = {}
  const context = { ...range, variables }
  for (const { name, type, query } of dashboard.templating.list) {
    if (type !== 'query') continue
    const { meta, data } = await ask(expandSql(query.rawSql, context))
    const column = meta[0]?.name as string
    variables[name] = { chosen: chosen[name] ?? 'all', options: data.map((row) => row[column]) }
  }
  return context
}

const isTime = (type: string) => /^(Nullable\()?DateTime/.test(type)
const isNumber = (type: string) => /^(Nullable\()?(U?Int|Float|Decimal)/.test(type)
const isText = (type: string) => /^(LowCardinality\()?(Nullable\()?String/.test(type)

/** What a panel needs of its columns, whatever they mean. */
function checkColumns(panel: Panel, { meta, data }: Result) {
  const names = meta.map(({ name }) => name)
  if (panel.type === 'timeseries') {
    assert.equal(meta.filter(({ type }) => isTime(type)).length, 1, 'one time column')
    assert.ok(isTime(meta[0]?.type ?? ''), 'the time comes first')
    assert.equal(meta.filter(({ type }) => isNumber(type)).length, 1, 'one value column')
    const label = /^\$\{__field\.labels\.(\w+)\}$/.exec(panel.fieldConfig.defaults.displayName ?? '')?.[1]
    assert.ok(isText(meta.find(({ name }) => name === label)?.type ?? ''), `the legend is the column ${label}`)
    const times = data.map((row) => row[names[0] as string])
    assert.deepEqual(times, times.toSorted(), 'ascending, as the conversion to series wants it')
    return
  }
  if (panel.type === 'stat') {
    assert.equal(data.length, 1)
    for (const { name, type } of meta) assert.ok(isNumber(type), `${name} is a ${type}`)
    assert.ok(
      names.some((name) => Number(data[0]?.[name]) > 0),
      'a number that is not zero',
    )
  }
  for (const { matcher, properties } of panel.fieldConfig.overrides) {
    const column = meta.find(({ name }) => name === matcher.options)
    assert.ok(column, `there is no column ${matcher.options}`)
    const unit = properties.find(({ id }) => id === 'unit')?.value
    if (unit?.startsWith('dateTime')) assert.ok(isTime(column.type), `${column.name} is a ${column.type}`)
    else if (unit !== undefined) assert.ok(isNumber(column.type), `${column.name} is a ${column.type}`)
    if (properties.some(({ id }) => id === 'links')) assert.ok(names.includes('Workload id'))
  }
}

for (const [file, dashboard] of dashboards) {
  describe(file, () => {
    let everything: PanelContext | undefined
    let chosen: PanelContext | undefined
    test('every variable has values', async () => {
      const { variables } = await contextOf(dashboard)
      assert.deepEqual(variables.kind?.options, ['container', 'function', 'vm'])
      assert.ok(variables.workload?.options.includes(api.uid))
      const narrowed = await contextOf(dashboard, { kind: ['vm'] })
      assert.deepEqual(narrowed.variables.workload?.options, [vm.uid])
    })
    for (const { name, target } of dashboard.annotations.list) {
      test(`${name}: marks with a time and a text`, async () => {
        const { meta, data } = await ask(expandSql(target.rawSql, await contextOf(dashboard)))
        assert.ok(data.length > 0, 'no rows')
        assert.ok(isTime(meta.find((column) => column.name === 'time')?.type ?? ''))
        for (const column of ['text', 'tags']) assert.ok(isText(meta.find(({ name }) => name === column)?.type ?? ''))
      })
    }
    for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
      test(`${panel.title}: rows, with the columns the panel needs`, async () => {
        everything ??= await contextOf(dashboard)
        chosen ??= await contextOf(dashboard, { kind: ['container'], workload: [api.uid, cache.uid] })
        for (const { rawSql } of panel.targets) {
          const result = await ask(expandSql(rawSql, everything))
          assert.ok(result.data.length > 0, 'no rows')
          checkColumns(panel, result)
          const narrowed = await ask(expandSql(rawSql, chosen))
          assert.ok(narrowed.data.length > 0, 'no rows for a chosen workload')
          checkColumns(panel, narrowed)
          if (!narrowed.meta.some(({ name }) => name === 'Workload id')) continue
          for (const row of narrowed.data) assert.ok([api.uid, cache.uid].includes(row['Workload id']))
        }
      })
    }
  })
}

test('numbers are those of the lake', async () => {
  const panel = (title: string) =>
    dashboards[0]?.[1].panels.find((one) => one.title === title)?.targets[0]?.rawSql ?? ''
  const context = await contextOf(dashboards[0]?.[1] as Dashboard)
  const show = async (title: string) => (await ask(expandSql(panel(title), context))).data

  const by_severity = { Critical: '1', High: '1', Medium: '1', Low: '0', Informational: '0' }
  assert.deepEqual(await show('Findings by severity'), [by_severity])
  assert.deepEqual(await show('Responses by state'), [{ 'For you': '1', 'In force': '1', Failed: '0' }])
  assert.deepEqual(await show('Blind spots'), [{ Sources: '1', 'Dead letters': '3' }])
  assert.deepEqual(
    (await show('Responses')).map((row) => [row.State, row.Mode, row.Reason]),
    [
      ['waiting_approval', false, 'Two families agree. It was approved.'],
      ['verified', false, 'Two families agree. It was approved.'],
      ['planned', true, 'Two families agree. It was approved.'],
    ],
  )
  assert.deepEqual(
    (await show('Coverage')).map((row) => row.Status),
    ['Silent', 'Ok'],
  )
  // Rates add up to what is stored: buckets are five minutes wide.
  const rows = await show('Events a minute by class')
  const sum = rows.reduce((total, row) => total + row.per_minute * 5, 0)
  assert.equal(Math.round(sum), Number((await ask('SELECT count() AS n FROM events')).data[0]?.n))
})
