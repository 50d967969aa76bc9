import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { ClickHouseError, createClient } from '@clickhouse/client'
import { createLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { type EndpointFixture, startEndpoint } from './fixture.js'
import { createSqlEndpoint } from './server.js'

let fixture: EndpointFixture

before(async () => {
  fixture = await startEndpoint({
    users: [
      { name: 'default', password: '' },
      { name: 'analyst', password: '' },
      { name: 'guest', password: 'lantern' },
    ],
    limits: { max_body_bytes: 100_000, max_query_bytes: 50_000 },
  })
})
after(() => fixture.stop())

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer; text: string }

/** One request as curl sends it: nothing added, nothing decoded. */
function send(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
) {
  return new Promise<Reply>((resolve, reject) => {
    const method = options.method ?? (options.body === undefined ? 'GET' : 'POST')
    const request = httpRequest(
      `${fixture.endpoint.url}${path}`,
      { method, headers: options.headers ?? {} },
      (reply) => {
        const pieces: Buffer[] = []
        reply.on('data', (piece: Buffer) => pieces.push(piece))
        reply.on('error', reject)
        reply.on('end', () => {
          const body = Buffer.concat(pieces)
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body, text: body.toString() })
        })
      },
    )
    request.on('error', reject)
    request.end(options.body)
  })
}

const query = (sql: string, parameters: Record<string, string> = {}) =>
  send(`/?${new URLSearchParams({ ...parameters, query: sql })}`)

async function refused(sql: string, parameters: Record<string, string> = {}): Promise<number> {
  const reply = await query(sql, parameters)
  assert.ok(reply.status >= 400, `${sql} was answered: ${reply.text.slice(0, 200)}`)
  assert.match(reply.text, /^Code: \d+\. DB::Exception: .+ \([A-Z_]+\) \(version [\d.]+\)\n$/s)
  return Number(reply.headers['x-clickhouse-exception-code'])
}

test("a stranger's @clickhouse/client: query, parameters, streaming, typed errors", async () => {
  const client = createClient({ url: fixture.endpoint.url, compression: { response: true } })
  assert.deepEqual(await client.ping(), { success: true })
  const result = await client.query({
    query: 'SELECT class_uid, count() AS n, max(count) AS top FROM events WHERE class_uid = {uid:UInt32} GROUP BY 1',
    query_params: { uid: 1003 },
    format: 'JSON',
  })
  const { data } = await result.json()
  assert.deepEqual(data, [{ class_uid: 1003, n: '100', top: '18446744073709551615' }])

  const rows = await client.query({ query: 'SELECT metadata_uid FROM events ORDER BY 1', format: 'JSONEachRow' })
  let count = 0
  for await (const batch of rows.stream()) count += batch.length
  assert.equal(count, 1000)

  const fails = async (run: Promise<unknown>, code: string, type: string) =>
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof ClickHouseError, String(error))
      assert.deepEqual({ code: error.code, type: error.type }, { code, type })
      return true
    })
  await fails(client.query({ query: 'SELEC 1' }), '62', 'SYNTAX_ERROR')
  await fails(client.query({ query: 'SELECT * FROM nothing_here' }), '60', 'UNKNOWN_TABLE')
  await fails(
    client.insert({ table: 'events', values: [{ metadata_uid: 'x' }], format: 'JSONEachRow' }),
    '164',
    'READONLY',
  )
  await fails(client.command({ query: 'TRUNCATE TABLE events' }), '164', 'READONLY')
  await client.close()

  const wrong = createClient({ url: fixture.endpoint.url, username: 'guest', password: 'torch' })
  await fails(wrong.query({ query: 'SELECT 1' }), '516', 'AUTHENTICATION_FAILED')
  await wrong.close()
  const right = createClient({ url: fixture.endpoint.url, username: 'guest', password: 'lantern' })
  assert.equal(await (await right.query({ query: 'SELECT 1', format: 'TabSeparated' })).text(), '1\n')
  await right.close()
})

test('parameters of any size and content, in the URL and in a form', async () => {
  const client = createClient({ url: fixture.endpoint.url, use_multipart_params_auto: true })
  const odd = `it's a \\ "test"\t;\n\nDROP TABLE events -- {x:String} \u{1f30a}`
  const values = { odd, list: ['a', "b'"], big: 'x'.repeat(20_000) }
  const result = await client.query({
    query: 'SELECT {odd:String} AS odd, {list:Array(String)} AS list, length({big:String}) AS n',
    query_params: values,
    format: 'JSONEachRow',
  })
  assert.deepEqual(await result.json(), [{ odd, list: ['a', "b'"], n: '20000' }])
  await client.close()
  const both = await Promise.all(
    Array.from({ length: 20 }, (_, x) => query('SELECT {x:UInt32}', { param_x: String(x) })),
  )
  assert.deepEqual(
    both.map((reply) => reply.text),
    Array.from({ length: 20 }, (_, x) => `${x}\n`),
  )
  assert.equal(await refused('SELECT {missing:String}'), 456)
})

