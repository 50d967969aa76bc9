import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { packageRoot } from '../core/paths.js'
import { type HttpCollector, http } from '../ingest/collectors/http.js'
import { lambdaTelemetry } from '../ingest/formats/lambda_telemetry.js'
import { type RecordingDeps, recordingDeps } from '../ingest/recording-deps.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { validate } from '../ocsf/validate.js'

const program = join(packageRoot, 'deploy', 'lambda-extension', 'weir', 'extension.mjs')
const ARN = 'arn:aws:lambda:eu-central-1:123456789012:function:orders'
const TOKEN = 'a-token-of-some-length'

/** Plays what Lambda answers to an extension, as its documentation describes it. Not Lambda. */
async function playedLambda(t: TestContext) {
  const seen: { method: string; path: string; headers: IncomingMessage['headers']; body: any }[] = []
  const events: object[] = []
  let waiting: ServerResponse | undefined
  const next = () => {
    if (!waiting || events.length === 0) return
    waiting.end(JSON.stringify(events.shift()))
    waiting = undefined
  }
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString()
    const { method = '', url = '', headers } = request
    seen.push({ method, path: url, headers, body: text ? JSON.parse(text) : undefined })
    if (url === '/2020-01-01/extension/register') {
      response.setHeader('Lambda-Extension-Identifier', 'id-1')
      return response.end(
        JSON.stringify({
          functionName: 'orders',
          functionVersion: '7',
          handler: 'index.handler',
          accountId: '123456789012',
        }),
      )
    }
    if (url === '/2022-07-01/telemetry') return response.end('"OK"')
    waiting = response
    return next()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    seen,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    event(event: object) {
      events.push(event)
      next()
    },
    /** Posts a batch to where the extension asked for it. */
    async telemetry(batch: readonly object[]) {
      const { body } = seen.find(({ path }) => path === '/2022-07-01/telemetry') ?? {}
      const answer = await fetch(body.destination.URI, { method: 'POST', body: JSON.stringify(batch) })
      assert.equal(answer.status, 200)
    },
  }
}

function startExtension(t: TestContext, lambda: string, url: string, more: object = {}) {
  const env = {
    AWS_LAMBDA_RUNTIME_API: lambda,
    AWS_REGION: 'eu-central-1',
    WEIR_URL: url,
    WEIR_TOKEN: TOKEN,
    WEIR_TELEMETRY_HOST: '127.0.0.1',
    WEIR_TELEMETRY_PORT: '0',
    ...more,
  }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  return { child: child as ChildProcess, ended, said: () => said }
}

async function endpoint(t: TestContext, recording: RecordingDeps, port = 0) {
  const collector = http.create(http.config.parse({ port, token: TOKEN }), recording.deps) as HttpCollector
  await collector.start()
  t.after(() => collector.stop())
  return { collector, url: `${collector.url()}/ingest/lambda_telemetry` }
}

const normalise = lambdaTelemetry.create({})
function eventsOf({ emitted }: RecordingDeps): OcsfEvent[] {
  return emitted
    .flatMap(({ record }) => {
      const data: unknown = typeof record.data === 'string' ? JSON.parse(record.data) : record.data
      return lambdaTelemetry.split?.(data) ?? [data]
    })
    .flatMap((record) => {
      const outcome = normalise(record, { received_time: Date.now() })
      assert.equal(outcome.kind, 'ok', JSON.stringify(outcome))
      return (outcome.kind === 'ok' ? outcome.value : []).map((draft, ordinal) => {
        const event = finish(draft, {
          format: 'lambda_telemetry',
          instance: 'lambda',
          ordinal,
          received_time: 1,
          raw: JSON.stringify(record),
        })
        assert.deepEqual(validate(event), [])
        return event
      })
    })
}

const line = (n: number, padding = '') => ({
  time: '2026-11-23T10:00:00.000Z',
  type: 'function',
  record: {
    timestamp: '2026-11-23T10:00:00.000Z',
    level: 'INFO',
    requestId: `r-${n}`,
    message: `order ${n}${padding}`,
  },
})
const orders = (recording: RecordingDeps) =>
  eventsOf(recording).flatMap(({ message }) => /order (\d+)/.exec(String(message))?.slice(1).map(Number) ?? [])

