import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type RecordingDeps, recordingDeps, temporaryFolder } from '../recording-deps.js'
import { file } from './file.js'
import { hostIdentity } from './host/identity.js'

/** The lines of one audit event; the last one ends it. */
function event(serial: number): string[] {
  const stamp = `msg=audit(1760000000.${serial}:${serial}):`
  return [`type=SYSCALL ${stamp} syscall=59`, `type=CWD ${stamp} cwd="/"`, `type=PROCTITLE ${stamp} proctitle="x"`]
}

async function follow(t: TestContext, path: string, recording: RecordingDeps, more: object = {}) {
  const collector = file.create(
    file.config.parse({ paths: [path], format: 'auditd', interval_ms: 50, ...more }),
    recording.deps,
  )
  t.after(() => collector.stop())
  await collector.start()
  return collector
}

const records = ({ emitted }: RecordingDeps) => emitted.map(({ record }) => record)

test('lines of one event that come in several reads, between those of others, are one record', async (t) => {
  const path = join(temporaryFolder(), 'audit.log')
  const [a, b] = [event(101), event(102)]
  writeFileSync(path, `${a[0]}\n${b[0]}\n${a[1]?.slice(0, 20)}`)
  const recording = recordingDeps()
  await follow(t, path, recording)
  await new Promise((resolve) => setTimeout(resolve, 150))
  assert.deepEqual(records(recording), [], 'nothing is whole yet')
  appendFileSync(path, `${a[1]?.slice(20)}\n${b[1]}\n${b[2]}\n`)
  appendFileSync(path, `${a[2]}\n`)
  await recording.until(() => recording.emitted.length === 2, 'both events')
  assert.deepEqual(
    records(recording).map(({ data }) => data),
    [b.join('\n'), a.join('\n')],
  )
})

test('after a crash in the middle of an event it is read again whole, and nothing else is new', async (t) => {
  const path = join(temporaryFolder(), 'audit.log')
  const folder = temporaryFolder()
  const [a, b, c] = [event(101), event(102), event(103)]
  writeFileSync(path, [...a, b[0], ...c, b[1]].map((line) => `${line}\n`).join(''))
  const first = recordingDeps(folder)
  const collector = await follow(t, path, first)
  await first.until(() => first.emitted.length === 2, 'a and c')
  await collector.stop()
  appendFileSync(path, `${b[2]}\n`)
  const second = recordingDeps(folder)
  await follow(t, path, second)
  await second.until(() => records(second).some(({ data }) => data === b.join('\n')), 'b, whole')
  const known = new Map(records(first).map(({ position, data }) => [position, data]))
  for (const { position, data } of records(second)) {
    if (data !== b.join('\n')) assert.equal(known.get(position), data, 'what is repeated has its position')
  }
})

test('an event without an end is handed over after a while; of a log of this machine, with the machine', async (t) => {
  const path = join(temporaryFolder(), 'audit.log')
  writeFileSync(path, `${event(101)[0]}\n`)
  const recording = recordingDeps()
  await follow(t, path, recording, { of_this_machine: true })
  const record = await recording.until(() => records(recording)[0], 'the event')
  assert.equal(record.data, event(101)[0])
  const { workload } = hostIdentity('/')
  assert.deepEqual(record.host, { id: workload.uid.slice('vm/'.length), name: workload.name })
})
