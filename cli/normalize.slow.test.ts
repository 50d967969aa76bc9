import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { packageRoot } from '../core/paths.js'
import { fixtureCases } from '../test/format-cases.js'

/** Runs `weir normalize` as a user does, in a folder without a configuration. */
function normalize(input: string | Buffer, ...args: string[]) {
  const weir = join(packageRoot, 'bin', 'weir')
  const { status, stdout, stderr } = spawnSync(weir, ['normalize', '--json', ...args], {
    input,
    cwd: '/',
    maxBuffer: 1e8,
  })
  const events = stdout
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const said = stderr.toString()
  return { status, events, said, summary: said.startsWith('{') ? JSON.parse(said) : undefined }
}

const records = fixtureCases('cloudtrail/records.jsonl').map(({ record }) => record)
const lines = `${records.map((record) => JSON.stringify(record)).join('\n')}\n`

test('lines, one document, an array, gzip: the same events, and the format is guessed', () => {
  const inputs = [
    lines,
    JSON.stringify({ Records: records }),
    JSON.stringify({ Records: records }, null, 2),
    JSON.stringify(records, null, 1),
    gzipSync(lines),
  ]
  for (const input of inputs) {
    const { status, events, summary } = normalize(input)
    assert.equal(status, 0)
    assert.equal(events.length, records.length)
    assert.deepEqual([summary.format, summary.in, summary.out], ['cloudtrail', records.length, records.length])
  }
})

test('what is rejected is counted by reason, the rest goes on, and the exit code tells', () => {
  const { status, events, summary } = normalize(
    `${lines}{"eventSource":"x"\n{"eventSource":"x","eventName":7}\n${lines}`,
  )
  assert.equal(status, 3)
  assert.equal(events.length, 2 * records.length)
  assert.deepEqual(summary.rejected, { invalid_json: 1, wrong_type: 1 })
})

test('the header of a file, options of a format, lines that are dropped', () => {
  const flow = 'start srcaddr dstaddr\n1768206600 203.0.113.7 10.0.1.5\n1768206660 203.0.113.8 10.0.1.5\n'
  const headed = normalize(flow)
  assert.equal(headed.summary.format, 'vpc_flow')
  assert.deepEqual(
    headed.events.map(({ src_endpoint }) => src_endpoint.ip),
    ['203.0.113.7', '203.0.113.8'],
  )
  const bare = normalize('203.0.113.7 10.0.1.5\n', '-f', 'vpc_flow', '-o', 'fields=${srcaddr} ${dstaddr}')
  assert.equal(bare.events[0].dst_endpoint.ip, '10.0.1.5')
})

test('wrong use is said in one line', () => {
  assert.match(normalize('hello\n').said, /no format recognises/)
  assert.match(normalize(lines, '-f', 'nothing').said, /there is no format "nothing"/)
  assert.match(normalize(lines, '-f', 'vpc_flow', '-o', 'fieldz=1').said, /options of vpc_flow: .*fieldz/)
  assert.equal(normalize('hello\n').status, 2)
})

test('an array of many strangers and a document without an end are survived', () => {
  const numbers = normalize(`[${'{"a":1},'.repeat(20_000)}{}]`, '-f', 'cloudtrail')
  assert.equal(numbers.summary.rejected.not_cloudtrail, 20_001)
  assert.equal(normalize('{"Records":[{"eventSource":"x"', '-f', 'cloudtrail').summary.rejected.invalid_json, 1)
})

test('a reader that has seen enough ends the program without a word', () => {
  const weir = join(packageRoot, 'bin', 'weir')
  const many = spawnSync(
    'bash',
    [
      '-c',
      `yes "$1" | "$0" normalize -f cloudtrail | head -n 1; echo "\${PIPESTATUS[1]}"`,
      weir,
      JSON.stringify(records[0]),
    ],
    {
      encoding: 'utf8',
      timeout: 60_000,
    },
  )
  const [event = '', status] = many.stdout.split('\n')
  assert.equal(JSON.parse(event).class_uid, 6003)
  assert.equal(status, '141')
  assert.doesNotMatch(many.stderr, /EPIPE|at .*node:/)
})
