import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Cluster, startCluster } from './cluster-rig.js'
import { attackLine } from './cluster-scene.js'
import { push } from './push.js'
import { type ReceivedSpan, type SpanReceiver, startSpanReceiver } from './span-receiver.js'
import { whyNoKafka } from './stack/kafka.js'
import { noRedis } from './stack/redis.js'

const skip = whyNoKafka() ?? noRedis() ?? false
const folder = mkdtempSync(join(tmpdir(), 'weir-traces-'))
let cluster: Cluster | undefined
let receiver: SpanReceiver | undefined
after(async () => {
  await cluster?.close()
  await receiver?.close()
  rmSync(folder, { recursive: true, force: true })
})

const playbook = {
  name: 'say-it',
  summary: 'Write a line.',
  match: { kinds: ['vm'] },
  verify: { families: 1 },
  approve: 'never',
  actions: [{ action: 'log' }],
}

test('one trace leads from a pushed request over Kafka and Redis to the action', { skip }, async () => {
  receiver = await startSpanReceiver()
  const { spans, tokens, url } = receiver
  const file = join(folder, 'playbook.yml')
  writeFileSync(file, JSON.stringify(playbook))
  process.env.WEIR_TEST_TRACE_TOKEN = 'of the receiver'
  cluster = await startCluster({
    config: {
      mode: 'enforce',
      telemetry: { otlp_url: url, headers: { authorization: 'Bearer ${WEIR_TEST_TRACE_TOKEN}' } },
      detectors: { rules: { type: 'rules' } },
      responders: { builtin_playbooks: false, playbooks: [file] },
    },
  })
  const roles = [['store'], ['detect'], ['respond'], ['ingest']]
  const nodes = await Promise.all(roles.map((role) => cluster?.start(role)))
  for (const node of nodes) await node?.untilReady()
  const ingest = nodes[3]
  assert.ok(ingest)
  assert.equal((await push(ingest, attackLine(7, 'web-7', Date.now()))).status, 200)
  await cluster.until('it is answered', "SELECT count() FROM responses WHERE state = 'verified'")
  await Promise.all(nodes.map((node) => node?.stop()))

  /** The span of this name that was begun by `parent`. */
  const child = (parent: ReceivedSpan, name: string) => {
    const found = spans.find((span) => span.name === name && span.parent_id === parent.span_id)
    const said = spans.map(
      (span) => `${span.trace_id.slice(0, 6)} ${span.parent_id ?? '-'} > ${span.span_id} ${span.name}`,
    )
    assert.ok(found, `no "${name}" below "${parent.name}" (${parent.span_id}) among\n${said.join('\n')}`)
    assert.equal(found.trace_id, parent.trace_id)
    return found
  }
  const taken = spans.find(({ name }) => name === 'ingest')
  assert.ok(taken)
  assert.deepEqual(taken.attributes, { 'weir.collector': 'push', 'weir.format': 'ocsf', 'weir.records': '1' })
  const published = child(taken, 'publish weir.events')
  const stored = child(published, 'store weir.events')
  const judged = child(published, 'detect weir.events')
  const found = child(judged, 'publish weir.findings')
  child(found, 'store weir.findings')
  const answered = child(found, 'respond weir.findings')
  child(answered, 'log plan')
  const job = child(answered, 'job execute')
  child(job, 'log execute')
  child(job, 'publish weir.responses')
  const processes = new Set([taken, stored, judged, answered].map((span) => span.process))
  assert.equal(processes.size, 4, 'each in a process of its own')
  for (const span of spans) assert.ok(span.took_ms >= 0 && span.took_ms < 60_000, `${span.name}: ${span.took_ms} ms`)
  assert.deepEqual([...new Set(tokens)], ['Bearer of the receiver'])
})
