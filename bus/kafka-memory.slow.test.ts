import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLog } from '../core/log.js'
import { createMemoryBound } from '../core/memory.js'
import { createMetrics } from '../core/metrics.js'
import { startKafka, whyNoKafka } from '../test/stack/kafka.js'
import { testBus, testMessage, until } from './kafka-rig.js'

const MIB = 2 ** 20
const MESSAGES = 400
setFlagsFromString('--expose-gc')

for (const compression of ['lz4', 'gzip']) {
  test(`what ${compression} made small is not taken at once: a fetch becomes no more than there is room for, and nothing is left out`, {
    skip: whyNoKafka() ?? false,
  }, async (t) => {
    const kafka = await startKafka()
    t.after(() => kafka.stop())
    let most = 0
    const memory = createMemoryBound({
      max_rss_bytes: 96 * MIB,
      // Alone what is decompressed: the test's own objects are somewhere else.
      rss() {
        const { arrayBuffers } = process.memoryUsage()
        most = Math.max(most, arrayBuffers)
        return arrayBuffers
      },
      collect: runInNewContext('gc'),
      log: createLog('silent'),
      metrics: createMetrics(),
    })
    const { bus } = testBus(kafka.brokers, { compression, partitions: 4 }, memory)
    await bus.start()
    t.after(() => bus.stop())
    // 340 MiB that travel as one or two: a fetch has them all.
    const raw_data = 'x'.repeat(850_000)
    for (let n = 0; n < MESSAGES; n += 20) {
      const some = Array.from({ length: 20 }, (_, index) => testMessage(`vm/${index}`, n + index))
      await bus.publish(
        'weir.events',
        some.map((message) => ({ ...message, value: { ...message.value, raw_data } })),
      )
    }
    const seen = new Set<string>()
    most = 0
    await bus.subscribe('g', ['weir.events'], async ({ messages }) => {
      for (const { value } of messages) seen.add(value.metadata.uid ?? '')
    })
    await until('all are read', () => seen.size === MESSAGES)
    t.diagnostic(`${Math.round(most / MIB)} MiB of buffers at most`)
    assert.ok(most < 96 * MIB, `${Math.round(most / MIB)} MiB`)
  })
}
