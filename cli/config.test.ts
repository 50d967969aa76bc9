import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../core/config.js'
import { packageRoot } from '../core/paths.js'
import { configJsonSchema, configSchema, loadConfig } from './config.js'

const file = join(packageRoot, 'weir.example.yaml')
const text = readFileSync(file, 'utf8')

test('weir.example.yaml means the same as no configuration', () => {
  assert.deepEqual(loadConfig(file), loadConfig(undefined))
})

test('what is commented out in weir.example.yaml is the default, and every line of it is read', () => {
  const lines = text.split('\n').flatMap((line) => {
    const [, indent = '', setting = ''] = /^(\s*)#([a-z_0-9]+:( .*)?)$/.exec(line) ?? []
    if (setting === '') return [line]
    // Optional fields show what may stand there.
    return / <.*>$/.test(setting) ? [] : [`${indent}${setting}`]
  })
  const { collectors, formats, ...rest } = parseConfig(withoutEmpty(lines).join('\n'), configSchema, { file })
  const defaults = configSchema.parse({})
  const byDefault = Object.fromEntries(Object.keys(defaults.collectors).map((name) => [name, collectors[name]]))
  assert.equal(collectors.file?.type, 'file', 'collectors that do not run by default are shown, too')
  assert.deepEqual(byDefault, defaults.collectors)
  assert.ok(formats.cloudtrail)
  assert.deepEqual({ ...rest, collectors: byDefault, formats: {} }, defaults)
})

/** Without the heads of sections in which nothing is left. */
function withoutEmpty(lines: readonly string[]): string[] {
  const kept: string[] = []
  let inner = 0
  for (const line of lines.filter((one) => !/^\s*(#.*)?$/.test(one)).reverse()) {
    const indent = line.search(/\S/)
    if (line.endsWith(':') && inner <= indent) continue
    kept.unshift(line)
    inner = indent
  }
  return kept
}

test('deploy/weir.cluster.example.yaml is a whole configuration, with its secrets from the environment', () => {
  const cluster = join(packageRoot, 'deploy', 'weir.cluster.example.yaml')
  const written = readFileSync(cluster, 'utf8')
  const names = [...new Set([...written.matchAll(/^[^#]*\$\{(\w+)\}/gm)].map(([, name = '']) => name))]
  assert.ok(names.length >= 3)
  const env = Object.fromEntries(names.map((name) => [name, 'a-long-enough-secret']))
  const { bus, lake, jobs } = parseConfig(written, configSchema, { file: cluster, env })
  assert.ok(bus.kafka && lake.url && jobs.redis)
  assert.throws(
    () => parseConfig(written, configSchema, { file: cluster, env: {} }),
    /environment variable \w+ is not set/,
  )
})

test('every problem is reported at once, with its place', () => {
  const wrong = `
lake: { port: 99999 }
mode: dryrun
collectors: { here: { type: host, intervall_ms: 5 } }
formats: { cloudtrail: { function_role: [x] }, nonsense: {} }
`
  assert.throws(
    () => parseConfig(wrong, configSchema, { file: 'weir.yaml' }),
    ({ message }: Error) => {
      for (const part of ['lake.port', 'mode', 'intervall_ms', 'function_role', 'nonsense'])
        assert.ok(message.includes(part), part)
      return message.includes('weir.yaml:2') && message.startsWith('5 problems')
    },
  )
})

test('the JSON schema names every component', () => {
  const schema = JSON.stringify(configJsonSchema())
  for (const name of ['host', 'docker', 'http', 'rules', 'cloudtrail', 'docker_quarantine'])
    assert.ok(schema.includes(`"${name}"`), name)
})

test('the SQL endpoint has no TLS: beyond loopback it is refused, unless somebody says that something else sees to it', () => {
  const problems = (lake: object) => {
    const { error } = configSchema.safeParse({ lake })
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
  }
  for (const host of ['127.0.0.1', '::1', 'localhost']) assert.deepEqual(problems({ host }), [])
  for (const host of ['0.0.0.0', '::', '10.0.0.5', 'lake.example.com']) {
    assert.match(
      problems({ host }).join(),
      /^lake\.host: expected an address of this machine.*lake\.allow_plain_http: true$/,
    )
    assert.deepEqual(problems({ host, allow_plain_http: true }), [])
    // Then there is no endpoint.
    assert.deepEqual(problems({ host, url: 'https://clickhouse:8443' }), [])
  }
})
