import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type App, createApp } from '../cli/app.js'
import { configSchema } from '../cli/config.js'
import { createLog } from '../core/log.js'
import { type HttpCollector, http } from '../ingest/collectors/http.js'
import { temporaryFolder } from '../ingest/recording-deps.js'
import { fixture, fixtureCase } from './format-cases.js'
import { certificates } from './kubernetes-rig.js'
import { dockerStart, falcoAlert, POD } from './pod-scene.js'

const file = certificates(temporaryFolder())
const folder = temporaryFolder()
const TOKEN = 'the-token-of-the-webhook'
const ORDERS = 'function/aws/123456789012/eu-central-1/orders'
let app: App
let collector: HttpCollector

before(async () => {
  const enis = { 'eni-0a1b2c3d4e5f60718': 'arn:aws:lambda:eu-central-1:123456789012:function:orders' }
  const config = configSchema.parse({
    data_dir: folder,
    collectors: {},
    detectors: {},
    formats: { vpc_flow: { enis } },
  })
  app = await createApp(config, { log: createLog('silent'), without: ['collectors', 'endpoint'] })
  await app.start()
  const settings = { port: 0, token: TOKEN, tls: { cert_file: file('server.pem'), key_file: file('server.key') } }
  collector = http.create(http.config.parse(settings), {
    instance: 'push',
    emit: (format, records) => app.intake.emit('push', format, records),
    coverage: () => {},
    refused: () => {},
    pressure: () => 0,
    state_dir: temporaryFolder(),
    log: createLog('silent'),
  }) as HttpCollector
  await collector.start()
})
after(async () => {
  await collector?.stop()
  await app?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** A request as the webhook of an API server makes it: JSON over TLS it checks, with the bearer token of its kubeconfig. */
function post(path: string, body: string, headers: { [name: string]: string } = {}) {
  const url = `${collector.url()}${path}`
  const options = {
    method: 'POST',
    ca: readFileSync(file('ca.pem')),
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'user-agent': 'kube-apiserver-admission',
      ...headers,
    },
  }
  return new Promise<{ status: number; body: any }>((resolve, reject) => {
    const request = https.request(url, options, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const audit = (name: string) => fixtureCase('k8s_audit/events.jsonl', name)
const rows = async <Row>(sql: string) => {
  await app.store.flush()
  return await app.lake.select<Row>(sql)
}

test('one container seen by Falco, Docker, Tetragon, the audit log and the API is one workload in the lake', async () => {
  const seen: [format: string, record: object][] = [
    ['falco', falcoAlert()],
    ['docker_events', dockerStart()],
    ['tetragon', fixtureCase('tetragon/events.jsonl', 'shell in a pod')],
    ['k8s_audit', { ...audit('exec into a pod'), auditID: '00000000-0000-4000-a000-000000000001' }],
    ['kubernetes_objects', { ...fixtureCase('kubernetes_objects/events.jsonl', 'pod listed'), cluster: undefined }],
  ]
  for (const [format, record] of seen) {
    const { body } = await post(`/ingest/${format}`, JSON.stringify(record))
    assert.equal(body.stored, 1, `${format}: ${JSON.stringify(body)}`)
  }
  const found = await rows<{ n: string; sources: string; uid: string }>(
    "SELECT uniqExact(workload_uid) AS n, uniqExact(metadata_product_name, metadata_log_name) AS sources, any(workload_uid) AS uid FROM events WHERE workload_kind = 'container'",
  )
  assert.deepEqual([Number(found[0]?.n), found[0]?.uid], [1, 'container/9c1f0b7ad2e4'])
  assert.ok(Number(found[0]?.sources) >= 5, JSON.stringify(found))
})

test('one function seen by CloudTrail, VPC flow and the Telemetry API is one workload in the lake', async () => {
  const call = {
    eventSource: 'lambda.amazonaws.com',
    eventName: 'Invoke',
    eventTime: '2026-01-12T08:30:15Z',
    awsRegion: 'eu-central-1',
    requestParameters: { functionName: 'arn:aws:lambda:eu-central-1:123456789012:function:orders' },
    recipientAccountId: '123456789012',
    userIdentity: { type: 'AWSService', invokedBy: 'sns.amazonaws.com' },
  }
  const text = { 'content-type': 'text/plain' }
  assert.equal((await post('/ingest/cloudtrail', JSON.stringify(call))).body.stored, 1)
  const flow = String(fixtureCase('vpc_flow/records.jsonl', 'default line'))
  assert.equal((await post('/ingest/vpc_flow', flow, text)).body.stored, 1)
  const telemetry = JSON.stringify(fixtureCase('lambda_telemetry/events.jsonl', 'invocation'))
  assert.equal((await post('/ingest/lambda_telemetry', telemetry)).body.stored, 1)
  const found = await rows<{ n: string; events: string; uid: string }>(
    "SELECT uniqExact(workload_uid) AS n, count() AS events, any(workload_uid) AS uid FROM events WHERE workload_kind = 'function'",
  )
  assert.deepEqual([Number(found[0]?.n), Number(found[0]?.events), found[0]?.uid], [1, 3, ORDERS])
})

test('an EventList of the audit webhook is stored event by event, over TLS with a token, once', async () => {
  const [before] = await rows<{ n: string }>('SELECT count() AS n FROM events')
  const items = fixture('k8s_audit/events.jsonl')
    .slice(0, 5)
    .map((event, n) => {
      const { _case, ...rest } = event as { _case: string }
      return { ...rest, auditID: `00000000-0000-4000-9000-00000000000${n}` }
    })
  const list = JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items })
  assert.equal((await post('/ingest/k8s_audit', list, { authorization: 'Bearer wrong' })).status, 401)
  for (const path of ['/ingest/k8s_audit', '/ingest?format=k8s_audit&timeout=30s']) {
    const { status, body } = await post(path, list)
    assert.equal(status, 200, JSON.stringify(body))
    assert.equal(body.dead_lettered, 0)
  }
  const [row] = await rows<{ n: string; uids: string }>(
    'SELECT count() AS n, uniqExact(metadata_uid) AS uids FROM events',
  )
  assert.equal(Number(row?.n), Number(row?.uids))
  assert.equal(Number(row?.n) - Number(before?.n), 5)
})

test('which container the pod has is kept for the next start', async () => {
  await app.stop()
  assert.match(readFileSync(join(folder, 'pods.json'), 'utf8'), new RegExp(`shop/${POD}.*container/9c1f0b7ad2e4`))
})
