import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { WeirError } from '../../core/errors.js'
import { type RecordingDeps, recordingDeps } from '../recording-deps.js'
import { type HttpCollector, http } from './http.js'

const TOKEN = 'a-token-of-the-tests'
const LIMIT = { timeout: 30_000 }

async function listening(t: TestContext, settings: object = {}, recording: RecordingDeps = recordingDeps()) {
  const collector = http.create(
    http.config.parse({ port: 0, token: TOKEN, ...settings }),
    recording.deps,
  ) as HttpCollector
  await collector.start()
  t.after(() => collector.stop())
  const url = collector.url()!
  async function push(body: string | Buffer, headers: Record<string, string> = {}, path = '/ingest/ocsf') {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/x-ndjson', ...headers },
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as any }
  }
  return { collector, recording, url, push, port: Number(new URL(url).port) }
}

function lines(n: number): string {
  return Array.from({ length: n }, (_, i) => `${JSON.stringify({ n: i, text: 'ünïcode' })}\n`).join('')
}

test('10,000 lines arrive in order, in chunks, and are answered when all are durable', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const take = recording.emit
  const sizes: number[] = []
  let waiting = 0
  recording.emit = async (format, records) => {
    sizes.push(records.length)
    waiting++
    await new Promise((resolve) => setTimeout(resolve, 30))
    waiting--
    return take(format, records)
  }
  const answer = await push(lines(10_000))
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, { records: 10_000, stored: 10_000, dropped: 0, dead_lettered: 0 })
  assert.equal(waiting, 0)
  assert.ok(sizes.every((size) => size <= 2000))
  assert.deepEqual(
    recording.emitted.map(({ record }) => JSON.parse(record.data as string).n),
    Array.from({ length: 10_000 }, (_, i) => i),
  )
})

test(
  'equal lines in different chunks of one body are counted together, and apart from those of another',
  LIMIT,
  async (t) => {
    const { recording, push } = await listening(t)
    const take = recording.emit
    const counted: number[] = []
    recording.emit = (format, records, repeats) => {
      counted.push(repeats?.('the same') ?? -1)
      return take(format, records)
    }
    await push(lines(4_001))
    await push(lines(1))
    assert.deepEqual(counted, [0, 1, 2, 0])
  },
)

test('gzip, CRLF, a byte order mark, blank lines and a missing last newline are understood', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const answer = await push(gzipSync('\ufeff{"a":1}\r\n\r\n  \n{"a":2}'), { 'content-encoding': 'gzip' })
  assert.equal(answer.status, 200)
  assert.deepEqual(
    recording.emitted.map(({ record }) => record.data),
    ['{"a":1}', '{"a":2}'],
  )
})

test('a JSON object keeps its text, an array becomes its elements', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const json = { 'content-type': 'application/json; charset=utf-8' }
  assert.equal((await push('{ "big": 12345678901234567890 }', json)).body.records, 1)
  assert.equal((await push('[{"a":1},{"a":2}]', json)).body.records, 2)
  assert.deepEqual(
    recording.emitted.map(({ record }) => record.data),
    ['{ "big": 12345678901234567890 }', { a: 1 }, { a: 2 }],
  )
})

test('the format comes from the path, the query or the configuration', LIMIT, async (t) => {
  const { recording, push } = await listening(t, { format: 'falco' })
  await push('{}\n', {}, '/ingest/cloudtrail')
  await push('{}\n', {}, '/ingest?format=ocsf')
  await push('{}\n', {}, '/ingest')
  assert.deepEqual(
    recording.emitted.map(({ format }) => format),
    ['cloudtrail', 'ocsf', 'falco'],
  )
  assert.equal((await push('{}\n', {}, '/ingest/No%20Format')).status, 404)
})

test('bad lines become dead letters one by one, the good ones around them are stored', LIMIT, async (t) => {
  const { recording, push } = await listening(t, { max_line_bytes: 1000 })
  const long = `{"pad":"${'x'.repeat(200_000)}"}`
  const body = Buffer.concat([
    Buffer.from('{"a":1}\n'),
    Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]),
    Buffer.from(`{"a":2}\n${long}\n{"a":3}\n`),
  ])
  const answer = await push(body)
  assert.deepEqual(answer.body, { records: 5, stored: 3, dropped: 0, dead_lettered: 2 })
  const faults = recording.emitted.filter(({ record }) => record.fault).map(({ record }) => record)
  assert.deepEqual(
    faults.map(({ fault }) => fault?.reason),
    ['invalid_utf8', 'line_too_long'],
  )
  assert.equal(faults[0]?.data, Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('base64'))
  assert.equal(faults[1]?.data, long.slice(0, 1000))
  assert.match(faults[1]?.fault?.detail ?? '', /200010 bytes, the limit is 1000/)
})

