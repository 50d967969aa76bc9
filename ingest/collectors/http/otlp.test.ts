import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import protobuf from 'protobufjs/light.js'
import { type RecordingDeps, recordingDeps } from '../../recording-deps.js'
import { type HttpCollector, http } from '../http.js'
import { decodeOtlp, encodeOtlp } from './otlp-messages.js'

const TOKEN = 'a-token-of-the-tests'
const LIMIT = { timeout: 30_000 }
const LOGS = {
  resourceLogs: [
    {
      resource: { attributes: [{ key: 'host.id', value: { stringValue: 'h-1' } }] },
      scopeLogs: [
        {
          scope: { name: 's' },
          logRecords: [
            {
              timeUnixNano: '1768209600123456789',
              severityNumber: 9,
              body: { stringValue: 'hello' },
              traceId: '5b8efff798038103d269b633813fc60c',
            },
            {
              timeUnixNano: '1768209600123456790',
              body: { kvlistValue: { values: [{ key: 'n', value: { intValue: '7' } }] } },
            },
          ],
        },
      ],
    },
  ],
}

async function listening(t: TestContext, settings: object = {}, recording: RecordingDeps = recordingDeps()) {
  const config = http.config.parse({ port: 0, token: TOKEN, ...settings })
  const collector = http.create(config, recording.deps) as HttpCollector
  await collector.start()
  t.after(() => collector.stop())
  async function push(path: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
    const response = await fetch(`${collector.url()}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
    })
    return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
  }
  return { recording, push }
}

/** The records an export request became. */
const seen = ({ emitted }: RecordingDeps) => emitted.map(({ format, record }) => ({ format, data: record.data as any }))

function bytesOfIds(logs: typeof LOGS) {
  const copy = structuredClone(logs) as any
  for (const record of copy.resourceLogs[0].scopeLogs[0].logRecords) {
    if (record.traceId) record.traceId = Buffer.from(record.traceId, 'hex').toString('base64')
  }
  return copy
}

test('logs in JSON and in protobuf, compressed or not, become the same records', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const json = await push('/v1/logs', gzipSync(JSON.stringify(LOGS)), { 'content-encoding': 'gzip' })
  assert.deepEqual([json.status, json.bytes.toString()], [200, '{}'])
  const bytes = encodeOtlp('logs', bytesOfIds(LOGS))
  const proto = await push('/v1/logs', gzipSync(bytes), {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
  })
  assert.deepEqual([proto.status, proto.bytes.length], [200, 0])
  assert.equal(proto.headers.get('content-type'), 'application/x-protobuf')
  const records = seen(recording)
  assert.deepEqual([...new Set(records.map(({ format }) => format))], ['otlp'])
  assert.deepEqual(records[2], records[0])
  assert.deepEqual(records[3], records[1])
  assert.equal(records[0]?.data.logRecord.traceId, '5b8efff798038103d269b633813fc60c')
})

test('metrics in protobuf keep their numbers', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const metric = {
    name: 'm',
    histogram: { dataPoints: [{ timeUnixNano: '1768209600123456789', count: '3', sum: 0, min: 0, max: 2.5 }] },
  }
  const counter = { name: 'c', sum: { dataPoints: [{ timeUnixNano: '1', asInt: '-4' }, { asDouble: 0 }] } }
  const bytes = encodeOtlp('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric, counter] }] }] })
  assert.equal((await push('/v1/metrics', bytes, { 'content-type': 'application/x-protobuf' })).status, 200)
  const [first, second] = seen(recording)
  assert.deepEqual(first?.data.metric, metric)
  assert.deepEqual(second?.data.metric, counter)
})

test('what becomes a dead letter is told as partial success', LIMIT, async (t) => {
  const recording = recordingDeps()
  recording.emit = async (_, records) => ({ records: records.length, stored: 1, dropped: 0, dead_lettered: 1 })
  const { push } = await listening(t, {}, recording)
  const json = JSON.parse((await push('/v1/logs', JSON.stringify(LOGS))).bytes.toString())
  assert.equal(json.partialSuccess.rejectedLogRecords, '1')
  assert.match(json.partialSuccess.errorMessage, /^1 of 2 became dead letters/)
  const proto = await push('/v1/logs', encodeOtlp('logs', bytesOfIds(LOGS)), {
    'content-type': 'application/x-protobuf',
  })
  // Field 1, a message, whose field 1 is the number 1.
  assert.deepEqual([proto.bytes[0], proto.bytes[2], proto.bytes[3]], [0x0a, 0x08, 1])
})

test('refusals are google.rpc.Status in the encoding of the request', LIMIT, async (t) => {
  const { recording, push } = await listening(t, { max_document_bytes: 2_000 })
  const proto = { 'content-type': 'application/x-protobuf' }
  const refused = async (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) => {
    const { status, bytes } = await push(path, body, headers)
    return [status, JSON.parse(bytes.toString()).message.slice(0, 40)]
  }
  assert.deepEqual(await refused('/v1/traces', '{}'), [404, 'Weir takes OpenTelemetry logs and metric'])
  assert.deepEqual(await refused('/v1/other', '{}'), [404, 'There is nothing at /v1/other. Use /v1/l'])
  assert.deepEqual((await refused('/v1/logs', '{'))[0], 400)
  assert.deepEqual((await refused('/v1/logs', '{}', { authorization: 'Bearer wrong' }))[0], 401)
  assert.deepEqual((await refused('/v1/logs', '{}', { 'content-encoding': 'br' }))[0], 415)
  assert.deepEqual((await refused('/v1/logs', JSON.stringify({ a: 'x'.repeat(3_000) })))[0], 413)
  const status = await push('/v1/logs', Buffer.from([0xff, 0xff, 0xff]), proto)
  assert.deepEqual([status.status, status.headers.get('content-type')], [400, 'application/x-protobuf'])
  assert.deepEqual([status.bytes[0], status.bytes[1]], [0x08, 3], 'code INVALID_ARGUMENT')
  assert.equal((await push('/v1/metrics', '', proto)).status, 200, 'an empty request is a valid one')
  assert.deepEqual(recording.emitted, [])
  assert.equal(recording.refused.get('no_traces') ?? 1, 1)
})

test('values nested without end do not end the process', () => {
  let value = Buffer.from([0x0a, 0x01, 0x78])
  for (let n = 0; n < 20_000; n++) {
    const inner = new protobuf.Writer().uint32(10).bytes(value).finish()
    value = Buffer.from(new protobuf.Writer().uint32(42).bytes(inner).finish())
    if (value.length > 200_000) break
  }
  const record = new protobuf.Writer().uint32(42).bytes(value).finish()
  const scope = new protobuf.Writer().uint32(18).bytes(record).finish()
  const resource = new protobuf.Writer().uint32(18).bytes(scope).finish()
  const request = new protobuf.Writer().uint32(10).bytes(resource).finish()
  assert.throws(() => decodeOtlp('logs', request))
})
