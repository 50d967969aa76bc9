import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../../bus/port.js'
import { WeirError } from '../../core/errors.js'
import { createHealthBoard } from '../../core/health.js'
import { createLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { untilDone } from './role.js'

test('a batch that fails again and again is told by /ready under the name of its role, until it is done', async () => {
  const health = createHealthBoard({ metrics: createMetrics() })
  let problem: Error | undefined
  const handler = untilDone(
    async () => {
      if (problem) throw problem
    },
    { role: 'store', health, log: createLog('silent') },
  )
  const batch: Batch = { topic: 'weir.events', messages: [], token: 'weir.events:0:1-2' }
  const state = async () => {
    await health.refresh()
    return health.states().find(({ name }) => name === 'store')
  }
  await handler(batch)
  assert.equal((await state())?.ok, true)

  problem = new TypeError('x is not a function')
  await assert.rejects(handler(batch), (error) => error instanceof WeirError && error.retryable)
  const told = await state()
  assert.equal(told?.ok, false)
  assert.match(told?.message ?? '', /weir\.events:0:1-2 .*x is not a function/)

  problem = undefined
  await handler(batch)
  assert.equal((await state())?.ok, true)

  // An outage is told by what is away.
  problem = new WeirError('unreachable', 'the lake is away', { retryable: true })
  await assert.rejects(handler(batch))
  assert.equal((await state())?.ok, true)
})