test('raw HTTP as curl does', async () => {
  const pretty = await query('SELECT class_name, count() FROM events GROUP BY 1 ORDER BY 1 FORMAT PrettyCompact')
  assert.equal(pretty.status, 200)
  assert.match(pretty.text, /class 0 +│ +334/)
  assert.equal(pretty.headers['x-clickhouse-format'], 'PrettyCompact')
  assert.equal((await send('/', { body: 'SELECT 1' })).text, '1\n')
  assert.equal((await send('/?query=SELECT', { body: '2' })).text, '2\n')
  assert.equal((await send('/?default_format=JSONCompactEachRow', { body: 'SELECT 1, 2;' })).text, '[1, 2]\n')
  assert.equal((await send('/', { headers: { 'X-ClickHouse-Format': 'CSV' }, body: "SELECT 'a'" })).text, '"a"\n')
  assert.equal((await send('/?database=system', { body: 'SELECT count() > 0 FROM one' })).text, '1\n')
  const named = await query('SELECT 1', { query_id: 'mine-7' })
  assert.equal(named.headers['x-clickhouse-query-id'], 'mine-7')
  assert.ok(Number(JSON.parse(String(named.headers['x-clickhouse-summary'])).elapsed_ns) > 0)
  assert.match(String(named.headers['x-clickhouse-timezone']), /\w/)
  for (const path of ['/ping', '/', '/replicas_status']) assert.equal((await send(path)).text, 'Ok.\n')
  assert.equal((await send('/ping', { method: 'HEAD' })).status, 200)
  assert.equal((await send('/nowhere?query=SELECT+1')).status, 404)
  assert.equal((await send('/', { method: 'DELETE' })).status, 405)
})

test('compression both ways', async () => {
  const headers = { 'Accept-Encoding': 'gzip' }
  const packed = await send('/?enable_http_compression=1', { headers, body: 'SELECT number FROM numbers(1000)' })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.equal(gunzipSync(packed.body).toString().split('\n').length, 1001)
  assert.equal((await send('/', { headers, body: 'SELECT 1' })).headers['content-encoding'], undefined)
  const sent = await send('/', { headers: { 'Content-Encoding': 'gzip' }, body: gzipSync('SELECT 42') })
  assert.equal(sent.text, '42\n')
  const broken = await send('/', { headers: { 'Content-Encoding': 'gzip' }, body: 'not gzip' })
  assert.equal(broken.status, 400)
  const bomb = await send('/', { headers: { 'Content-Encoding': 'gzip' }, body: gzipSync(Buffer.alloc(5_000_000, 32)) })
  assert.equal(bomb.status, 400)
  assert.equal((await send('/', { body: 'SELECT 1'.padEnd(200_000) })).status, 400)
})

test('Native blocks at the revision of the native protocol that Go clients ask for', async () => {
  const columns = [
    '7 AS a',
    "'text' AS b",
    'toNullable(number) AS c',
    "[toLowCardinality(toNullable('x')), NULL] AS d",
    "CAST([], 'Array(LowCardinality(String))') AS e",
    "map('k', [number, 2]) AS f",
    "CAST((1, 'z'), 'Tuple(q Int8, `r (` LowCardinality(String))') AS g",
    "toDateTime64(0, 3, 'UTC') AS h",
    "CAST('a', 'Enum8(\\'a\\' = 1, \\'b, )\\' = 2)') AS i",
    'toDecimal128(1, 20) AS j',
    `CAST('{"x":1}' AS JSON) AS k`,
    "toFixedString('ab', 5) AS l",
    "toUUID(toString(generateUUIDv4(1))) != toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS m",
    'INTERVAL 1 DAY AS n',
    '[[1], []] AS o',
    "toIPv6('::1') AS p",
  ]
  const block = async (select: string, version: string) => {
    const reply = await query(`SELECT ${select} FROM numbers(3) FORMAT Native`, { client_protocol_version: version })
    assert.equal(reply.status, 200, reply.text)
    return reply.body
  }
  const info = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
  const whole = await block(columns.join(', '), '54460')
  const alone = await Promise.all(columns.map((column) => block(column, '54460')))
  for (const column of alone) assert.deepEqual(column.subarray(0, 10), Buffer.concat([info, Buffer.from([1, 3])]))
  const expected = [info, Buffer.from([columns.length, 3]), ...alone.map((column) => column.subarray(10))]
  assert.ok(whole.equals(Buffer.concat(expected)), 'a column was not measured right')
  // Revision 51903 has the block info, but no word on serialization.
  const plain = await block("'x' AS a", '0')
  assert.ok((await block("'x' AS a", '51903')).equals(Buffer.concat([info, plain])))
})

