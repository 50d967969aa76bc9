import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventUid } from '../ocsf/uid.js'
import { type Cluster, startCluster, type WeirNode } from './cluster-rig.js'
import { attackLine, ordinaryLife } from './cluster-scene.js'
import { type EffectCounter, startEffectCounter } from './effect-counter.js'
import { nativeLine, push, startPusher } from './push.js'
import { whyNoKafka } from './stack/kafka.js'
import { noRedis } from './stack/redis.js'

/** WEIR_TEST_CHAOS_EVENTS=100000 for a quick look. */
const EVENTS = Number(process.env.WEIR_TEST_CHAOS_EVENTS ?? 1_000_000)
const BATCH = 500
const BATCHES = Math.ceil(EVENTS / BATCH)
const ATTACKS = 200
const BAD = 300
const HOSTS = Array.from({ length: ATTACKS }, (_, n) => `web-${n}`)
const skip = whyNoKafka() ?? noRedis() ?? false
const folder = mkdtempSync(join(tmpdir(), 'weir-chaos-'))
/** Nothing is of the future, and one event a millisecond. */
const start = Date.now() - EVENTS
/** What the profile knows of the machines that will be attacked. */
const LIFE = ordinaryLife(HOSTS, start)
const STORED = EVENTS + LIFE.length
let cluster: Cluster | undefined
let counter: EffectCounter | undefined
after(async () => {
  await cluster?.close()
  await counter?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Where `count` planted things are among the batches: the number of the one in this batch, or none. */
function planted(batch: number, count: number): number[] {
  const first = Math.ceil((batch * count) / BATCHES)
  const next = Math.ceil(((batch + 1) * count) / BATCHES)
  return Array.from({ length: next - first }, (_, n) => first + n)
}

/** 500 events, some of them attacks, and between them what nobody can read. */
function bodyOf(batch: number): string {
  const time = start + batch * BATCH
  const attacks = planted(batch, ATTACKS).map((n) => attackLine(n, `web-${n}`, time))
  const bad = planted(batch, BAD).map((n) =>
    n % 2 === 0 ? `{"class_uid":1007,"n":${n}` : `{"class_uid":1007,"n":${n},"time":"soon"}`,
  )
  const size = Math.min(BATCH, EVENTS - batch * BATCH) - attacks.length
  const lines = Array.from({ length: size }, (_, n) => ordinaryLine(batch * BATCH + n))
  return [...lines.slice(0, 100), ...attacks, ...lines.slice(100, 200), ...bad, ...lines.slice(200)].join('\n')
}

function ordinaryLine(n: number): string {
  return nativeLine('chaos', n, start).replace(`"chaos-${n}"`, `"${eventUid(start + n, `chaos:${n}`)}"`)
}

const playbook = (url: string) => ({
  name: 'count-once',
  summary: 'Tell the counter.',
  match: { kinds: ['vm'] },
  verify: { families: 2 },
  guard: { max_per_hour: 100_000, max_peer_share: 1 },
  approve: 'never',
  actions: [{ action: 'webhook', params: { url, secret: 'no-secret-no-secret' } }],
})

test(`${EVENTS} events, every role killed, broker and Redis started again: nothing is lost, doubled or done twice`, {
  skip,
}, async () => {
  const responders: WeirNode[] = []
  counter = await startEffectCounter(() => responders.filter((node) => !node.isGone()).map(({ pid }) => pid))
  const file = join(folder, 'playbook.yml')
  writeFileSync(file, JSON.stringify(playbook(counter.url)))
  const rig = await startCluster({
    config: {
      mode: 'enforce',
      // Partitions come in any order, and only events in order of time count: one partition has to be enough.
      detectors: {
        rules: { type: 'rules' },
        profile: { type: 'profile', learning_period_ms: 3_600_000, min_events: 5 },
      },
      detection: { budget_per_day: 100_000 },
      responders: { builtin_playbooks: false, playbooks: [file] },
    },
  })
  cluster = rig
  const began = Date.now()
  // At once: whoever waits for minutes wants to see how far it is.
  const tell = (what: string) =>
    void process.stderr.write(`# ${((Date.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${what}\n`)

  const [store] = await Promise.all([rig.start(['store']), rig.start(['store'])])
  const [detect, second, ingest] = await Promise.all([
    rig.start(['detect']),
    rig.start(['detect']),
    rig.start(['ingest']),
  ])
  responders.push(...(await Promise.all([rig.start(['respond']), rig.start(['respond'])])))
  assert.ok(store && detect && second && ingest)
  for (const node of [store, detect, second, ingest, ...responders]) await node.untilReady()
  // What was inserted twice stays twice: merges would hide it.
  for (const table of ['events', 'findings', 'dead_letters']) await rig.command(`SYSTEM STOP MERGES ${table}`)
  tell('2 store, 2 detect, 2 respond and an ingest process are ready')
  assert.equal((await push(ingest, LIFE.join('\n'))).status, 200)
  // Partitions have no common order: what an attack is compared with has to be known before it.
  for (let known = 0; known < LIFE.length; await sleep(100)) {
    const consumed = [detect, second].map((node) => node.metric('weir_bus_consumed_total', { group: 'detect' }))
    known = (await Promise.all(consumed)).reduce((sum, n) => sum + n, 0)
  }
  tell(`an ordinary day of ${HOSTS.length} machines is known`)
  const pushing = Date.now()

  const again = async (node: WeirNode, role: string) => {
    const killed = Date.now()
    await node.kill()
    const fresh = await rig.start([role])
    await fresh.untilReady(120_000)
    return `another one is ready ${Date.now() - killed} ms later`
  }
  let strike: (node: WeirNode) => void = () => {}
  const struck = new Promise<WeirNode>((resolve) => {
    strike = resolve
  })
  const faults: [what: string, happen: () => Promise<string>][] = [
    ['kill -9 of a detect process', () => again(detect, 'detect')],
    ['kill -9 of a store process', () => again(store, 'store')],
    ['Kafka is started again', () => rig.kafka.restart().then(() => 'it runs')],
    ['Redis is killed and loses its data', async () => (await rig.redis?.restart({ lose_data: true })) ?? 'it runs'],
    [
      'kill -9 of a respond process between execute and record',
      async () => {
        counter?.onNext((pid) => {
          const node = responders.find((one) => one.pid === pid)
          assert.ok(node, `process ${pid} is no responder`)
          process.kill(node.pid, 'SIGKILL')
          strike(node)
        })
        return again(await struck, 'respond')
      },
    ],
  ]
  // Each happens among events of its own: nobody is quick enough to be done before.
  const part = Math.ceil(BATCHES / (faults.length + 1))
  let failures = 0
  for (let first = 0; first < BATCHES; first += part) {
    const pusher = startPusher({
      batches: Math.min(part, BATCHES - first),
      concurrency: 8,
      body: (batch) => bodyOf(first + batch),
      target: () => ingest,
    })
    await pusher.reached(Math.floor(part / 5))
    const [what, happen] = faults.shift() ?? []
    if (what && happen) {
      tell(`${what}, ${(first + pusher.acknowledged.size) * BATCH} events are acknowledged`)
      tell(`  ${await happen()}, ${(first + pusher.acknowledged.size) * BATCH} events are acknowledged`)
    }
    await pusher.done
    failures += pusher.failures()
  }
  const seconds = (Date.now() - pushing) / 1_000
  tell(`all ${EVENTS} are acknowledged (${Math.round(EVENTS / seconds)} a second), ${failures} requests were repeated`)

  await rig.until('every event is stored', `SELECT count() >= ${STORED} FROM events`, 180_000)
  tell('all are stored')
  await rig.until('every attack is found', `SELECT count() >= ${2 * ATTACKS} FROM findings`, 120_000)
  tell('all attacks are found')
  await rig.until(
    'every finding is answered',
    `SELECT uniqExact(response_uid) >= ${ATTACKS} FROM responses WHERE state = 'verified'`,
    120_000,
  )
  tell('all are answered')
  await rig.until('bad records are kept', `SELECT count() >= ${BAD} FROM dead_letters`)
  await untilIdle(rig)
  tell('nothing is under way any more')

  const [counts] = await rig.rows('SELECT count() AS n, uniqExact(metadata_uid) AS uids FROM events')
  assert.deepEqual(counts, { n: String(STORED), uids: String(STORED) })
  const hosts = HOSTS.map((host) => `vm/${host}`).sort()
  const once = hosts.map((workload_uid) => ({ workload_uid, n: '1' }))
  const per = (table: string, what = 'count()') =>
    rig.rows(`SELECT workload_uid, ${what} AS n FROM ${table} GROUP BY workload_uid ORDER BY workload_uid`)
  assert.deepEqual(
    await per('findings', 'arraySort(groupArray(family))'),
    hosts.map((workload_uid) => ({ workload_uid, n: ['profile', 'rules'] })),
    'one finding of each detector an attack',
  )
  assert.deepEqual(await per('responses', 'uniqExact(response_uid)'), once, 'one response an attack')
  const answered = await rig.rows<{ uid: string; state: string }>(
    'SELECT response_uid AS uid, argMax(state, step) AS state FROM responses GROUP BY uid ORDER BY uid',
  )
  assert.deepEqual(
    answered,
    answered.map(({ uid }) => ({ uid, state: 'verified' })),
    'each was carried out',
  )
  assert.deepEqual(
    [...counter.requests.keys()].sort(),
    answered.map(({ uid }) => uid),
    'one effect an attack',
  )
  const repeated = [...counter.requests.values()].filter((n) => n > 1).length
  tell(`${counter.requests.size} effects, of which ${repeated} were asked for again under the same key`)
  assert.equal(await rig.number('SELECT count() FROM dead_letters'), BAD, 'dead letters are the bad records')
})

/** Resolves when the groups of the cluster have handled everything. */
async function untilIdle(rig: Cluster) {
  const rows = () =>
    rig.rows(
      `SELECT ${['events', 'findings', 'responses', 'dead_letters'].map((table) => `(SELECT count() FROM ${table})`)}`,
    )
  for (let before = '', quiet = 0; quiet < 3; await sleep(1_000)) {
    const now = JSON.stringify(await rows())
    quiet = now === before ? quiet + 1 : 0
    before = now
  }
}
