// Forwards what the Lambda Telemetry API tells of one function to Weir's push endpoint. Node 20, no dependencies.
// The Extensions API (2020-01-01) says when the environment is used and when it ends; the Telemetry API (2022-07-01,
// schema 2025-01-29) posts batches to the small server in here.
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

const {
  AWS_LAMBDA_RUNTIME_API: api,
  AWS_LAMBDA_FUNCTION_NAME: function_name = '',
  AWS_LAMBDA_LOG_STREAM_NAME: instance,
  AWS_REGION: region = '',
  WEIR_URL: weir_url,
  WEIR_TOKEN: token,
  WEIR_EXTENSION_NAME: extension_name = 'weir',
  WEIR_TELEMETRY_HOST: listen_host = 'sandbox.localdomain',
  WEIR_TELEMETRY_PORT: listen_port = '4243',
  WEIR_TELEMETRY_TYPES: types = 'platform,function',
  WEIR_BUFFER_BYTES: buffer_bytes = String(4 * 1024 * 1024),
} = process.env

const MAX_BUFFER_BYTES = Number(buffer_bytes)
const SEND_BYTES = 1024 * 1024
const SEND_WITHIN_MS = 5_000
const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 5_000
/** Left of the time to shut down, for the way back. */
const SHUTDOWN_MARGIN_MS = 200
/** What Lambda had buffered arrives so long after it has said that the environment ends. */
const LAST_BATCH_MS = 400

/** Events that wait, oldest first, as JSON texts; what does not fit is counted. */
const buffer = { events: [], bytes: 0, dropped: 0, dropped_bytes: 0 }
const about = { arn: undefined, version: undefined, instance }
let was_refused = false

function keep(event) {
  const text = JSON.stringify(event)
  const bytes = Buffer.byteLength(text)
  buffer.events.push({ text, bytes })
  buffer.bytes += bytes
  while (buffer.bytes > MAX_BUFFER_BYTES) drop(buffer.events.shift())
}

function drop({ bytes }) {
  buffer.bytes -= bytes
  buffer.dropped += 1
  buffer.dropped_bytes += bytes
}

/** The server that Lambda posts to. It answers at once: a slow answer makes Lambda drop. */
function listen() {
  const server = createServer((request, response) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      try {
        for (const event of JSON.parse(Buffer.concat(parts).toString('utf8'))) keep(event)
        response.writeHead(200).end()
      } catch {
        response.writeHead(400).end()
      }
      flush(Date.now() + SEND_WITHIN_MS).catch(() => {})
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(Number(listen_port), listen_host, () => resolve(server))
  })
}

async function call(method, path, headers, body) {
  const response = await fetch(`http://${api}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text.slice(0, 300)}`)
  return { headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : {} }
}

let flushing

/** Sends what waits until nothing does, or until `deadline_ms`. One at a time; who comes meanwhile waits for the same. */
function flush(deadline_ms) {
  flushing ??= send(deadline_ms).finally(() => {
    flushing = undefined
  })
  return flushing
}

async function send(deadline_ms) {
  for (let wait_ms = FIRST_RETRY_MS; buffer.events.length > 0 || buffer.dropped > 0; ) {
    // Without the function's name nothing could be told apart: the first invocation tells it, where registering did not.
    if (about.arn === undefined || Date.now() >= deadline_ms) return
    const batch = take()
    const outcome = await post(batch, deadline_ms)
    if (outcome.is_done) {
      wait_ms = FIRST_RETRY_MS
      continue
    }
    giveBack(batch)
    const pause_ms = outcome.retry_after_ms ?? wait_ms
    if (Date.now() + pause_ms >= deadline_ms) return
    await sleep(pause_ms)
    wait_ms = Math.min(wait_ms * 2, LAST_RETRY_MS)
  }
}

/** The oldest events, as many as make a request; losses travel as the event Lambda itself has for them. */
function take() {
  const batch = {
    events: [],
    dropped: buffer.dropped,
    dropped_bytes: buffer.dropped_bytes,
    time: new Date().toISOString(),
  }
  buffer.dropped = 0
  buffer.dropped_bytes = 0
  for (let bytes = 0; buffer.events.length > 0 && bytes < SEND_BYTES; ) {
    const event = buffer.events.shift()
    bytes += event.bytes
    buffer.bytes -= event.bytes
    batch.events.push(event)
  }
  return batch
}