test('telemetry of a function arrives as events of that function, the last of it when the environment ends', {
  timeout: 60_000,
}, async (t) => {
  const recording = recordingDeps()
  const lambda = await playedLambda(t)
  const { url } = await endpoint(t, recording)
  const { ended, said } = startExtension(t, lambda.address, url)
  await recording.until(() => lambda.seen.some(({ path }) => path.endsWith('/event/next')), 'the extension waits')
  const [register, subscribe, next] = lambda.seen
  assert.deepEqual(
    [register?.headers['lambda-extension-name'], register?.body],
    ['weir', { events: ['INVOKE', 'SHUTDOWN'] }],
  )
  assert.equal(subscribe?.method, 'PUT')
  assert.deepEqual([subscribe?.body.schemaVersion, subscribe?.body.types], ['2025-01-29', ['platform', 'function']])
  assert.deepEqual(
    new Set([subscribe, next].map((call) => call?.headers['lambda-extension-identifier'])),
    new Set(['id-1']),
  )

  lambda.event({
    eventType: 'INVOKE',
    deadlineMs: Date.now() + 3_000,
    requestId: 'r-1',
    invokedFunctionArn: `${ARN}:live`,
  })
  await lambda.telemetry([
    { time: '2026-11-23T10:00:00.000Z', type: 'platform.start', record: { requestId: 'r-1', version: '7' } },
    line(1),
  ])
  await recording.until(() => orders(recording).length === 1, 'the first batch')
  for (const event of eventsOf(recording)) assert.equal(event.workload?.uid, eventsOf(recording)[0]?.workload?.uid)
  const { workload } = eventsOf(recording)[0] ?? {}
  assert.deepEqual(
    [workload?.kind, workload?.name, workload?.account, workload?.version],
    ['function', 'orders', '123456789012', '7'],
  )

  lambda.event({ eventType: 'SHUTDOWN', shutdownReason: 'spindown', deadlineMs: Date.now() + 2_000 })
  await lambda.telemetry([line(2), line(3)])
  const [code] = await ended
  assert.equal(code, 0, said())
  assert.deepEqual(orders(recording), [1, 2, 3])
})

test('while Weir is away events wait, the oldest are dropped beyond the bound, and their number is told', {
  timeout: 60_000,
}, async (t) => {
  const recording = recordingDeps()
  const lambda = await playedLambda(t)
  const before = await endpoint(t, recording)
  const port = Number(new URL(before.url).port)
  await before.collector.stop()
  const { ended, said } = startExtension(t, lambda.address, before.url, { WEIR_BUFFER_BYTES: '20000' })
  await recording.until(() => lambda.seen.some(({ path }) => path.endsWith('/event/next')), 'the extension waits')
  const padding = ' '.repeat(900)
  await lambda.telemetry(Array.from({ length: 50 }, (_, n) => line(n, padding)))
  await recording.until(() => /not reached/.test(said()), 'that Weir is away')
  recording.pressure = 1
  await endpoint(t, recording, port)
  await recording.until(() => recording.refused.get('overloaded'), 'Weir has no room: Retry-After')
  recording.pressure = 0
  await recording.until(() => orders(recording).length > 0, 'what was kept')
  lambda.event({ eventType: 'SHUTDOWN', shutdownReason: 'spindown', deadlineMs: Date.now() + 2_000 })
  assert.deepEqual(await ended, [0, null])
  const kept = orders(recording)
  assert.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, n) => 50 - kept.length + n),
    'the newest, in order, once',
  )
  const loss = eventsOf(recording).find(({ class_uid }) => class_uid === 99906002)
  assert.equal(loss?.lost_count, 50 - kept.length)
})

test('without a URL it says so and ends', { timeout: 20_000 }, async (t) => {
  const { ended, said } = startExtension(t, '127.0.0.1:1', '')
  assert.deepEqual(await ended, [1, null])
  assert.match(said(), /WEIR_URL is not set/)
})
