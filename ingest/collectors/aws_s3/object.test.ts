import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { cloudtrail } from '../../formats/cloudtrail.js'
import { vpcFlow } from '../../formats/vpc_flow.js'
import { mustBeMended, objectFault } from './faults.js'
import { recordsOf } from './object.js'

const MIB = 1024 * 1024

test('lines of a flow log stand behind the header of their object, which is no record', async () => {
  const object = Buffer.from('srcaddr action\n10.0.0.1 ACCEPT\n\n10.0.0.2 REJECT\n')
  assert.deepEqual(await recordsOf(object, 's3://b/k@1', MIB, vpcFlow), [
    { data: 'srcaddr action\n10.0.0.1 ACCEPT', position: 's3://b/k@1#1' },
    { data: 'srcaddr action\n10.0.0.2 REJECT', position: 's3://b/k@1#3' },
  ])
  assert.equal((await recordsOf(object, 's3://b/k@1', MIB, cloudtrail)).length, 3)
})

/** A frame without the size of its content: a window, blocks of repeated bytes, 128 KiB each. */
function zstdOf(blocks: number, window_log = 20): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3])
  const block = (is_last: number) => {
    const bytes = Buffer.alloc(4, 'a')
    bytes.writeUIntLE((131_072 << 3) | 2 | is_last, 0, 3)
    return bytes
  }
  return Buffer.concat([head, ...Array.from({ length: blocks }, (_, n) => block(Number(n === blocks - 1)))])
}

test('what unpacks to more than allowed is one dead letter, and takes no memory', async () => {
  const reasonOf = async (bytes: Buffer) => (await recordsOf(bytes, 's3://b/k@1', MIB, cloudtrail))[0]?.fault?.reason
  assert.equal(await reasonOf(gzipSync(Buffer.alloc(2 * MIB, 'a'))), 'object_too_large')
  const [fits] = await recordsOf(Buffer.concat([zstdOf(4), zstdOf(4)]), 's3://b/k@1', MIB, cloudtrail)
  assert.equal(fits?.data.toString().length, MIB)
  const rss = process.memoryUsage().rss
  // 16,000 blocks are 2 GiB.
  assert.equal(await reasonOf(zstdOf(16_000)), 'object_too_large')
  assert.equal(await reasonOf(Buffer.concat([zstdOf(1), zstdOf(1, 30)])), 'cannot_decompress')
  const promise = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000, 0, 0, 0, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  assert.equal(await reasonOf(promise), 'object_too_large')
  assert.ok(process.memoryUsage().rss - rss < 200 * MIB)
  assert.equal(await reasonOf(gzipSync('{"a":1}').subarray(0, 20)), 'cannot_decompress')
})

test('what the operator must mend, what is about one object, and what passes', () => {
  const fault = (name: string, httpStatusCode?: number) =>
    Object.assign(new Error(name), { name, $metadata: { httpStatusCode } })
  for (const passing of [
    fault('ThrottlingException', 400),
    fault('SlowDown', 503),
    fault('TooManyRequestsException', 429),
    fault('RequestTimeout', 400),
    fault('InternalError', 500),
    new Error('connect ECONNREFUSED'),
  ]) {
    assert.equal(mustBeMended(passing), false, passing.name)
    assert.equal(objectFault(passing), undefined)
  }
  for (const [name, status] of [
    ['NoSuchBucket', 404],
    ['InvalidAccessKeyId', 403],
    ['ExpiredToken', 400],
  ] as const) {
    assert.equal(mustBeMended(fault(name, status)), true)
    assert.equal(objectFault(fault(name, status)), undefined, `${name} is no loss of an object`)
  }
  const reasons = ['NoSuchKey', 'AccessDenied', 'InvalidObjectState', 'KMS.DisabledException'].map(
    (name) => objectFault(fault(name, 403))?.reason,
  )
  assert.deepEqual(reasons, ['object_gone', 'object_access_denied', 'object_archived', 'object_unreadable'])
})
