import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type App, createApp } from '../cli/app.js'
import { configSchema } from '../cli/config.js'
import { createLog } from '../core/log.js'
import type { RawRecord } from '../ingest/contract.js'
import { findingEvent, findingOf } from '../ocsf/finding.js'
import { containerWorkload } from '../ocsf/workload.js'
import { fixture } from './format-cases.js'
import { nativeLine } from './push.js'

const HOUR = 3_600_000
const START = Date.now() - 3 * HOUR
const SHOP = containerWorkload('3f2a9c0d11ee', 'shop', { image: 'shop:1' })

const playbook = `
name: both-families
summary: Write down what two families agree about.
match: { techniques: [T1496], min_severity: high }
verify: { families: 2 }
approve: never
actions: [{ action: log }]
undo_after_ms: null
`

/** One launch in the shop's container. */
function launch(uid: string, time: number, path: string, cmd_line: string): RawRecord {
  const event = JSON.parse(nativeLine(uid, 0, time))
  const name = path.slice(path.lastIndexOf('/') + 1)
  const process = { pid: 4242, name, cmd_line, file: { name, path, type_id: 1 } }
  return { data: JSON.stringify({ ...event, process, workload: SHOP }) }
}

const positioned = (file: string, records: readonly unknown[]): RawRecord[] =>
  records.map((record, n) => ({ data: JSON.stringify(record), position: `${file}:${n}` }))

/** What every collector could have sent: good, dropped, rejected, repeated. */
const inputs: readonly [format: string, records: RawRecord[]][] = [
  [
    'ocsf',
    [
      // Two hours of the shop's ordinary life, from which the profile is learned.
      ...Array.from({ length: 240 }, (_, n) =>
        launch(`life-${n}`, START + n * 30_000, `/usr/bin/${['node', 'sh', 'curl'][n % 3]}`, `serve ${n}`),
      ),
      ...Array.from({ length: 500 }, (_, n) => ({ data: nativeLine('host', n, START + 2 * HOUR) })),
      ...Array.from({ length: 100 }, (_, n) => ({ data: nativeLine('host', n, START + 2 * HOUR) })),
      { data: '{"class_uid":1007,' },
      { data: '{"class_uid":1007,"time":"soon"}' },
      ...positioned('events.jsonl', fixture('ocsf/events.jsonl')),
    ],
  ],
  [
    'falco',
    [
      ...positioned('alerts.jsonl', fixture('falco/alerts.jsonl')),
      { data: '{"rule":7}', position: 'alerts.jsonl:bad' },
    ],
  ],
  [
    'cloudtrail',
    [
      ...positioned('records.jsonl', fixture('cloudtrail/records.jsonl')),
      { data: '{"Records":[]}', position: 'empty' },
      {
        data: JSON.stringify({ Records: [...fixture('cloudtrail/records.jsonl').slice(0, 2), { eventName: 1 }] }),
        position: 'envelope',
      },
    ],
  ],
  [
    'docker_events',
    positioned(
      'docker',
      fixture('docker_events/engine.jsonl').map((event) => ({ kind: 'event', event })),
    ),
  ],
]

/** Known program, but the command line of a miner: only the rules see it. */
const known = launch(
  'known',
  START + 2.5 * HOUR,
  '/usr/bin/node',
  'node -o stratum+tcp://203.0.113.9:3333 --donate-level 1',
)
/** A program that the shop never ran: the profile sees it, too. */
const unknown = launch('unknown', START + 2.6 * HOUR, '/tmp/.x/xmrig', 'xmrig -o stratum+tcp://203.0.113.9:3333')

