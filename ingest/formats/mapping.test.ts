import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ocsfSchema } from '../../ocsf/schema.js'
import type { Attribute, ObjectSchema } from '../../ocsf/table.js'
import { formats } from './index.js'

/** Attributes that hold free JSON: what stands below them is the source's own. */
const FREE = new Set(['object', 'json_t', 'string_map_t'])

test('the mapping of every format names attributes that its classes have', () => {
  for (const { name, mapping = '' } of formats.all) {
    let schema: ObjectSchema | undefined
    for (const line of mapping.split('\n').map((text) => text.trim())) {
      if (line.startsWith('#')) {
        const uid = Number(/\b(\d{4,8})\b/.exec(line)?.[1])
        schema = Number.isNaN(uid) ? undefined : ocsfSchema().classes.get(uid)
        assert.ok(Number.isNaN(uid) || schema !== undefined, `${name}: ${line}`)
      } else if (schema !== undefined && line.includes('|')) {
        const targets = (line.split('|')[1] ?? '').split(',').map((text) => text.trim())
        for (const path of targets) assert.ok(path === '' || exists(schema, path), `${name}: ${line}: ${path}`)
      }
    }
  }
})

function exists(schema: ObjectSchema, path: string): boolean {
  let at: ObjectSchema | undefined = schema
  for (const part of path.replaceAll('[]', '').split('.')) {
    const attribute: Attribute | undefined = at?.attributes.get(part)
    if (attribute === undefined) return false
    if (FREE.has(attribute.object ?? attribute.type)) return true
    at = attribute.object === undefined ? undefined : ocsfSchema().objects.get(attribute.object)
  }
  return true
}
