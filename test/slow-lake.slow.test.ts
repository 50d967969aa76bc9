import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventUid } from '../ocsf/uid.js'
import { type Cluster, startCluster, type WeirNode } from './cluster-rig.js'
import { nativeLine, startPusher } from './push.js'
import { whyNoKafka } from './stack/kafka.js'

/** How long the lake is slow; WEIR_TEST_SLOW_LAKE_S=180 for a long look. */
const SLOW_S = Number(process.env.WEIR_TEST_SLOW_LAKE_S ?? 45)
/** Every insert takes so much longer. */
const DELAY_MS = 5_000
const MIB = 2 ** 20
const BATCH = 500
const CONNECTIONS = 8
/** What bounds the memory of each process, and is configured. */
const BOUNDS = { fetch_bytes: 4 * MIB, max_buffered_messages: 20_000 }
/** 160 MiB at rest, 100 of new objects (bin/weir gives V8 semi-spaces of 32), 220 of old garbage that V8 has not looked at yet. */
const AT_REST = 480 * MIB
/** One fetch is compressed (about 6 : 1) and becomes text and objects (about 5 bytes for each byte of text). */
const FETCHED = BOUNDS.fetch_bytes * 6 * 5
/** Three blocks of the writer, open, waiting and being written, of at most 32 MiB in buffers that double; and its window of 2,000,000 uids. */
const STORING = 3 * 2 * 32 * MIB + 48 * MIB
const bound_bytes = {
  ingest: AT_REST + BOUNDS.max_buffered_messages * 6_000,
  detect: AT_REST + FETCHED,
  store: AT_REST + FETCHED + STORING,
}
type Role = keyof typeof bound_bytes
const ROLES = ['ingest', 'detect', 'store'] as const
const skip = whyNoKafka() ?? false
let cluster: Cluster | undefined
after(() => cluster?.close())

function bodyOf(batch: number): string {
  const first = batch * BATCH
  const line = (n: number) =>
    nativeLine('slow', n, start).replace(`"slow-${n}"`, `"${eventUid(start + n, `slow:${n}`)}"`)
  return Array.from({ length: BATCH }, (_, n) => line(first + n)).join('\n')
}
const start = Date.now() - 7_200_000

function rss(node: WeirNode): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8'))?.[1]) * 1_024
}

test(`a lake that is slow for ${SLOW_S} s: Kafka holds what waits, no process grows beyond its bound, all arrives`, {
  skip,
}, async (t) => {
  cluster = await startCluster({
    redis: false,
    config: { detectors: { rules: { type: 'rules' } } },
  })
  const rig = cluster
  const bus = { kafka: BOUNDS }
  const nodes = {} as Record<Role, WeirNode>
  for (const role of ROLES) nodes[role] = await rig.start([role], { bus })
  for (const role of ROLES) await nodes[role].untilReady()
  await rig.clickhouse.setDelay(DELAY_MS)

  const pusher = startPusher({
    batches: Number.POSITIVE_INFINITY,
    concurrency: CONNECTIONS,
    body: bodyOf,
    target: () => nodes.ingest,
  })
  // Else a failure would be waited for, for ever.
  t.after(() => pusher.cancel())
  const samples: Record<Role, number>[] = []
  const rows = ['    s  ingest  detect   store MiB  acknowledged   behind']
  let most_behind = 0
  const grown: string[] = []
  for (const began = Date.now(); Date.now() - began < SLOW_S * 1_000; await sleep(1_000)) {
    const sample = Object.fromEntries(ROLES.map((role) => [role, rss(nodes[role])])) as Record<Role, number>
    samples.push(sample)
    for (const role of ROLES) {
      if (sample[role] < bound_bytes[role]) continue
      grown.push(`${role} has ${Math.round(sample[role] / MIB)} MiB after ${samples.length} s`)
    }
    if (samples.length % Math.ceil(SLOW_S / 12) !== 0) continue
    const behind = await nodes.store.metric('weir_bus_lag', { group: 'store' })
    most_behind = Math.max(most_behind, behind)
    const { status, dependencies } = await nodes.store.ready()
    assert.equal(status, 200, `slow is not away: ${JSON.stringify(dependencies)}`)
    const cells = [(Date.now() - began) / 1_000, ...ROLES.map((role) => sample[role] / MIB)].map(Math.round)
    rows.push(
      `${cells.map((n, index) => String(n).padStart(index === 0 ? 5 : 8)).join('')}${String(pusher.acknowledged.size * BATCH).padStart(18)}${String(behind).padStart(9)}`,
    )
  }
  pusher.cancel()
  await pusher.done
  const peak = ROLES.map((role) => {
    const most = Math.max(...samples.map((sample) => sample[role]))
    return `${role} ${Math.round(most / MIB)} of ${Math.round(bound_bytes[role] / MIB)}`
  })
  for (const row of [...rows, `most, MiB: ${peak.join(', ')}`]) t.diagnostic(row)
  assert.deepEqual(grown, [], `no process may have more than ${JSON.stringify(bound_bytes)} bytes`)
  t.diagnostic(`${pusher.failures()} requests were told to come again (429, 503)`)
  // A store that keeps up is a second behind at most.
  const in_one_insert = ((pusher.acknowledged.size * BATCH) / SLOW_S) * (DELAY_MS / 1_000)
  const said = `the lake was behind by ${most_behind} events at most; ${Math.round(in_one_insert)} arrived during one insert`
  assert.ok(most_behind > in_one_insert, said)

  await rig.clickhouse.setDelay(0)
  const sent = pusher.acknowledged.size * BATCH
  const drained = Date.now()
  // A batch whose acknowledgement nobody waited for may be there, too.
  await rig.until('all has arrived', `SELECT count() >= ${sent} FROM events`, 300_000)
  t.diagnostic(`${sent} events were acknowledged; all are stored ${Math.round((Date.now() - drained) / 1_000)} s later`)
  const [row] = await rig.rows<{ n: string; uids: string }>(
    'SELECT count() AS n, uniqExact(metadata_uid) AS uids FROM events',
  )
  assert.equal(row?.n, row?.uids)
  for (const role of ROLES) {
    const most =
      Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${nodes[role].pid}/status`, 'utf8'))?.[1]) * 1_024
    const said = `${role} had ${Math.round(most / MIB)} MiB at most, catching up included`
    t.diagnostic(said)
    assert.ok(most < bound_bytes[role], `${said}; its bound is ${Math.round(bound_bytes[role] / MIB)}`)
  }
})
