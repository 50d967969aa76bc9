import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { packageRoot } from '../core/paths.js'
import { startWeir, type WeirProcess } from './weir-process.js'

const run = promisify(execFile)
/** The client would log every error that is expected here. */
const quiet = { log: { level: ClickHouseLogLevel.OFF } }

/** What the stranger tried and must not get, and ClickHouse's code for it. */
const refused: readonly [sql: string, type: string][] = [
  ["INSERT INTO events (message) VALUES ('mine')", 'READONLY'],
  ['DROP TABLE events', 'READONLY'],
  ['ALTER TABLE events DELETE WHERE 1', 'READONLY'],
  ['CREATE TABLE mine (n UInt8) ENGINE = Memory', 'READONLY'],
  ['SET readonly = 0', 'READONLY'],
  ['SYSTEM SHUTDOWN', 'READONLY'],
  ["SELECT * FROM file('/etc/passwd', LineAsString)", 'READONLY'],
  ["SELECT file('/etc/passwd')", 'READONLY'],
  ["SELECT * FROM url('http://127.0.0.1:1/', LineAsString)", 'READONLY'],
  ["SELECT * FROM s3('http://127.0.0.1:1/x', LineAsString)", 'READONLY'],
  ['SELECT 1; SELECT 2', 'SYNTAX_ERROR'],
  ['SELECT 1; DROP TABLE events', 'SYNTAX_ERROR'],
]

