// Makes a fresh clone usable: installs dependencies and compiles when needed. Uses only Node's own modules,
// because it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sourceFolders = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).include

function run(command, args, what) {
  process.stderr.write(`weir: ${what} ...\n`)
  const started = Date.now()
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (result.status !== 0) {
    process.stderr.write(`weir: ${what} failed (${result.error?.message ?? `exit code ${result.status}`}).\n`)
    process.exit(1)
  }
  process.stderr.write(`weir: ${what} took ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
}

function newestSource(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) newest = Math.max(newest, newestSource(path))
    else if (entry.name.endsWith('.ts')) newest = Math.max(newest, statSync(path).mtimeMs)
  }
  return newest
}

/** What was compiled from a source that is gone would still be found, by the test runner for one. */
function removeStale(folder, source) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) removeStale(path, join(source, entry.name))
    else if (entry.name.endsWith('.js') && !existsSync(join(source, entry.name.replace(/\.js$/, '.ts')))) rmSync(path)
  }
}

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`weir: Node ${process.versions.node} is too old; Weir needs Node 20.19 or newer.\n`)
  process.exit(1)
}

const installed = join(root, 'node_modules', '.weir-installed')
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex')
if (!existsSync(installed) || readFileSync(installed, 'utf8') !== lock) {
  // Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms. This obeys the lock, too.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], 'installing packages')
  writeFileSync(installed, lock)
}

const built = join(root, 'dist', '.built')
const newest = Math.max(
  statSync(join(root, 'tsconfig.json')).mtimeMs,
  ...sourceFolders.map((folder) => join(root, folder)).map((folder) => (existsSync(folder) ? newestSource(folder) : 0)),
)
if (!existsSync(built) || statSync(built).mtimeMs < newest) {
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'], 'compiling')
  removeStale(join(root, 'dist'), root)
  writeFileSync(built, '')
}
