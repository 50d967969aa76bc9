import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import kafkajs, { type AclOperationTypes as Operation } from 'kafkajs'
import { WeirError } from '../core/errors.js'
import { KAFKA_USERS, type Kafka, startKafka, whyNoKafka } from '../test/stack/kafka.js'
import { kafkaConfig } from './kafka-config.js'
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

/** A token (JWS) that nobody has signed: the broker of the tests takes it. */
function token(sub: string, seconds: number): string {
  const now = Math.floor(Date.now() / 1_000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub, iat: now - 60, exp: now + seconds })}.`
}

test('a token from a file: a right one works, one that has expired and a missing file are named', {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-token-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const token_file = join(folder, 'token')
  const sasl = { mechanism: 'oauthbearer', token_file }
  const missing = await failedStart(kafka.brokers, { sasl })
  assert.equal(missing.code, 'setting_missing')
  assert.match(missing.message, /^bus\.kafka\.sasl\.token_file: cannot read the token: ENOENT/)

  writeFileSync(token_file, token('admin', -30))
  const expired = await failedStart(kafka.brokers, { sasl })
  assert.equal(expired.code, 'unauthorized')
  assert.match(expired.message, /^bus\.kafka\.sasl\.token_file: 127\.0\.0\.1:\d+ did not let us in: .*invalid_token/)
  assert.match(expired.hint ?? '', /expired/)

  writeFileSync(token_file, `${token('admin', 600)}\n`)
  const { bus } = testBus(kafka.brokers, { sasl })
  await bus.start()
  await bus.publish('weir.events', [testMessage('vm/1', 1)])
  await bus.stop()
})

test('a token from an endpoint: asked with the credentials; who refuses them or does not answer is named', {
  skip,
}, async (t) => {
  const asked: string[] = []
  const endpoint = createHttpServer(async (request, response) => {
    const body = new URLSearchParams(await text(request))
    asked.push(body.toString())
    const is_known = body.get('client_secret') === 'right'
    response.writeHead(is_known ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(is_known ? { access_token: token('admin', 600) } : { error: 'invalid_client' }))
  }).listen(0, '127.0.0.1')
  await once(endpoint, 'listening')
  t.after(() => endpoint.close())
  const { port } = endpoint.address() as { port: number }
  const sasl = {
    mechanism: 'oauthbearer',
    token_url: `http://127.0.0.1:${port}/token`,
    client_id: 'weir',
    client_secret: 'right',
    scope: 'kafka',
  }
  const { bus } = testBus(kafka.brokers, { sasl })
  await bus.start()
  await bus.stop()
  assert.equal(asked[0], 'grant_type=client_credentials&client_id=weir&client_secret=right&scope=kafka')

  const refused = await failedStart(kafka.brokers, { sasl: { ...sasl, client_secret: 'hush-hush' } })
  assert.equal(refused.code, 'unauthorized')
  assert.match(
    refused.message,
    /^bus\.kafka\.sasl\.token_url: http:\S+ answered 401 without a token \(invalid_client\)/,
  )
  assert.doesNotMatch(refused.message, /hush/)

  const away = await failedStart(kafka.brokers, { sasl: { ...sasl, token_url: 'http://127.0.0.1:1/token' } })
  assert.equal(away.code, 'unreachable', away.message)
  assert.match(away.message, /^bus\.kafka\.sasl\.token_url: http:\S+ does not answer: /)
})

test('a token comes from a file or from an endpoint, not from both and not from nowhere', () => {
  const said = (fields: object) => {
    const sasl = { mechanism: 'oauthbearer', ...fields }
    return kafkaConfig.safeParse({ brokers: ['a:1'], sasl }).error?.issues.map(({ message }) => message)
  }
  const both = { token_file: 'token', token_url: 'https://login.example.com/token' }
  assert.deepEqual(said({}), ['expected exactly one of token_file and token_url'])
  assert.deepEqual(said(both), ['expected exactly one of token_file and token_url'])
  assert.equal(said({ token_url: both.token_url }), undefined)
})

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
