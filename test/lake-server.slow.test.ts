import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type RequestOptions } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { z } from 'zod'
import { WeirError } from '../core/errors.js'
import { lakeConformance } from '../lake/conformance.js'
import { provisionServer, provisionSql } from '../lake/provision.js'
import { runSql } from '../lake/query.js'
import { openServerLake, type ServerLakeOptions } from '../lake/server.js'
import { serverLakeFields } from '../lake/server-config.js'
import type { Table } from '../lake/tables/table.js'
import { type ClickHouseStack, startClickHouse } from './stack/clickhouse.js'

const database = `weir_test_${randomUUID().replaceAll('-', '')}`
let stack: ClickHouseStack

before(async () => {
  stack = await startClickHouse()
})
after(async () => {
  if (stack.kind === 'given') {
    const lake = await open()
    for (const name of [database, `${database}_2`]) await lake.command(`DROP DATABASE IF EXISTS ${name}`)
    await lake.close()
  }
  await stack.stop()
})

/** Only the stand-in can be slowed and locked: where there is a server, one takes its place until the test ends. */
async function useStandIn(t: TestContext) {
  if (stack.kind === 'stand-in') return
  const server = stack
  stack = await startClickHouse({ own: true })
  t.after(async () => {
    await stack.stop()
    stack = server
  })
}

function optionsFor(changes: Partial<ServerLakeOptions> = {}): ServerLakeOptions {
  const { user, password } = stack
  const config = z.strictObject(serverLakeFields).parse({ user, password, database })
  return { ...config, url: stack.url, ...changes }
}

const open = (changes: Partial<ServerLakeOptions> = {}) => openServerLake(optionsFor(changes))

lakeConformance('ClickHouse server', () => open())

/** The one error a start ends with, and that it ends soon. */
async function refusal(changes: Partial<ServerLakeOptions>): Promise<WeirError> {
  const started = Date.now()
  const error = await open(changes).then(
    async (lake) => {
      await lake.close()
      return undefined
    },
    (thrown: unknown) => thrown,
  )
  assert.ok(Date.now() - started < 15_000)
  assert.ok(error instanceof WeirError, String(error))
  assert.ok(error.hint, 'a hint')
  return error
}

test('a start that cannot succeed ends within 15 s with one error that names the setting', async () => {
  const wrong = await refusal({ password: 'wrong' })
  assert.equal(wrong.code, 'unauthorized')
  assert.match(wrong.message, /lake\.password/)
  const nobody = await refusal({ url: 'http://127.0.0.1:1' })
  assert.equal(nobody.code, 'unreachable')
  assert.match(nobody.message, /lake\.url: http:\/\/127\.0\.0\.1:1 .*ECONNREFUSED/)
  assert.match((await refusal({ url: 'http://no-such-host.invalid:8123' })).message, /lake\.url/)
  assert.match((await refusal({ url: stack.url.replace('http:', 'https:') })).message, /lake\.(tls|url)/)
  assert.match((await refusal({ database: 'not_there', migrate: false })).message, /lake\.database/)
})

test('weir migrate makes database and tables, and says what an administrator has to do', async () => {
  const limits = { max_execution_ms: 1_000, max_memory_bytes: 1e9, max_result_rows: 0 }
  const options = optionsFor({ database: `${database}_2` })
  assert.equal((await provisionSql(options, limits))[0], `CREATE DATABASE IF NOT EXISTS \`${database}_2\``)
  const { done, role_problem } = await provisionServer(options, limits)
  assert.ok(done.includes('created table events'))
  // The stand-in has no users: what it refuses is told, not thrown.
  assert.equal(role_problem === undefined, stack.kind !== 'stand-in', role_problem)
  assert.deepEqual((await provisionServer(options, limits)).done, [])
  assert.ok((await provisionSql(options, limits)).every((sql) => !sql.startsWith('CREATE TABLE')))
  const lake = await openServerLake({ ...options, migrate: false })
  await lake.close()
  const away = await provisionSql({ ...options, url: 'http://127.0.0.1:1' }, limits)
  assert.ok(away.some((sql) => sql.startsWith('CREATE TABLE IF NOT EXISTS events')))
  await assert.rejects(provisionServer({ ...options, password: 'wrong' }, limits), { code: 'unauthorized' })
})

test('weir sql asks the server of the configuration, and only reads', async () => {
  const lake = await open()
  await lake.close()
  const ask = async (sql: string) => {
    const pieces: Uint8Array[] = []
    const { user, password } = stack
    const write = async (piece: Uint8Array) => void pieces.push(piece)
    await runSql({
      sql,
      format: 'TSV',
      data_dir: '/nowhere',
      url: stack.url,
      user,
      password,
      database,
      only_reads: true,
      write,
    })
    return Buffer.concat(pieces).toString()
  }
  assert.equal(await ask('SELECT currentDatabase(), count() >= 0 FROM events'), `${database}\t1\n`)
  await assert.rejects(ask('DROP TABLE events'), { code: 164 })
})

