import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.js'
import { packageRoot } from '../../core/paths.js'
import { backendSpeed, chooseBackend } from '../../models/backend.js'
import { type Check, fail, ok, size, warn } from './check.js'

/** Below this the engine's caches, a model in training and the events in flight do not fit side by side. */
const LEAST_MEMORY_BYTES = 2e9

type Manifest = { engines: { node: string }; dependencies: Record<string, string> }

const manifest = () => JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as Manifest

/** Node's version against the one in package.json. */
export function checkNode(version = process.versions.node): Check {
  const wanted = manifest().engines.node.replace(/^>=/, '')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  const isNewEnough = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
  const found = `${version} (${process.platform} ${process.arch})`
  return isNewEnough
    ? ok('node', found)
    : fail('node', `${found} is too old`, `Install Node ${wanted} or newer (nodejs.org).`)
}

/** Cores, and the memory this process may take (a container's limit counts). */
export function checkMachine(): Check {
  const limit = process.constrainedMemory()
  const memory = limit > 0 && limit < totalmem() ? limit : totalmem()
  const found = `${availableParallelism()} cores, ${size(memory)} memory`
  return memory < LEAST_MEMORY_BYTES
    ? warn(
        'machine',
        found,
        `Give Weir ${size(LEAST_MEMORY_BYTES)}, or lower lake.max_memory_bytes and bus.max_messages.`,
      )
    : ok('machine', found)
}

/** Every dependency of package.json is installed in the version it names. */
export function checkPackages(): Check {
  const wrong = Object.entries(manifest().dependencies).flatMap(([name, wanted]) => {
    const found = installedVersion(name)
    return found === wanted ? [] : [`${name} ${wanted} (${found === undefined ? 'missing' : `found ${found}`})`]
  })
  return wrong.length === 0
    ? ok('packages', `${Object.keys(manifest().dependencies).length} packages as package.json wants them`)
    : fail('packages', `not as package.json wants them: ${wrong.join(', ')}`, `Run \`npm install\` in ${packageRoot}.`)
}

function installedVersion(name: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(packageRoot, 'node_modules', name, 'package.json'), 'utf8')).version
  } catch {
    return undefined
  }
}

/** Which TensorFlow.js backend runs here, how fast, and why not a faster one. */
export async function checkBackend(): Promise<Check> {
  try {
    const backend = await chooseBackend()
    const { rows_per_s } = await backendSpeed(backend)
    const found = [`${backend.name}, ${rows_per_s.toLocaleString('en-US')} rows/s.`, ...backend.notes].join(' ')
    return backend.name === 'cpu'
      ? warn('tensorflow', found, 'Reinstall @tensorflow/tfjs-backend-wasm: training is slow in plain JavaScript.')
      : ok('tensorflow', found)
  } catch (error) {
    return fail(
      'tensorflow',
      messageOf(error),
      `Run \`npm install\` in ${packageRoot}, or configure no anomaly detector.`,
    )
  }
}
