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
      // A document of many records is longer than a line may be.
      const many = Array.from({ length: 3_000 }, (_, n) => ({ ...(records[0] as object), eventID: `many-${n}` }))
      writeFileSync(join(folder, 'long.json'), JSON.stringify({ Records: many }, null, 2))
      const long = [...args.slice(0, -1), 'long.json']
      const { stderr, status } = spawnSync(join(packageRoot, 'bin', 'weir'), long, {
        cwd: folder,
        encoding: 'utf8',
        env,
      })
      assert.equal(status, 0, stderr)
      assert.deepEqual(JSON.parse(stderr), { files: 1, records: 3_000, stored: 3_000, dropped: 0, dead_lettered: 0 })
      await running.until('both flows', "SELECT countIf(toString(src_endpoint_ip) LIKE '%198.51.100%') = 2 FROM events")
    } finally {
      await running.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a file that has grown is read from where it was, and no record twice', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-grown-'))
  try {
    const flow = (n: number) => `17682066${String(n).padStart(2, '0')} 203.0.113.${n} 10.0.1.5`
    const log = join(folder, 'flow.log')
    const trail = join(folder, 'trail.json')
    const load = (...more: string[]) => {
      const { status, stderr } = weir(folder, 'ingest', '--json', ...more, log, trail)
      assert.ok(status === 0 || status === 3, stderr)
      return JSON.parse(stderr)
    }
    const [one, two, three] = records as [object, object, object]
    // The last line is not complete yet.
    writeFileSync(log, `start srcaddr dstaddr\n${flow(1)}\n${flow(2)}\n${flow(3).slice(0, -9)}`)
    writeFileSync(trail, JSON.stringify({ Records: [one, two] }))
    const first = load()
    assert.deepEqual([first.records, first.dead_lettered], [5, 1])
    writeFileSync(log, `start srcaddr dstaddr\n${[1, 2, 3, 4].map((n) => `${flow(n)}\n`).join('')}`)
    writeFileSync(trail, JSON.stringify({ Records: [one, two, three] }))
    const grown = load()
    assert.equal(grown.records, 2 + 3, 'two lines, and a document that is another one')
    assert.equal(load().records, 0)
    assert.equal(load('--restart').records, 4 + 3)
    const sql = 'SELECT countIf(class_uid = 4001), countIf(class_uid != 4001) FROM events'
    assert.equal(weir(folder, 'sql', '-f', 'TSV', sql).stdout, '4\t3\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
