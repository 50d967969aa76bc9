import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OcsfEvent } from './event.js'
import { validate } from './validate.js'
import { makeWellFormed, SURROGATE_NOTE } from './well-formed.js'

function event(extra: object): OcsfEvent {
  return {
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time: 1,
    severity_id: 1,
    metadata: { version: '1.8.0', product: { name: 'x' } },
    device: { hostname: 'h', type_id: 1 },
    process: { pid: 1 },
    actor: { user: { name: 'root' } },
    ...extra,
  }
}

test('half characters become U+FFFD everywhere, whole ones stay, and the event says so', () => {
  const found = event({
    message: 'rm -rf \ud800 / \u{1f600}',
    process: { pid: 1, cmd_line: '\udfff', file: { name: 'a\ud83d', type_id: 1 } },
    unmapped: { list: ['\ud800', 1, null], '\ud800': 'first', '\udc00': 'second', ['__proto__']: '\ud800' },
  })
  assert.ok(validate(found).some(({ code }) => code === 'lone_surrogate'))
  makeWellFormed(found)
  assert.deepEqual(validate(found), [])
  assert.equal(found.message, 'rm -rf \ufffd / \u{1f600}')
  assert.deepEqual(found.process, { pid: 1, cmd_line: '\ufffd', file: { name: 'a\ufffd', type_id: 1 } })
  assert.deepEqual(found.unmapped?.list, ['\ufffd', 1, null])
  assert.deepEqual([found.unmapped?.['\ufffd'], found.unmapped?.['\ufffd#2']], ['first', 'second'])
  assert.deepEqual(found.metadata.transformation_info_list, [{ name: SURROGATE_NOTE }])
  makeWellFormed(found)
  assert.equal((found.metadata.transformation_info_list as unknown[]).length, 1)
})

test('an event that is deep besides is still refused, and ends', () => {
  let deep: unknown = '\ud800'
  for (let n = 0; n < 5_000; n++) deep = [deep]
  const found = event({ unmapped: { deep } })
  makeWellFormed(found)
  assert.ok(validate(found).some(({ code }) => code === 'too_deep'))
})
