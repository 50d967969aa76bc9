import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { openLake } from './open.js'
import type { Lake } from './port.js'
import { readEvents } from './read.js'
import { createStore, type Store } from './store.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-store-test-'))
const metrics = createMetrics()
const log = createLog('silent')
let lake: Lake
let store: Store

before(async () => {
  lake = await openLake({ path: join(folder, 'lake') })
  store = await createStore({ lake, metrics, log })
})
after(async () => {
  await store.stop()
  await lake.close()
  rmSync(folder, { recursive: true, force: true })
})

const start = Date.UTC(2026, 0, 5, 12)

function processEvent(n: number, extra: Partial<OcsfEvent> = {}): OcsfEvent {
  const time = start + n
  return {
    class_uid: 1007,
    class_name: 'Process Activity',
    category_uid: 1,
    category_name: 'System Activity',
    activity_id: 1,
    activity_name: 'Launch',
    type_uid: 100701,
    type_name: 'Process Activity: Launch',
    time,
    severity_id: 1,
    severity: 'Informational',
    metadata: { version: '1.8.0', uid: eventUid(time, `test:${n}`), product: { name: 'Weir', vendor_name: 'Weir' } },
    process: {
      name: 'nginx',
      pid: 100 + n,
      cmd_line: `nginx -c ${n}`,
      file: { path: '/usr/sbin/nginx', name: 'nginx' },
    },
    workload: { kind: 'vm', uid: 'vm/i-1', name: 'web-1', group: 'web' },
    ...extra,
  }
}

async function stored(uids: readonly string[]): Promise<OcsfEvent[]> {
  const found: OcsfEvent[] = []
  for await (const batch of readEvents(lake, { from: 0, to: Date.UTC(2100, 0, 1) })) found.push(...batch)
  return uids.map((uid) => found.find((event) => event.metadata.uid === uid) as OcsfEvent)
}

test('an event comes back as it was written, with columns a person can query', async () => {
  const event = processEvent(1, { severity_id: 0, unmapped: { a: [1, null, { b: 'c' }] }, actor: {}, enrichments: [] })
  assert.deepEqual(await store.handle('weir.events', [event]), { stored: 1, duplicate: 0, rejected: [] })
  const [back] = await stored([event.metadata.uid as string])
  assert.deepEqual(back, event)
  const rows = await lake.select(
    'SELECT metadata_uid, class_name, type_uid, category_uid, toUnixTimestamp64Milli(time) AS ms, process_cmd_line FROM events WHERE process_pid = 101',
  )
  assert.deepEqual(rows, [
    {
      metadata_uid: event.metadata.uid,
      class_name: 'Process Activity',
      type_uid: '100701',
      category_uid: 1,
      ms: String(event.time),
      process_cmd_line: 'nginx -c 1',
    },
  ])
})

test('the same event is stored once, however often it comes', async () => {
  const events = [2, 3, 3].map((n) => processEvent(n))
  const [first, second] = await Promise.all([
    store.handle('weir.events', [...events]),
    store.handle('weir.events', [...events]),
  ])
  assert.equal(first.stored + second.stored, 2)
  assert.equal(first.duplicate + second.duplicate, 4)
  assert.equal((await store.handle('weir.events', [...events])).duplicate, 3)
  const [row] = await lake.select('SELECT count() AS n, uniqExact(metadata_uid) AS u FROM events')
  assert.deepEqual(row, { n: '3', u: '3' })
})

test('a store that starts on a filled lake knows what is in it', async () => {
  const other = await createStore({ lake, metrics, log })
  const texts = processEvent(4, { metadata: { version: '1.8.0', uid: 'not a uuid', product: {} } })
  assert.equal((await other.handle('weir.events', [processEvent(2), texts])).duplicate, 1)
  const third = await createStore({ lake, metrics, log })
  assert.equal((await third.handle('weir.events', [processEvent(3), texts])).duplicate, 2)
  await other.stop()
  await third.stop()
})

test('what another process stored is known after a refill, in every table', async () => {
  const other = await createStore({ lake, metrics, log })
  const measured = processEvent(41, {
    class_uid: 99905001,
    category_uid: 5,
    type_uid: 9990500102,
    activity_id: 2,
    metrics: [
      { name: 'refill_a', value: 1, unit: 'count' },
      { name: 'refill_b', value: 2, unit: 'count' },
    ],
  })
  const described = processEvent(42, { class_uid: 5001, category_uid: 5, type_uid: 500102, activity_id: 2 })
  const events = [processEvent(40), measured, described]
  assert.equal((await other.handle('weir.events', [...events])).stored, 3)
  await store.refill()
  assert.equal((await store.handle('weir.events', [...events])).duplicate, 3)
  const third = await createStore({ lake, metrics, log })
  assert.equal((await third.handle('weir.events', [...events])).duplicate, 3)
  await Promise.all([other.stop(), third.stop()])
  const rows = await lake.select(
    `SELECT (SELECT count() FROM metrics WHERE metric LIKE 'refill%') AS measured,
            (SELECT count() FROM inventory WHERE metadata_uid = {uid:String}) AS described`,
    { uid: described.metadata.uid as string },
  )
  assert.deepEqual(rows, [{ measured: '2', described: '1' }])
  await lake.command("DELETE FROM metrics WHERE metric LIKE 'refill%'")
})

