import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cloudtrail } from '../../formats/cloudtrail.js'
import { vpcFlow } from '../../formats/vpc_flow.js'
import { recordsOf } from './object.js'

const MIB = 1024 * 1024

test('lines of a flow log stand behind the header of their object, which is no record', () => {
  const object = Buffer.from('srcaddr action\n10.0.0.1 ACCEPT\n\n10.0.0.2 REJECT\n')
  assert.deepEqual(recordsOf(object, 's3://b/k@1', MIB, vpcFlow), [
    { data: 'srcaddr action\n10.0.0.1 ACCEPT', position: 's3://b/k@1#1' },
    { data: 'srcaddr action\n10.0.0.2 REJECT', position: 's3://b/k@1#3' },
  ])
  assert.equal(recordsOf(object, 's3://b/k@1', MIB, cloudtrail).length, 3)
})
