import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignSticky, type Member } from './kafka-assigner.js'

const topics = ['weir.events', 'weir.findings']
const partitions = Array.from({ length: 12 }, (_, n) => n)
const all = new Map(topics.map((topic) => [topic, partitions]))
const member = (id: string, owned: Member['owned'] = {}, reads = topics): Member => ({ id, topics: reads, owned })

/** The group after some members joined or left; everybody knows what they had. */
function share(ids: readonly string[], before: ReturnType<typeof assignSticky> = new Map()) {
  const after = assignSticky(
    ids.map((id) => member(id, before.get(id))),
    all,
  )
  for (const topic of topics) {
    const given = [...after.values()].flatMap((owned) => owned[topic] ?? []).sort((a, b) => a - b)
    assert.deepEqual(given, partitions, 'each partition has one owner')
    for (const owned of after.values()) {
      assert.ok(Math.abs((owned[topic]?.length ?? 0) - 12 / ids.length) < 1, 'even shares')
    }
  }
  return after
}

function moved(before: ReturnType<typeof assignSticky>, after: ReturnType<typeof assignSticky>): number {
  let count = 0
  for (const [id, owned] of after) {
    for (const topic of topics) {
      count += (owned[topic] ?? []).filter((p) => before.get(id)?.[topic]?.includes(p) !== true).length
    }
  }
  return count
}

test('who joins takes an even share, and nothing else moves', () => {
  const one = share(['a'])
  const two = share(['a', 'b'], one)
  assert.equal(moved(one, two), 12)
  const three = share(['c', 'a', 'b'], two)
  assert.equal(moved(two, three), 8)
  const five = share(['e', 'd', 'c', 'a', 'b'], three)
  assert.equal(five.size, 5)
})

test('who leaves is replaced, and nothing else moves', () => {
  const three = share(['a', 'b', 'c'])
  assert.equal(moved(three, share(['a', 'c'], three)), 8)
})

test('two that claim the same, and topics that not everybody reads', () => {
  const claim = { 'weir.events': partitions }
  const shared = assignSticky([member('a', claim), member('b', claim), member('c', {}, ['weir.findings'])], all)
  assert.equal(shared.get('a')?.['weir.events']?.length, 6)
  assert.equal(shared.get('b')?.['weir.events']?.length, 6)
  assert.equal(shared.get('c')?.['weir.events'], undefined)
  assert.equal(shared.get('c')?.['weir.findings']?.length, 4)
})
