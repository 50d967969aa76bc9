// What must hold before a commit: it compiles, it is formatted and linted, nothing is unused, generated files are fresh.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = (name) => join(root, 'node_modules', '.bin', name)
const steps = [
  ['tsc', [process.execPath, join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root]],
  ['biome', [bin('biome'), 'check', '.']],
  ['knip', [bin('knip')]],
  ['generated files', [process.execPath, join(root, 'dist', 'scripts', 'generate.js'), '--check']],
]

let failed = false
for (const [name, [command, ...args]] of steps) {
  if (name === 'generated files' && !existsSync(args[0])) continue
  const started = Date.now()
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  const passed = result.status === 0
  process.stderr.write(`check ${name.padEnd(16)} ${passed ? 'ok' : 'FAILED'} ${Date.now() - started} ms\n`)
  if (!passed) {
    failed = true
    process.stderr.write(`${result.stdout}${result.stderr}\n`)
  }
}
process.exit(failed ? 1 : 0)
