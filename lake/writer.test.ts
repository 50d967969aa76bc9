import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../core/errors.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { createEventEncoder } from './event-encoder.js'
import { openLake } from './open.js'
import type { Lake } from './port.js'
import { createStore } from './store.js'
import { events as events_table } from './tables/events.js'
import { createWriter, type WriterOptions } from './writer.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-writer-test-'))
let lake: Lake

before(async () => {
  lake = await openLake({ path: join(folder, 'lake') })
})
beforeEach(() => lake.command('TRUNCATE TABLE events'))
after(async () => {
  await lake.close()
  rmSync(folder, { recursive: true, force: true })
})

const start = Date.UTC(2026, 0, 5, 12)

function numbered(n: number, extra: Partial<OcsfEvent> = {}): OcsfEvent {
  return {
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time: start + n,
    severity_id: 1,
    metadata: { version: '1.8.0', uid: eventUid(start + n, `writer:${n}`), product: {} },
    process: { pid: n + 1, name: `p${n}` },
    ...extra,
  }
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => numbered(from + n))

function writerOn(port: Pick<Lake, 'insertNative'>, extra: Partial<WriterOptions> = {}) {
  return createWriter({
    lake: port,
    table: events_table,
    encoder: createEventEncoder,
    metrics: createMetrics(),
    log: createLog('silent'),
    ...extra,
  })
}

async function counts() {
  const [row] = await lake.select<{ n: string; u: string }>(
    'SELECT count() AS n, uniqExact(metadata_uid) AS u FROM events',
  )
  return { rows: Number(row?.n), uids: Number(row?.u) }
}

test('writes that come together share blocks; each gets its own receipt', async () => {
  let blocks = 0
  const counting: Pick<Lake, 'insertNative'> = {
    insertNative(...args) {
      blocks++
      return lake.insertNative(...args)
    },
  }
  const writer = writerOn(counting)
  const receipts = await Promise.all(Array.from({ length: 40 }, (_, n) => writer.write(range(n * 50, n * 50 + 60))))
  await writer.stop()
  assert.equal(
    receipts.reduce((sum, receipt) => sum + receipt.stored, 0),
    2010,
  )
  assert.equal(
    receipts.reduce((sum, receipt) => sum + receipt.duplicate, 0),
    390,
  )
  assert.ok(blocks <= 3, `${blocks} blocks`)
  assert.deepEqual(await counts(), { rows: 2010, uids: 2010 })
})

test('a row the engine refuses does not take its block with it', async () => {
  await lake.command("ALTER TABLE events ADD CONSTRAINT no_bad CHECK process_name NOT IN ('p70', 'p71', 'p499')")
  const writer = writerOn(lake)
  const receipt = await writer.write(range(0, 500))
  await lake.command('ALTER TABLE events DROP CONSTRAINT no_bad')
  assert.equal(receipt.stored, 497)
  assert.deepEqual(
    receipt.rejected.map(({ event, reason }) => [event.process.name, reason]),
    [
      ['p70', 'engine_refused'],
      ['p71', 'engine_refused'],
      ['p499', 'engine_refused'],
    ],
  )
  assert.equal((await writer.write(range(70, 72))).stored, 2)
  await writer.stop()
  assert.deepEqual(await counts(), { rows: 499, uids: 499 })
})

test('a fault that passes is thrown as retryable, and the retry stores everything once', async () => {
  let calls = 0
  const flaky: Pick<Lake, 'insertNative'> = {
    async insertNative(...args) {
      if (++calls === 2) throw new WeirError('lake_failed', 'no space left', { retryable: true })
      return lake.insertNative(...args)
    },
  }
  const writer = writerOn(flaky, { max_rows: 100, retry_for_ms: 0 })
  await assert.rejects(writer.write(range(0, 300)), { code: 'lake_failed', retryable: true })
  const again = await writer.write(range(0, 300))
  await writer.stop()
  assert.equal(again.stored, 100)
  assert.equal(again.duplicate, 200)
  assert.deepEqual(await counts(), { rows: 300, uids: 300 })
})

test('a block whose answer is lost is tried again and stored once', async () => {
  let calls = 0
  const lossy: Pick<Lake, 'insertNative'> = {
    async insertNative(...args) {
      await lake.insertNative(...args)
      if (++calls < 3) throw new WeirError('lake_failed', 'connection reset', { retryable: true })
    },
  }
  const writer = writerOn(lossy)
  assert.equal((await writer.write(range(0, 100))).stored, 100)
  await writer.stop()
  assert.equal(calls, 3)
  assert.deepEqual(await counts(), { rows: 100, uids: 100 })
})

test('a block that was given up may be stored all the same: the lake is asked before its events are taken again', async () => {
  let calls = 0
  const lossy: Pick<Lake, 'insertNative'> = {
    async insertNative(...args) {
      await lake.insertNative(...args)
      if (++calls === 1) throw new WeirError('lake_failed', 'no answer in time', { retryable: true })
    },
  }
  const store = await createStore({
    lake: { ...lake, ...lossy },
    metrics: createMetrics(),
    log: createLog('silent'),
    retry_for_ms: 0,
  })
  await assert.rejects(store.handle('weir.events', range(0, 50), 'weir.events:0:0-49'), { retryable: true })
  const again = await store.handle('weir.events', range(0, 80), 'weir.events:0:0-79')
  await store.stop()
  assert.deepEqual({ stored: again.stored, duplicate: again.duplicate }, { stored: 30, duplicate: 50 })
  assert.deepEqual(await counts(), { rows: 80, uids: 80 })
})