test('a 50 MB line is a clear error as it is, and a dead letter when compressed', LIMIT, async (t) => {
  const { recording, push } = await listening(t, { max_compression_ratio: 10_000 })
  const line = Buffer.alloc(50 * 1024 * 1024, 'a')
  const plain = await push(line)
  assert.equal(plain.status, 413)
  assert.equal(plain.body.error.code, 'too_large')
  assert.match(plain.body.error.message, /52428800 bytes, the limit is 33554432/)
  assert.equal(recording.emitted.length, 0)
  const compressed = await push(gzipSync(line), { 'content-encoding': 'gzip' })
  assert.deepEqual(compressed.body, { records: 1, stored: 0, dropped: 0, dead_lettered: 1 })
  assert.equal((recording.emitted[0]!.record.data as string).length, 1024 * 1024)
})

test('a sender who writes on after the refusal, and reads only then, sees the reason', LIMIT, async (t) => {
  const { port } = await listening(t)
  const piece = Buffer.alloc(4 * 1024 * 1024, 'a')
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  const write = (data: string | Buffer) =>
    new Promise<void>((resolve, reject) => socket.write(data, (error) => (error ? reject(error) : resolve())))
  await write(
    `POST /ingest/ocsf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: text/plain\r\nContent-Length: ${12 * piece.length}\r\n\r\n`,
  )
  for (let sent = 0; sent < 12; sent++) {
    await write(piece)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  let seen = ''
  for await (const chunk of socket) seen += chunk
  assert.match(seen, /^HTTP\/1\.1 413 [\s\S]*"code":"too_large"/)
})

test('a bomb, a torn gzip body and bodies over the limits are refused and counted', LIMIT, async (t) => {
  const { recording, push } = await listening(t, { max_decompressed_bytes: 8_000_000, max_document_bytes: 5000 })
  const gzip = { 'content-encoding': 'gzip' }
  const bomb = await push(gzipSync(Buffer.alloc(7_000_000, '{}\n')), gzip)
  assert.deepEqual([bomb.status, bomb.body.error.code], [413, 'compression_bomb'])
  const huge = await push(gzipSync(Buffer.from(lines(400_000))), gzip)
  assert.deepEqual([huge.status, huge.body.error.code], [413, 'too_large'])
  assert.ok(huge.body.accepted_records > 0)
  assert.equal(huge.body.accepted_records, huge.body.receipt.stored)
  const torn = await push(gzipSync(Buffer.from(lines(100))).subarray(0, -20), gzip)
  assert.deepEqual([torn.status, torn.body.error.code], [400, 'invalid_gzip'])
  const not_gzip = await push('plain', gzip)
  assert.deepEqual([not_gzip.status, not_gzip.body.error.code], [400, 'invalid_gzip'])
  const document = await push(JSON.stringify({ pad: 'x'.repeat(6000) }), { 'content-type': 'application/json' })
  assert.deepEqual([document.status, document.body.error.code], [413, 'too_large'])
  assert.deepEqual(Object.fromEntries(recording.refused), { compression_bomb: 1, too_large: 2, invalid_gzip: 2 })
})

test('a JSON document that does not parse is refused as a whole', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const json = { 'content-type': 'application/json' }
  for (const body of ['{"a":1', '[{"a":1},', '', '3', 'null', '[{"a":1}, 2]', '{"a":1}\n{"a":2}\n']) {
    const answer = await push(body, json)
    assert.deepEqual([answer.status, answer.body.error.code], [400, 'invalid_json'], body)
    assert.ok(answer.body.error.hint.length > 10)
  }
  const latin1 = await push(Buffer.from([0x7b, 0x22, 0xe4, 0x22, 0x7d]), json)
  assert.deepEqual([latin1.status, latin1.body.error.code], [400, 'invalid_utf8'])
  assert.equal(recording.emitted.length, 0)
})

test('other types, encodings and charsets are refused with what is possible', LIMIT, async (t) => {
  const { push } = await listening(t)
  assert.equal(
    (await push('a=b', { 'content-type': 'application/x-www-form-urlencoded' })).body.error.code,
    'unsupported_media_type',
  )
  assert.equal((await push('{}', { 'content-encoding': 'br' })).body.error.code, 'unsupported_encoding')
  assert.equal(
    (await push('{}', { 'content-type': 'text/plain; charset=utf-16' })).body.error.code,
    'unsupported_charset',
  )
})

