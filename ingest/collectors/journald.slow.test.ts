import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import { packageRoot } from '../../core/paths.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { finish } from '../../ocsf/finish.js'
import { validate } from '../../ocsf/validate.js'
import { mustRun } from '../../test/must-run.js'
import { debianLibraries, onPath, unpackDebian } from '../../test/stack/debian.js'
import { syslog } from '../formats/syslog.js'
import { type RecordingDeps, recordingDeps, temporaryFolder } from '../recording-deps.js'
import { journald } from './journald.js'

const stack = join(packageRoot, '.stack', 'journal-remote')
const normalise = syslog.create({})
const SECOND_US = 1_000_000
const START_US = 1_795_446_000 * SECOND_US

/** Why no journal can be read and written here; false if one can. */
function noJournal(): string | false {
  if (mustRun()) return false
  if (onPath('journalctl') === undefined) return 'needs journalctl: install systemd'
  return existsSync(stack) || onPath('apt-get') ? false : 'needs systemd-journal-remote, or apt-get to fetch it'
}

function eventsOf({ emitted }: RecordingDeps): OcsfEvent[] {
  return emitted.flatMap(({ record }) => {
    const outcome = normalise(record.data, { received_time: Date.now() })
    assert.equal(outcome.kind, 'ok', JSON.stringify(outcome))
    return (outcome.kind === 'ok' ? outcome.value : []).map((draft, ordinal) => {
      const { position = '' } = record
      const event = finish(draft, { format: 'syslog', instance: 'journal', ordinal, received_time: 1, position })
      assert.deepEqual(validate(event), [])
      return event
    })
  })
}