function giveBack({ events, dropped, dropped_bytes }) {
  buffer.events.unshift(...events)
  for (const { bytes } of events) buffer.bytes += bytes
  buffer.dropped += dropped
  buffer.dropped_bytes += dropped_bytes
  while (buffer.bytes > MAX_BUFFER_BYTES) drop(buffer.events.shift())
}

async function post({ events, dropped, dropped_bytes, time }, deadline_ms) {
  const reason = 'the buffer of the Weir extension was full, or Weir refused them'
  const record = { droppedRecords: dropped, droppedBytes: dropped_bytes, reason }
  const texts = events.map(({ text }) => text)
  if (dropped > 0) texts.push(JSON.stringify({ time, type: 'platform.logsDropped', record }))
  const body = gzipSync(`{"function":${JSON.stringify(about)},"events":[${texts.join(',')}]}`)
  try {
    const response = await fetch(weir_url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body,
      signal: AbortSignal.timeout(Math.max(50, Math.min(SEND_WITHIN_MS, deadline_ms - Date.now()))),
    })
    const answer = await response.text()
    if (response.ok) {
      was_refused = false
      return { is_done: true }
    }
    tell(`Weir answered ${response.status}: ${answer.slice(0, 200)}`)
    if (response.status === 429 || response.status >= 500) {
      const after_s = Number(response.headers.get('retry-after'))
      return { is_done: false, ...(after_s > 0 ? { retry_after_ms: after_s * 1_000 } : {}) }
    }
    if (response.status === 401 || response.status === 403 || response.status === 404) return { is_done: false }
    // Sent again it would be refused again.
    buffer.dropped += events.length + dropped
    buffer.dropped_bytes += events.reduce((sum, { bytes }) => sum + bytes, dropped_bytes)
    return { is_done: true }
  } catch (error) {
    tell(`Weir is not reached at ${weir_url}: ${error.cause?.message ?? error.message}`)
    return { is_done: false }
  }
}

/** Says once what is wrong, until it is right again. */
function tell(problem) {
  if (!was_refused) console.error(`weir: ${problem}; up to ${MAX_BUFFER_BYTES} bytes of events wait`)
  was_refused = true
}

function partitionOf(of_region) {
  if (of_region.startsWith('cn-')) return 'aws-cn'
  return of_region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}

async function main() {
  if (!weir_url) throw new Error('WEIR_URL is not set: https://weir.example.com/ingest/lambda_telemetry')
  const server = await listen()
  const registered = await call(
    'POST',
    '/2020-01-01/extension/register',
    { 'lambda-extension-name': extension_name, 'lambda-extension-accept-feature': 'accountId' },
    { events: ['INVOKE', 'SHUTDOWN'] },
  )
  const id = { 'lambda-extension-identifier': registered.headers.get('lambda-extension-identifier') }
  const { accountId, functionName = function_name, functionVersion } = registered.body
  about.version = functionVersion
  if (accountId) about.arn = `arn:${partitionOf(region)}:lambda:${region}:${accountId}:function:${functionName}`
  await call('PUT', '/2022-07-01/telemetry', id, {
    schemaVersion: '2025-01-29',
    types: types.split(','),
    buffering: { maxItems: 1_000, maxBytes: 256 * 1024, timeoutMs: 500 },
    destination: { protocol: 'HTTP', URI: `http://${listen_host}:${server.address().port}` },
  })
  for (;;) {
    const { body: event } = await call('GET', '/2020-01-01/extension/event/next', id)
    if (event.eventType === 'INVOKE') {
      // Without a version or alias behind the name: that is another attribute.
      about.arn ??= event.invokedFunctionArn?.split(':').slice(0, 7).join(':')
      flush(Math.min(event.deadlineMs, Date.now() + SEND_WITHIN_MS)).catch(() => {})
    }
    if (event.eventType !== 'SHUTDOWN') continue
    const deadline_ms = event.deadlineMs - SHUTDOWN_MARGIN_MS
    await flush(deadline_ms)
    await sleep(Math.max(0, Math.min(LAST_BATCH_MS, deadline_ms - Date.now())))
    await flush(deadline_ms)
    const lost = buffer.events.length + buffer.dropped
    if (lost > 0) console.error(`weir: ${lost} events could not be sent before the environment ended`)
    process.exit(0)
  }
}

main().catch((error) => {
  console.error(`weir: ${error.message}`)
  process.exit(1)
})