test('named batches that come together share blocks', async () => {
  let blocks = 0
  const counting: Pick<Lake, 'insertNative'> = {
    insertNative(...args) {
      blocks++
      return lake.insertNative(...args)
    },
  }
  const writer = writerOn(counting)
  await Promise.all(
    Array.from({ length: 40 }, (_, n) => writer.write(range(n * 50, n * 50 + 50), `weir.events:${n}:0-49`)),
  )
  await writer.stop()
  assert.ok(blocks <= 3, `${blocks} blocks`)
  assert.deepEqual(await counts(), { rows: 2000, uids: 2000 })
})

test('a duplicate of a waiting event is acknowledged only when that event is durable', async () => {
  let release: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const slow: Pick<Lake, 'insertNative'> = {
    async insertNative(...args) {
      await gate
      return lake.insertNative(...args)
    },
  }
  const writer = writerOn(slow)
  const first = writer.write(range(0, 10))
  let is_done = false
  const second = writer.write(range(0, 10)).then((receipt) => {
    is_done = true
    return receipt
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(is_done, false)
  release()
  assert.equal((await first).stored, 10)
  assert.equal((await second).duplicate, 10)
  await writer.stop()
})

test('the same batch under the same token is taken once, even by a writer that remembers nothing', async () => {
  for (let round = 0; round < 2; round++) {
    const writer = writerOn(lake, { window_size: 0, max_rows: 50 })
    await writer.write(range(0, 120), 'weir.events:3:100-219')
    await writer.stop()
  }
  assert.deepEqual(await counts(), { rows: 120, uids: 120 })
})

test('beyond the window the table collapses duplicates when it merges', async () => {
  const writer = writerOn(lake, { window_size: 0 })
  await writer.write(range(0, 20))
  await writer.write(range(10, 30))
  await writer.stop()
  await lake.command('OPTIMIZE TABLE events FINAL')
  assert.deepEqual(await counts(), { rows: 30, uids: 30 })
})

test('a stopped writer says so, and an empty write is nothing', async () => {
  const writer = writerOn(lake)
  assert.deepEqual(await writer.write([]), { stored: 0, duplicate: 0, rejected: [] })
  await writer.stop()
  await writer.stop()
  await assert.rejects(writer.write(range(0, 1)), { code: 'overloaded', retryable: true })
})

test('an array is empty when its events are in a block, and a block waits for the lake as long as it is told to', async () => {
  let calls = 0
  let works = false
  const absent: Pick<Lake, 'insertNative'> = {
    async insertNative(...args) {
      calls++
      if (!works) throw new WeirError('lake_failed', 'the disk is full', { retryable: true })
      return lake.insertNative(...args)
    },
  }
  const writer = writerOn(absent, { retry_for_ms: Number.POSITIVE_INFINITY })
  const events = range(0, 2_000)
  const writing = writer.write(events)
  while (calls < 3) await sleep(20)
  assert.deepEqual(events, [])
  works = true
  assert.equal((await writing).stored, 2_000)
  works = false
  const last = assert.rejects(writer.write(range(2_000, 2_001)), { code: 'lake_failed', retryable: true })
  await writer.stop()
  await last
  assert.deepEqual(await counts(), { rows: 2_000, uids: 2_000 })
})

test('a loop at work is not quiet: what comes piece by piece is written in large blocks', async () => {
  const sizes: number[] = []
  const counting: Pick<Lake, 'insertNative'> = {
    async insertNative(table, block, token) {
      sizes.push(block.rows)
      // How long a block may wait follows from how long the insert before took.
      await sleep(500)
      return lake.insertNative(table, block, token)
    },
  }
  const writer = writerOn(counting, { max_wait_ms: 10_000 })
  await writer.write(range(20_000, 22_000))
  sizes.length = 0
  const writes: Promise<unknown>[] = []
  for (let n = 0; n < 20; n++) {
    writes.push(writer.write(range(n * 1_000, n * 1_000 + 1_000)))
    // Longer than a quiet loop would be waited for.
    const end = performance.now() + 70
    while (performance.now() < end) await nextTurn()
  }
  await Promise.all(writes)
  await writer.stop()
  assert.ok(sizes.length <= 2, `blocks of ${sizes.join(', ')} rows`)
})

test('encoding does not hold the main thread, and no block file is left', async () => {
  const writer = writerOn(lake)
  const events = range(0, 60_000)
  let longest = 0
  let last = performance.now()
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  await writer.write(events)
  clearInterval(watch)
  await writer.stop()
  // Slices are 8 ms; the rest is room for a busy machine.
  assert.ok(longest < 250, `the main thread was held for ${longest} ms`)
  const left = readdirSync('/dev/shm').filter((name) => name.startsWith(`weir-blocks-${process.pid}-`))
  assert.deepEqual(
    left.flatMap((name) => readdirSync(join('/dev/shm', name))),
    [],
  )
})
