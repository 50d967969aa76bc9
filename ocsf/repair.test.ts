import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanEvent } from '../test/clean-event.js'
import type { OcsfEvent } from './event.js'
import { repaired } from './repair.js'

const eventWith = (changes: object) => structuredClone({ ...cleanEvent, ...changes }) as unknown as OcsfEvent
const left = (event: OcsfEvent) => repaired(event).map(({ path, code }) => [path, code])

test('a valid event is left as it is', () => {
  const event = eventWith({})
  assert.deepEqual(left(event), [])
  assert.deepEqual(event, cleanEvent)
})

test('an optional value that OCSF does not allow moves to unmapped, wherever it stands', () => {
  const event = eventWith({
    status_id: 77,
    process: { pid: 2, cmd_line: true, file: { name: 'n', type_id: 1, hashes: [{ algorithm_id: 'x', value: 'v' }] } },
    device: { hostname: 'a', type_id: 1, ip: 'not an address', mac: '' },
  })
  assert.deepEqual(left(event), [])
  assert.deepEqual(event.unmapped, {
    status_id: 77,
    'process.cmd_line': true,
    'process.file.hashes': [{ algorithm_id: 'x', value: 'v' }],
    'device.ip': 'not an address',
  })
  assert.deepEqual(event.process, { pid: 2, file: { name: 'n', type_id: 1 } })
  assert.deepEqual(event.device, { hostname: 'a', type_id: 1 })
})

test('digits are the number they say, and a number is a text', () => {
  const event = eventWith({ process: { pid: '4242', cmd_line: 9 } })
  assert.deepEqual(left(event), [])
  assert.deepEqual(event.process, { pid: 4242, cmd_line: '9' })
  assert.equal(event.unmapped, undefined)
})

test('an object that is wrong without its value moves as a whole, if it may be absent', () => {
  const event = eventWith({ process: { pid: 2, user: { name: true } } })
  assert.deepEqual(left(event), [])
  assert.deepEqual(event.process, { pid: 2 })
  assert.deepEqual(event.unmapped, { 'process.user.name': true })
})

test('what an event must have stays wrong', () => {
  assert.deepEqual(left(eventWith({ severity_id: 'high' })), [['severity_id', 'wrong_type']])
  assert.deepEqual(left(eventWith({ type_uid: 100702 })), [['type_uid', 'inconsistent']])
  assert.deepEqual(left(eventWith({ process: { pid: {} } })), [['process', 'constraint_failed']])
  assert.deepEqual(left(eventWith({ process: undefined })), [['process', 'required_missing']])
})

test('more wrong values than are named at once are all repaired', () => {
  const observables = Array.from({ length: 60 }, () => ({ type_id: 2, name: 'n', value: 'v', reputation: 'bad' }))
  const event = eventWith({ observables })
  assert.deepEqual(left(event), [])
  assert.equal(Object.keys(event.unmapped ?? {}).length, 60)
})

test('an unmapped of a wrong type is kept in a right one, beside attributes that are unknown', () => {
  const event = eventWith({ unmapped: 'text', odd: 1 })
  assert.deepEqual(left(event), [])
  assert.deepEqual(event.unmapped, { unmapped: 'text', odd: 1 })
})
