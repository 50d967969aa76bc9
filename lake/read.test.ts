import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import kafkajs from 'kafkajs'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { openLake } from './open.js'
import type { Lake } from './port.js'
import { type ReadOptions, readEvents } from './read.js'
import { createStore } from './store.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-read-test-'))
const start = Date.UTC(2026, 0, 5, 12)
const end = start + 10 * 60_000
const keys = [
  'vm/i-1',
  'container/3f2a9c0d11ee',
  'function/é/7',
  '',
  ...Array.from({ length: 40 }, (_, n) => `pod/${n}`),
]
/** A quiet minute, then more in three milliseconds than one statement returns, then a quiet rest. */
const times = [
  ...Array.from({ length: 600 }, (_, n) => start + n * 100),
  ...Array.from({ length: 45_000 }, (_, n) => start + 90_000 + (n % 3)),
  ...Array.from({ length: 600 }, (_, n) => start + 120_000 + n * 700),
]
const events: OcsfEvent[] = times.map((time, n) => {
  const uid = keys[n % keys.length] as string
  return {
    class_uid: n % 2 ? 1007 : 4001,
    category_uid: n % 2 ? 1 : 4,
    activity_id: 1,
    type_uid: n % 2 ? 100701 : 400101,
    time,
    severity_id: 1,
    metadata: { version: '1.8.0', uid: eventUid(time, `read:${n}`), product: {} },
    ...(uid === '' ? {} : { workload: { kind: 'vm', uid, name: 'w', group: 'g' } }),
  } as OcsfEvent
})
let lake: Lake

before(async () => {
  lake = await openLake({ path: join(folder, 'lake') })
  const store = await createStore({ lake, metrics: createMetrics(), log: createLog('silent') })
  // Not in the order of time: what was late stands in other parts.
  const late = events.filter((_, n) => n % 5 === 0)
  await store.handle(
    'weir.events',
    events.filter((_, n) => n % 5 !== 0),
  )
  await store.handle('weir.events', late)
  await store.stop()
})
after(async () => {
  await lake.close()
  rmSync(folder, { recursive: true, force: true })
})

async function read(options: Partial<ReadOptions> = {}): Promise<OcsfEvent[]> {
  const found: OcsfEvent[] = []
  for await (const batch of readEvents(lake, { from: start, to: end, batch_rows: 1_000, ...options })) {
    assert.ok(batch.length > 0 && batch.length <= 1_000)
    found.push(...batch)
  }
  return found
}

const uidsOf = (list: readonly OcsfEvent[]) => list.map((event) => event.metadata.uid as string)

test('every event of the time comes once and in order, however many share a moment', async () => {
  const found = await read()
  assert.deepEqual([...uidsOf(found)].sort(), [...uidsOf(events)].sort())
  for (let n = 1; n < found.length; n++) assert.ok((found[n - 1]?.time ?? 0) <= (found[n]?.time ?? 0))
  const middle = await read({ from: start + 90_001, to: start + 90_002, classes: [1007] })
  const wanted = events.filter((event) => event.time === start + 90_001 && event.class_uid === 1007)
  assert.deepEqual([...uidsOf(middle)].sort(), [...uidsOf(wanted)].sort())
  assert.deepEqual(await read({ from: end, to: end + 1000 }), [])
})

test('the events of some Kafka partitions are those that kafkajs puts there', async () => {
  const choose = kafkajs.Partitioners.DefaultPartitioner()
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({ partitionId, leader: 1 }) as any)
  const partitionOf = (key: string) =>
    choose({ topic: 'weir.events', partitionMetadata, message: { key, value: null } as any })
  const numbers = [0, 3, 7, 8]
  const wanted = events.filter((event) => numbers.includes(partitionOf(event.workload?.uid ?? 'weir.events')))
  const found = await read({ partitions: { of: 12, numbers } })
  assert.ok(wanted.length > 1_000 && wanted.length < events.length)
  assert.deepEqual([...uidsOf(found)].sort(), [...uidsOf(wanted)].sort())
})
