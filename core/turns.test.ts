import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from './turns.js'

test('those who wait get one turn of the event loop each, in order', async () => {
  const turns = createTurns()
  const log: string[] = []
  let running = true
  const tick = () => {
    log.push('turn')
    if (running) setImmediate(tick)
  }
  setImmediate(tick)
  await Promise.all(['a', 'b', 'c'].map((name) => turns.next().then(() => log.push(name))))
  running = false
  assert.deepEqual(
    log.filter((entry) => entry !== 'turn'),
    ['a', 'b', 'c'],
  )
  const between = log.slice(log.indexOf('a') + 1, log.indexOf('c'))
  assert.ok(between.filter((entry) => entry === 'turn').length >= 2, log.join(' '))
})

test('a turn is due when all who share it have worked long enough, and no longer in the next one', async () => {
  const turns = createTurns(5)
  assert.equal(turns.due(), false)
  for (const end = performance.now() + 8; performance.now() < end; );
  assert.equal(turns.due(), true)
  await turns.next()
  assert.equal(turns.due(), false)
})

test('who makes work for others goes behind them', async () => {
  const turns = createTurns()
  const log: string[] = []
  const wait = async (name: string, place?: 'behind') => {
    await turns.next(place)
    log.push(name)
  }
  const late = async () => {
    await wait('first')
    await wait('again')
  }
  await Promise.all([wait('makes work', 'behind'), late(), wait('second')])
  assert.deepEqual(log, ['first', 'second', 'again', 'makes work'])
})
