import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import kafkajs, { type AclOperationTypes as Operation } from 'kafkajs'
import { WeirError } from '../core/errors.js'
import { KAFKA_USERS, type Kafka, startKafka, whyNoKafka } from '../test/stack/kafka.js'
import { testBus, testMessage, until } from './kafka-rig.js'

const {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka: Client,
  logLevel,
  ResourcePatternTypes,
} = kafkajs
const skip = whyNoKafka() ?? false
let kafka: Kafka
if (!skip) {
  before(async () => {
    kafka = await startKafka({ own: true, sasl: true, authorizer: true })
  })
  after(() => kafka.stop())
}

/** The error of a start that must fail within 15 s. */
async function failedStart(brokers: string[], config: object): Promise<WeirError> {
  const started = Date.now()
  const { bus } = testBus(brokers, { start_timeout_ms: 3_000, ...config })
  const error = await bus.start().then(
    () => assert.fail('it started'),
    (error) => error,
  )
  assert.ok(Date.now() - started < 15_000)
  assert.ok(error instanceof WeirError)
  assert.ok(error.hint)
  return error
}

test('a wrong address is named', { skip }, async () => {
  const error = await failedStart(['127.0.0.1:1'], {})
  assert.equal(error.code, 'unreachable')
  assert.match(error.message, /^bus\.kafka\.brokers: .*127\.0\.0\.1:1/)
})

test('an address where nobody answers is named', { skip }, async () => {
  const silent = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const error = await failedStart([`127.0.0.1:${port}`], {})
  assert.match(error.message, /^bus\.kafka\.brokers: /)
  silent.close()
})

for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
  test(`a wrong password is named (${mechanism}), the right one works`, { skip }, async () => {
    const error = await failedStart(kafka.brokers, { sasl: { mechanism, username: 'weir', password: 'wrong' } })
    assert.equal(error.code, 'unauthorized')
    assert.match(error.message, /^bus\.kafka\.sasl: /)
    const { bus } = testBus(kafka.brokers, { sasl: { mechanism, username: 'admin', password: KAFKA_USERS.admin } })
    await bus.start()
    await bus.publish('weir.events', [testMessage('vm/1', 1)])
    await bus.stop()
  })
}

test('no sign-in where one is wanted is named', { skip }, async () => {
  assert.match((await failedStart(kafka.brokers, {})).hint ?? '', /bus\.kafka\.sasl/)
})

test('missing rights are named: none at all, only to look, only to write', { skip }, async (t) => {
  const sasl = { mechanism: 'scram-sha-512' as const, username: 'weir', password: KAFKA_USERS.weir }
  const none = await failedStart(kafka.brokers, { sasl })
  assert.equal(none.code, 'forbidden')
  assert.match(none.hint ?? '', /Grant the user of bus\.kafka\.sasl/)

  const admin = new Client({
    brokers: kafka.brokers,
    logLevel: logLevel.NOTHING,
    sasl: { ...sasl, username: 'admin', password: KAFKA_USERS.admin },
  }).admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  const allow = (prefix: string, operation: Operation, resourceType = AclResourceTypes.TOPIC) =>
    admin.createAcls({
      acl: [
        {
          resourceType,
          resourceName: prefix,
          resourcePatternType: ResourcePatternTypes.PREFIXED,
          principal: 'User:weir',
          host: '*',
          operation,
          permissionType: AclPermissionTypes.ALLOW,
        },
      ],
    })
  const made = testBus(kafka.brokers, { sasl: { ...sasl, username: 'admin', password: KAFKA_USERS.admin } })
  await made.bus.start()
  await made.bus.stop()
  const config = { sasl, topic_prefix: made.prefix }
  await allow(made.prefix, AclOperationTypes.DESCRIBE)
  assert.equal((await failedStart(kafka.brokers, config)).code, 'forbidden')

  await allow(made.prefix, AclOperationTypes.WRITE)
  const { bus } = testBus(kafka.brokers, config)
  t.after(() => bus.stop())
  await until('the broker knows of the right', () =>
    bus.start().then(
      () => true,
      () => false,
    ),
  )
  await bus.publish('weir.events', [testMessage('vm/1', 1)])
  const refused = (error: unknown) => error instanceof WeirError && error.code === 'forbidden'
  await assert.rejects(
    bus.subscribe('g', ['weir.events'], async () => {}),
    refused,
  )

  await allow(made.prefix, AclOperationTypes.READ, AclResourceTypes.GROUP)
  await allow(made.prefix, AclOperationTypes.READ)
  const seen: string[] = []
  await until('the right to read is known', () =>
    bus
      .subscribe('g', ['weir.events'], async ({ messages }) => void seen.push(...messages.map(({ key }) => key)))
      .then(
        () => true,
        () => false,
      ),
  )
  await until('it reads', () => seen.includes('vm/1'))
})
