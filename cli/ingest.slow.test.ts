import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { packageRoot } from '../core/paths.js'
import { fixtureCases } from '../test/format-cases.js'
import { startWeir } from '../test/weir-process.js'

const records = fixtureCases('cloudtrail/records.jsonl').map(({ record }) => record)
const FLOW = 'start srcaddr dstaddr\n1768206600 203.0.113.7 10.0.1.5\n1768206660 203.0.113.8 10.0.1.5\n'

function weir(folder: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(packageRoot, 'bin', 'weir'), args, {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('files are loaded once, into the lake or through a running Weir', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-ingest-'))
  try {
    const trail = join(folder, 'trail.json.gz')
    writeFileSync(trail, gzipSync(JSON.stringify({ Records: records }, null, 2)))
    writeFileSync(join(folder, 'flow.log'), FLOW)

    const first = weir(folder, 'ingest', '--json', trail, 'flow.log')
    assert.equal(first.status, 0, first.stderr)
    assert.equal(JSON.parse(first.stderr).stored, records.length + 2)
    const again = weir(folder, 'ingest', '--json', trail, 'flow.log')
    assert.equal(JSON.parse(again.stderr).records, 0, 'nothing is loaded twice')
    assert.equal(weir(folder, 'ingest', '--json', '--restart', trail).status, 0)
    const count = weir(
      folder,
      'sql',
      '-f',
      'TSV',
      'SELECT count(), uniqExact(metadata_uid) FROM events WHERE class_uid IN (3001, 3002, 6003)',
    )
    assert.match(count.stdout, new RegExp(`^${records.length}\t${records.length}\n$`), count.stderr)

    const config = { collectors: { push: { type: 'http', port: 0 } }, detectors: {} }
    const running = await startWeir(folder, config)
    try {
      writeFileSync(join(folder, 'more.log'), FLOW.replaceAll('203.0.113', '198.51.100'))
      const env = { ...process.env, TOKEN: running.push_token }
      const args = [
        'ingest',
        '--json',
        '-d',
        join(folder, 'other'),
        '-u',
        running.push_url,
        '--token-env',
        'TOKEN',
        'more.log',
      ]
      const pushed = spawnSync(join(packageRoot, 'bin', 'weir'), args, { cwd: folder, encoding: 'utf8', env })
      assert.equal(pushed.status, 0, pushed.stderr)
      await running.until('both flows', "SELECT countIf(toString(src_endpoint_ip) LIKE '%198.51.100%') = 2 FROM events")
    } finally {
      await running.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
