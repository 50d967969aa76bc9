import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type Cluster, startCluster } from './cluster-rig.js'
import { attackLine, ordinaryLife } from './cluster-scene.js'
import { fixture } from './format-cases.js'
import { nativeLine, type PushTarget, push } from './push.js'
import { whyNoKafka } from './stack/kafka.js'
import { noRedis } from './stack/redis.js'
import { startWeir } from './weir-process.js'

const skip = whyNoKafka() ?? noRedis() ?? false
const now = Date.now()
const detectors = { rules: { type: 'rules' }, profile: { type: 'profile', learning_period_ms: 3_600_000 } }
const hosts = Array.from({ length: 12 }, (_, n) => `web-${n}`)
const life = ordinaryLife(hosts, now)
const folder = mkdtempSync(join(tmpdir(), 'weir-sizes-'))
let cluster: Cluster | undefined
after(async () => {
  await cluster?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The same requests, in the same order, to whoever collects. */
async function pushAll(target: PushTarget, learned: () => Promise<void>) {
  const send = async (format: string, lines: readonly string[]) => {
    const { status, body } = await push(target, lines.join('\n'), { format })
    assert.ok(status === 200 || status === 207 || status === 422, `${format}: ${status} ${JSON.stringify(body)}`)
  }
  await send('ocsf', life)
  // Partitions have no common order: what an attack is compared with has to be known before it.
  await learned()
  await send('ocsf', [
    ...Array.from({ length: 2_000 }, (_, n) => nativeLine('busy', n, now - 600_000)),
    ...Array.from({ length: 500 }, (_, n) => nativeLine('busy', n, now - 600_000)),
    '{"class_uid":1007,',
    '{"class_uid":1007,"time":"soon"}',
  ])
  // One without a time of its own has that of its receipt, which differs.
  const alerts = fixture('falco/alerts.jsonl').map((record) => JSON.stringify(record))
  await send(
    'falco',
    alerts.filter((alert) => !alert.includes('without times')),
  )
  await send(
    'cloudtrail',
    fixture('cloudtrail/records.jsonl').map((record) => JSON.stringify(record)),
  )
  await send(
    'ocsf',
    hosts.map((host, n) => attackLine(n, host, now - 60_000 + n)),
  )
}

const results = {
  events: `SELECT count() AS n, uniqExact(metadata_uid) AS unique,
    groupBitXor(cityHash64(metadata_uid, class_uid, activity_id, time, workload_uid, message, rest)) AS content FROM events`,
  findings: 'SELECT finding_uid, rule, family, severity_id, workload_uid, time FROM findings ORDER BY finding_uid',
  // Which finding came first is chance: the end counts.
  responses:
    'SELECT workload_uid, playbook, action, argMax(state, time) AS state FROM responses GROUP BY ALL ORDER BY ALL',
  dead_letters: 'SELECT reason, source_format, raw_data FROM dead_letters ORDER BY raw_data',
}
const settled = `SELECT (SELECT count() FROM findings WHERE match(workload_uid, 'web-')) = ${2 * hosts.length}
  AND (SELECT count() FROM dead_letters) = 2
  AND (SELECT uniqExact(workload_uid) FROM responses WHERE match(workload_uid, 'web-')) = ${hosts.length}`

test('one process and many, memory and Kafka, embedded and server: the same events give the same result', {
  skip,
}, async () => {
  const small = await startWeir(folder, {
    collectors: { push: { type: 'http', port: 0 } },
    http: { port: 0 },
    detectors,
  })
  await pushAll(small, async () => {})
  await small.until('everything is stored, found and answered', settled)

  cluster = await startCluster({ partitions: 6, config: { detectors } })
  const started = [
    await cluster.start(['store']),
    await cluster.start(['detect']),
    await cluster.start(['respond']),
    await cluster.start(['ingest']),
  ]
  for (const node of started) await node.untilReady()
  const [, detect, , ingest] = started
  assert.ok(detect && ingest)
  await pushAll(ingest, () => detect.untilMetric('weir_bus_consumed_total', { group: 'detect' }, life.length))
  await cluster.until('everything is stored, found and answered', settled)

  for (const [what, query] of Object.entries(results)) {
    const wanted: unknown[] = await small.rows(query)
    for (const end = Date.now() + 20_000; ; await sleep(250)) {
      const found: unknown[] = await cluster.rows(query)
      if (Date.now() < end && !isDeepStrictEqual(found, wanted)) continue
      assert.deepEqual(found, wanted, what)
      break
    }
  }
  for (const node of started.reverse()) assert.equal(await node.stop(), 0, node.output())
  assert.equal((await small.stop()).code, 0)
})