test('what tools ask first works', async () => {
  const asked = [
    'SELECT version()',
    'SELECT displayName(), version(), revision(), timezone()',
    'EXPLAIN SELECT count() FROM events',
    'SHOW TABLES',
    'SHOW DATABASES',
    'SHOW CREATE TABLE events',
    'DESCRIBE TABLE events',
    'DESC events',
    'EXISTS TABLE events',
    'USE default',
    "SELECT name FROM system.databases WHERE name NOT IN ('system')",
    "SELECT database, name, engine, total_rows FROM system.tables WHERE database = 'default'",
    "SELECT name, type, comment FROM system.columns WHERE table = 'events'",
    'SELECT name FROM system.functions LIMIT 5',
    'WITH 1 AS x SELECT x /* a comment; with ; semicolons */',
    'SELECT * FROM numbers(3) -- and a tail',
    'SELECT toStartOfInterval(time, INTERVAL 60 second) AS t, count() FROM events GROUP BY t ORDER BY t LIMIT 3',
    "SELECT labels['a'], $$heredoc; 'x'$$ FROM events LIMIT 1",
  ]
  for (const sql of asked) assert.equal((await query(sql)).status, 200, sql)
  assert.match((await query('SHOW TABLES')).text, /^events$/m)
})

test('an analyst cannot write, leave the lake or loosen the limits', async () => {
  let contacts = 0
  const outside = createServer((_, response) => {
    contacts++
    response.end('x')
  })
  await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/x.csv`
  const written = join(tmpdir(), `weir-outfile-${process.pid}`)
  const denied: [string, number][] = [
    ['SELECT 1; DROP TABLE events', 62],
    ['SELECT 1 /* ; */ ; /* hidden */ DROP TABLE events', 62],
    ["SELECT 1 ; -- '\nDROP TABLE events", 62],
    [`SELECT 1 INTO OUTFILE '${written}'`, 164],
    [`SELECT 1 INTO/**/OUTFILE '${written}'`, 164],
    [`select 1 into -- x\n outfile '${written}' truncate format CSV`, 164],
    ["SELECT * FROM file('/etc/passwd', 'LineAsString')", 164],
    ["SELECT file('/etc/hostname')", 164],
    ["SELECT `fi\\x6ce`('/etc/hostname')", 164],
    ["SELECT arrayMap(file, ['/etc/hostname'])", 164],
    ["SELECT * APPLY(file) FROM (SELECT '/etc/hostname')", 164],
    ['SELECT * FROM `/etc/passwd`', 164],
    ['EXISTS TABLE `/etc/passwd`', 164],
    [`SELECT * FROM url('${address}', 'LineAsString')`, 164],
    [`DESCRIBE TABLE url('${address}')`, 164],
    [`DESCRIBE (SELECT * FROM "ur\\x6c"('${address}'))`, 164],
    [`SELECT * FROM s3('${address}')`, 164],
    ["SELECT * FROM remote('127.0.0.1:9', system.one)", 164],
    ["SELECT * FROM merge('system', 'stack_trace')", 164],
    ['SELECT * FROM system.stack_trace', 164],
    ['KILL QUERY WHERE 1', 164],
    ['SET readonly = 0', 164],
    ["INSERT INTO events (metadata_uid) VALUES ('x')", 164],
    ['INSERT INTO events FORMAT JSONEachRow {"metadata_uid":"x\'"}', 164],
    ['CREATE TEMPORARY TABLE t (a Int8)', 164],
    ['SELECT 1 SETTINGS readonly = 0', 164],
    ['SELECT 1 SETTINGS max_execution_time = 0', 164],
    ["SELECT 1 FORMAT CSV SETTINGS output_format_schema = '/tmp/x'", 164],
    ['SELECT nothing -- { serverError 47 }', 47],
    ['exit', 62],
    ['', 62],
  ]
  for (const [sql, code] of denied) assert.equal(await refused(sql), code, sql)
  assert.equal(await refused('SELECT 1', { allow_introspection_functions: '1' }), 164)
  assert.equal(await refused('SELECT 1', { output_format_schema: '/tmp/x' }), 164)
  assert.equal(await refused('SELECT 1', { no_such_setting: '1' }), 115)
  assert.equal(await refused('SELECT 1', { database: 'nothing' }), 81)
  assert.equal(await refused('SELECT 1', { default_format: "CSV' x" }), 73)
  assert.equal(await refused('SELECT 1', { 'param_a = 1, readonly': '0' }), 36)
  assert.equal(await refused('SELECT 1', { compress: '1' }), 36)
  assert.equal(contacts, 0)
  assert.equal(existsSync(written), false)
  await new Promise((resolve) => outside.close(resolve))
  const left = await fixture.writer.queryAsync('SELECT count() FROM events', { format: 'TSV' })
  assert.equal(left.text(), '1000\n')
})

test('a setting of one request does not reach the next, and none goes above the limits', async () => {
  assert.equal(await refused('SELECT number FROM numbers(10)', { max_result_rows: '5' }), 396)
  assert.equal((await query('SELECT count() FROM numbers(10)', { readonly: '2', max_threads: '1' })).status, 200)
  assert.equal((await query('SELECT number FROM numbers(10)')).text.length, 20)
  const value = async (name: string, parameters: Record<string, string> = {}) =>
    (await query(`SELECT getSetting('${name}')`, parameters)).text
  assert.equal(await value('max_threads', { max_threads: '1' }), '1\n')
  assert.notEqual(await value('max_threads'), '1\n')
  assert.equal(await value('readonly', { readonly: '0' }), '1\n')
  assert.equal(await value('max_execution_time', { max_execution_time: '5' }), '5\n')
  assert.equal(await value('max_execution_time', { max_execution_time: '0' }), '60\n')
  assert.equal(await value('max_execution_time', { max_execution_time: '999999' }), '60\n')
  assert.equal((await query('SELECT toUInt64(1) AS x', { default_format: 'JSONEachRow' })).text, '{"x":"1"}\n')
  const plain = { default_format: 'JSONEachRow', output_format_json_quote_64bit_integers: '0' }
  assert.equal((await query('SELECT toUInt64(1) AS x', plain)).text, '{"x":1}\n')
})

test('limits are errors of their own kind', async () => {
  const slow = 'SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))'
  const late = await query(slow, { max_execution_time: '1' })
  assert.equal(late.status, 408)
  assert.equal(late.headers['x-clickhouse-exception-code'], '159')
  assert.equal(
    await refused('SELECT groupArray(number) FROM numbers(100000000)', { max_memory_usage: '20000000' }),
    241,
  )
  assert.equal(
    (await send('/', { body: `SELECT '${'x'.repeat(60_000)}'` })).headers['x-clickhouse-exception-code'],
    '734',
  )
})

test('only requests meant for this endpoint are answered', async () => {
  const host = async (name: string) => (await send('/ping', { headers: { Host: name } })).status
  assert.deepEqual(
    await Promise.all(['localhost:1', '127.0.0.1', '[::1]:80', 'LOCALHOST'].map(host)),
    [200, 200, 200, 200],
  )
  assert.deepEqual(
    await Promise.all(['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io'].map(host)),
    [403, 403, 403],
  )
  const page = await send('/?query=SELECT+1', { headers: { Origin: 'http://evil.example' } })
  assert.equal(page.status, 403)
  assert.equal((await send('/?query=SELECT+1')).headers['access-control-allow-origin'], undefined)
  const open = { open: fixture.open, port: 0, log: createLog('silent'), metrics: createMetrics() }
  assert.throws(() => createSqlEndpoint({ ...open, host: '0.0.0.0' }), { code: 'config_invalid' })
  createSqlEndpoint({ ...open, host: '0.0.0.0', users: [{ name: 'a', password: 'b' }] })
})

test('every query is counted by its outcome', () => {
  const counts = fixture.metrics.by('sql_queries', 'outcome')
  assert.ok((counts.ok ?? 0) > 30)
  assert.ok((counts.READONLY ?? 0) > 20)
  assert.ok((counts.AUTHENTICATION_FAILED ?? 0) >= 1)
})

test('a writer who leaves before the answer keeps nobody from writing', async () => {
  const slow = createSqlEndpoint({
    open: fixture.open,
    port: 0,
    writers: { users: [{ name: 'writer', password: 'quill' }], admit: () => sleep(400) },
    log: createLog('silent'),
    metrics: createMetrics(),
  })
  await slow.start()
  const ask = (sql: string, signal: AbortSignal) =>
    fetch(`${slow.url}/?user=writer&password=quill`, { method: 'POST', body: sql, signal })
  // No row comes back: nothing is written that would tell that nobody reads.
  const nothing = 'INSERT INTO events (metadata_uid) SELECT metadata_uid FROM events WHERE 0'
  for (let n = 0; n < 9; n++) await assert.rejects(ask(nothing, AbortSignal.timeout(150)), { name: 'TimeoutError' })
  const reply = await ask('SELECT 1', AbortSignal.timeout(10_000))
  assert.equal(await reply.text(), '1\n')
  await slow.stop()
})
