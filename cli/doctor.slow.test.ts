import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../core/paths.js'
import { announceEndpoint } from '../lake/endpoint/discovery.js'
import type { Check } from './doctor/check.js'
import { checkPermissions } from './doctor/permissions.js'
import { checkNode } from './doctor/runtime.js'
import { doctorText, examine } from './doctor.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-doctor-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const of = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name)
const configFile = (text: string) => {
  const file = join(mkdtempSync(join(folder, 'config-')), 'weir.yaml')
  writeFileSync(file, text)
  return file
}

test('a machine like this one can run Weir; what is missing comes with what to do, and nothing is left behind', async () => {
  const config = configFile('lake: { port: 0 }\ncollectors: { push: { type: http, port: 0 } }')
  const dataDir = join(folder, 'fresh', '.weir')
  const started = performance.now()
  const checks = await examine({ config, dataDir })
  assert.ok(performance.now() - started < 15_000)
  assert.deepEqual(
    checks.filter(({ status }) => status === 'fail'),
    [],
  )
  for (const { name, status, todo } of checks) assert.ok(status === 'ok' || todo, `${name} says what to do`)
  assert.equal(new Set(checks.map(({ name }) => name)).size, checks.length)
  assert.match(of(checks, 'chdb')?.found ?? '', /^ClickHouse \d+\./)
  assert.match(of(checks, 'data folder')?.found ?? '', /does not exist yet/)
  assert.match(doctorText(checks), /weir up can run here/)
})

test('what makes weir up impossible is a failure: a wrong configuration, a port, a folder, a lake that is open', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const config = configFile(`lake: { port: ${port} }\ncollectors: { push: { type: http, port: ${port} } }`)
    const taken = await examine({ config, dataDir: join(folder, 'taken') })
    assert.equal(of(taken, 'SQL port')?.status, 'fail')
    if (process.platform === 'linux') assert.ok(of(taken, 'SQL port')?.found.includes(`(process ${process.pid})`))
    assert.equal(of(taken, 'push port')?.status, 'warn', 'the rest of Weir works without it')

    const own = join(folder, 'own')
    mkdirSync(own, { mode: 0o700 })
    const withdraw = announceEndpoint(own, `http://127.0.0.1:${port}`)
    if (process.platform === 'linux')
      assert.equal(of(await examine({ config, dataDir: own }), 'SQL port')?.status, 'ok')
    withdraw()
  } finally {
    server.close()
  }

  const wrong = await examine({ config: configFile('lake: { prot: 1 }\n'), dataDir: join(folder, 'x') })
  assert.equal(of(wrong, 'configuration')?.status, 'fail')
  assert.match(of(wrong, 'configuration')?.found ?? '', /prot/)

  const file = join(folder, 'a-file')
  writeFileSync(file, '', { mode: 0o600 })
  assert.equal(of(await examine({ dataDir: join(file, 'below') }), 'data folder')?.status, 'fail')

  const held = join(folder, 'held')
  mkdirSync(join(held, 'lake'), { recursive: true, mode: 0o700 })
  writeFileSync(join(held, 'lake', 'status'), `PID: ${process.ppid}\n`)
  const lake = of(await examine({ dataDir: held }), 'lake')
  assert.deepEqual([lake?.status, lake?.found], ['fail', `process ${process.ppid} has it open`])
})

test('a machine without /proc, and one that hides processes', () => {
  const host = { host: { type: 'host', interval_ms: 1000 } }
  const without = mkdtempSync(join(folder, 'root-'))
  assert.deepEqual(
    checkPermissions(host, without).map(({ name, status }) => [name, status]),
    [['processes', 'warn']],
  )
  const hidden = mkdtempSync(join(folder, 'root-'))
  mkdirSync(join(hidden, 'proc/self'), { recursive: true })
  writeFileSync(join(hidden, 'proc/self/stat'), '')
  const [processes, logins] = checkPermissions(host, hidden)
  assert.match(processes?.found ?? '', /hidepid/)
  assert.match(logins?.found ?? '', /btmp does not exist/)
})

test('Node that is too old', () => {
  assert.equal(checkNode('20.18.3').status, 'fail')
  assert.equal(checkNode('20.19.0').status, 'ok')
  assert.equal(checkNode('22.0.0').status, 'ok')
})

test('the command prints JSON and its exit code says whether weir up can run', () => {
  const main = pathToFileURL(join(packageRoot, 'dist', 'cli', 'main.js')).href
  const run = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ['-e', `import('${main}').then((m) => m.main(${JSON.stringify(['doctor', ...args])}))`],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    )
  const config = configFile('lake: { port: 0 }\ncollectors: {}')
  const good = run('--json', '-c', config)
  assert.equal(good.status, 0, good.stderr)
  const { version, checks } = JSON.parse(good.stdout)
  assert.match(version, /^\d+\.\d+\.\d+$/)
  assert.ok(checks.length > 8)
  assert.equal(run('-c', configFile('nonsense: 1')).status, 1)
})

test('servers of the configuration that do not answer are failures that name the setting', async () => {
  const config = configFile(
    "lake: { url: 'http://127.0.0.1:1' }\nbus: { kafka: { brokers: ['127.0.0.1:1'] } }\njobs: { redis: { url: 'redis://127.0.0.1:1' } }\ncollectors: {}",
  )
  const checks = await examine({ config, dataDir: join(folder, 'servers') })
  for (const [name, setting] of [
    ['Kafka', /bus\.kafka\.brokers/],
    ['ClickHouse', /lake\.url/],
    ['Redis', /jobs\.redis\.url/],
  ] as const) {
    const check = of(checks, name)
    assert.equal(check?.status, 'fail')
    assert.match(check?.found ?? '', setting)
    assert.ok(check?.todo)
  }
})
