import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../core/paths.js'
import { extension } from './extension.js'
import { ocsfSchema } from './schema.js'

test('the page for consumers explains every class, object, attribute and activity', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'ocsf-extension.md'), 'utf8').replace(/[ \n]+/g, ' ')
  for (const entry of [...extension.classes, ...extension.objects]) {
    assert.ok(page.includes(`\`${entry.name}\``), entry.name)
    for (const { name } of entry.attributes) assert.ok(page.includes(`\`${name}\``), `${entry.name}.${name}`)
  }
  for (const { uid, activities } of extension.classes) {
    assert.ok(page.includes(`Class ${uid} `))
    for (const [id, caption] of Object.entries(activities)) {
      assert.ok(page.includes(`| ${id} | ${caption} |`) || page.includes(`${id} ${caption}`), `${id} ${caption}`)
    }
  }
})

test('class numbers follow the arithmetic of OCSF and do not collide', () => {
  for (const { uid, category_uid } of extension.classes) {
    assert.equal(Math.floor(uid / 1000), extension.uid * 100 + category_uid)
  }
  assert.equal(ocsfSchema().classes.size, new Set([...ocsfSchema().classes.values()].map(({ name }) => name)).size)
})

test('the extension takes no name that OCSF uses', () => {
  const compact = JSON.parse(readFileSync(join(packageRoot, 'ocsf', 'schema.json'), 'utf8'))
  const taken = new Set([...compact.objects, ...compact.classes].map(({ name }) => name))
  for (const { name } of [...extension.objects, ...extension.classes]) assert.ok(!taken.has(name), name)
})
