import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster, type WeirNode } from './cluster-rig.js'
import { attackLine, ordinaryLife } from './cluster-scene.js'
import { nativeLine, push } from './push.js'
import { whyNoKafka } from './stack/kafka.js'
import { noRedis } from './stack/redis.js'

const PARTITIONS = 12
const HOSTS = Array.from({ length: 60 }, (_, n) => `web-${n}`)
const skip = whyNoKafka() ?? noRedis() ?? false
let cluster: Cluster | undefined
after(() => cluster?.close())

const partitionsOf = (node: WeirNode) => node.metric('weir_detect_partitions')

/** Polls until the two share all partitions about evenly. */
async function untilShared(one: WeirNode, other: WeirNode) {
  for (const end = Date.now() + 60_000; ; await sleep(200)) {
    const counts = [await partitionsOf(one), await partitionsOf(other)]
    const [a = 0, b = 0] = counts
    if (a + b === PARTITIONS && Math.abs(a - b) <= 2) return counts
    assert.ok(Date.now() < end, `partitions: ${counts}\n${one.output()}\n${other.output()}`)
  }
}

test('a second detect process takes about half the partitions; no finding is lost or doubled, also when one is killed', {
  skip,
}, async (t) => {
  // Partitions come in any order, and only events in order of time count: one partition has to be enough.
  const detectors = {
    rules: { type: 'rules' },
    profile: { type: 'profile', learning_period_ms: 3_600_000, min_events: 5 },
  }
  cluster = await startCluster({ partitions: PARTITIONS, redis: false, config: { detectors } })
  const [store, first, ingest] = [
    await cluster.start(['store']),
    await cluster.start(['detect']),
    await cluster.start(['ingest']),
  ]
  for (const node of [store, first, ingest]) await node.untilReady()
  assert.equal(await partitionsOf(first), PARTITIONS)
  const life = ordinaryLife(HOSTS, Date.now())
  assert.equal((await push(ingest, life.join('\n'))).status, 200)
  // Partitions have no common order: what an attack is compared with has to be known before it.
  await first.untilMetric('weir_bus_consumed_total', { group: 'detect' }, life.length)

  // Attacks, each on a machine of its own, all the time, among other events.
  let attacks = 0
  let allowed = 10
  let is_over = false
  const attacking = (async () => {
    for (let n = 0; !is_over; n++) {
      const now = Date.now()
      const noise = Array.from({ length: 200 }, (_, k) => nativeLine('noise', n * 200 + k, now - 200))
      const attack = attacks < allowed ? [attackLine(attacks, HOSTS[attacks] ?? '', now)] : []
      assert.equal((await push(ingest, [...noise, ...attack].join('\n'))).status, 200)
      attacks += attack.length
      await sleep(150)
    }
  })()
  const reached = async () => {
    while (attacks < allowed) await sleep(50)
  }

  await reached()
  allowed = 30
  const second = await cluster.start(['detect'])
  t.diagnostic(`partitions after the second process came: ${await untilShared(first, second)}`)
  await reached()
  allowed = 45
  await first.kill()
  for (const end = Date.now() + 60_000; (await partitionsOf(second)) !== PARTITIONS; await sleep(200)) {
    assert.ok(Date.now() < end, second.output())
  }
  await reached()
  allowed = HOSTS.length
  const third = await cluster.start(['detect'])
  t.diagnostic(`partitions after one was killed and another came: ${await untilShared(second, third)}`)
  await reached()
  is_over = true
  await attacking

  const wanted = 2 * HOSTS.length
  await cluster.until('every attack is found', `SELECT count() >= ${wanted} FROM findings`, 90_000)
  await cluster.until('the rest is stored', 'SELECT count() > 0 FROM events')
  await second.untilReady()
  await third.untilReady()
  const found = await cluster.rows<{ workload_uid: string; families: string[] }>(
    'SELECT workload_uid, arraySort(groupArray(family)) AS families FROM findings GROUP BY workload_uid ORDER BY workload_uid',
  )
  assert.deepEqual(
    found,
    HOSTS.map((host) => ({ workload_uid: `vm/${host}`, families: ['profile', 'rules'] })).sort((a, b) =>
      a.workload_uid < b.workload_uid ? -1 : 1,
    ),
  )
  for (const node of [third, second, ingest, store]) assert.equal(await node.stop(), 0, node.output())
})
