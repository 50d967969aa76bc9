import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventUid } from '../ocsf/uid.js'
import { type Cluster, startCluster, type WeirNode } from './cluster-rig.js'
import { nativeLine, startPusher } from './push.js'
import { whyNoKafka } from './stack/kafka.js'
import { noRedis } from './stack/redis.js'

/** How long the lake is slow; WEIR_TEST_SLOW_LAKE_S=180 for a long look. */
const SLOW_S = Number(process.env.WEIR_TEST_SLOW_LAKE_S ?? 45)
/** Every insert takes so much longer. */
const DELAY_MS = 5_000
const MIB = 2 ** 20
const BATCH = 500
const CONNECTIONS = 8
/** Rows of the table. */
const LOOKS = 18
/** What bounds the memory of each process is its configuration: what it may have, `memory.max_rss_bytes`. */
const MOST = { ingest: 640 * MIB, store: 768 * MIB, detect: 512 * MIB, respond: 384 * MIB, console: 320 * MIB }
type Role = keyof typeof MOST
const ROLES = Object.keys(MOST) as Role[]
const skip = whyNoKafka() ?? noRedis() ?? false
let cluster: Cluster | undefined
after(() => cluster?.close())

function bodyOf(batch: number): string {
  const first = batch * BATCH
  const line = (n: number) =>
    nativeLine('slow', n, start).replace(`"slow-${n}"`, `"${eventUid(start + n, `slow:${n}`)}"`)
  return Array.from({ length: BATCH }, (_, n) => line(first + n)).join('\n')
}
const start = Date.now() - 7_200_000

/** Memory it has, or (`VmHWM`) the most it ever had, bytes. */
function memoryOf(node: WeirNode, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024
}

/** Whether the machine itself stood still just now: then whoever was asked could not answer. */
function watchClock(tell: (ms: number) => void): () => boolean {
  let seen = performance.now()
  let stood_at = Number.NEGATIVE_INFINITY
  setInterval(() => {
    const now = performance.now()
    if (now - seen > 5_000) {
      stood_at = now
      tell(now - seen)
    }
    seen = now
  }, 500).unref()
  return () => performance.now() - Math.max(stood_at, seen) > 5_000 || performance.now() - stood_at < 15_000
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, index) => String(cell).padStart(index === 0 ? 5 : index <= ROLES.length ? 8 : 14)).join('')
}

const mib = (bytes: number) => Math.round(bytes / MIB)

test(`a lake that is slow for ${SLOW_S} s: Kafka holds what waits, no process grows beyond its bound, all arrives`, {
  skip,
}, async (t) => {
  cluster = await startCluster({ config: { detectors: { rules: { type: 'rules' } } } })
  const rig = cluster
  const nodes = {} as Record<Role, WeirNode>
  for (const role of ROLES) nodes[role] = await rig.start([role], { memory: { max_rss_bytes: MOST[role] } })
  for (const role of ROLES) {
    await nodes[role].untilReady()
    assert.equal(await nodes[role].metric('weir_memory_bound_bytes'), MOST[role])
  }
  await rig.clickhouse.setDelay(DELAY_MS)

  const pusher = startPusher({
    batches: Number.POSITIVE_INFINITY,
    concurrency: CONNECTIONS,
    body: bodyOf,
    target: () => nodes.ingest,
  })
  // Else a failure would be waited for, for ever.
  t.after(() => pusher.cancel())
  const stoodStill = watchClock((ms) => t.diagnostic(`the machine stood still for ${Math.round(ms / 1_000)} s`))
  const rows = [row(['s', ...ROLES, 'acknowledged', 'behind'])]
  let most_behind = 0
  for (const began = Date.now(); Date.now() - began < SLOW_S * 1_000; await sleep((SLOW_S * 1_000) / LOOKS)) {
    const behind = await nodes.store.metric('weir_bus_lag', { group: 'store' })
    most_behind = Math.max(most_behind, behind)
    const { status, dependencies } = await nodes.store.ready()
    if (!stoodStill()) assert.equal(status, 200, `slow is not away: ${JSON.stringify(dependencies)}`)
    const memory = ROLES.map((role) => mib(memoryOf(nodes[role], 'VmRSS')))
    rows.push(row([Math.round((Date.now() - began) / 1_000), ...memory, pusher.acknowledged.size * BATCH, behind]))
  }
  pusher.cancel()
  await pusher.done
  const most = () => ROLES.map((role) => mib(memoryOf(nodes[role], 'VmHWM')))
  for (const line of ['MiB of memory over time', ...rows, row(['most', ...most()])]) t.diagnostic(line)
  t.diagnostic(`${pusher.failures()} requests were told to come again (429, 503)`)
  // A store that keeps up is a second behind at most.
  const in_one_insert = ((pusher.acknowledged.size * BATCH) / SLOW_S) * (DELAY_MS / 1_000)
  const said = `the lake was behind by ${most_behind} events at most; ${Math.round(in_one_insert)} arrived during one insert`
  assert.ok(most_behind > in_one_insert, said)

  await rig.clickhouse.setDelay(0)
  const sent = pusher.acknowledged.size * BATCH
  const drained = Date.now()
  // A batch whose acknowledgement nobody waited for may be there, too.
  await rig.until('all has arrived', `SELECT count() >= ${sent} FROM events`, 600_000)
  t.diagnostic(`${sent} events were acknowledged; all are stored ${Math.round((Date.now() - drained) / 1_000)} s later`)
  const [stored] = await rig.rows<{ n: string; uids: string }>(
    'SELECT count() AS n, uniqExact(metadata_uid) AS uids FROM events',
  )
  assert.equal(stored?.n, stored?.uids)
  for (const [what, values] of [
    ['caught up, most', most()],
    ['bound', ROLES.map((role) => mib(MOST[role]))],
  ] as const) {
    t.diagnostic(`${what}: ${ROLES.map((role, index) => `${role} ${values[index]}`).join(', ')} MiB`)
  }
  for (const role of ROLES) {
    const waits = await nodes[role].metric('weir_memory_waits_total')
    if (waits > 0) t.diagnostic(`${role} waited for memory ${waits} times`)
    const had = memoryOf(nodes[role], 'VmHWM')
    assert.ok(had <= MOST[role], `${role} had ${mib(had)} MiB at most, its bound is ${mib(MOST[role])}`)
  }
})
