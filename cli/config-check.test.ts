import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { WeirError } from '../core/errors.js'
import { configSchema } from './config.js'
import { checkReferences } from './config-check.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-check-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function problems(config: object): string {
  try {
    checkReferences(configSchema.parse(config))
    return ''
  } catch (error) {
    assert.ok(error instanceof WeirError && error.code === 'config_invalid', String(error))
    return error.message
  }
}

test('no configuration at all points to nothing that is wrong', () => {
  assert.equal(problems({}), '')
})

test('rules, playbooks and params of actions that are wrong are all named at once, each with its place', () => {
  const rule = file(
    'bad-rule.yml',
    'title: X\nlogsource: { category: no_such_thing }\ndetection: { a: { b: c }, condition: a }\n',
  )
  const said = problems({
    detectors: {
      mine: { type: 'rules', paths: [rule] },
      gone: { type: 'rules', paths: [join(folder, 'not-there')] },
    },
    responders: {
      playbooks: [
        file('wrong.yml', 'name: Wrong Name\nsummary: x\nactions: [{ action: log }]\n'),
        file('unknown.yml', 'name: unknown\nsummary: x\nactions: [{ action: log, params: { loud: true } }]\n'),
      ],
      actions: { webhook: { timeout: 'soon' } },
    },
  })
  for (const part of [
    /^\d problems/,
    /detectors\.mine: .*bad-rule\.yml:2: /,
    /detectors\.gone: rules at ".*not-there" cannot be read/,
    /wrong\.yml:1 +name: expected a name/,
    /responders\.actions\.webhook.*: .*timeout/,
  ])
    assert.match(said, part)
})

test('a step of a playbook with params that its action does not have is named', () => {
  const playbooks = [file('loud.yml', 'name: loud\nsummary: x\nactions: [{ action: log, params: { loud: true } }]\n')]
  assert.match(problems({ responders: { playbooks } }), /playbook loud, action log: .*loud/)
})

test('params that a playbook may still add are not missed', () => {
  assert.equal(problems({ responders: { actions: { webhook: {} } } }), '')
})
