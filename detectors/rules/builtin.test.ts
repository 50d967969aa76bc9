import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { techniqueName } from '../../ocsf/attack.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { ruleSet } from './rule-set.js'
import { builtinFolder, readRules } from './rules.js'

type Case = { says: string; matches: boolean; event: Partial<OcsfEvent> }

const files = readRules('builtin')
const all = ruleSet(files)

function eventOf({ metadata, ...rest }: Partial<OcsfEvent>): OcsfEvent {
  return {
    class_uid: 0,
    category_uid: 0,
    activity_id: 0,
    type_uid: 0,
    time: 1_760_000_000_000,
    severity_id: 1,
    ...rest,
    metadata: { version: '1.8.0', product: {}, uid: 'case', ...metadata },
  }
}

test('every built-in rule loads', () => {
  assert.deepEqual([...all.problems, ...all.uncollected], [])
  assert.ok(all.rules.length >= 20)
  for (const rule of all.rules) {
    assert.equal(rule.name, basename(rule.file, '.yml'))
    for (const id of rule.techniques) assert.ok(techniqueName(id), `${rule.name}: no name for ${id}`)
  }
})

for (const { file, text } of files) {
  const name = basename(file, '.yml')
  const path = join(builtinFolder, `${name}.cases.yml`)
  test(`rule ${name} finds what its cases say, and no more`, () => {
    assert.ok(existsSync(path), `expected cases of ${name} at ${path}`)
    const cases = parse(readFileSync(path, 'utf8')) as Case[]
    const alone = ruleSet([{ file, text }])
    for (const expected of [true, false]) assert.ok(cases.some(({ matches }) => matches === expected))
    for (const { says, matches, event } of cases) {
      assert.equal(alone.match(eventOf(event)).length > 0, matches, says)
      const found = all.match(eventOf(event)).map(({ rule }) => rule.name)
      assert.equal(found.includes(name), matches, `${says}, among all rules`)
    }
  })
}