test('a block that a server refuses for another reason than its rows can be written later', async () => {
  let refusal: [number, string] | undefined
  const front = createServer((request, response) => {
    const answer = refusal
    if (answer) {
      request.resume().on('end', () => response.writeHead(answer[0]).end(answer[1]))
      return
    }
    const { method, headers, url } = request
    const onward = httpRequest(new URL(url ?? '/', stack.url), { method, headers } as RequestOptions, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(front, 'listening')
  const lake = await open({ url: `http://127.0.0.1:${(front.address() as AddressInfo).port}` })
  try {
    const insert = () =>
      lake.insertNative({ name: 'coverage' } as Table, {
        columns: [{ name: 'source_name', type: 'String' }],
        chunks: [Buffer.from('\u0001\u0001\u000bsource_name\u0006String\u0001x')],
        rows: 1,
      })
    for (const answer of [
      [403, 'Code: 516. DB::Exception: weir: Authentication failed. (AUTHENTICATION_FAILED) (version 26.7.2.1)'],
      [404, 'Code: 60. DB::Exception: Table weir.coverage does not exist. (UNKNOWN_TABLE) (version 26.7.2.1)'],
      [500, 'Code: 242. DB::Exception: Table is in readonly mode. (TABLE_IS_READ_ONLY) (version 26.7.2.1)'],
      [503, '<html>no server is ready</html>'],
    ] as [number, string][]) {
      refusal = answer
      await assert.rejects(insert(), { code: 'lake_failed', retryable: true })
    }
    assert.match((await lake.health()).fault?.message ?? '', /lake\.url/)
    refusal = undefined
    await insert()
    assert.deepEqual(await lake.health(), { fault: undefined })
  } finally {
    await lake.close()
    front.close()
    front.closeAllConnections()
  }
})

test('TLS: a server is trusted by its certificate authority, and an unknown one is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-lake-tls-'))
  const file = (name: string) => join(folder, name)
  const arguments_ = `req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${file('key.pem')} -out ${file('ca.pem')}`
  execFileSync('openssl', arguments_.split(' '), { stdio: 'ignore' })
  const pem = { key: readFileSync(file('key.pem')), cert: readFileSync(file('ca.pem')) }
  const proxy = createHttpsServer(pem, (request, response) => {
    const { method, headers, url } = request
    const onward = httpRequest(new URL(url ?? '/', stack.url), { method, headers } as RequestOptions, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  try {
    const url = `https://localhost:${(proxy.address() as AddressInfo).port}`
    const lake = await open({ url, tls: { ca_file: file('ca.pem') } })
    assert.deepEqual(await lake.select('SELECT 1 AS n'), [{ n: 1 }])
    await lake.close()
    assert.match((await refusal({ url })).message, /lake\.tls/)
    assert.match(
      (await refusal({ url: url.replace('localhost', '127.0.0.1'), tls: { ca_file: file('ca.pem') } })).message,
      /lake\.tls/,
    )
    await assert.rejects(open({ url, tls: { ca_file: file('none.pem') } }), { code: 'config_invalid' })
  } finally {
    proxy.close()
    proxy.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a server that answers nothing, or something else, is no ClickHouse', async () => {
  const silent = createTcpServer(() => {}).listen(0, '127.0.0.1')
  const web = createServer((_, response) => response.writeHead(502).end('<html>Bad gateway</html>')).listen(
    0,
    '127.0.0.1',
  )
  await Promise.all([once(silent, 'listening'), once(web, 'listening')])
  try {
    const at = (server: { address(): unknown }) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const [none, other] = await Promise.all([refusal({ url: at(silent) }), refusal({ url: at(web) })])
    assert.equal(none.code, 'timeout')
    assert.match(none.message, /lake\.url/)
    assert.match(other.message, /lake\.url/)
  } finally {
    silent.close()
    web.close()
    web.closeAllConnections()
  }
})

test('a server that is read-only, slow or away is told, and used again when it is back', async (t) => {
  await useStandIn(t)
  const lake = await open({ request_timeout_ms: 1_000 })
  const insert = () => lake.command("INSERT INTO coverage (time, source_name) VALUES (now64(3), 'test')")
  try {
    await stack.setReadonly(true)
    const refused = await refusal({})
    assert.equal(refused.code, 'forbidden')
    assert.match(refused.message, /lake\.user/)
    assert.match((await lake.health()).fault?.message ?? '', /takes no writes/)
    await stack.setReadonly(false)
    assert.deepEqual(await lake.health(), { fault: undefined })

    await stack.setDelay(3_000)
    await assert.rejects(insert(), { code: 'lake_failed', retryable: true })
    await stack.setDelay(0)
    await insert()

    await stack.kill()
    await assert.rejects(insert(), { code: 'lake_failed', retryable: true })
    assert.equal((await lake.health()).fault?.code, 'unreachable')
    await stack.restart()
    await insert()
    assert.deepEqual(await lake.health(), { fault: undefined })
  } finally {
    await stack.setReadonly(false)
    await stack.setDelay(0)
    await lake.close()
  }
})

test('a lake that is slow is not a lake that is away', async (t) => {
  await useStandIn(t)
  const lake = await open({ request_timeout_ms: 8_000 })
  const pid = stack.pid() ?? 0
  try {
    await stack.setDelay(4_500)
    for (const least_ms of [2_000, 4_000]) {
      const { fault, slow_ms } = await lake.health()
      assert.equal(fault, undefined)
      assert.ok((slow_ms ?? 0) >= least_ms, `slow for ${slow_ms} ms`)
    }
    assert.deepEqual(await lake.health(), { fault: undefined }, 'the write was done in the end')

    process.kill(pid, 'SIGSTOP')
    assert.equal((await lake.health()).fault?.code, 'timeout', 'not even a ping is answered')
    process.kill(pid, 'SIGCONT')
    await stack.setDelay(0)
    assert.deepEqual(await lake.health(), { fault: undefined }, 'at once, whatever the last one still waits for')

    await stack.setDelay(20_000)
    let late = await lake.health()
    assert.equal(late.fault, undefined)
    for (const end = Date.now() + 15_000; !late.fault && Date.now() < end; ) late = await lake.health()
    assert.equal(late.fault?.code, 'timeout', 'no write is done within request_timeout_ms, though it answers a ping')
    assert.equal((await lake.health()).fault?.code, 'timeout', 'until one is')
  } finally {
    process.kill(pid, 'SIGCONT')
    await stack.setDelay(0)
    await lake.close()
  }
})