describe('the whole pipeline on the embedded engine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-pipeline-'))
  writeFileSync(join(folder, 'playbook.yml'), playbook)
  const config = configSchema.parse({
    data_dir: folder,
    collectors: {},
    detectors: {
      rules: { type: 'rules' },
      profile: { type: 'profile', learning_period_ms: HOUR },
      anomaly: { type: 'anomaly' },
    },
    responders: { builtin_playbooks: false, playbooks: [join(folder, 'playbook.yml')] },
  })
  let app: App
  async function start() {
    app = await createApp(config, { log: createLog('silent'), without: ['collectors', 'endpoint'] })
    await app.start()
  }
  after(async () => {
    await app?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const number = async (sql: string) => {
    const [row] = await app.lake.select<{ n: string }>(`SELECT ${sql} AS n`)
    return Number(row?.n)
  }
  async function emitAll() {
    const sum = { stored: 0, dropped: 0, dead_lettered: 0 }
    for (const [format, records] of inputs) {
      const receipt = await app.intake.emit('test', format, records)
      sum.stored += receipt.stored
      sum.dropped += receipt.dropped
      sum.dead_lettered += receipt.dead_lettered
    }
    await settle()
    return sum
  }
  async function settle() {
    await app.engine.advance()
    await app.engine.settle()
    await app.responder.settle()
    await app.store.flush()
  }
  /** Rows of every table that records become; a measurement is one event and several rows. */
  const stored = () =>
    number(
      "(SELECT count() FROM events) + (SELECT uniqExact(workload_uid, time) FROM metrics) + (SELECT count() FROM coverage WHERE collector != 'detector')",
    )
  const states = () =>
    app.lake.select<{ state: string; action: string; dry_run: boolean }>(
      'SELECT state, action, dry_run FROM responses ORDER BY response_uid, step',
    )

  test('events in = stored + dropped + dead-lettered, and no event is there twice', async () => {
    await start()
    const sum = await emitAll()
    assert.ok(sum.dropped > 0 && sum.dead_lettered > 3, JSON.stringify(sum))
    const { metrics } = app
    assert.equal(metrics.total('events_published'), sum.stored)
    assert.equal(metrics.total('records_dropped'), sum.dropped)
    assert.equal(metrics.total('records_rejected'), sum.dead_lettered)
    const duplicates = metrics.total('lake_duplicates')
    assert.ok(duplicates >= 100, `${duplicates} duplicates`)
    assert.equal(await stored(), sum.stored - duplicates)
    assert.equal(await number('(SELECT count() FROM dead_letters)'), sum.dead_lettered)
    assert.equal(await number('(SELECT count() - uniqExact(metadata_uid) FROM events)'), 0)
    assert.equal(await number("(SELECT uniqExact(workload_kind) FROM events WHERE workload_kind != '')"), 3)
  })

  test('a finding is stored with its reason and evidence that is there; one family alone gives a proposal', async () => {
    await app.intake.emit('test', 'ocsf', [known])
    await settle()
    const found = await app.lake.select<{ family: string; rule: string; reason: string; evidence: string[] }>(
      `SELECT family, rule, reason, evidence FROM findings WHERE workload_uid = '${SHOP.uid}'`,
    )
    assert.deepEqual(
      found.map(({ family }) => family),
      ['rules'],
      JSON.stringify(found),
    )
    assert.deepEqual(found[0]?.evidence, ['known-0'])
    assert.match(found[0]?.reason ?? '', /stratum/)
    assert.equal(await number("(SELECT count() FROM findings WHERE reason = '' OR empty(evidence))"), 0)
    assert.equal(
      await number(
        '(SELECT count() FROM (SELECT arrayJoin(evidence) AS uid FROM findings) WHERE uid NOT IN (SELECT metadata_uid FROM events))',
      ),
      0,
    )
    assert.deepEqual(await states(), [{ state: 'proposed', action: 'log', dry_run: true }])
  })

  test('after a restart nothing is stored, found or proposed twice', async () => {
    const before = {
      stored: await stored(),
      dead: await number('(SELECT count() FROM dead_letters)'),
      findings: await number('(SELECT count() FROM findings)'),
      responses: await number('(SELECT count() FROM responses)'),
    }
    await app.stop()
    await start()
    await emitAll()
    await app.intake.emit('test', 'ocsf', [known])
    await settle()
    assert.deepEqual(
      {
        stored: await stored(),
        dead: await number('(SELECT count() FROM dead_letters)'),
        findings: await number('(SELECT count() FROM findings)'),
        responses: await number('(SELECT count() FROM responses)'),
      },
      before,
    )
    assert.equal(app.engine.stats().findings, 0)
  })

  test('and the second family completes the response that the first one began before it', async () => {
    await app.intake.emit('test', 'ocsf', [unknown])
    await settle()
    const families = await app.lake.select<{ family: string }>(
      `SELECT family FROM findings WHERE workload_uid = '${SHOP.uid}' ORDER BY time, family`,
    )
    assert.ok(
      families.some(({ family }) => family === 'profile'),
      JSON.stringify(families),
    )
    assert.deepEqual(await states(), [
      { state: 'proposed', action: 'log', dry_run: true },
      { state: 'planned', action: 'log', dry_run: true },
    ])
    assert.equal(await number('(SELECT length(findings) > 1 FROM responses ORDER BY step DESC LIMIT 1)'), 1)
  })

  test('a third start changes nothing', async () => {
    await app.stop()
    await start()
    await app.intake.emit('test', 'ocsf', [known, unknown])
    await settle()
    assert.equal((await states()).length, 2)
    assert.equal(app.engine.stats().findings, 0)
  })

  test('a finding that was stored when a crash kept it from the responder is answered after the restart', async () => {
    const [row] = await app.lake.select<{ event: string }>('SELECT event FROM findings LIMIT 1')
    const other = { ...SHOP, uid: 'container/0123456789ab', name: 'other' }
    const finding = findingOf(JSON.parse(row?.event ?? ''))
    assert.ok(finding)
    const event = findingEvent({ ...finding, uid: 'kept', workload: other, techniques: ['T1496'], severity_id: 5 })
    await app.store.handle('weir.findings', [event])
    for (let n = 0; n < 2; n++) {
      await app.stop()
      await start()
      await settle()
      const steps = await app.lake.select<{ state: string; findings: string[] }>(
        `SELECT state, findings FROM responses WHERE workload_uid = '${other.uid}'`,
      )
      assert.deepEqual(steps, [{ state: 'proposed', findings: ['kept'] }])
    }
  })
})
