import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WeirError } from '../core/errors.js'
import { autoencoder } from './autoencoder.js'
import { FUSED_FROM_ROWS } from './autoencoder-network.js'
import { activeBackend } from './backend.js'
import type { Feature, Model } from './contract.js'
import { seededRandom } from './random.js'

const FEATURES: Feature[] = Array.from({ length: 8 }, (_, at) => ({
  name: `f${at}`,
  unit: 'count',
  summary: 'made up',
}))

/** Rows on a plane of two hidden causes, with noise: what an autoencoder can learn. */
function normalRows(n: number, seed: number): Float32Array {
  const random = seededRandom(seed)
  const rows = new Float32Array(n * 8)
  for (let row = 0; row < n; row++) {
    const a = random()
    const b = random()
    for (let at = 0; at < 8; at++) rows[row * 8 + at] = a * (at + 1) + b * (8 - at) + 0.1 * random()
  }
  return rows
}

const range = { from: 0, to: 86_400_000 }
const settings = autoencoder.config.parse({ epochs: 15, hidden: [8, 3, 8] })
const build = (): Model => autoencoder.create(settings, FEATURES)
const fails = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof WeirError && error.code === code && words.test(error.message)

describe('autoencoder', () => {
  let dir: string
  let model: Model
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-model-'))
    model = build()
    await model.fit(normalRows(1_000, 1), range, { seed: 7 })
  })
  after(() => rm(dir, { recursive: true, force: true }))

  it('scores what breaks the learned relation above the threshold, and what keeps it below', () => {
    const { threshold } = model.manifest!
    const fresh = model.score(normalRows(500, 2))
    assert.ok(fresh.filter((score) => score > threshold).length <= 1, `threshold ${threshold}`)
    const strange = normalRows(1, 3)
    strange[4] = strange[4]! + 12
    const { score, contributions } = model.explain(strange)
    assert.ok(score > threshold, `${score} > ${threshold}`)
    assert.equal(contributions[0]?.feature, 'f4')
    assert.ok(Math.abs(contributions[0]!.value - contributions[0]!.expected) > 5)
    assert.ok(Math.abs(contributions.reduce((sum, part) => sum + part.share, 0) - 1) < 1e-6)
  })

  it('trains to bit-equal weights with the same seed and data, and to others with another seed', async () => {
    const weights = async (seed: number, name: string) => {
      const one = build()
      await one.fit(normalRows(1_000, 1), range, { seed })
      await one.save(join(dir, name))
      return readFile(join(dir, name, 'weights.bin'))
    }
    const first = await weights(7, 'first')
    assert.ok(first.equals(await weights(7, 'second')))
    assert.ok(!first.equals(await weights(8, 'third')))
  })

  it('gives the same scores row by row and in fused batches on the backend', (t) => {
    const rows = normalRows(20_000, 4)
    rows[100] = 40
    assert.ok(activeBackend(), 'training chose a backend')
    let started = performance.now()
    const fused = model.score(rows)
    const fused_ms = performance.now() - started
    started = performance.now()
    const single = new Float32Array(fused.length)
    for (let at = 0; at < single.length; at += FUSED_FROM_ROWS - 1) {
      single.set(model.score(rows.subarray(at * 8, Math.min((at + FUSED_FROM_ROWS - 1) * 8, rows.length))), at)
    }
    const single_ms = performance.now() - started
    for (let at = 0; at < single.length; at++) {
      assert.ok(Math.abs(single[at]! - fused[at]!) <= 1e-5 * Math.max(1, single[at]!), `row ${at}`)
    }
    const speed = (ms: number) => `${Math.round(20_000 / ms)} k rows/s`
    t.diagnostic(`${activeBackend()!.name}: fused ${speed(fused_ms)}, loop ${speed(single_ms)}`)
  })

  it('comes back from its artifact with the same manifest and scores; files are for the owner only', async () => {
    const place = join(dir, 'saved')
    await model.save(place)
    await model.save(place)
    const loaded = build()
    await loaded.load(place)
    assert.deepEqual(loaded.manifest, model.manifest)
    const rows = normalRows(50, 5)
    assert.deepEqual(loaded.score(rows), model.score(rows))
    for (const file of await readdir(place)) assert.equal((await stat(join(place, file))).mode & 0o777, 0o600)
    assert.deepEqual(
      (await readdir(dir)).filter((name) => name.startsWith('.')),
      [],
    )
  })

  it('refuses damaged, cut, foreign and missing artifacts, saying which file and why', async () => {
    const place = join(dir, 'damaged')
    await model.save(place)
    const weights = await readFile(join(place, 'weights.bin'))
    const manifest = await readFile(join(place, 'manifest.json'), 'utf8')
    const flipped = Buffer.from(weights)
    flipped[17] = flipped[17]! ^ 1
    for (const content of [flipped, weights.subarray(0, 40), Buffer.alloc(0)]) {
      await writeFile(join(place, 'weights.bin'), content)
      await assert.rejects(build().load(place), fails('bad_input', /weights\.bin is damaged.*sha256/))
    }
    await writeFile(join(place, 'weights.bin'), weights)
    for (const content of ['', '{', 'null', '{"format":99}', manifest.replace('"threshold"', '"threshhold"')]) {
      await writeFile(join(place, 'manifest.json'), content)
      await assert.rejects(build().load(place), fails('bad_input', /model artifact/))
    }
    await writeFile(join(place, 'manifest.json'), manifest)
    const other = autoencoder.create(settings, [...FEATURES.slice(0, 7), { name: 'new', unit: 'count', summary: '' }])
    await assert.rejects(other.load(place), fails('bad_input', /features [0-9a-f]{16}, this version has/))
    await assert.rejects(build().load(join(dir, 'nowhere')), fails('not_found', /nowhere/))
  })

  it('refuses too few rows, broken rows, and to score before it is trained', async () => {
    const fit = (rows: Float32Array) => build().fit(rows, range, { seed: 1 })
    await assert.rejects(fit(normalRows(199, 1)), fails('bad_input', /at least 200 rows, got 199/))
    const broken = normalRows(300, 1)
    broken[8 * 12 + 3] = Number.NaN
    await assert.rejects(fit(broken), fails('bad_input', /row 12 has NaN in "f3"/))
    await assert.rejects(fit(new Float32Array(2_401)), fails('bad_input', /rows of 8 features/))
    assert.throws(() => build().score(new Float32Array(8)), fails('bad_input', /not trained/))
    assert.throws(() => model.score(new Float32Array(9)), fails('bad_input', /rows of 8 features/))
  })

  it('leaves nothing on the console and no process-wide hooks', () => {
    assert.ok(
      process.listeners('unhandledRejection').every((listener) => !String(listener).includes('throw reason')),
      'the hooks of the WASM glue are removed',
    )
  })
})
