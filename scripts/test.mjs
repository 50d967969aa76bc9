// Runs the compiled tests: `fast` leaves out the files that start processes, containers or browsers (*.slow.test.js).
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [mode = 'all', ...patterns] = process.argv.slice(2)

function testsBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return testsBelow(path)
    if (!entry.name.endsWith('.test.js')) return []
    return mode === 'fast' && entry.name.endsWith('.slow.test.js') ? [] : [path]
  })
}

const files = testsBelow(join(root, 'dist'))
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort()
if (files.length === 0) {
  process.stderr.write('no test files match\n')
  process.exit(1)
}
const result = spawnSync(process.execPath, ['--test', '--test-concurrency=2', '--test-timeout=600000', ...files], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
})
process.exit(result.status ?? 1)