test('what another process stored before a long outage is known after it', async () => {
  // The clock of the lake, which an outage moves on.
  let outage_ms = 0
  const select: typeof lake.select = async (sql, params) => {
    const rows = await lake.select(sql, params)
    return (
      sql.startsWith('SELECT toUnixTimestamp64Milli(now64') ? [{ now: String(Date.now() + outage_ms) }] : rows
    ) as never
  }
  const first = await createStore({ lake: { ...lake, select }, metrics, log })
  const second = await createStore({ lake: { ...lake, select }, metrics, log })
  const received = Date.now()
  const events = [processEvent(60), processEvent(61)]
  assert.equal((await first.handle('weir.events', [...events])).stored, 2)
  outage_ms = 3_600_000
  await second.refill(async () => received)
  assert.equal((await second.handle('weir.events', [...events])).duplicate, 2)
  await Promise.all([first.stop(), second.stop()])
})

test('measurements become rows of metrics and nothing else', async () => {
  const event = processEvent(5, {
    class_uid: 99905001,
    category_uid: 5,
    type_uid: 9990500102,
    activity_id: 2,
    metrics: [
      { name: 'cpu_percent', value: 12.5, unit: 'percent' },
      { name: 'process_count', value: 0, unit: 'count' },
    ],
  })
  assert.equal((await store.handle('weir.events', [event])).stored, 1)
  const rows = await lake.select('SELECT metric, value, unit, workload_uid FROM metrics ORDER BY metric')
  assert.deepEqual(rows, [
    { metric: 'cpu_percent', value: 12.5, unit: 'percent', workload_uid: 'vm/i-1' },
    { metric: 'process_count', value: 0, unit: 'count', workload_uid: 'vm/i-1' },
  ])
  assert.deepEqual(await lake.select('SELECT 1 FROM events WHERE class_uid = 99905001'), [])
})

test('events that cannot be rows are rejected with a reason; the others of the batch are stored', async () => {
  const receipt = await store.handle('weir.events', [
    processEvent(6),
    processEvent(7, { time: Date.UTC(9999, 0, 1) }),
    processEvent(8, { activity_id: 99999999999 }),
    processEvent(9, { metadata: { version: '1.8.0', product: {} } }),
    processEvent(10),
  ])
  assert.equal(receipt.stored, 2)
  assert.deepEqual(
    receipt.rejected.map(({ reason }) => reason),
    ['bad_time', 'bad_attribute', 'bad_attribute'],
  )
})

test('what has not even metadata is rejected by every table, and stops no other', async () => {
  const empty = { class_uid: 2004, activity_id: 1, time: Date.UTC(2026, 0, 1), severity_id: 1 } as OcsfEvent
  for (const topic of ['weir.findings', 'weir.responses', 'weir.dead_letters', 'weir.coverage'] as const) {
    const receipt = await store.handle(topic, [empty])
    assert.equal(receipt.stored, 0)
    assert.deepEqual(
      receipt.rejected.map(({ reason }) => reason),
      ['bad_attribute'],
      topic,
    )
  }
})

test('what the inventory refuses is rejected, although the event is stored; what both refuse is rejected once', async () => {
  const refusing = { ...lake, insertNative: refuse }
  async function refuse(...[table, block, token]: Parameters<Lake['insertNative']>) {
    if (table.name !== 'inventory') return lake.insertNative(table, block, token)
    throw Object.assign(new Error('Cannot parse'), { clickhouseCode: 27 })
  }
  const second = await createStore({ lake: refusing, metrics, log })
  const described = { class_uid: 5001, class_name: 'Device Inventory Info', category_uid: 5, type_uid: 500101 }
  const event = processEvent(9_001, described)
  const { stored: count, rejected } = await second.handle('weir.events', [event])
  assert.equal(count, 1)
  assert.deepEqual(
    rejected.map(({ event: refused, reason }) => [refused, reason]),
    [[event, 'engine_refused']],
  )
  const bad = processEvent(9_002, { ...described, time: 'yesterday' as never })
  const both = await second.handle('weir.events', [bad])
  assert.deepEqual([both.stored, both.rejected.length], [0, 1])
  await second.stop()
})
