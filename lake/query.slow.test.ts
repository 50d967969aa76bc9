import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { announceEndpoint, findEndpoint } from './endpoint/discovery.js'
import { SqlException } from './endpoint/exception.js'
import { runSql } from './query.js'

// This process never has the lake open for long: one process at a time may, and that is what is tested.
const data_dir = mkdtempSync(join(tmpdir(), 'weir-query-'))
const lake = join(data_dir, 'lake')
const owner = fileURLToPath(new URL('./endpoint/fixture-owner.js', import.meta.url))
let child: ChildProcess | undefined

before(() => mkdirSync(lake))
after(async () => {
  await stopOwner()
  rmSync(data_dir, { recursive: true, force: true })
})

async function startOwner(mode: 'silent' | 'endpoint'): Promise<void> {
  child = spawn(process.execPath, [owner, lake, mode === 'endpoint' ? data_dir : ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout ?? child, 'data')
}

async function stopOwner(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

async function ask(sql: string, url?: string): Promise<string> {
  const pieces: Uint8Array[] = []
  const write = async (piece: Uint8Array) => void pieces.push(piece)
  await runSql({ sql, format: 'TSV', data_dir, write, ...(url === undefined ? {} : { url }) })
  return Buffer.concat(pieces).toString()
}

const code = (expected: number) => (error: unknown) => error instanceof SqlException && error.code === expected

test('a running endpoint is asked, with the same errors', async () => {
  await startOwner('endpoint')
  assert.equal(statSync(join(data_dir, 'endpoint.json')).mode & 0o777, 0o600)
  assert.equal(findEndpoint(data_dir)?.pid, child?.pid)
  assert.equal(await ask('SELECT sum(n) FROM t'), '6\n')
  assert.equal((await ask('SELECT number FROM numbers(5000000)')).length, 38888890)
  await assert.rejects(ask('SELECT * FROM nothing'), code(60))
  await assert.rejects(ask('DROP TABLE t'), code(164))
  // Fails after the first pieces have been sent.
  await assert.rejects(ask("SELECT number, throwIf(number = 9000000, 'late') FROM numbers(10000000)"), code(395))
  await stopOwner()
})

test('what a killed process announced is ignored and the lake is opened here', async () => {
  assert.equal(findEndpoint(data_dir), undefined)
  assert.equal(await ask('SELECT sum(n) FROM t'), '6\n')
  await assert.rejects(ask('SELECT * FROM nothing'), code(60))
  await assert.rejects(ask('SELECT 1; SELECT 2'), code(62))
  await assert.rejects(ask("SELECT * FROM file('/etc/passwd')"), code(164))
  await assert.rejects(ask('INSERT INTO t VALUES (4)'), code(164))
  // The process id lives on in another program that does not listen.
  writeFileSync(join(data_dir, 'endpoint.json'), JSON.stringify({ url: 'http://127.0.0.1:9', pid: process.ppid }))
  assert.equal(await ask('SELECT sum(n) FROM t'), '6\n')
})

test('a lake that another process has open without an endpoint is a clear error', async () => {
  await startOwner('silent')
  await assert.rejects(ask('SELECT 1'), { code: 'lake_locked' })
  await stopOwner()
})

test('no lake and no server are clear errors', async () => {
  await assert.rejects(ask('SELECT 1', 'http://127.0.0.1:9'), { code: 'unreachable' })
  const write = async () => {}
  await assert.rejects(runSql({ sql: 'SELECT 1', format: 'TSV', data_dir: '/nowhere', write }), { code: 'not_found' })
})

test('an announcement is taken back by the process that made it, and garbage is none', () => {
  const path = join(data_dir, 'endpoint.json')
  const takeBack = announceEndpoint(data_dir, 'http://127.0.0.1:8123')
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { url: 'http://127.0.0.1:8123', pid: process.pid })
  assert.equal(findEndpoint(data_dir)?.url, 'http://127.0.0.1:8123')
  takeBack()
  for (const garbage of ['', '{', '{"url":"file:///etc/passwd","pid":1}', '{"url":"http://127.0.0.1:1","pid":"x"}']) {
    writeFileSync(path, garbage)
    assert.equal(findEndpoint(data_dir), undefined, garbage)
  }
})
