import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventDraft } from './event.js'
import { finish, type Origin } from './finish.js'
import { validate } from './validate.js'

const origin: Origin = { format: 'test', instance: 'a', position: '/var/log/x:1:100', ordinal: 0, received_time: 5 }
const { position: _, ...unplaced } = origin

const draft = (): EventDraft => ({
  class_uid: 1007,
  activity_id: 1,
  time: 1_790_000_000_000,
  severity_id: 4,
  status_id: 2,
  device: { type_id: 1, hostname: 'web-01' },
  actor: { process: { pid: 1 } },
  process: { pid: 42, name: 'sh' },
})

test('fills numbers, captions, metadata and workload, and the result is valid', () => {
  const event = finish(draft(), { ...origin, raw: '{"x":1}' })
  assert.deepEqual(validate(event), [])
  const { category_uid, type_uid, category_name, class_name, activity_name, type_name, severity, status } = event
  assert.deepEqual(
    { category_uid, type_uid, category_name, class_name, activity_name, type_name, severity, status },
    {
      category_uid: 1,
      type_uid: 100701,
      category_name: 'System Activity',
      class_name: 'Process Activity',
      activity_name: 'Launch',
      type_name: 'Process Activity: Launch',
      severity: 'High',
      status: 'Failure',
    },
  )
  assert.equal(event.metadata.version, '1.8.0')
  assert.deepEqual(event.metadata.product, { name: 'Weir', vendor_name: 'Weir', feature: { name: 'test' } })
  assert.equal(event.raw_data, '{"x":1}')
  assert.deepEqual(event.workload, { kind: 'vm', uid: 'vm/web-01', name: 'web-01', group: 'web' })
})

test('keeps what the source said', () => {
  const product = { name: 'Falco' }
  const event = finish(
    { ...draft(), severity: 'Critical!', type_uid: 7, metadata: { uid: 'u', version: '1.3.0', product } },
    origin,
  )
  assert.equal(event.severity, 'Critical!')
  assert.deepEqual(event.metadata, { uid: 'u', version: '1.3.0', product })
  assert.deepEqual(
    validate(event).map(({ code }) => code),
    ['inconsistent'],
  )
})

test('an event of our extension says which extension', () => {
  const coverage = {
    class_uid: 99906002,
    activity_id: 1,
    time: 1,
    severity_id: 1,
    status_id: 4,
    source: { name: 'docker' },
  }
  const event = finish(coverage, origin)
  assert.deepEqual(validate(event), [])
  assert.equal(event.type_uid, 9990600201)
  assert.equal(event.status, 'Silent')
  assert.deepEqual(event.metadata.extensions, [{ name: 'weir', uid: '999', version: '1.0.0' }])
})

test('the uid depends on the position if there is one, else on the content', () => {
  const uid = (o: Origin, change: object = {}) => finish({ ...draft(), ...change }, o).metadata.uid
  assert.equal(uid(origin), uid({ ...origin, received_time: 6 }))
  assert.equal(uid(origin), uid(origin, { message: 'parsed better by a newer version' }))
  assert.notEqual(uid(origin), uid({ ...origin, position: '/var/log/x:1:101' }))
  assert.notEqual(uid(origin), uid({ ...origin, instance: 'b' }))
  assert.notEqual(uid(origin), uid({ ...origin, ordinal: 1 }))
  assert.equal(uid(unplaced), uid(unplaced))
  assert.notEqual(uid(unplaced), uid(unplaced, { message: 'x' }))
  assert.equal(uid({ ...unplaced, raw: 'r' }), uid({ ...unplaced, raw: 'r' }, { message: 'x' }))
  assert.notEqual(uid({ ...unplaced, raw: 'r' }), uid({ ...unplaced, raw: 's' }))
})

test('derives the workload from container, function and device', () => {
  const workload = (change: object) => finish({ ...draft(), ...change }, origin).workload
  const container = { uid: '3f2a9c0d11ee99999999', name: 'api', image: { name: 'shop/api', uid: 'sha256:1' } }
  const expected = {
    kind: 'container',
    uid: 'container/3f2a9c0d11ee',
    name: 'api',
    group: 'shop/api',
    image: 'shop/api',
  }
  assert.deepEqual(workload({ container }), expected)
  assert.deepEqual(workload({ process: { pid: 1, container } }), expected)
  assert.deepEqual(workload({ device: { type_id: 1, container } }), expected)
  const cloud = { provider: 'AWS', account: { uid: '1' }, region: 'eu-central-1' }
  assert.equal(
    workload({ cloud, resources: [{ type: 'AWS::Lambda::Function', name: 'f' }] })?.uid,
    'function/aws/1/eu-central-1/f',
  )
  assert.equal(workload({ device: undefined }), undefined)
  assert.equal(workload({ device: { instance_uid: 'i-1', hostname: 'h' } })?.uid, 'vm/i-1')
})

test('no draft makes it throw', () => {
  const names = ['class_uid', 'activity_id', 'metadata', 'device', 'container', 'cloud', 'resources', 'actor', 'time']
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (changes) => {
      validate(finish({ ...draft(), ...changes } as EventDraft, unplaced))
    }),
    { numRuns: 2000 },
  )
  const hostile = JSON.parse('{"class_uid":{"toString":1,"valueOf":1},"time":"x","metadata":{"uid":7}}')
  assert.ok(validate(finish(hostile, unplaced)).length > 0)
})
