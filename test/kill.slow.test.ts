import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { nativeLine, startPusher } from './push.js'
import { startWeir, type WeirProcess } from './weir-process.js'

const PER_BATCH = 2_000
const TIME = Date.now() - 3_600_000
const config = { collectors: { http: { type: 'http', port: 0 } } }

const folders: string[] = []
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'weir-kill-'))
  folders.push(path)
  return path
}
after(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

function batchOf(prefix: string) {
  return (batch: number) =>
    Array.from({ length: PER_BATCH }, (_, n) => nativeLine(prefix, batch * PER_BATCH + n, TIME)).join('\n')
}

test('kill -9 in the middle of 200,000 events, again and again: each is there once in the end', async (t) => {
  const started = performance.now()
  const place = folder()
  const batches = 100
  let weir: WeirProcess = await startWeir(place, config)
  const pusher = startPusher({ batches, concurrency: 6, body: batchOf('kill'), target: () => weir })
  for (const share of [0.2, 0.5, 0.8]) {
    await pusher.reached(batches * share)
    const acknowledged = pusher.acknowledged.size
    await weir.kill()
    weir = await startWeir(place, config)
    const stored = await weir.number('SELECT uniqExact(metadata_uid) FROM events')
    assert.ok(stored >= acknowledged * PER_BATCH, `${acknowledged} batches were acknowledged, ${stored} events stored`)
  }
  await pusher.done
  // A sender that cannot know sends everything again.
  const again = startPusher({ batches: 10, concurrency: 2, body: batchOf('kill'), target: () => weir })
  await again.done

  const [row] = await weir.rows<{ n: string; unique: string }>(
    'SELECT count() AS n, uniqExact(metadata_uid) AS unique FROM events',
  )
  assert.deepEqual([Number(row?.n), Number(row?.unique)], [batches * PER_BATCH, batches * PER_BATCH])
  assert.ok(pusher.failures() > 0, 'some requests were cut off')
  assert.equal((await weir.stop()).code, 0, weir.output())
  const seconds = (performance.now() - started) / 1_000
  t.diagnostic(`${seconds.toFixed(1)} s, ${pusher.failures()} requests repeated`)
  assert.ok(seconds < 90, `it took ${seconds} s`)
})

test('Ctrl-C in the middle of a push: stopped within 10 s, and what was acknowledged is there after the next start', async () => {
  const place = folder()
  let weir = await startWeir(place, config)
  const pusher = startPusher({ batches: 200, concurrency: 6, body: batchOf('stop'), target: () => weir })
  await pusher.reached(8)
  const { code, took_ms } = await weir.stop('SIGINT')
  pusher.cancel()
  await pusher.done
  assert.equal(code, 0, weir.output())
  assert.match(weir.output(), /\nstopped\n$/)
  assert.ok(took_ms < 10_000, `it took ${took_ms} ms`)

  weir = await startWeir(place, config)
  const rows = await weir.rows<{ batch: number; n: string }>(
    `SELECT intDiv(process_pid, ${PER_BATCH}) AS batch, count() AS n FROM events GROUP BY batch`,
  )
  const stored = new Map(rows.map(({ batch, n }) => [Number(batch), Number(n)]))
  for (const batch of pusher.acknowledged) assert.equal(stored.get(batch), PER_BATCH, `batch ${batch}`)
  assert.ok(pusher.acknowledged.size >= 8)
  await weir.stop()
})
