import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import kafkajs, { type Admin } from 'kafkajs'
import { type Cluster, startCluster, type WeirNode } from './cluster-rig.js'
import { nativeLine, push } from './push.js'
import { KAFKA_USERS, whyNoKafka } from './stack/kafka.js'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, logLevel, ResourcePatternTypes } = kafkajs
const skip = whyNoKafka() ?? false
const mechanism = 'scram-sha-512' as const
const WITHIN_MS = 90_000
let cluster: Cluster
let admin: Admin
let nodes: { ingest: WeirNode; store: WeirNode; detect: WeirNode }
if (!skip) {
  before(async () => {
    cluster = await startCluster({ partitions: 4, redis: false, kafka: { sasl: true, authorizer: true } })
    admin = new kafkajs.Kafka({
      brokers: cluster.kafka.brokers,
      sasl: { mechanism, username: 'admin', password: KAFKA_USERS.admin },
      logLevel: logLevel.NOTHING,
      retry: { retries: 10 },
    }).admin()
    await admin.connect()
    await grant()
    const bus = { kafka: { sasl: { mechanism, username: 'weir', password: KAFKA_USERS.weir } } }
    const [ingest, store, detect] = [
      await cluster.start(['ingest'], { bus }),
      await cluster.start(['store'], { bus }),
      await cluster.start(['detect'], { bus }),
    ]
    nodes = { ingest, store, detect }
    for (const node of Object.values(nodes)) await node.untilReady()
    await pushTaken()
  })
  after(async () => {
    await admin?.disconnect()
    await cluster?.close()
  })
}

const TOPICS = { resourceType: AclResourceTypes.TOPIC, resourceName: '*' }
const GROUPS = { resourceType: AclResourceTypes.GROUP, resourceName: '*' }
const CLUSTER = { resourceType: AclResourceTypes.CLUSTER, resourceName: 'kafka-cluster' }
const everybody = { resourcePatternType: ResourcePatternTypes.LITERAL, principal: 'User:weir', host: '*' }

/** What the hint of `forbidden` asks an administrator for. */
async function grant() {
  const { ALL, CREATE } = AclOperationTypes
  const rights = [
    { ...TOPICS, operation: ALL },
    { ...GROUPS, operation: ALL },
    { ...CLUSTER, operation: CREATE },
  ]
  const acl = rights.map((right) => ({ ...everybody, ...right, permissionType: AclPermissionTypes.ALLOW }))
  await admin.createAcls({ acl })
}

async function take(resource: typeof TOPICS) {
  const filters = [
    { ...everybody, ...resource, operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY },
  ]
  const { filterResponses } = await admin.deleteAcls({ filters })
  assert.ok((filterResponses[0]?.matchingAcls.length ?? 0) > 0, 'a right was taken')
}

let sent = 0
/** Sends until it is taken. */
async function pushTaken() {
  const body = nativeLine('rights', sent++, Date.now() - 10_000)
  for (const end = Date.now() + WITHIN_MS; ; ) {
    const answer = await push(nodes.ingest, body).catch(() => undefined)
    if (answer?.status === 200) return
    assert.ok(Date.now() < end, `not taken: ${JSON.stringify(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Resolves when /ready of the process says why the bus does not work. */
async function untilTold(node: WeirNode, why: RegExp) {
  let said = ''
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
    said = await node.untilNotReady('bus', WITHIN_MS)
    if (!why.test(said)) continue
    assert.equal(await node.metric('weir_dependency_up', { dependency: 'bus' }), 0)
    return said
  }
  return assert.fail(`${node.name} says "${said}", not ${why}\n${node.output().slice(-4_000)}`)
}

/** Everything that was acknowledged arrives, once, and no process has ended meanwhile. */
async function recovered(late: Promise<void>) {
  for (const node of Object.values(nodes)) await node.untilReady(WITHIN_MS)
  await late
  await pushTaken()
  await cluster.until(
    'all is stored',
    `SELECT count() = ${sent} AND uniqExact(metadata_uid) = ${sent} FROM events`,
    WITHIN_MS,
  )
  for (const node of Object.values(nodes)) assert.ok(!node.isGone(), node.output())
}

for (const [what, resource, roles] of [
  ['topics', TOPICS, ['ingest', 'store', 'detect']],
  ['groups', GROUPS, ['store', 'detect']],
] as const) {
  test(`rights on ${what} that are taken away at run time are told, waited for, and used again`, {
    skip,
    timeout: 300_000,
  }, async (t) => {
    await take(resource)
    const late = pushTaken()
    for (const role of roles) t.diagnostic(`${role}: ${await untilTold(nodes[role], /may not|Grant|cannot/)}`)
    await grant()
    await recovered(late)
  })
}

test('a password that is changed at run time is told, and no restart is needed when it is as before', {
  skip,
  timeout: 300_000,
}, async (t) => {
  await cluster.kafka.setPassword('weir', 'another-secret')
  // Open connections are not asked again.
  await cluster.kafka.restart()
  const late = pushTaken()
  for (const [role, node] of Object.entries(nodes))
    t.diagnostic(`${role}: ${await untilTold(node, /bus\.kafka\.sasl: /)}`)
  await cluster.kafka.setPassword('weir', KAFKA_USERS.weir)
  await recovered(late)
  for (const node of Object.values(nodes)) assert.equal(await node.stop(), 0, node.output())
})
