import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { FEATURES } from '../../models/features.js'
import { createRowMemory } from './row-memory.js'

const row = (value: number) => new Float32Array(FEATURES.length).fill(value)
const START = 1_700_000_040_000

describe('row memory', () => {
  it('stays within its bound and keeps small groups whole', () => {
    const memory = createRowMemory(1_000, 1)
    for (let minute = 0; minute < 5_000; minute++) {
      memory.add('container/busy', START + minute * 60_000, row(minute))
      if (minute % 50 === 0) memory.add('vm/rare', START + minute * 60_000, row(minute))
    }
    assert.equal(memory.size, 1_000)
    assert.equal(memory.vectorsOf('vm/rare').length / FEATURES.length, 100)
    assert.equal(memory.history('container/busy'), 5_000)
    const { rows, range } = memory.training()
    assert.equal(rows.group_of.length, 1_000)
    assert.ok(range.from >= START && range.to === START + 5_000 * 60_000)
    rows.minutes.forEach((minute, at) => {
      assert.equal(rows.vectors[at * FEATURES.length], (minute - START) / 60_000, 'vector and minute belong together')
      assert.equal(rows.groups[rows.group_of[at]!] === 'vm/rare' && ((minute - START) / 60_000) % 50 > 0, false)
    })
  })

  it('copies its content for a training, and saves it, without holding the event loop', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-rows-'))
    const memory = createRowMemory(20_000, 1)
    for (let at = 0; at < 25_000; at++) memory.add(`vm/g${at % 100}`, START + at * 60_000, row(at))
    const started = performance.now()
    memory.training()
    const copied = performance.now()
    const saving = memory.save(join(dir, 'rows'))
    const began = performance.now()
    await saving
    await rm(dir, { recursive: true, force: true })
    t.diagnostic(`copy ${(copied - started).toFixed(1)} ms, save holds ${(began - copied).toFixed(1)} ms at first`)
  })

  it('comes back from disk as it was, and refuses a damaged folder', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-rows-'))
    try {
      const memory = createRowMemory(500, 1)
      for (let minute = 0; minute < 700; minute++) memory.add(`vm/g${minute % 3}`, START + minute * 60_000, row(minute))
      await memory.save(join(dir, 'rows'))
      const loaded = createRowMemory(500, 1)
      await loaded.load(join(dir, 'rows'))
      assert.deepEqual(loaded.training(), memory.training())
      assert.deepEqual(loaded.seen, memory.seen)
      assert.equal(loaded.history('vm/g1'), memory.history('vm/g1'))
      await writeFile(join(dir, 'rows', 'weights.bin'), 'x')
      await assert.rejects(loaded.load(join(dir, 'rows')), { code: 'bad_input' })
      assert.equal(loaded.size, memory.size)
      await assert.rejects(loaded.load(join(dir, 'none')), { code: 'not_found' })
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })
})
