import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { backendSpeed, chooseBackend, probeNative } from './backend.js'

const run = promisify(execFile)

/** Runs a module in a process of its own, because TensorFlow.js chooses once a process. */
async function inProcess(code: string) {
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code])
  return { stdout, stderr }
}
const module = JSON.stringify(new URL('./backend.js', import.meta.url).href)
const fit = JSON.stringify(new URL('./autoencoder.js', import.meta.url).href)

describe('TensorFlow.js backend', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-backend-'))
  })
  after(() => rm(dir, { recursive: true, force: true }))

  /** A folder in which @tensorflow/tfjs-node is installed, and is this code. */
  async function installed(name: string, code: string) {
    const folder = join(dir, name, 'node_modules', '@tensorflow', 'tfjs-node')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{"name":"@tensorflow/tfjs-node","main":"index.js"}')
    await writeFile(join(folder, 'index.js'), code)
    return { entry: join(folder, 'index.js'), from: join(dir, name, 'index.js') }
  }

  it('starts WASM where nothing faster is installed, and says how fast it is', async (t) => {
    const backend = await chooseBackend({ native_from: join(dir, 'empty.js') })
    assert.equal(backend.name, 'wasm')
    assert.match(backend.notes[0] ?? '', /not installed/)
    const started = performance.now()
    const speed = await backendSpeed(backend)
    assert.ok(performance.now() - started < 1_500)
    assert.ok(speed.rows_per_s > 0)
    t.diagnostic(`${speed.name}: ${speed.rows_per_s} rows/s`)
  })

  it('does not use a native binary that throws, kills its process or brings its own core', async () => {
    const broken = await installed('broken', 'throw new Error("tfjs_binding.node not found")')
    assert.match((await probeNative(broken.entry)) ?? '', /does not run here \(exit code 1\)/)
    const deadly = await installed('deadly', 'process.kill(process.pid, "SIGILL")')
    assert.match((await probeNative(deadly.entry)) ?? '', /does not run here \(SIGILL\)/)
    // Calculates as tfjs-node does, but our tfjs-core knows nothing of it.
    const foreign = await installed(
      'foreign',
      'module.exports = { tensor2d: () => 0, getBackend: () => "tensorflow", matMul: () => ({ dataSync: () => [11] }) }',
    )
    assert.equal(await probeNative(foreign.entry), undefined)
    for (const { from } of [broken, deadly, foreign]) {
      const { stdout } = await inProcess(
        `const { chooseBackend } = await import(${module})
         const { name, notes } = await chooseBackend({ native_from: ${JSON.stringify(from)} })
         console.log(name, notes.length)`,
      )
      assert.equal(stdout, 'wasm 1\n')
    }
  })

  it('prints nothing while it starts, trains and scores', async () => {
    const { stdout, stderr } = await inProcess(
      `const { autoencoder } = await import(${fit})
       const features = [0, 1, 2].map((n) => ({ name: 'f' + n, unit: 'count', summary: '' }))
       const model = autoencoder.create(autoencoder.config.parse({ epochs: 2, hidden: [2] }), features)
       const rows = Float32Array.from({ length: 900 }, (_, n) => (n * 7919) % 13)
       await model.fit(rows, { from: 0, to: 1 }, { seed: 1 })
       model.score(rows)`,
    )
    assert.equal(stdout + stderr, '')
  })
})
