import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs, { type PartitionerArgs } from 'kafkajs'
import { createPartitioner, partitionOf } from './kafka-partition.js'

test('keys go where the partitioner of other Kafka clients puts them', () => {
  const theirs = kafkajs.Partitioners.DefaultPartitioner()
  const remembering = createPartitioner()
  for (let n = 0; n < 500; n++) {
    const key = `${'container/ä'.slice(0, n % 12)}${n * 7919}`
    const partitionMetadata = Array.from({ length: 12 }, (_, id) => ({ partitionId: id, leader: 1 }))
    const args = { topic: 't', partitionMetadata, message: { key, value: '' } } as unknown as PartitionerArgs
    assert.equal(partitionOf(key, 12), theirs(args), key)
    assert.equal(remembering(key, 12), theirs(args), key)
    assert.equal(remembering(key, 12), theirs(args), key)
  }
  // A known value of this hash.
  assert.equal(partitionOf('21', 0x7fffffff), (-973932308 & 0x7fffffff) % 0x7fffffff)
})
