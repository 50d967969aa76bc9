import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../core/paths.js'
import { loadPlaybooks } from './playbook.js'

test('the built-in playbooks load, and only reversible or harmless actions go without approval', () => {
  const playbooks = loadPlaybooks([join(packageRoot, 'responders', 'playbooks', 'builtin')])
  assert.ok(playbooks.length >= 2)
  for (const playbook of playbooks.filter(({ approve }) => approve === 'never')) {
    for (const { action } of playbook.actions) assert.match(action, /^(docker_quarantine|docker_pause|log|webhook)$/)
  }
})

test('a wrong playbook names file, line, field and what was expected', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-playbooks-'))
  try {
    const file = join(folder, 'bad.yml')
    writeFileSync(file, 'name: Bad Name\nsummary: x\nmatch:\n  techniques: [1496]\nactions: []\nwhen: now\n')
    assert.throws(
      () => loadPlaybooks([folder]),
      (error: Error) => {
        assert.match(error.message, /bad\.yml:1 {2}name: expected a name of a-z/)
        assert.match(error.message, /bad\.yml:4 {2}match\.techniques\.0: expected string/)
        assert.match(error.message, /bad\.yml:5 {2}actions:/)
        assert.match(error.message, /unknown field "when"/)
        return true
      },
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
