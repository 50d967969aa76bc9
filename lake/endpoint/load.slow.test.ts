import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EndpointFixture, startEndpoint } from './fixture.js'

let fixture: EndpointFixture

before(async () => {
  fixture = await startEndpoint({ limits: { max_concurrent_queries: 2, max_queued_queries: 60, max_stall_ms: 1000 } })
})
after(() => fixture.stop())

const endless = 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))'

const post = (sql: string, parameters = '', signal: AbortSignal | null = null) =>
  fetch(`${fixture.endpoint.url}/?${parameters}`, { method: 'POST', body: sql, signal })

/** Queries the engine works on, without the one that asks. */
async function running(): Promise<number> {
  const result = await fixture.writer.queryAsync(
    "SELECT count() FROM system.processes WHERE Settings['log_comment'] LIKE 'weir:%'",
    { format: 'TSV' },
  )
  return Number(result.text())
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 5000
  while (!(await condition())) {
    assert.ok(Date.now() < end, 'waited 5 s in vain')
    await sleep(20)
  }
}

test('a result of 300 MB is streamed in little memory', async () => {
  const before = process.memoryUsage().rss
  let top = 0
  let bytes = 0
  const reply = await post('SELECT number, toString(number) FROM numbers(20000000)')
  for await (const piece of reply.body ?? []) {
    bytes += piece.length
    top = Math.max(top, process.memoryUsage().rss)
  }
  assert.equal(bytes, 337_777_780)
  assert.ok(top - before < 250e6, `memory grew by ${Math.round((top - before) / 1e6)} MB`)
})

test('a client that goes away ends its query, streamed or not', async () => {
  const abort = new AbortController()
  const reply = await post('SELECT number FROM numbers(100000000000)', '', abort.signal)
  const reader = reply.body?.getReader()
  assert.ok(((await reader?.read())?.value?.length ?? 0) > 0)
  await until(async () => (await running()) === 1)
  abort.abort()
  await until(async () => (await running()) === 0)

  const other = new AbortController()
  const pending = post(endless, '', other.signal).catch(() => 'gone')
  await until(async () => (await running()) === 1)
  other.abort()
  assert.equal(await pending, 'gone')
  await until(async () => (await running()) === 0)
  assert.equal(await (await post('SELECT 1')).text(), '1\n')
})

test('a client that stops reading loses its place', async () => {
  const stalled = await new Promise<NodeJS.EventEmitter>((resolve) => {
    const sent = request(`${fixture.endpoint.url}/`, { method: 'POST' }, (reply) => {
      reply.pause()
      reply.on('error', () => {})
      resolve(reply)
    })
    sent.end('SELECT number FROM numbers(100000000000)')
  })
  await until(async () => (await running()) === 1)
  await until(async () => (await running()) === 0)
  assert.ok(stalled)
})

test('an error in the middle of a result cannot be taken for data', async () => {
  const reply = await post("SELECT number, throwIf(number = 9000000, 'late') FROM numbers(10000000)")
  assert.equal(reply.status, 200)
  const tag = reply.headers.get('x-clickhouse-exception-tag')
  let tail = ''
  await assert.rejects(async () => {
    for await (const piece of reply.body ?? []) tail = (tail + Buffer.from(piece).toString('latin1')).slice(-2000)
  })
  assert.match(
    tail,
    new RegExp(`\\r\\n__exception__\\r\\n${tag}\\r\\nCode: 395\\. .+\\n\\d+ ${tag}\\r\\n__exception__\\r\\n$`),
  )
})

test('50 queries at once are all answered; more than fit are refused', async () => {
  const replies = await Promise.all(Array.from({ length: 50 }, (_, n) => post(`SELECT ${n}, sleep(0.01)`)))
  const texts = await Promise.all(replies.map((reply) => reply.text()))
  assert.deepEqual(
    texts,
    texts.map((_, n) => `${n}\t0\n`),
  )
  const abort = new AbortController()
  const full = Array.from({ length: 62 }, () => post(endless, '', abort.signal).catch(() => undefined))
  await until(async () => (await running()) === 2)
  await sleep(200)
  const refused = await post('SELECT 1')
  assert.equal(refused.status, 503)
  assert.equal(refused.headers.get('x-clickhouse-exception-code'), '202')
  assert.match(await refused.text(), /TOO_MANY_SIMULTANEOUS_QUERIES/)
  abort.abort()
  await Promise.all(full)
  await until(async () => (await running()) === 0)
  assert.equal(await (await post('SELECT 1')).text(), '1\n')
})

test('heavy queries do not stop the event loop', async () => {
  let worst = 0
  let last = performance.now()
  const timer = setInterval(() => {
    worst = Math.max(worst, performance.now() - last)
    last = performance.now()
  }, 5)
  await post(
    'SELECT (SELECT count() FROM numbers(300000000) WHERE NOT ignore(sipHash64(number)))',
    'max_execution_time=2',
  )
  await post('SELECT length(arrayMap(x -> sipHash64(x), range(20000000)))', 'max_execution_time=2')
  clearInterval(timer)
  assert.ok(worst < 250, `the event loop stood still for ${Math.round(worst)} ms`)
})

test('what the endpoint adds to a query', async (context) => {
  const sql = 'SELECT class_name, count() FROM events GROUP BY 1'
  const median = async (run: () => Promise<unknown>) => {
    const times: number[] = []
    for (let n = 0; n < 60; n++) {
      const start = performance.now()
      await run()
      times.push(performance.now() - start)
    }
    return times.sort((a, b) => a - b)[30] ?? 0
  }
  const direct = await median(() => fixture.writer.queryAsync(sql, { format: 'JSON' }))
  const served = await median(async () => (await post(sql, 'default_format=JSON')).text())
  context.diagnostic(`median of 60: session ${direct.toFixed(2)} ms, endpoint ${served.toFixed(2)} ms`)
})

test('stopping ends what runs, closes the port, and may be done twice', async () => {
  const pending = post(endless).then(
    () => 'answered',
    () => 'cut',
  )
  await until(async () => (await running()) === 1)
  const start = Date.now()
  await fixture.endpoint.stop()
  assert.ok(Date.now() - start < 5000)
  assert.equal(await pending, 'cut')
  await until(async () => (await running()) === 0)
  await fixture.endpoint.stop()
  await assert.rejects(post('SELECT 1'))
})
