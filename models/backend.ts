import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type * as TensorFlow from '@tensorflow/tfjs-core'
import { messageOf, WeirError } from '../core/errors.js'
import { createFusedForward, randomLayers } from './dense.js'
import { seededRandom } from './random.js'

export type BackendName = 'tensorflow' | 'wasm' | 'cpu'

export type Backend = {
  readonly name: BackendName
  readonly tf: typeof TensorFlow
  /** Why a faster backend was passed over; empty if the fastest one runs. One sentence each. */
  readonly notes: readonly string[]
}

export type BackendOptions = {
  /** Folder or file from which `@tensorflow/tfjs-node` is looked up; this file by default. */
  readonly native_from?: string
  /** False: do not look for `@tensorflow/tfjs-node`. */
  readonly native?: boolean
}

const require = createRequire(import.meta.url)
const run = promisify(execFile)

// TensorFlow.js itself is one engine per process, so its choice of backend is one too.
let chosen: Promise<Backend> | undefined
let active: Backend | undefined

/**
 * Starts TensorFlow.js on the fastest backend that works here: `@tensorflow/tfjs-node` if it is installed and its
 * binary runs, else WASM with SIMD, else plain JavaScript. Only the first call of a process chooses.
 */
export function chooseBackend(options: BackendOptions = {}): Promise<Backend> {
  chosen ??= startBackend(options).then((backend) => {
    active = backend
    return backend
  })
  return chosen
}

/** The backend that `chooseBackend` started, if it has. */
export function activeBackend(): Backend | undefined {
  return active
}

async function startBackend(options: BackendOptions): Promise<Backend> {
  const tf = await import('@tensorflow/tfjs-core')
  // Production mode is TensorFlow.js' own switch for "no advice on the console, no checks of every value".
  tf.enableProdMode()
  const notes: string[] = []
  if (options.native !== false) {
    const problem = await startNative(tf, options.native_from)
    if (problem === undefined) return { name: 'tensorflow', tf, notes }
    notes.push(problem)
  }
  try {
    await startWasm(tf)
    return { name: 'wasm', tf, notes }
  } catch (error) {
    notes.push(`The WASM backend does not start: ${messageOf(error)}.`)
  }
  await import('@tensorflow/tfjs-backend-cpu')
  if (await tf.setBackend('cpu')) return { name: 'cpu', tf, notes }
  throw new WeirError('unsupported', `no TensorFlow.js backend starts: ${notes.join(' ')}`)
}

async function startWasm(tf: typeof TensorFlow): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm'))}/`)
  // Emscripten's glue hooks these two and rethrows; how this process ends is not the library's to decide.
  const hooks = ['uncaughtException', 'unhandledRejection'] as const
  const before = hooks.map((hook) => new Set<unknown>(process.listeners(hook as 'uncaughtException')))
  try {
    if (!(await tf.setBackend('wasm'))) throw new Error('it refused to initialise')
  } finally {
    hooks.forEach((hook, at) => {
      for (const listener of process.listeners(hook as 'uncaughtException')) {
        if (!before[at]?.has(listener)) process.removeListener(hook, listener)
      }
    })
  }
}

/** Starts `@tensorflow/tfjs-node` on our tfjs-core. Returns why not, if not. */
async function startNative(tf: typeof TensorFlow, from = import.meta.url): Promise<string | undefined> {
  const lookup = createRequire(from)
  let entry: string
  try {
    entry = lookup.resolve('@tensorflow/tfjs-node')
  } catch {
    return '@tensorflow/tfjs-node is not installed.'
  }
  const problem = await probeNative(entry)
  if (problem !== undefined) return problem
  try {
    lookup(entry)
    if (tf.findBackend('tensorflow') === null) {
      return '@tensorflow/tfjs-node brings its own tfjs-core; install the version that matches.'
    }
    return (await tf.setBackend('tensorflow')) ? undefined : '@tensorflow/tfjs-node refused to initialise.'
  } catch (error) {
    return `@tensorflow/tfjs-node fails to load: ${messageOf(error)}.`
  }
}

/**
 * Tries the native binary in a process of its own, on the main thread and on a worker: a binary built for another
 * processor kills its process, which nothing can catch. Returns what went wrong, undefined if it works.
 */
export async function probeNative(entry: string): Promise<string | undefined> {
  const probe = fileURLToPath(new URL('./native-probe.js', import.meta.url))
  try {
    await run(process.execPath, [probe, entry], { timeout: 30_000, killSignal: 'SIGKILL' })
    return undefined
  } catch (error) {
    const { code, signal } = error as { code?: number | string; signal?: string }
    return `@tensorflow/tfjs-node is installed but does not run here (${signal ?? `exit code ${code}`}); try "npm rebuild @tensorflow/tfjs-node".`
  }
}

/** How fast the backend runs an autoencoder of 32-16-8-16-32 forward, in rows/s. Takes about half a second. */
export async function backendSpeed(backend: Backend): Promise<{ name: BackendName; rows_per_s: number }> {
  const layers = randomLayers([32, 16, 8, 16, 32], 'tanh', seededRandom(1))
  const forward = createFusedForward(backend.tf, layers)
  const rows = 2_048
  const input = new Float32Array(rows * 32).fill(0.5)
  try {
    forward.run(input, rows)
    const started = performance.now()
    let done = 0
    do {
      forward.run(input, rows)
      done += rows
      // Lets timers run between rounds; the whole takes less than half a second.
      await new Promise(setImmediate)
    } while (performance.now() - started < 400)
    return { name: backend.name, rows_per_s: Math.round((done / (performance.now() - started)) * 1000) }
  } finally {
    forward.dispose()
  }
}
