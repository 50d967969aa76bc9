import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { WeirError } from '../core/errors.js'
import { certificates } from '../test/kubernetes-rig.js'
import { KAFKA_USERS, type Kafka, startKafka, whyNoKafka } from '../test/stack/kafka.js'
import { testBus, testMessage, until } from './kafka-rig.js'

const skip = whyNoKafka() ?? false
const sasl = { mechanism: 'plain' as const, username: 'admin', password: KAFKA_USERS.admin }
const folders: string[] = []
/** PEM files of the authority that signed the broker, and of another one. */
let file: (name: string) => string
let other: (name: string) => string
let kafka: Kafka
function authority() {
  const folder = mkdtempSync(join(tmpdir(), 'weir-kafka-tls-'))
  folders.push(folder)
  return certificates(folder)
}
if (!skip) {
  before(async () => {
    file = authority()
    other = authority()
    const chain = ['server.key', 'server.pem', 'ca.pem'].map((name) => readFileSync(file(name), 'utf8'))
    writeFileSync(file('keystore'), chain.join(''))
    const tls = { keystore_file: file('keystore'), ca_file: file('ca.pem') }
    kafka = await startKafka({ own: true, sasl: true, tls })
  })
  after(async () => {
    await kafka?.stop()
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })
}

/** The error of a start that must fail within 15 s. */
async function failedStart(config: object): Promise<WeirError> {
  const began = Date.now()
  const { bus } = testBus(kafka.brokers, { start_timeout_ms: 3_000, sasl, ...config })
  const error = await bus.start().then(
    () => assert.fail('it started'),
    (error) => error,
  )
  assert.ok(Date.now() - began < 15_000)
  assert.ok(error instanceof WeirError)
  return error
}

test('events go through a broker whose certificate an authority of our own has signed', { skip }, async () => {
  const { bus } = testBus(kafka.brokers, { sasl, tls: { ca_file: file('ca.pem') } })
  await bus.start()
  const seen: unknown[] = []
  await bus.subscribe('g', ['weir.events'], async ({ messages }) => {
    seen.push(...messages.map(({ value }) => value.metadata.uid))
  })
  await bus.publish('weir.events', [testMessage('vm/1', 1)])
  await until('it is read', () => seen.length === 1)
  assert.deepEqual(seen, ['vm/1-1'])
  await bus.stop()
})

test('a certificate of an unknown authority or another name, and no TLS where it is wanted, are named', {
  skip,
}, async () => {
  const cases: [tls: object | undefined, setting: RegExp, advice: RegExp][] = [
    [{ ca_file: other('ca.pem') }, /^bus\.kafka\.tls: /, /ca_file/],
    [{}, /^bus\.kafka\.tls: /, /ca_file/],
    [{ ca_file: file('ca.pem'), server_name: 'elsewhere.test' }, /^bus\.kafka\.tls: /, /server_name/],
    [undefined, /^bus\.kafka\.brokers: /, /bus\.kafka\.tls/],
  ]
  for (const [tls, setting, advice] of cases) {
    const error = await failedStart(tls ? { tls } : {})
    assert.match(error.message, setting)
    assert.match(error.hint ?? '', advice)
  }
})

test('a file that cannot be read is named', { skip }, () => {
  const tls = { ca_file: file('missing.pem') }
  assert.throws(() => testBus(kafka.brokers, { tls }), {
    code: 'setting_missing',
    message: /^bus\.kafka\.tls\.ca_file: /,
  })
})
