import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { Lake } from '../lake/port.js'
import { openServerLake } from '../lake/server.js'
import { serverLakeFields } from '../lake/server-config.js'
import { createStore } from '../lake/store.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { startClickHouse } from './stack/clickhouse.js'

const start = Date.UTC(2026, 0, 5, 12)
const total = 40_000
const batch = 200

function range(from: number, to: number): OcsfEvent[] {
  return Array.from({ length: to - from }, (_, index) => {
    const time = start + from + index
    const measures = (from + index) % 10 === 0
    return {
      class_uid: measures ? 99905001 : 1007,
      category_uid: measures ? 5 : 1,
      activity_id: 1,
      type_uid: measures ? 9990500101 : 100701,
      time,
      severity_id: 1,
      metadata: { version: '1.8.0', uid: eventUid(time, `takeover:${time}`), product: {} },
      ...(measures ? { metrics: [{ name: 'cpu', value: 1, unit: 'percent' }] } : { process: { pid: 1 } }),
      workload: { kind: 'vm', uid: `vm/${(from + index) % 9}`, name: 'w', group: 'g' },
    } as OcsfEvent
  })
}

async function storeOn(url: string, user: string, password: string, database: string) {
  const config = z.strictObject(serverLakeFields).parse({ user, password, database })
  const lake = await openServerLake({ ...config, url })
  return { lake, store: await createStore({ lake, metrics: createMetrics(), log: createLog('silent') }) }
}

/** Stores batch after batch, four at a time, until it is killed; says what it has stored. */
async function owner([url = '', user = '', password = '', database = '']: readonly string[]) {
  const { store } = await storeOn(url, user, password, database)
  let next = 0
  const work = async () => {
    for (let from = next; from < total; from = next) {
      next += batch
      const events = range(from, from + batch)
      const receipt = await store.handle('weir.events', [...events], `weir.events:0:${from}-${from + batch - 1}`)
      process.send?.({ from, stored: receipt.stored })
    }
  }
  await Promise.all([work(), work(), work(), work()])
}

/** The server finishes what the dead one has sent; Kafka gives partitions away after the session timeout, not before. */
async function untilStill(lake: Lake) {
  for (let before = '', rows = '-'; rows !== before; await sleep(1_000)) {
    before = rows
    rows = JSON.stringify(await lake.select('SELECT (SELECT count() FROM events), (SELECT count() FROM metrics)'))
  }
}

async function storedUids(lake: Lake): Promise<Set<string>> {
  const rows = await lake.select<{ uid: string }>(
    'SELECT metadata_uid AS uid FROM events UNION ALL SELECT metadata_uid FROM metrics',
  )
  return new Set(rows.map(({ uid }) => uid))
}

if (process.argv[2] === 'owner') {
  await owner(process.argv.slice(3))
} else {
  test('what a killed store had stored and not committed is known to whoever takes over, cut as it may be', async () => {
    const stack = await startClickHouse()
    const database = `weir_takeover_${randomUUID().replaceAll('-', '')}`
    const { url, user, password } = stack
    const { lake, store } = await storeOn(url, user, password, database)
    try {
      const first = fork(import.meta.filename, ['owner', url, user, password, database], { execArgv: [] })
      const acknowledged = new Set<number>()
      first.on('message', ({ from, stored }: { from: number; stored: number }) => {
        assert.equal(stored, batch)
        for (const { time } of range(from, from + batch)) acknowledged.add(time)
        if (acknowledged.size >= 6_000) first.kill('SIGKILL')
      })
      await once(first, 'close')
      assert.ok(acknowledged.size >= 6_000 && acknowledged.size < total, `${acknowledged.size} acknowledged`)

      await untilStill(lake)
      const in_lake = await storedUids(lake)
      const lost = range(0, total).filter(
        ({ time, metadata }) => acknowledged.has(time) && !in_lake.has(String(metadata.uid)),
      )
      assert.deepEqual(lost, [], 'what was acknowledged is in the lake')
      await store.refill()
      const unknown: OcsfEvent[] = []
      let stored = 0
      let duplicate = 0
      for (let from = 0; from < total; from += 1_700) {
        const events = range(from, Math.min(total, from + 1_700))
        const receipt = await store.handle(
          'weir.events',
          [...events],
          `weir.events:0:${from}-${from + events.length - 1}`,
        )
        const known = events.filter(({ metadata }) => in_lake.has(String(metadata.uid)))
        if (receipt.duplicate < known.length) unknown.push(...known)
        stored += receipt.stored
        duplicate += receipt.duplicate
      }
      assert.equal(stored + duplicate, total)
      const { length } = unknown
      assert.equal(
        length,
        0,
        `stored and not known, among ${length} from ${unknown[0]?.time} to ${unknown.at(-1)?.time}`,
      )
      assert.equal(duplicate, in_lake.size)
      const [row] = await lake.select(
        `SELECT count() AS n, uniqExact(metadata_uid) AS u,
           (SELECT count() FROM metrics) AS m, (SELECT uniqExact(metadata_uid) FROM metrics) AS mu FROM events`,
      )
      const [of_events, of_metrics] = [String(total * 0.9), String(total * 0.1)]
      assert.deepEqual(row, { n: of_events, u: of_events, m: of_metrics, mu: of_metrics })
    } finally {
      await store.stop()
      await lake.command(`DROP DATABASE IF EXISTS ${database}`).catch(() => {})
      await lake.close()
      await stack.stop()
    }
  })
}
