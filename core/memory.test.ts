import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from './log.js'
import { createMemoryBound } from './memory.js'
import { createMetrics } from './metrics.js'

const MIB = 2 ** 20

/** A bound of 100 MiB on a process whose memory the test says. */
function bound(memory: { mib: number; garbage_mib?: number }) {
  const metrics = createMetrics()
  const made = createMemoryBound({
    max_rss_bytes: 100 * MIB,
    metrics,
    log: createLog('silent'),
    rss: () => (memory.mib + (memory.garbage_mib ?? 0)) * MIB,
    collect: () => {
      memory.garbage_mib = 0
    },
  })
  return { ...made, metrics }
}

test('below the share for new work nobody waits; from there it waits until there is room', async () => {
  const memory = { mib: 60 }
  const { room, isFull, metrics } = bound(memory)
  assert.equal(await room('new', 10), true)
  assert.equal(isFull(), false)

  memory.mib = 70
  assert.equal(isFull(), true)
  assert.equal(await room('new', 30), false)
  const waiting = room('new', 5_000)
  memory.mib = 50
  assert.equal(await waiting, true)
  const text = await metrics.text()
  assert.match(text, /^weir_memory_bound_bytes 104857600$/m)
  assert.match(text, /^weir_memory_waits_total{work="new"} 2$/m)
})

test('each piece of work sees what the one before it took', async () => {
  const memory = { mib: 70 }
  const { room } = bound(memory)
  let let_in = 0
  const all = Array.from({ length: 10 }, async () => {
    if (!(await room('new', 300))) return
    let_in += 1
    memory.mib += 10
  })
  memory.mib = 50
  await Promise.all(all)
  assert.equal(let_in, 2, '50 + 10 is below 65 MiB, 60 + 10 is not')
})

test('what is here already goes on while new work waits', async () => {
  const { room } = bound({ mib: 75 })
  const waiting = room('new', 200)
  assert.equal(await room('fetched', 100), true)
  assert.equal(await waiting, false)
  assert.equal(await bound({ mib: 85 }).room('fetched', 30), false)
})

test('garbage is no reason to wait', async () => {
  const memory = { mib: 50, garbage_mib: 40 }
  const { room, isFull } = bound(memory)
  assert.equal(await room('new', 0), true)
  assert.equal(isFull(), false)
})

test('a bound that is too small slows the work, and does not end it', async () => {
  const memory = { mib: 50 }
  const idle = bound(memory)
  assert.equal(await idle.room('new', 0), true)
  const { room } = bound({ mib: 95 })
  const started = performance.now()
  assert.equal(await room('new', 20_000), true)
  assert.ok(performance.now() - started > 4_000)
  // Where nobody asked for a while, that was no want of room.
  memory.mib = 95
  assert.equal(await idle.room('new', 50), false)
})