const ports = (recording: RecordingDeps) =>
  eventsOf(recording).flatMap(({ message }) => /port (\d+)/.exec(String(message))?.slice(1).map(Number) ?? [])
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('the journald collector and real journal files', { skip: noJournal(), timeout: 120_000 }, () => {
  let remote = ''
  let env = {}
  before(async () => {
    if (!existsSync(stack)) await unpackDebian(stack, ['systemd-journal-remote'])
    const root = join(stack, 'root')
    remote = join(root, 'lib/systemd/systemd-journal-remote')
    const libraries = (await debianLibraries(root)).flatMap((folder) => [folder, join(folder, 'systemd')])
    env = { LD_LIBRARY_PATH: libraries.join(delimiter) }
  })

  /** Appends failed log-ins from these ports to the journal in a folder, as the receiver of other machines' journals does. */
  function write(folder: string, numbers: readonly number[], more = '') {
    const entries = numbers.map(
      (n) =>
        `__REALTIME_TIMESTAMP=${START_US + n * SECOND_US}\n__MONOTONIC_TIMESTAMP=${n * SECOND_US}\n_BOOT_ID=${'ab'.repeat(16)}\n_MACHINE_ID=${'cd'.repeat(16)}\n_HOSTNAME=web-1\nPRIORITY=6\nSYSLOG_FACILITY=4\nSYSLOG_IDENTIFIER=sshd\n_PID=77\nMESSAGE=Failed password for root from 203.0.113.9 port ${n} ssh2\n${more}\n`,
    )
    const arguments_ = [`--output=${join(folder, 'remote.journal')}`, '-']
    const { status, stderr } = spawnSync(remote, arguments_, { input: entries.join(''), env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }

  async function collect(t: TestContext, settings: object, recording = recordingDeps()) {
    const collector = journald.create(journald.config.parse(settings), recording.deps)
    t.after(() => collector.stop())
    await collector.start()
    return { collector, recording }
  }

  test('entries are read, followed, and read on after a restart, each once', async (t) => {
    const directory = temporaryFolder()
    write(directory, range(1, 3000))
    const first = await collect(t, { directory, start_at: 'beginning' })
    await first.recording.until(() => first.recording.emitted.length >= 3000, 'the backlog')
    write(directory, range(3001, 3010))
    await first.recording.until(() => first.recording.emitted.length >= 3010, 'what came while it was read')
    await first.collector.stop()
    await first.collector.stop()
    assert.deepEqual(ports(first.recording), range(1, 3010))
    const login = eventsOf(first.recording)[0]
    assert.deepEqual([login?.class_uid, login?.status_id, login?.time], [3002, 2, (START_US + SECOND_US) / 1000])
    assert.equal(login?.workload?.name, 'web-1')

    write(directory, range(3011, 3020))
    const second = await collect(t, { directory }, recordingDeps(first.recording.deps.state_dir))
    await second.recording.until(() => second.recording.emitted.length >= 10, 'what was written meanwhile')
    assert.deepEqual(ports(second.recording), range(3011, 3020))
    assert.deepEqual(second.recording.coverage, [])
    await second.collector.stop()

    rmSync(join(directory, 'remote.journal'))
    write(directory, range(4000, 4002))
    const third = await collect(t, { directory }, recordingDeps(first.recording.deps.state_dir))
    const gap = await third.recording.until(() => third.recording.coverage[0], 'the gap')
    assert.match(gap.message, /rotated or vacuumed/)
    await third.recording.until(() => third.recording.emitted.length >= 3, 'the new journal')
    assert.deepEqual(ports(third.recording), range(4000, 4002))
  })

  test('what the pipeline did not take is read again; matches choose; the end is where a first start begins', async (t) => {
    const directory = temporaryFolder()
    write(directory, range(1, 5))
    const { recording, collector } = await collect(t, {
      directory,
      start_at: 'beginning',
      matches: ['SYSLOG_IDENTIFIER=sshd'],
    })
    await recording.until(() => recording.emitted.length === 5, 'the first')
    recording.emit = () => Promise.reject(new Error('full'))
    write(directory, range(6, 9))
    await recording.until(() => recording.coverage.some(({ part }) => part === 'delivery'), 'the refusal')
    await collector.stop()
    const again = await collect(
      t,
      { directory, matches: ['SYSLOG_IDENTIFIER=sshd'] },
      recordingDeps(recording.deps.state_dir),
    )
    await again.recording.until(() => again.recording.emitted.length >= 4, 'the refused')
    assert.deepEqual(ports(again.recording), range(6, 9))

    const other = await collect(t, { directory, matches: ['SYSLOG_IDENTIFIER=cron'], start_at: 'beginning' })
    const late = await collect(t, { directory })
    // journalctl says nothing when it begins to wait: it has when it sees what is written from now on.
    for (let n = 10; late.recording.emitted.length === 0 && n < 60; n++) {
      write(directory, [n])
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    assert.ok((ports(late.recording)[0] ?? 0) >= 10)
    assert.deepEqual(other.recording.emitted, [])
  })

  test('what journald dropped is told with its number', async (t) => {
    const directory = temporaryFolder()
    write(directory, [1], 'MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e\nN_DROPPED=321\n')
    const { recording } = await collect(t, { directory, start_at: 'beginning' })
    const report = await recording.until(() => recording.coverage[0], 'the report')
    assert.deepEqual([report.part, report.lost], ['journal', 321])
  })
})

test('a journalctl that is not there or ends is told once and tried again; numbers that are missing are a gap', async (t) => {
  const folder = temporaryFolder()
  const journalctl = join(folder, 'journalctl')
  mkdirSync(folder, { recursive: true })
  const recording = recordingDeps()
  const collector = journald.create(journald.config.parse({ journalctl }), recording.deps)
  t.after(() => collector.stop())
  await collector.start()
  const report = await recording.until(() => recording.coverage[0], 'that it is missing')
  assert.equal(report.status, 'unavailable')
  assert.match(report.message, /ENOENT/)
  // Stands for a journalctl of systemd 254, which numbers entries; this is the only part of it that is played.
  const entry = (n: number) =>
    JSON.stringify({ __CURSOR: `c${n}`, __SEQNUM: String(n), __SEQNUM_ID: 'ef'.repeat(16), MESSAGE: `m ${n}` })
  writeFileSync(journalctl, `#!/bin/sh\nprintf '%s\\n' '${entry(7)}' '${entry(8)}' '${entry(11)}'\nexec sleep 60\n`, {
    mode: 0o755,
  })
  await recording.until(() => recording.emitted.length === 3, 'its entries')
  await recording.until(() => recording.coverage.find(({ lost }) => lost === 2), 'the gap')
  await recording.until(() => recording.coverage.some(({ status }) => status === 'ok'), 'that it is read again')
})
