import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OcsfEvent } from './event.js'
import { moveUnknown } from './unknown.js'

function eventOf(json: string): OcsfEvent {
  return JSON.parse(json) as OcsfEvent
}

function unknown(...paths: string[]) {
  return paths.map((path) => ({ path, code: 'unknown_attribute' }))
}

test('unknown attributes move to unmapped under their path, at any depth', () => {
  const event = eventOf('{"foo":1,"process":{"pid":2,"bar":{"x":1}},"evidences":[{"a":1},{"b":2,"file":{"c":3}}]}')
  moveUnknown(event, unknown('foo', 'process.bar', 'evidences[1].file.c'))
  assert.deepEqual(event, {
    process: { pid: 2 },
    evidences: [{ a: 1 }, { b: 2, file: {} }],
    unmapped: { foo: 1, 'process.bar': { x: 1 }, 'evidences[1].file.c': 3 },
  })
})

test('names with dots and brackets are found', () => {
  const event = eventOf('{"k8s.pod":"a","process":{"x.y[0]":"b"}}')
  moveUnknown(event, unknown('k8s.pod', 'process.x.y[0]'))
  assert.deepEqual(event, { process: {}, unmapped: { 'k8s.pod': 'a', 'process.x.y[0]': 'b' } })
})

test('what is already unmapped is not overwritten', () => {
  const event = eventOf('{"foo":1,"unmapped":{"foo":"older"}}')
  moveUnknown(event, unknown('foo'))
  assert.deepEqual(event.unmapped, { foo: 'older', 'foo#2': 1 })
})

test('an attribute named __proto__ is moved as data', () => {
  const event = eventOf('{"process":{"__proto__":{"polluted":true}},"__proto__":{"polluted":true}}')
  moveUnknown(event, unknown('process.__proto__', '__proto__'))
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  assert.equal(Object.getPrototypeOf(event.unmapped), Object.prototype)
  assert.deepEqual(Object.keys(event.unmapped ?? {}), ['process.__proto__', '__proto__'])
})

test('other problems, paths that are not there and an unmapped of a wrong type are left alone', () => {
  const event = eventOf('{"time":"x","a":1,"unmapped":"text"}')
  moveUnknown(event, [{ path: 'time', code: 'wrong_type' }, ...unknown('a', 'b.c')])
  assert.deepEqual(event, { time: 'x', a: 1, unmapped: 'text' })
})
