import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { CLASS, type OcsfEvent } from '../../ocsf/event.js'
import { finish } from '../../ocsf/finish.js'
import { validate } from '../../ocsf/validate.js'
import { type AuditRig, noAudit, startAudit } from '../../test/audit-rig.js'
import type { RawRecord } from '../contract.js'
import { auditd as format } from '../formats/auditd.js'
import { type RecordingDeps, recordingDeps } from '../recording-deps.js'
import { lostOf } from './auditd/kernel-losses.js'
import { auditd } from './auditd.js'
import { hostIdentity } from './host/identity.js'

const run = promisify(execFile)
const normalise = format.create({})

/** The events the pipeline makes of a record. */
function eventsOf(record: RawRecord): OcsfEvent[] {
  const context = { received_time: Date.now(), ...(record.host ? { host: record.host } : {}) }
  const outcome = normalise(record.data, context)
  if (outcome.kind === 'drop') return []
  assert.equal(outcome.kind, 'ok', `${JSON.stringify(outcome)} ${record.data}`)
  return (outcome.kind === 'ok' ? outcome.value : []).map((draft, ordinal) => {
    const { position = '' } = record
    const event = finish(draft, { format: 'auditd', instance: 'audit', ordinal, received_time: 1, position })
    assert.deepEqual(validate(event), [], String(record.data))
    return event
  })
}

describe('the auditd collector and a real auditd', { skip: noAudit() }, () => {
  let rig: AuditRig
  before(async () => {
    rig = await startAudit()
    await rig.control('-a', 'always,exit', '-F', 'arch=b64', '-S', 'execve', '-k', 'weir_exec')
  })
  after(() => rig?.stop())

  test('a short-lived program is a launch of this machine, with arguments, parent and status', async (t) => {
    const recording = recordingDeps()
    const collector = auditd.create(
      auditd.config.parse({ paths: [rig.log], start_at: 'beginning', interval_ms: 100 }),
      recording.deps,
    )
    t.after(() => collector.stop())
    await collector.start()
    const started_ms = Date.now()
    const marker = `weir ${process.pid}`
    await run('/bin/sh', ['-c', `/bin/echo "${marker}" | /bin/cat > /dev/null`])
    await run('/bin/sh', ['-c', '/no/such/program || true'])

    const launches = () =>
      recording.emitted
        .flatMap(({ record }) => eventsOf(record))
        .filter(({ class_uid }) => class_uid === CLASS.process_activity)
    const shell = await recording.until(
      () =>
        launches().find(
          ({ process: launched }) => launched.cmd_line === `/bin/sh -c /bin/echo "${marker}" | /bin/cat > /dev/null`,
        ),
      'the shell',
    )
    const cat = await recording.until(
      () =>
        launches().find(
          ({ process: launched }) =>
            launched.cmd_line === '/bin/cat' && launched.parent_process?.pid === shell.process.pid,
        ),
      'cat, the child of the shell',
    )
    assert.equal(shell.activity_name, 'Launch')
    assert.equal(shell.process.parent_process.pid, process.pid)
    assert.equal(shell.actor.process.pid, process.pid)
    assert.deepEqual(shell.metadata.labels, ['weir_exec'])
    assert.equal(shell.process.user.uid, '0')
    assert.equal(cat.status_id, 1)
    assert.ok(Math.abs(shell.time - started_ms) < 10_000)
    assert.equal(shell.workload?.uid, hostIdentity('/').workload.uid)

    const positions = recording.emitted.map(({ record }) => record.position)
    assert.equal(new Set(positions).size, positions.length)
    const whole = recording.emitted.filter(({ record }) => String(record.data).includes(' syscall=59 success=yes'))
    assert.ok(whole.length >= 2)
    for (const { record } of whole) assert.match(String(record.data), /type=EXECVE.*type=PROCTITLE/s)
  })

  test('records that the kernel lost are told, those lost while Weir was away too', async (t) => {
    const settings = { paths: [rig.log], auditctl: rig.auditctl, lost_interval_ms: 1_000 }
    const start = async (recording: RecordingDeps) => {
      const collector = auditd.create(auditd.config.parse(settings), recording.deps)
      t.after(() => collector.stop())
      await collector.start()
      return collector
    }
    /** More programs at once than the kernel may tell of in a second. */
    const lose = async () => {
      await rig.control('-r', '1')
      await Promise.all(Array.from({ length: 20 }, () => run('/bin/true')))
      await rig.control('-r', '0')
    }
    const told = (recording: RecordingDeps) =>
      recording.until(() => recording.coverage.find(({ part, lost = 0 }) => part === 'kernel' && lost > 0), 'the loss')

    const first = recordingDeps()
    const collector = await start(first)
    await first.until(() => existsSync(join(first.deps.state_dir, 'kernel-losses.json')), 'the first answer')
    const before = lostOf(await rig.control('-s')) ?? 0
    await lose()
    const now = lostOf(await rig.control('-s')) ?? 0
    assert.ok(now > before)
    await first.until(() => sum(first) === now - before, 'each one of them')
    assert.equal((await told(first)).status, 'degraded')
    await collector.stop()

    await lose()
    const second = recordingDeps(first.deps.state_dir)
    await start(second)
    assert.equal((await told(second)).lost, (lostOf(await rig.control('-s')) ?? 0) - now)
  })
})

function sum({ coverage }: RecordingDeps): number {
  return coverage.reduce((lost, report) => lost + (report.lost ?? 0), 0)
}
