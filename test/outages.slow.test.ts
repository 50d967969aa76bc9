import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadConfig } from '../cli/config.js'
import { checkServers } from '../cli/doctor/servers.js'
import { type Cluster, type Ended, startCluster, type WeirNode } from './cluster-rig.js'
import { nativeLine, push } from './push.js'
import { KAFKA_USERS, type Kafka, startKafka, whyNoKafka } from './stack/kafka.js'
import { noRedis, startRedis } from './stack/redis.js'

const ENDS_WITHIN_MS = 15_000
const skip = whyNoKafka() ?? noRedis() ?? false
let cluster: Cluster
before(async () => {
  if (!skip) cluster = await startCluster({ partitions: 4 })
})
after(() => cluster?.close())

/** One message on stderr, exit code 2, in time; the setting is named, and what to do. */
function refuses({ code, output, took_ms }: Ended, setting: RegExp, advice: RegExp) {
  assert.equal(code, 2, output)
  assert.ok(took_ms < ENDS_WITHIN_MS, `it took ${Math.round(took_ms)} ms\n${output}`)
  const said = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  assert.match(said[0] ?? '', /^weir: /, output)
  assert.match(said[0] ?? '', setting, output)
  assert.ok(said.length === 2, `a message and what to do:\n${output}`)
  assert.match(said[1] ?? '', advice, output)
}

test('without servers, weir run says which settings it needs', { skip }, async () => {
  const config = { ...cluster.config(), bus: {}, lake: {} }
  const ended = await cluster.runToEnd(['store'], config, { exact: true })
  refuses(ended, /weir run store needs bus\.kafka and lake\.url/, /weir up/)
})

test('a responder without shared jobs is refused: a second one would do the same', { skip }, async () => {
  const ended = await cluster.runToEnd(['respond'], { ...cluster.config(), jobs: {} }, { exact: true })
  refuses(ended, /weir run respond needs jobs\.redis: /, /jobs\.redis\.url/)
})

test('a start that cannot succeed ends in time with one message', { skip }, async (t) => {
  const cases: [name: string, role: string, changes: Record<string, unknown>, setting: RegExp, advice: RegExp][] = [
    ['broker', 'store', { bus: { kafka: { brokers: ['127.0.0.1:1'] } } }, /bus\.kafka\.brokers/, /Kafka runs there/],
    ['lake', 'store', { lake: { url: 'http://127.0.0.1:1' } }, /lake\.url/, /Check lake\.url/],
    ['lake password', 'detect', { lake: { password: 'wrong' } }, /lake\.password/, /Check lake\.user/],
    ['redis', 'respond', { jobs: { redis: { url: 'redis://127.0.0.1:1' } } }, /jobs\.redis\.url/, /Start Redis/],
  ]
  for (const [name, role, changes, setting, advice] of cases) {
    const ended = await cluster.runToEnd([role], changes)
    t.diagnostic(`${name}: ${Math.round(ended.took_ms)} ms: ${ended.output.split('\n')[0]}`)
    refuses(ended, setting, advice)
  }
})

test('a lake that takes no writes ends the start', { skip }, async () => {
  await cluster.clickhouse.setReadonly(true)
  try {
    refuses(await cluster.runToEnd(['store']), /lake\.user: .*takes no writes/, /INSERT/)
  } finally {
    await cluster.clickhouse.setReadonly(false)
  }
})

test('a wrong Kafka password and missing rights on topics end the start', { skip }, async () => {
  const secured: Kafka = await startKafka({ own: true, sasl: true, authorizer: true })
  try {
    const as = (username: string, password: string) => ({
      bus: { kafka: { brokers: secured.brokers, sasl: { mechanism: 'plain', username, password } } },
    })
    refuses(await cluster.runToEnd(['ingest'], as('weir', 'wrong')), /bus\.kafka\.sasl/, /username and password/)
    refuses(await cluster.runToEnd(['ingest'], as('weir', KAFKA_USERS.weir)), /bus\.kafka: .*may not/, /Grant/)
  } finally {
    await secured.stop()
  }
})