test('without the right token nothing is read', LIMIT, async (t) => {
  const { recording, push, url } = await listening(t)
  for (const authorization of ['', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, 'Bearer']) {
    const answer = await push('{}\n', { authorization })
    assert.equal(answer.status, 401, authorization)
    assert.equal(answer.body.error.code, 'unauthorized')
  }
  assert.equal((await fetch(`${url}/ingest/ocsf`)).status, 401)
  assert.equal((await fetch(`${url}/health`)).status, 200)
  assert.equal((await fetch(`${url}/elsewhere`)).status, 404)
  assert.equal((await fetch(`${url}/ingest/ocsf`, { headers: { authorization: `Bearer ${TOKEN}` } })).status, 405)
  assert.equal(recording.emitted.length, 0)
})

test('a token is made once, kept for the owner only, and its path is shown', LIMIT, async (t) => {
  const recording = recordingDeps()
  const { collector, url } = await listening(t, { token: undefined }, recording)
  const path = join(recording.deps.state_dir, 'token')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const token = readFileSync(path, 'utf8').trim()
  assert.ok(token.length >= 32)
  assert.ok(collector.describe().includes(path))
  assert.ok(!collector.describe().includes(token))
  const options = {
    method: 'POST',
    body: '{}',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  }
  assert.equal((await fetch(`${url}/ingest/ocsf`, options)).status, 200)
  await listening(t, { token: undefined }, recordingDeps(recording.deps.state_dir))
  assert.equal(readFileSync(path, 'utf8').trim(), token)
})

test('under pressure and with too many senders the answer is 429 with Retry-After', LIMIT, async (t) => {
  const { recording, push } = await listening(t, { max_concurrent_requests: 1 })
  recording.pressure = 0.95
  const pressed = await push('{}\n')
  assert.equal(pressed.status, 429)
  assert.equal(pressed.headers.get('retry-after'), '1')
  recording.pressure = 0
  let release: (() => void) | undefined
  const take = recording.emit
  recording.emit = async (format, records) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return take(format, records)
  }
  const first = push('{}\n')
  await recording.until(() => release, 'the first request to be under way')
  assert.equal((await push('{}\n')).status, 429)
  release?.()
  assert.equal((await first).status, 200)
})

test('when the pipeline refuses, the sender learns what was accepted', LIMIT, async (t) => {
  const { recording, push } = await listening(t)
  const take = recording.emit
  let calls = 0
  recording.emit = (format, records) => {
    if (++calls === 3) throw new WeirError('overloaded', 'the lake is full', { retryable: true })
    return take(format, records)
  }
  const answer = await push(lines(10_000))
  assert.equal(answer.status, 503)
  assert.equal(answer.body.error.code, 'unavailable')
  assert.equal(answer.body.accepted_records, 4000)
  assert.ok(answer.headers.get('retry-after'))
  recording.emit = () =>
    Promise.reject(new WeirError('config_invalid', 'there is no format "nope"', { hint: 'Known: ocsf.' }))
  const unknown = await push('{}\n', {}, '/ingest/nope')
  assert.deepEqual(
    [unknown.status, unknown.body.error.code, unknown.body.error.hint],
    [404, 'unknown_format', 'Known: ocsf.'],
  )
})

test('a sender that stops sending is cut off, one that leaves disturbs nobody', LIMIT, async (t) => {
  const { push, port, recording } = await listening(t, { request_timeout_ms: 500, headers_timeout_ms: 300 })
  const head = `POST /ingest/ocsf HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n`
  for (const start of ['POST /ingest/ocsf HT', `${head}{"a":1}\n{"a"`]) {
    const slow = connect(port, '127.0.0.1')
    slow.on('error', () => {})
    slow.resume()
    slow.write(start)
    await new Promise((resolve) => slow.once('close', resolve))
  }
  const leaving = connect(port, '127.0.0.1')
  leaving.write(`${head}{"b":1}\n{"b"`)
  await new Promise((resolve) => setTimeout(resolve, 50))
  leaving.destroy()
  await recording.until(
    () => (recording.refused.get('connection_lost') ?? 0) >= 2,
    'the lost connections to be counted',
  )
  assert.equal((await push('{"c":1}\n')).status, 200)
  assert.ok(!recording.emitted.some(({ record }) => record.data === '{"a"'))
})

