import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createDockerApi, type DockerApi } from './docker-api.js'
import { dockerConnection } from './docker-connection.js'

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void

/** Something that speaks like an engine, on a unix socket of its own. */
async function engine(
  t: TestContext,
  answer: Answer,
  version: object = { ApiVersion: '1.41', MinAPIVersion: '1.12', Version: '20.10' },
) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-api-'))
  const asked: string[] = []
  const server = http.createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.url === '/version') return response.end(JSON.stringify(version))
    let body = ''
    for await (const chunk of request) body += chunk
    answer(request, response, body)
  })
  const socket = join(folder, 'engine.sock')
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const api = createDockerApi(dockerConnection.parse({ address: `unix://${socket}`, timeout_ms: 400 }))
  t.after(() => {
    api.close()
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return { api, asked, server }
}

const status =
  (code: number, body: object | string = ''): Answer =>
  (_, response) => {
    response.statusCode = code
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

test('speaks the newest version both sides know, asked once', async (t) => {
  const { api, asked } = await engine(t, status(200, { ok: true }))
  assert.deepEqual(await api.request('GET', '/info'), { ok: true })
  await api.request('GET', '/containers/json', { query: { all: true, limit: undefined } })
  assert.deepEqual(asked, ['GET /version', 'GET /v1.41/info', 'GET /v1.41/containers/json?all=true'])
  const newer = await engine(t, status(200), { ApiVersion: '1.99', MinAPIVersion: '1.44' })
  assert.equal((await newer.api.version()).api, '1.51')
})

test('an engine that is too old, too new, or none at all is refused', async (t) => {
  for (const version of [{ ApiVersion: '1.12' }, { ApiVersion: '2.5', MinAPIVersion: '2.0' }, { hello: 'world' }]) {
    const { api } = await engine(t, status(200), version)
    await assert.rejects(api.request('GET', '/info'), { code: 'unsupported' })
  }
})

test('JSON and bytes go out, empty answers and 304 come back as nothing', async (t) => {
  const { api } = await engine(t, (request, response, body) => {
    if (request.url?.endsWith('/start')) return status(304)(request, response, body)
    response.end(JSON.stringify({ type: request.headers['content-type'], body }))
  })
  assert.deepEqual(await api.request('POST', '/a', { body: { x: 1 } }), { type: 'application/json', body: '{"x":1}' })
  assert.deepEqual(await api.request('POST', '/b', { body: Buffer.from('tar') }), {
    type: 'application/x-tar',
    body: 'tar',
  })
  assert.equal(await api.request('POST', '/containers/x/start'), undefined)
})

test('refusals have a code, the words of the engine, and whether a retry can help', async (t) => {
  const codes = {
    400: 'bad_input',
    401: 'unauthorized',
    403: 'forbidden',
    404: 'not_found',
    409: 'conflict',
    500: 'internal',
  }
  for (const [code, expected] of Object.entries(codes)) {
    const { api } = await engine(t, status(Number(code), { message: 'No such thing: x' }))
    await assert.rejects(api.request('GET', '/x'), {
      code: expected,
      retryable: code === '500',
      message: new RegExp(`${code} to GET .*/x: No such thing: x`),
    })
  }
})

test('silence, a broken answer and an answer without end are faults, not waiting', async (t) => {
  const silent = await engine(t, () => {})
  await assert.rejects(silent.api.request('GET', '/x'), { code: 'timeout', retryable: true })
  const broken = await engine(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': '100' })
    response.write('{"a"')
    setTimeout(() => response.destroy(), 10)
  })
  await assert.rejects(broken.api.request('GET', '/x'), { code: 'unreachable', retryable: true })
  const endless = await engine(t, (_, response) => {
    const chunk = Buffer.alloc(4 * 1024 * 1024, 32)
    const more = () => response.write(chunk, () => !response.destroyed && more())
    more()
  })
  await assert.rejects(endless.api.request('GET', '/x', { timeout_ms: 20_000 }), { code: 'too_large' })
})

test('a missing socket and a closed port say what to do; wrong settings are refused at once', async () => {
  const api = (connection: object) => createDockerApi(dockerConnection.parse(connection))
  await assert.rejects(api({ address: 'unix:///nonexistent/docker.sock' }).version(), {
    code: 'unreachable',
    hint: /is Docker installed and running/,
  })
  const server = http.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(api({ address: `tcp://127.0.0.1:${port}` }).version(), {
    code: 'unreachable',
    hint: /Nothing listens/,
  })
  for (const address of ['ssh://host', 'unix://relative', 'tcp://', 'tcp://host:port', 'docker.sock', '']) {
    assert.throws(() => api({ address }), { code: 'config_invalid' }, address)
  }
  assert.throws(() => api({ address: 'tcp://h', cert_file: '/x' }), {
    code: 'config_invalid',
    message: /without key_file/,
  })
  assert.throws(() => api({ address: 'tcp://h', ca_file: '/nonexistent' }), {
    code: 'config_invalid',
    message: /ca_file/,
  })
})

async function take(api: DockerApi, signal: AbortSignal): Promise<string[]> {
  const lines: string[] = []
  for await (const line of api.events({ since: '1.5', signal })) lines.push(line)
  return lines
}

test('events arrive one by one however they are cut, and end with the stream or the signal', async (t) => {
  const text = '{"n":1,"name":"ü"}\n\n{"n":2}\n{"n":3}'
  const { api, asked } = await engine(t, (_, response) => {
    const bytes = Buffer.from(text)
    let at = 0
    const next = () => {
      if (at >= bytes.length) return response.end()
      response.write(bytes.subarray(at, at + 7))
      at += 7
      setTimeout(next, 1)
    }
    next()
  })
  assert.deepEqual(await take(api, new AbortController().signal), ['{"n":1,"name":"ü"}', '{"n":2}', '{"n":3}'])
  assert.deepEqual(asked.at(-1), 'GET /v1.41/events?since=1.5')

  const open = await engine(t, (_, response) => void response.write('{"n":1}\n'))
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 100)
  assert.deepEqual(await take(open.api, stop.signal), ['{"n":1}'])
})

test('an event without end, and an engine that dies in the middle, end the stream with an error', async (t) => {
  const long = await engine(t, (_, response) => {
    const more = () => response.write('x'.repeat(300_000), () => !response.destroyed && more())
    more()
  })
  await assert.rejects(take(long.api, new AbortController().signal), { code: 'too_large' })
  const dying = await engine(t, (_, response) => {
    response.write('{"n":1}\n')
    setTimeout(() => response.destroy(), 20)
  })
  await assert.rejects(take(dying.api, new AbortController().signal), { code: 'unreachable', retryable: true })
})

test('an engine that refused to tell its version is asked again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-api-'))
  let asked = 0
  const server = http.createServer((request, response) => {
    if (request.url !== '/version') return response.end('{"ok":true}')
    asked += 1
    response.statusCode = asked === 1 ? 503 : 200
    response.end(JSON.stringify(asked === 1 ? { message: 'starting' } : { ApiVersion: '1.41', MinAPIVersion: '1.12' }))
  })
  const socket = join(folder, 'engine.sock')
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const api = createDockerApi(dockerConnection.parse({ address: `unix://${socket}`, timeout_ms: 400 }))
  t.after(() => {
    api.close()
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await assert.rejects(api.request('GET', '/info'), /starting/)
  assert.deepEqual(await api.request('GET', '/info'), { ok: true })
})