test('a wrong Redis password ends the start', { skip }, async () => {
  const redis = await startRedis({ username: 'weir', password: 'weir-secret' })
  const as = (username: string, password: string) => ({ jobs: { redis: { url: redis.url, username, password } } })
  try {
    for (const changes of [as('weir', 'wrong'), as('nobody', 'weir-secret'), { jobs: { redis: { url: redis.url } } }])
      refuses(await cluster.runToEnd(['respond'], changes), /jobs\.redis/, /password/)
  } finally {
    await redis.close()
  }
})

test('weir doctor looks at the servers of the configuration, and changes nothing there', { skip }, async () => {
  const file = join(cluster.folder, 'doctor.yaml')
  writeFileSync(
    file,
    JSON.stringify({ ...cluster.config({ lake: { database: 'not_made_yet' } }), data_dir: cluster.folder }),
  )
  const checks = await checkServers(loadConfig(file))
  const of = (name: string) => checks.find((check) => check.name === name)
  assert.deepEqual(
    checks.map(({ name, status }) => `${name} ${status}`),
    ['Kafka ok', 'ClickHouse warn', 'Redis ok'],
    JSON.stringify(checks),
  )
  assert.match(of('Kafka')?.found ?? '', /1 broker at/)
  assert.match(of('ClickHouse')?.todo ?? '', /weir migrate/)
  assert.equal(await cluster.number("SELECT count() FROM system.databases WHERE name = 'not_made_yet'"), 0)
})

let sent = 0
/** Pushes events until they are taken; while the bus is away the collector says so and the sender tries again. */
async function pushTaken(ingest: WeirNode, within_ms = 60_000) {
  const body = nativeLine('outage', sent++, Date.now() - 10_000)
  for (const end = Date.now() + within_ms; ; ) {
    const answer = await push(ingest, body).catch(() => undefined)
    if (answer?.status === 200) return
    assert.ok(Date.now() < end, `not taken: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

test('what goes away at run time is named by /ready, waited for, and nothing is lost', {
  skip,
  timeout: 400_000,
}, async (t) => {
  const [store, detect, respond, ingest] = [
    await cluster.start(['store']),
    await cluster.start(['detect']),
    await cluster.start(['respond']),
    await cluster.start(['ingest']),
  ]
  const nodes = [store, detect, respond, ingest]
  for (const node of nodes) await node.untilReady()
  await pushTaken(ingest)

  const outage = async (
    what: string,
    of: string,
    affected: readonly WeirNode[],
    begin: () => Promise<unknown>,
    end: () => Promise<unknown>,
    during?: () => Promise<void>,
  ) => {
    await begin()
    for (const node of affected) {
      const message = await node.untilNotReady(of)
      t.diagnostic(`${what}, ${node.name}: ${message.slice(0, 200)}`)
      assert.ok((await node.metric('weir_dependency_up', { dependency: of })) === 0)
    }
    await during?.()
    await end()
    for (const node of nodes) await node.untilReady()
    await pushTaken(ingest)
    await cluster.until(`${what}: everything is stored`, `SELECT uniqExact(metadata_uid) = ${sent} FROM events`)
  }

  const { kafka, clickhouse, redis } = cluster
  assert.ok(redis)
  await outage(
    'Redis',
    'jobs',
    [respond],
    () => redis.stop(),
    () => redis.restart(),
  )
  const taken = () => pushTaken(ingest)
  await outage(
    'read-only lake',
    'lake',
    [store],
    () => clickhouse.setReadonly(true),
    () => clickhouse.setReadonly(false),
    taken,
  )
  await outage(
    'lake',
    'lake',
    [store, detect],
    () => clickhouse.kill(),
    () => clickhouse.restart(),
    taken,
  )
  let late: Promise<void> | undefined
  await outage(
    'Kafka',
    'bus',
    nodes,
    () => kafka.halt(),
    async () => {
      // A sender that keeps trying while nobody can take it.
      late = pushTaken(ingest, 120_000)
      await kafka.start()
    },
  )
  await late
  await cluster.until(
    'the late one is stored',
    `SELECT count() = ${sent} AND uniqExact(metadata_uid) = ${sent} FROM events`,
  )
  for (const node of nodes.reverse()) assert.equal(await node.stop(), 0, node.output())
})
