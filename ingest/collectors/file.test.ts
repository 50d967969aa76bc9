import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { WeirError } from '../../core/errors.js'
import { type RecordingDeps, recordingDeps, temporaryFolder } from '../recording-deps.js'
import { file } from './file.js'

const LIMIT = { timeout: 30_000 }

function followed(t: TestContext, paths: string[], settings: object = {}, recording: RecordingDeps = recordingDeps()) {
  const config = file.config.parse({ paths, format: 'ocsf', interval_ms: 50, rotate_wait_ms: 300, ...settings })
  const collector = file.create(config, recording.deps)
  t.after(() => collector.stop())
  return { collector, recording }
}

function texts(recording: RecordingDeps): string[] {
  return recording.emitted.map(({ record }) => record.data as string)
}

function seen(recording: RecordingDeps, ...expected: string[]) {
  return recording
    .until(() => texts(recording).length >= expected.length, expected.join())
    .then(() => assert.deepEqual(texts(recording), expected))
}

function assertPositionsDiffer(recording: RecordingDeps) {
  const positions = recording.emitted.map(({ record }) => record.position)
  assert.ok(positions.every((position) => position))
  assert.equal(new Set(positions).size, positions.length)
}

test('lines are read as they come; the unfinished one waits', LIMIT, async (t) => {
  const log = join(temporaryFolder(), 'app.log')
  writeFileSync(log, 'one\r\n\ntwo\nthr')
  const { collector, recording } = followed(t, [log])
  await collector.start()
  await seen(recording, 'one', 'two')
  appendFileSync(log, 'ee\nfour ü\n')
  await seen(recording, 'one', 'two', 'three', 'four ü')
  assertPositionsDiffer(recording)
})

test(
  'a restart goes on where the pipeline had taken everything, and gives the same positions to what is read again',
  LIMIT,
  async (t) => {
    const log = join(temporaryFolder(), 'app.log')
    writeFileSync(log, 'one\ntwo\n')
    const first = followed(t, [log])
    await first.collector.start()
    await seen(first.recording, 'one', 'two')
    await first.collector.stop()
    await first.collector.stop()
    appendFileSync(log, 'three\n')
    const second = followed(t, [log], {}, recordingDeps(first.recording.deps.state_dir))
    await second.collector.start()
    await seen(second.recording, 'three')
    await second.collector.stop()

    const anew = followed(t, [log])
    await anew.collector.start()
    await seen(anew.recording, 'one', 'two', 'three')
    const positions = [...first.recording.emitted, ...second.recording.emitted].map(({ record }) => record.position)
    assert.deepEqual(
      anew.recording.emitted.map(({ record }) => record.position),
      positions,
    )
  },
)

test('what the pipeline did not take is not passed by the checkpoint', LIMIT, async (t) => {
  const log = join(temporaryFolder(), 'app.log')
  writeFileSync(log, Array.from({ length: 5000 }, (_, n) => `line ${n}\n`).join(''))
  const first = followed(t, [log])
  const take = first.recording.emit
  let calls = 0
  first.recording.emit = (format, records) => {
    if (++calls === 1) return take(format, records)
    return Promise.reject(new WeirError('overloaded', 'full', { retryable: true }))
  }
  await first.collector.start()
  await first.recording.until(() => calls >= 3, 'the refusals')
  assert.ok(first.recording.coverage.some(({ status }) => status === 'degraded'))
  await first.collector.stop()
  assert.equal(texts(first.recording).length, 2000)
  const second = followed(t, [log], {}, recordingDeps(first.recording.deps.state_dir))
  await second.collector.start()
  await second.recording.until(() => texts(second.recording).length >= 3000, 'the rest')
  assert.equal(texts(second.recording)[0], 'line 2000')
  assert.equal(texts(second.recording).length, 3000)
})

test(
  'a long file that is renamed while its beginning waits for a slow pipeline is read to its end',
  LIMIT,
  async (t) => {
    const log = join(temporaryFolder(), 'app.log')
    const count = 20_000
    writeFileSync(log, Array.from({ length: count }, (_, n) => `${n} ${'x'.repeat(1_000)}\n`).join(''))
    const { collector, recording } = followed(t, [log], { rotate_wait_ms: 0 })
    const take = recording.emit
    let calls = 0
    recording.emit = (format, records) => {
      if (++calls === 1) renameSync(log, `${log}.1`)
      // So slow that a look at the files ends before this one does.
      for (const until = performance.now() + 20; performance.now() < until; );
      return take(format, records)
    }
    await collector.start()
    await recording.until(() => texts(recording).length >= count, 'every line')
    assert.equal(new Set(texts(recording)).size, count)
  },
)