describe('a stranger meets a running Weir', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-stranger-'))
  let weir: WeirProcess
  let client: ClickHouseClient

  before(async () => {
    weir = await startWeir(folder, {
      collectors: { host: { type: 'host' }, docker: { type: 'docker' }, http: { type: 'http', port: 0 } },
    })
    client = createClient({ ...quiet, url: weir.sql_url })
  })
  after(async () => {
    await client?.close()
    if (!weir.isGone()) await weir.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  const sql = (...args: string[]) => run(join(packageRoot, 'bin', 'weir'), ['sql', ...args], { cwd: folder })
  async function failure(work: Promise<unknown>): Promise<ClickHouseError> {
    const error = await work.then(() => assert.fail('it was allowed')).catch((reason: unknown) => reason)
    if (error instanceof ClickHouseError) return error
    throw error
  }

  test('the start screen says what is watched, what is not and why, and where to ask', () => {
    const screen = weir.output()
    assert.match(screen, /watches +host /)
    assert.match(screen, /detects +\S/)
    assert.match(screen, /dry run: responses are planned, nothing is changed/)
    assert.match(screen, /SQL +http:\/\/127\.0\.0\.1:\d+/)
    if (!existsSync('/var/run/docker.sock')) assert.match(screen, /cannot +docker .*no such socket/)
  })

  test('its curl command shows what happens on this machine', async () => {
    const marker = `weir-stranger-${process.pid}`
    // A process with a name that no other has, long enough to be seen.
    const child = spawn('sh', ['-c', `sleep 5; : ${marker}`])
    const seen = () =>
      weir.number(
        `SELECT count() FROM events WHERE class_name = 'Process Activity' AND process_cmd_line LIKE '%${marker}%'`,
      )
    for (let n = 0; n < 100 && (await seen()) === 0; n++) await sleep(100)
    child.kill()
    assert.ok((await seen()) > 0, 'a process that just started is there')

    const url = weir.output().match(/curl '([^']+)'/)?.[1] ?? ''
    const { stdout } = await run('curl', ['-sS', '--fail-with-body', url])
    assert.match(stdout, /┌─class_name─+┬─count\(\)─┐/)
    assert.match(stdout, /│ Process Activity +│ +\d+ │/)
    assert.match(stdout, /│ Network Activity +│ +\d+ │/)
    const [row] = await weir.rows<{ n: string; unique: string }>(
      'SELECT count() AS n, uniqExact(metadata_uid) AS unique FROM events',
    )
    assert.ok(Number(row?.n) > 10)
    assert.equal(row?.n, row?.unique)
    assert.equal(await weir.number("SELECT uniqExact(workload_uid) FROM events WHERE workload_kind = 'vm'"), 1)
  })

  test('the client of ClickHouse: formats, parameters, streams, settings', async () => {
    assert.equal((await client.ping()).success, true)
    const result = await client.query({
      query: 'SELECT class_name, toUInt64(18446744073709551615) AS big, {name:String} AS name FROM events LIMIT 1',
      query_params: { name: "O'Hara\n\n;DROP" },
    })
    const { data, rows } = await result.json<{ class_name: string; big: string; name: string }>()
    assert.deepEqual([rows, data[0]?.big, data[0]?.name], [1, '18446744073709551615', "O'Hara\n\n;DROP"])
    const stream = await client.query({ query: 'SELECT number FROM numbers(100000)', format: 'JSONCompactEachRow' })
    let count = 0
    for await (const piece of stream.stream()) count += piece.length
    assert.equal(count, 100_000)
    const slow = client.query({
      query: 'SELECT count() FROM numbers(1e12)',
      clickhouse_settings: { max_execution_time: 1 },
    })
    assert.equal((await failure(slow)).type, 'TIMEOUT_EXCEEDED')
    const after = await client.query({ query: "SELECT getSetting('max_execution_time') AS s", format: 'JSONEachRow' })
    assert.notEqual(Number((await after.json<{ s: string }>())[0]?.s), 1, 'a setting of one query does not stick')
  })

  test('bad SQL gives typed errors', async () => {
    const missing = await failure(client.query({ query: 'SELECT * FROM evnets' }))
    assert.deepEqual([missing.code, missing.type], ['60', 'UNKNOWN_TABLE'])
    const column = await failure(client.query({ query: 'SELECT colour FROM events' }))
    assert.deepEqual([column.code, column.type], ['47', 'UNKNOWN_IDENTIFIER'])
    const syntax = await failure(client.query({ query: 'SELEC 1' }))
    assert.deepEqual([syntax.code, syntax.type], ['62', 'SYNTAX_ERROR'])
    const unknown = createClient({ ...quiet, url: weir.sql_url, username: 'root', password: 'x' })
    assert.equal((await failure(unknown.query({ query: 'SELECT 1' }))).type, 'AUTHENTICATION_FAILED')
    await unknown.close()
  })

  for (const username of ['default', 'analyst']) {
    test(`user ${username} cannot write, read files, reach other machines or run a second statement`, async () => {
      const analyst = createClient({ ...quiet, url: weir.sql_url, username })
      const before = await weir.number('SELECT count() FROM system.tables WHERE database = currentDatabase()')
      for (const [query, type] of refused) {
        for (const method of ['query', 'command'] as const) {
          const error = await failure(analyst[method]({ query }))
          assert.equal(error.type, type, `${query}: ${error.message}`)
        }
      }
      const outfile = join(folder, `stolen-${username}`)
      await failure(analyst.command({ query: `SELECT 1 INTO OUTFILE '${outfile}'` }))
      assert.equal(existsSync(outfile), false)
      const rows = analyst.insert({ table: 'events', values: [{ message: 'mine' }], format: 'JSONEachRow' })
      assert.equal((await failure(rows)).type, 'READONLY')
      assert.equal(await weir.number("SELECT count() FROM events WHERE message = 'mine'"), 0)
      assert.equal(await weir.number('SELECT count() FROM system.tables WHERE database = currentDatabase()'), before)
      await analyst.close()
    })
  }

  test('weir sql answers while Weir runs and after it stopped', async () => {
    const query = 'SELECT count() FROM events WHERE class_uid = 1007'
    const count = Number((await sql('-f', 'TSV', query)).stdout)
    assert.ok(count > 0)
    const error = await sql('SELECT * FROM evnets').then(
      () => assert.fail('it was allowed'),
      (reason: { code: number; stderr: string }) => reason,
    )
    assert.equal(error.code, 2)
    assert.match(error.stderr, /UNKNOWN_TABLE/)

    assert.equal((await weir.stop()).code, 0, weir.output())
    assert.ok(Number((await sql('-f', 'TSV', query)).stdout) >= count)
    const pretty = (await sql('SELECT class_name, count() FROM events GROUP BY 1')).stdout
    assert.match(pretty, /│ Process Activity +│/)
    await assert.rejects(sql('DROP TABLE events'), { code: 2 })
  })
})