test('stop answers 503 to newcomers on open connections and waits for what it has', LIMIT, async (t) => {
  const { collector, push, recording, url } = await listening(t)
  const take = recording.emit
  recording.emit = async (format, records) => {
    await new Promise((resolve) => setTimeout(resolve, 200))
    return take(format, records)
  }
  const last = push('{"last":1}\n')
  await new Promise((resolve) => setTimeout(resolve, 80))
  const stopped = collector.stop()
  assert.equal((await last).status, 200)
  await stopped
  await collector.stop()
  await assert.rejects(fetch(`${url}/health`))
  assert.equal(collector.url(), undefined)
  await http.create(http.config.parse({ port: 0 }), recordingDeps().deps).stop()
})

test('an occupied port is an error that names it', LIMIT, async (t) => {
  const { port } = await listening(t)
  const second = http.create(http.config.parse({ port, token: TOKEN }), recordingDeps().deps)
  await assert.rejects(second.start(), { code: 'port_in_use' })
  await second.stop()
})

test('a named token allows its formats only; with the one for all, or without', LIMIT, async (t) => {
  const tokens = {
    nodes: { token: 'the-token-of-the-nodes', formats: ['falco', 'otlp'] },
    cloud: { token: 'the-token-of-the-cloud', formats: ['cloudtrail'] },
  }
  const as = (token: string) => ({ authorization: `Bearer ${token}` })
  const { push, recording, url } = await listening(t, { tokens })
  assert.equal((await push('{}\n', as(tokens.nodes.token), '/ingest/falco')).status, 200)
  const refused = await push('{}\n', as(tokens.nodes.token), '/ingest/cloudtrail')
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'format_not_allowed'])
  assert.match(refused.body.error.hint, /falco, otlp/)
  assert.equal((await push('{}\n', as(tokens.cloud.token), '/ingest?format=cloudtrail')).status, 200)
  assert.equal((await push('{}\n', {}, '/ingest/falco')).status, 200, 'the token for all')
  assert.equal(recording.emitted.length, 3)
  assert.equal(recording.refused.get('format_not_allowed'), 1)
  const otlp = (token: string) =>
    fetch(`${url}/v1/logs`, {
      method: 'POST',
      body: '{}',
      headers: { ...as(token), 'content-type': 'application/json' },
    })
  assert.deepEqual([(await otlp(tokens.nodes.token)).status, (await otlp(tokens.cloud.token)).status], [200, 403])

  const only = await listening(t, { tokens, token: undefined })
  assert.equal((await only.push('{}\n', as(tokens.nodes.token), '/ingest/falco')).status, 200)
  assert.equal((await only.push('{}\n', {}, '/ingest/falco')).status, 401)
  assert.match(only.collector.describe(), /with one of 2 tokens$/)
})

test('an address that others reach needs a token and TLS', () => {
  const problems = (settings: object) =>
    http.config.safeParse(settings).error?.issues.map(({ path }) => path.join('.')) ?? []
  assert.deepEqual(problems({ host: '0.0.0.0' }), ['token', 'tls'])
  assert.deepEqual(problems({ host: '10.0.0.5', token: TOKEN }), ['tls'])
  assert.deepEqual(problems({ host: '0.0.0.0', token: TOKEN, allow_plain_http: true }), [])
  assert.deepEqual(problems({ host: '::1' }), [])
  const falco = { token: TOKEN, formats: ['falco'] }
  assert.deepEqual(problems({ host: '0.0.0.0', allow_plain_http: true, tokens: { falco } }), [])
  assert.deepEqual(problems({ token: TOKEN, tokens: { falco } }), ['tokens'])
  assert.deepEqual(problems({ tokens: { falco: { token: TOKEN, formats: ['falko'] } } }), ['tokens.falco.formats.0'])
  assert.deepEqual(problems({ tokn: 'x' }), [''])
})

test('Expect: 100-continue is answered before the body is sent, or refused without it', LIMIT, async (t) => {
  const { port } = await listening(t)
  const ask = (token: string) =>
    new Promise<[boolean, number | undefined]>((resolve, reject) => {
      let continued = false
      const request = httpRequest({
        port,
        method: 'POST',
        path: '/ingest/ocsf',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/x-ndjson',
          expect: '100-continue',
          'content-length': 3,
        },
      })
      request.on('continue', () => {
        continued = true
        request.end('{}\n')
      })
      request.on('response', (response) => {
        response.resume()
        resolve([continued, response.statusCode])
        request.destroy()
      })
      request.on('error', reject)
      request.flushHeaders()
    })
  assert.deepEqual(await ask(TOKEN), [true, 200])
  assert.deepEqual(await ask('wrong'), [false, 401])
})
