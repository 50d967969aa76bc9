// A process of a role, for tests that kill it: says what it begins and what it has finished, and is slow.
import { setTimeout as sleep } from 'node:timers/promises'
import { testBus } from './kafka-rig.js'

const [brokers = '', topic_prefix = ''] = process.argv.slice(2)
const { bus } = testBus(brokers.split(','), { topic_prefix, max_batch: 10, concurrency: 1 })
await bus.start()
await bus.subscribe('g', ['weir.events'], async ({ messages }) => {
  const uids = messages.map(({ value }) => value.metadata.uid)
  process.stdout.write(`${JSON.stringify({ state: 'begun', uids })}\n`)
  await sleep(200)
  process.stdout.write(`${JSON.stringify({ state: 'finished', uids })}\n`)
})