test('rotation by rename: the old file is read to its end, the new one from its beginning', LIMIT, async (t) => {
  const log = join(temporaryFolder(), 'app.log')
  writeFileSync(log, 'one\n')
  const { collector, recording } = followed(t, [log])
  await collector.start()
  await seen(recording, 'one')
  renameSync(log, `${log}.1`)
  appendFileSync(`${log}.1`, 'late\n')
  writeFileSync(log, 'new\n')
  await recording.until(() => texts(recording).length >= 3, 'both files')
  assert.deepEqual(texts(recording).toSorted(), ['late', 'new', 'one'])
  appendFileSync(`${log}.1`, 'last words')
  await recording.until(() => texts(recording).includes('last words'), 'the line without an ending')
  assertPositionsDiffer(recording)
})

test(
  'rotation while nobody looked: the renamed file is found by its inode; a compressed one is reported',
  LIMIT,
  async (t) => {
    const log = join(temporaryFolder(), 'app.log')
    writeFileSync(log, 'one\n')
    const first = followed(t, [log])
    await first.collector.start()
    await seen(first.recording, 'one')
    await first.collector.stop()
    appendFileSync(log, 'two\n')
    renameSync(log, `${log}.1`)
    writeFileSync(log, 'three\n')
    const second = followed(t, [log], {}, recordingDeps(first.recording.deps.state_dir))
    await second.collector.start()
    await second.recording.until(() => texts(second.recording).length >= 2, 'both files')
    assert.deepEqual(texts(second.recording).toSorted(), ['three', 'two'])
    await second.collector.stop()
    writeFileSync(`${log}.1.gz`, gzipSync('one\ntwo\n'))
    renameSync(log, `${log}.2`)
    unlinkSync(`${log}.2`)
    const third = followed(t, [log], {}, recordingDeps(first.recording.deps.state_dir))
    await third.collector.start()
    await third.recording.until(
      () => third.recording.coverage.find(({ part, status }) => part === log && status === 'degraded'),
      'the report that a file is gone',
    )
  },
)

test(
  'a file emptied while nobody looked is read from its beginning, and what it held may be missing',
  LIMIT,
  async (t) => {
    const log = join(temporaryFolder(), 'app.log')
    writeFileSync(log, 'one\ntwo\n')
    const first = followed(t, [log])
    await first.collector.start()
    await seen(first.recording, 'one', 'two')
    await first.collector.stop()
    writeFileSync(log, 'new\n')
    const second = followed(t, [log], {}, recordingDeps(first.recording.deps.state_dir))
    await second.collector.start()
    await seen(second.recording, 'new')
    assert.deepEqual(texts(second.recording), ['new'])
    const [report] = second.recording.coverage
    assert.deepEqual([report?.part, report?.status], [log, 'degraded'])
    assert.match(report?.message ?? '', /emptied or replaced while Weir was not running; .* after byte 8 /)
  },
)

test(
  'copytruncate: the emptied file is read from its beginning, even when it is larger again at the next look',
  LIMIT,
  async (t) => {
    const log = join(temporaryFolder(), 'app.log')
    writeFileSync(log, 'one\n')
    const { collector, recording } = followed(t, [log])
    await collector.start()
    await seen(recording, 'one')
    truncateSync(log)
    await new Promise((resolve) => setTimeout(resolve, 150))
    appendFileSync(log, 'one\n')
    await seen(recording, 'one', 'one')
    writeFileSync(log, 'a longer line than before\nand more\n')
    await seen(recording, 'one', 'one', 'a longer line than before', 'and more')
    assertPositionsDiffer(recording)
  },
)

test('copytruncate while nobody looked is noticed by the first line', LIMIT, async (t) => {
  const log = join(temporaryFolder(), 'app.log')
  writeFileSync(log, 'one\n')
  const first = followed(t, [log])
  await first.collector.start()
  await seen(first.recording, 'one')
  await first.collector.stop()
  writeFileSync(log, 'another first line, longer\n')
  const second = followed(t, [log], {}, recordingDeps(first.recording.deps.state_dir))
  await second.collector.start()
  await seen(second.recording, 'another first line, longer')
})

test('a line too long and a line that is not UTF-8 are handed over with their fault', LIMIT, async (t) => {
  const log = join(temporaryFolder(), 'app.log')
  writeFileSync(
    log,
    Buffer.concat([
      Buffer.from(`a\n${'ü'.repeat(300_000)}\nb\n`),
      Buffer.from([0x63, 0xc3, 0x28, 0x0a]),
      Buffer.from('d\n'),
    ]),
  )
  const { collector, recording } = followed(t, [log], { max_line_bytes: 101 })
  await collector.start()
  await recording.until(() => recording.emitted.length >= 5, 'all lines')
  const records = recording.emitted.map(({ record }) => record)
  assert.deepEqual(
    records.map(({ fault }) => fault?.reason),
    [undefined, 'line_too_long', undefined, 'invalid_utf8', undefined],
  )
  assert.equal(records[1]?.data, 'ü'.repeat(50))
  assert.match(records[1]?.fault?.detail ?? '', /600000 bytes, the limit is 101/)
  assert.equal(records[3]?.data, Buffer.from([0x63, 0xc3, 0x28]).toString('base64'))
  assertPositionsDiffer(recording)
})

