import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryBus } from '../bus/memory.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { collectors } from '../ingest/collectors/index.js'
import type { Collector, CollectorDeps } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { createIntake } from '../ingest/intake.js'
import { temporaryFolder } from '../ingest/recording-deps.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { validate } from '../ocsf/validate.js'
import { createCollectors } from './collectors.js'
import { configSchema } from './config.js'
import { publishCoverage } from './publish.js'

const log = createLog('silent')
const FALCO_DROPS = {
  output: 'Falco internal: syscall event drop. 12 system calls dropped in last second.',
  priority: 'Debug',
  rule: 'Falco internal: syscall event drop',
  time: '2026-11-23T10:00:00.000000000Z',
  output_fields: { n_drops: '12', n_evts: '40' },
}

/** The runner as the program has it, with one collector whose transport the test plays; and the coverage it publishes. */
async function runner(type: string, coverage: object) {
  const metrics = createMetrics()
  const bus = createMemoryBus({ max_messages: 1_000, max_batch: 100, log })
  const reports: OcsfEvent[] = []
  await bus.subscribe('test', ['weir.coverage'], async ({ messages }) => {
    for (const { value } of messages) {
      assert.deepEqual(validate(value), [])
      reports.push(value)
    }
  })
  const known = new Map(
    formats.all.map((definition) => [
      definition.name,
      { definition, format: definition.create(definition.config.parse(definition.example)) },
    ]),
  )
  const definition = collectors.find(type)
  const config = configSchema.parse({
    collectors: { source: { type, ...(definition.example as object) } },
    coverage: { report_interval_ms: 1_000, ...coverage },
  })
  let deps: CollectorDeps | undefined
  const played: Collector = { start: async () => {}, stop: async () => {}, describe: () => 'played' }
  const service = createCollectors({
    config,
    data_dir: temporaryFolder(),
    bus,
    intake: createIntake({ bus, formats: known, metrics, max_record_length: 100_000, now: Date.now }),
    metrics,
    log,
    publishCoverage,
    find: () => ({
      ...definition,
      create: (_, given) => {
        deps = given
        return played
      },
    }),
  })
  await bus.start()
  await service.start()
  return {
    deps: deps as CollectorDeps,
    service,
    metrics,
    async until(what: string, fits: (event: OcsfEvent) => boolean) {
      for (const deadline = Date.now() + 5_000; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
        const found = reports.find(fits)
        if (found) return found
        assert.ok(Date.now() < deadline, `not seen: ${what}; ${JSON.stringify(reports.map(({ message }) => message))}`)
      }
    },
    async stop() {
      await service.stop()
      await bus.stop()
    },
  }
}

for (const { name } of collectors.all) {
  test(`whatever comes through ${name}: its silence, return, newest event, lag and losses are told`, async () => {
    const weir = await runner(name, { silent_after_ms: 150 })
    try {
      const silent = await weir.until('silence', ({ status }) => status === 'Silent')
      assert.deepEqual(silent.source, { name: 'source/silence', instance: 'source', collector: name })
      assert.match(String(silent.message), /^source has been silent since it was started/)
      assert.match(weir.service.states()[0]?.limits.join() ?? '', /silent/)

      const time = Date.now() - 60_000
      await weir.deps.emit('falco', [{ data: { ...FALCO_DROPS, time: new Date(time).toISOString() } }])
      const dropped = await weir.until('what Falco dropped', (event) => event.lost_count === 12)
      assert.equal(dropped.source.format ?? 'falco', 'falco')
      const back = await weir.until('its return', ({ message }) => /heard again/.test(String(message)))
      assert.deepEqual([back.status, back.last_event_time], ['Ok', time])
      assert.ok(back.lag_ms >= 60_000 && back.lag_ms < 70_000, String(back.lag_ms))
      assert.deepEqual(weir.service.states()[0]?.limits, [])

      weir.deps.coverage({ part: 'kernel', status: 'degraded', message: 'Five are gone.', lost: 5 })
      const own = await weir.until('its own report', (event) => event.lost_count === 5)
      assert.equal(own.last_event_time, time)
      const again = await weir.until('the next silence', ({ message }) =>
        /silent for .* nothing came/.test(String(message)),
      )
      assert.equal(again.last_event_time, time)
      const traffic = await weir.until('what came', (event) => event.source?.name === 'source/traffic')
      assert.match(String(traffic.message), /^1 records in .* 17 known to be lost/)
      assert.equal(weir.metrics.total('source_lost', { collector: 'source' }), 17)
    } finally {
      await weir.stop()
    }
  })
}

test('a limit of its own for one source, and none', async () => {
  const weir = await runner('http', { silent_after_ms: 50, sources: { source: 0 } })
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.deepEqual(weir.service.states()[0]?.limits, [])
  await weir.stop()
})
