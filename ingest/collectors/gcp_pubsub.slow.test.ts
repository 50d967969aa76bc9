import assert from 'node:assert/strict'
import { createVerify, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { recordingDeps, temporaryFolder } from '../recording-deps.js'
import { gcpPubsub } from './gcp_pubsub.js'

const PATH = '/v1/projects/p-1/subscriptions/weir'
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** Plays Pub/Sub's REST interface, the token service and the metadata server: our reading of their documentation. */
async function playedGoogle(t: TestContext) {
  const queue: { id: string; data: Buffer }[] = []
  const reserved = new Map<string, { id: string; data: Buffer }>()
  const extended: number[] = []
  const acknowledged: string[] = []
  let tokens = 0
  let deliveries = 0
  let refuse: ((response: ServerResponse) => void) | undefined
  let claims: any

  function onToken(body: string) {
    const assertion = new URLSearchParams(body).get('assertion') ?? ''
    const [head = '', payload = '', signature = ''] = assertion.split('.')
    assert.ok(createVerify('RSA-SHA256').update(`${head}.${payload}`).verify(publicKey, signature, 'base64url'))
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return { access_token: `token-${++tokens}`, expires_in: 3600, token_type: 'Bearer' }
  }
  function onCall(method: string, body: any): object {
    if (method === 'pull') {
      const receivedMessages = queue.splice(0, body.maxMessages).map((message) => {
        const ackId = `ack-${++deliveries}`
        reserved.set(ackId, message)
        return {
          ackId,
          message: {
            data: message.data.toString('base64'),
            messageId: message.id,
            publishTime: '2026-11-23T10:00:00Z',
          },
        }
      })
      return receivedMessages.length > 0 ? { receivedMessages } : {}
    }
    for (const id of body.ackIds) {
      const message = reserved.get(id)
      if (method === 'modifyAckDeadline') extended.push(body.ackDeadlineSeconds)
      if (!message || (method === 'modifyAckDeadline' && body.ackDeadlineSeconds > 0)) continue
      reserved.delete(id)
      if (method === 'acknowledge') acknowledged.push(message.id)
      else queue.push(message)
    }
    return {}
  }
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    const { url = '', headers } = request
    const answer = (value: object) => response.end(JSON.stringify(value))
    if (url === '/token') return answer(onToken(body))
    if (url.startsWith('/computeMetadata/')) {
      assert.equal(headers['metadata-flavor'], 'Google')
      return answer({ access_token: `token-${++tokens}`, expires_in: 3600 })
    }
    const method = new RegExp(`^${PATH}:(\\w+)$`).exec(url)?.[1]
    if (refuse) return refuse(response)
    if (headers.authorization !== `Bearer token-${tokens}`) return response.writeHead(401).end()
    if (!method)
      return response.writeHead(404).end('{"error":{"code":404,"message":"Resource not found (resource=weir)."}}')
    return answer(onCall(method, JSON.parse(body)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const key_file = join(temporaryFolder(), 'key.json')
  const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(
    key_file,
    JSON.stringify({
      type: 'service_account',
      client_email: 'weir@p-1.iam',
      private_key,
      token_uri: `${endpoint}/token`,
    }),
  )
  return {
    endpoint,
    key_file,
    queue,
    extended,
    acknowledged,
    claims: () => claims,
    tokens: () => tokens,
    publish: (...data: (string | Buffer)[]) =>
      queue.push(
        ...data.map((value, n) => ({
          id: `${queue.length + n}-${String(value).slice(0, 20)}`,
          data: Buffer.from(value),
        })),
      ),
    refuse(how: typeof refuse) {
      refuse = how
    },
    revokeTokens: () => void tokens++,
  }
}

async function collect(
  t: TestContext,
  google: Awaited<ReturnType<typeof playedGoogle>>,
  more: object = {},
  recording = recordingDeps(),
) {
  const { endpoint, key_file } = google
  const settings = { project: 'p-1', subscription: 'weir', format: 'gcp_audit', endpoint, key_file, ...more }
  const collector = gcpPubsub.create(gcpPubsub.config.parse(settings), recording.deps)
  t.after(() => collector.stop())
  await collector.start()
  return { collector, recording }
}

test('messages are acknowledged when they are durable, and their position is their id', async (t) => {
  const google = await playedGoogle(t)
  google.publish('{"a":1}', gzipSync('{"a":2}'), Buffer.from([0xff, 0xfe]))
  const { recording } = await collect(t, google)
  await recording.until(() => google.acknowledged.length === 3, 'all acknowledged')
  assert.deepEqual(
    recording.emitted.map(({ record }) => record.fault?.reason ?? record.data),
    ['{"a":1}', '{"a":2}', 'invalid_utf8'],
  )
  assert.equal(recording.emitted[0]?.record.position, 'projects/p-1/subscriptions/weir:0-{"a":1}')
  const { iss, aud, scope, iat, exp } = google.claims()
  assert.deepEqual(
    [iss, aud, scope, exp - iat],
    ['weir@p-1.iam', `${google.endpoint}/token`, 'https://www.googleapis.com/auth/pubsub', 3600],
  )
  google.revokeTokens()
  google.publish('{"a":3}')
  await recording.until(() => google.acknowledged.length === 4, 'a new token after the refusal of the old one')
})

test('while the pipeline takes nothing, messages stay reserved; on a stop they are given back', {
  timeout: 30_000,
}, async (t) => {
  const google = await playedGoogle(t)
  const recording = recordingDeps()
  const take = recording.emit
  recording.emit = () => Promise.reject(new Error('full'))
  google.publish('{"a":1}')
  const { collector } = await collect(t, google, { ack_deadline_s: 10 }, recording)
  await recording.until(() => google.extended.includes(10), 'an extension', 15_000)
  assert.deepEqual(google.acknowledged, [])
  await collector.stop()
  assert.deepEqual(google.extended.at(-1), 0)
  assert.equal(google.queue.length, 1)
  recording.emit = take
  await collect(t, google, {}, recording)
  await recording.until(() => google.acknowledged.length === 1, 'the second delivery')
})

test('a limit of Google is waited for as long as it says, and told once', { timeout: 30_000 }, async (t) => {
  const google = await playedGoogle(t)
  const { recording } = await collect(t, google)
  const refused: number[] = []
  google.refuse((response) => {
    refused.push(Date.now())
    response.writeHead(429, { 'retry-after': '2' }).end('{"error":{"code":429,"message":"Quota exceeded."}}')
  })
  google.publish('{"a":1}')
  const report = await recording.until(() => recording.coverage[0], 'the report')
  assert.match(report.message, /Quota exceeded/)
  await recording.until(() => refused.length === 2, 'the next try')
  assert.ok((refused[1] ?? 0) - (refused[0] ?? 0) >= 1_900)
  google.refuse(undefined)
  await recording.until(() => google.acknowledged.length === 1, 'the message')
  await recording.until(() => recording.coverage[1], 'the report that it works again')
  assert.deepEqual(
    recording.coverage.map(({ status }) => status),
    ['unavailable', 'ok'],
  )
})

test('the account of the machine; and a wrong subscription or key ends the start with what to do', async (t) => {
  const google = await playedGoogle(t)
  google.publish('{"a":1}')
  const { recording } = await collect(t, google, { key_file: undefined, metadata_url: google.endpoint })
  await recording.until(() => google.acknowledged.length === 1, 'the message')
  await assert.rejects(collect(t, google, { subscription: 'other' }), {
    code: 'config_invalid',
    message: /Resource not found/,
  })
  const empty = join(temporaryFolder(), 'empty.json')
  writeFileSync(empty, '{}')
  await assert.rejects(collect(t, google, { key_file: empty }), { code: 'config_invalid', message: /no JSON key/ })
})