test('start_at: end leaves out what was there, but not files that appear later', LIMIT, async (t) => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'old.log'), 'one\ntwo\nbegun')
  const { collector, recording } = followed(t, [join(folder, '*.log')], { start_at: 'end' })
  await collector.start()
  await recording.until(() => collector.describe().includes('1 files'), 'the file')
  await new Promise((resolve) => setTimeout(resolve, 150))
  appendFileSync(join(folder, 'old.log'), ' and ended\n')
  writeFileSync(join(folder, 'new.log'), 'from the beginning\n')
  await recording.until(() => texts(recording).length >= 2, 'both lines')
  assert.deepEqual(texts(recording).toSorted(), ['begun and ended', 'from the beginning'])
})

test(
  'patterns match across folders, leave out compressed and excluded files, and report when nothing matches',
  LIMIT,
  async (t) => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'a/b'), { recursive: true })
    writeFileSync(join(folder, 'a/x.log'), 'x\n')
    writeFileSync(join(folder, 'a/b/y.json'), 'y\n')
    writeFileSync(join(folder, 'a/b/y.json.gz'), 'compressed\n')
    writeFileSync(join(folder, 'a/b/z.log'), 'excluded\n')
    writeFileSync(join(folder, 'a/b/.hidden.log'), 'hidden\n')
    const missing = join(folder, 'nothing/*.log')
    const { collector, recording } = followed(t, [join(folder, '**/*.{log,json*}'), missing], { exclude: ['z*'] })
    await collector.start()
    await recording.until(() => texts(recording).length >= 2, 'both files')
    assert.deepEqual(texts(recording).toSorted(), ['x', 'y'])
    const report = await recording.until(() => recording.coverage.find(({ part }) => part === missing), 'the report')
    assert.equal(report.status, 'unavailable')
    mkdirSync(join(folder, 'nothing'))
    writeFileSync(join(folder, 'nothing/at-last.log'), 'found\n')
    await recording.until(() => texts(recording).includes('found'), 'the file that came later')
    assert.ok(recording.coverage.some(({ part, status }) => part === missing && status === 'ok'))
  },
)

test('a deleted file is let go, and another with its inode is a new file', LIMIT, async (t) => {
  const log = join(temporaryFolder(), 'app.log')
  writeFileSync(log, 'one\n')
  const { collector, recording } = followed(t, [log])
  await collector.start()
  await seen(recording, 'one')
  rmSync(log)
  await recording.until(() => collector.describe().includes('0 files'), 'the file to be let go')
  writeFileSync(log, 'two\n')
  await seen(recording, 'one', 'two')
  await collector.stop()
  const kept = JSON.parse(await readFile(join(recording.deps.state_dir, 'checkpoints.json'), 'utf8'))
  assert.equal(Object.keys(kept.files).length, 1)
})

test('stop without start does nothing', async () => {
  const collector = file.create(file.config.parse(file.example), recordingDeps().deps)
  await collector.stop()
  await collector.stop()
})

test(
  'the header of a file stands before each of its lines, also after a restart, and belongs to no other file',
  LIMIT,
  async (t) => {
    const folder = temporaryFolder()
    const log = join(folder, 'flow.log')
    const header = 'srcaddr dstaddr action'
    writeFileSync(log, `${header}\n10.0.0.1 10.0.0.2 ACCEPT\n`)
    writeFileSync(join(folder, 'other.log'), '10.9.9.1 10.9.9.2 REJECT\n')
    const settings = { format: 'vpc_flow' }
    const first = followed(t, [join(folder, '*.log')], settings)
    await first.collector.start()
    await seen(first.recording, `${header}\n10.0.0.1 10.0.0.2 ACCEPT`, '10.9.9.1 10.9.9.2 REJECT')
    await first.collector.stop()

    appendFileSync(log, '10.0.0.3 10.0.0.4 ACCEPT\naction srcaddr dstaddr\nREJECT 10.0.0.5 10.0.0.6\n')
    const second = followed(t, [log], settings, recordingDeps(first.recording.deps.state_dir))
    await second.collector.start()
    const later = [`${header}\n10.0.0.3 10.0.0.4 ACCEPT`, 'action srcaddr dstaddr\nREJECT 10.0.0.5 10.0.0.6']
    await seen(second.recording, ...later)
    await second.collector.stop()
    appendFileSync(log, 'ACCEPT 10.0.0.7 10.0.0.8\n')
    const third = followed(t, [log], settings, recordingDeps(first.recording.deps.state_dir))
    await third.collector.start()
    await seen(third.recording, 'action srcaddr dstaddr\nACCEPT 10.0.0.7 10.0.0.8')

    const late = followed(t, [join(folder, 'other.log'), log], { ...settings, start_at: 'end' })
    writeFileSync(log, `${header}\n10.0.0.1 10.0.0.2 ACCEPT\n`)
    await late.collector.start()
    await late.recording.until(() => /\(2 files\)/.test(late.collector.describe()), 'both files')
    appendFileSync(log, '10.0.0.9 10.0.0.2 ACCEPT\n')
    await seen(late.recording, `${header}\n10.0.0.9 10.0.0.2 ACCEPT`)
  },
)
