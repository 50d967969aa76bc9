// Runs the compiled tests: `fast` leaves out the files that start processes, containers or browsers (*.slow.test.js).
// In CI (`CI=true`) a test that was skipped is a failure, unless what it lacks is data that is no part of the repository.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [mode = 'all', ...patterns] = process.argv.slice(2)
/** As test/must-run.ts has it. */
const inCi = !['', '0', 'false'].includes(process.env.CI ?? '')
/** Corpora of other projects that tests read where they lie beside the repository; nothing here could fetch them. */
const isForeignData = (why) => /absent$|^no rules at /.test(why)

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
const folder = mkdtempSync(join(tmpdir(), 'weir-test-'))
const skippedFile = join(folder, 'skipped')
const reporters = [
  [process.stdout.isTTY ? 'spec' : 'tap', 'stdout'],
  [join(root, 'scripts', 'skip-reporter.mjs'), skippedFile],
].flatMap(([reporter, to]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${to}`])
const options = ['--test-concurrency=2', '--test-timeout=600000', ...reporters]
const result = spawnSync(process.execPath, ['--test', ...options, ...files], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
})
const skipped = skippedTests(skippedFile)
rmSync(folder, { recursive: true, force: true })
const forbidden = inCi ? skipped.filter(({ why }) => !isForeignData(why)) : []
const others = skipped.filter((test) => !forbidden.includes(test))
if (others.length > 0) say(`skipped: ${others.length}`, others)
if (forbidden.length > 0) say(`failed: ${forbidden.length} skipped, and in CI nothing may be`, forbidden)
process.exit(result.status || (forbidden.length > 0 ? 1 : 0))

function skippedTests(path) {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line) => {
    const [file, name, why] = line.split('\t')
    return why === undefined ? [] : [{ file, name, why }]
  })
}

function say(what, tests) {
  const list = tests.map(({ file, name, why }) => `  ${file}: ${name}: ${why}\n`).join('')
  process.stderr.write(`\n${what}:\n${list}`)
}
