import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { openLake } from './open.js'
import { createStore } from './store.js'

const start = Date.UTC(2026, 0, 5, 12)
const batch_rows = 500
const batches = 60

function batch(number: number): OcsfEvent[] {
  return Array.from({ length: batch_rows }, (_, index) => {
    const time = start + number * batch_rows + index
    return {
      class_uid: 1007,
      category_uid: 1,
      activity_id: 1,
      type_uid: 100701,
      time,
      severity_id: 1,
      metadata: { version: '1.8.0', uid: eventUid(time, `kill:${time}`), product: {} },
      process: { pid: index + 1, cmd_line: '\n\nDROP TABLE events' },
    }
  })
}

/** Stores batches, four at a time, and names each one on stdout when it is acknowledged. */
async function child(path: string) {
  const lake = await openLake({ path })
  const store = await createStore({ lake, metrics: createMetrics(), log: createLog('silent') })
  let next = 0
  const work = async () => {
    for (let number = next++; number < batches; number = next++) {
      await store.handle('weir.events', batch(number))
      process.stdout.write(`${number}\n`)
    }
  }
  await Promise.all([work(), work(), work(), work()])
}

async function runUntil(path: string, acknowledged: number): Promise<{ known: Set<number>; pid: number }> {
  const process_child = spawn(process.execPath, [import.meta.filename, 'child', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const known = new Set<number>()
  const exited = once(process_child, 'exit')
  for await (const line of createInterface({ input: process_child.stdout })) {
    known.add(Number(line))
    if (known.size === acknowledged) process_child.kill('SIGKILL')
  }
  await exited
  return { known, pid: process_child.pid ?? 0 }
}

if (process.argv[2] === 'child') {
  await child(process.argv[3] as string)
} else {
  const folder = mkdtempSync(join(tmpdir(), 'weir-kill-test-'))
  const path = join(folder, 'lake')
  test.after(() => rmSync(folder, { recursive: true, force: true }))

  test('after kill -9 nothing acknowledged is gone, and pushing everything again changes nothing', async () => {
    const acknowledged = new Set<number>()
    const pids: number[] = []
    for (const count of [5, 15]) {
      const { known, pid } = await runUntil(path, count)
      for (const number of known) acknowledged.add(number)
      pids.push(pid)
    }
    const lake = await openLake({ path })
    const kept = await lake.select<{ uid: string }>('SELECT metadata_uid AS uid FROM events')
    const uids = new Set(kept.map(({ uid }) => uid))
    for (const number of acknowledged)
      for (const event of batch(number)) assert.ok(uids.has(event.metadata.uid as string))
    assert.equal(kept.length, uids.size)

    const store = await createStore({ lake, metrics: createMetrics(), log: createLog('silent') })
    let duplicate = 0
    for (let number = 0; number < batches; number++)
      duplicate += (await store.handle('weir.events', batch(number))).duplicate
    assert.equal(duplicate, kept.length)
    const rows = await lake.select('SELECT count() AS n, uniqExact(metadata_uid) AS u FROM events')
    const all = String(batches * batch_rows)
    assert.deepEqual(rows, [{ n: all, u: all }])
    await store.stop()

    // What the killed processes had in memory-backed storage is gone.
    const shared = existsSync('/dev/shm') ? readdirSync('/dev/shm') : []
    for (const pid of pids)
      assert.equal(
        shared.some((name) => name.startsWith(`weir-blocks-${pid}-`)),
        false,
      )
    await assert.rejects(runLocked(path), /in use by process/)
    await lake.close()
  })
}

/** Opens the lake in a second process; throws what that process says. */
async function runLocked(path: string): Promise<void> {
  const source = `import { openLake } from ${JSON.stringify(new URL('./open.js', import.meta.url).href)}
    await openLake({ path: ${JSON.stringify(path)} }).then(() => {}, (e) => { console.error(e.code, e.message); process.exit(9) })`
  const second = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  for await (const chunk of second.stderr) said += chunk
  if (said.includes('lake_locked')) throw new Error(said)
}
