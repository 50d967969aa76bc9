import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { packageRoot } from '../core/paths.js'
import { mustRun } from '../test/must-run.js'
import { onPath } from '../test/stack/debian.js'

const weir = join(packageRoot, 'bin', 'weir')
/** Several times what is under way at once, which an interrupt still stores. */
const TOTAL = 200_000
const ENDINGS = ['SIGKILL', 'SIGINT'] as const

/** A flow log of TOTAL different flows, compressed with zstd where that program is. */
function flowLog(folder: string): string {
  const lines = [
    'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
  ]
  for (let n = 0; n < TOTAL; n++) {
    const from = `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`
    lines.push(
      `2 123456789012 eni-0a1b2c3d ${from} 10.200.0.1 ${1024 + (n % 60_000)} 443 6 10 8400 ${1_768_206_600 + (n % 600)} ${1_768_207_200 + (n % 600)} ACCEPT OK`,
    )
  }
  const plain = join(folder, 'flow.log')
  writeFileSync(plain, `${lines.join('\n')}\n`)
  if (onPath('zstd') !== undefined) {
    assert.equal(spawnSync('zstd', ['-q', '--rm', plain]).status, 0)
    return `${plain}.zst`
  }
  assert.ok(!mustRun(), 'CI has zstd')
  writeFileSync(`${plain}.gz`, gzipSync(readFileSync(plain)))
  return `${plain}.gz`
}

/** Records that the checkpoint of the one file says are durable. */
function durable(folder: string): number {
  const checkpoints = join(folder, '.weir', 'ingest')
  const [name] = existsSync(checkpoints) ? readdirSync(checkpoints).filter((file) => file.endsWith('.json')) : []
  return name === undefined ? 0 : JSON.parse(readFileSync(join(checkpoints, name), 'utf8')).records
}

test('a load that is killed and interrupted goes on, and every record is there once', {
  timeout: 240_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-resume-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = flowLog(folder)
  const start = () =>
    spawn(weir, ['ingest', '--json', '-f', 'vpc_flow', file], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })

  for (const signal of ENDINGS) {
    const before = durable(folder)
    const child = start()
    t.after(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>
    while (durable(folder) <= before && child.exitCode === null) await sleep(20)
    child.kill(signal)
    assert.deepEqual(await exited, signal === 'SIGINT' ? [130, null] : [null, 'SIGKILL'])
    const reached = durable(folder)
    t.diagnostic(`${signal} after ${reached} of ${TOTAL} records`)
    assert.ok(reached > before && reached < TOTAL, `${reached} of ${TOTAL} records after ${signal}`)
  }
  const reached = durable(folder)
  const last = spawnSync(weir, ['ingest', '--json', '-f', 'vpc_flow', file], {
    cwd: folder,
    encoding: 'utf8',
  })
  assert.equal(last.status, 0, last.stderr)
  const { records, dead_lettered } = JSON.parse(last.stderr)
  assert.ok(records < TOTAL, 'it went on where it was')
  assert.ok(records >= TOTAL - reached)
  assert.equal(dead_lettered, 0)
  const sql = 'SELECT count(), uniqExact(metadata_uid), uniqExact(src_endpoint_ip) FROM events WHERE class_uid = 4001'
  const counted = spawnSync(weir, ['sql', '-f', 'TSV', sql], { cwd: folder, encoding: 'utf8' })
  assert.equal(counted.stdout, `${TOTAL}\t${TOTAL}\t${TOTAL}\n`, counted.stderr)
})
