import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanEvent } from '../test/clean-event.js'
import type { OcsfEvent } from './event.js'
import { moveUnknown } from './unknown.js'
import { validate } from './validate.js'

/** The clean event with attributes replaced or added, made from JSON as an intake would. */
function eventWith(json: string): OcsfEvent {
  return JSON.parse(`${JSON.stringify(cleanEvent).slice(0, -1)},${json}}`) as OcsfEvent
}

test('unknown attributes move to unmapped under their path, at any depth, and the event becomes valid', () => {
  const event = eventWith(
    '"foo":1,"process":{"pid":2,"k8s.pod":"x","file":{"name":"n","type_id":1,"hashes":[{"algorithm_id":1,"value":"v","c":3}]}}',
  )
  assert.notEqual(validate(event).length, 0)
  moveUnknown(event)
  assert.deepEqual(validate(event), [])
  assert.deepEqual(event.unmapped, { foo: 1, 'process.k8s.pod': 'x', 'process.file.hashes[0].c': 3 })
  assert.equal(event.foo, undefined)
})

test('more unknown attributes than validate names, and longer ones, are moved too', () => {
  const many = Array.from({ length: 50 }, (_, n) => `"${'x'.repeat(100)}${n}":${n}`).join(',')
  const event = eventWith(many)
  moveUnknown(event)
  assert.deepEqual(validate(event), [])
  assert.equal(Object.keys(event.unmapped ?? {}).length, 50)
})

test('null means absent; a value of a wrong type stays and stays wrong', () => {
  const event = eventWith('"status_id":null,"process":{"pid":2,"name":null,"cmd_line":7},"unmapped":null')
  moveUnknown(event)
  assert.deepEqual(event.process, { pid: 2, cmd_line: 7 })
  assert.ok(!('status_id' in event))
  assert.deepEqual(
    validate(event).map(({ path, code }) => [path, code]),
    [['process.cmd_line', 'wrong_type']],
  )
})

test('what is already unmapped is not overwritten', () => {
  const event = eventWith('"foo":1,"unmapped":{"foo":"older"}')
  moveUnknown(event)
  assert.deepEqual(event.unmapped, { foo: 'older', 'foo#2': 1 })
})

test('an attribute named __proto__ is moved as data', () => {
  const event = eventWith('"process":{"pid":2,"__proto__":{"polluted":true}},"__proto__":{"polluted":true}')
  moveUnknown(event)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  assert.equal(Object.getPrototypeOf(event.unmapped), Object.prototype)
  assert.deepEqual(Object.keys(event.unmapped ?? {}).sort(), ['__proto__', 'process.__proto__'])
})

test('an unmapped of a wrong type and an unknown class are left to the validator', () => {
  const event = eventWith('"foo":1,"unmapped":"text"')
  moveUnknown(event)
  assert.equal(event.unmapped, 'text')
  assert.equal(event.foo, 1)
  const other = eventWith('"foo":1,"class_uid":77')
  moveUnknown(other)
  assert.equal(other.foo, 1)
})
