import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createMemoryBus } from '../bus/memory.js'
import { WeirError } from '../core/errors.js'
import { createHealthBoard } from '../core/health.js'
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
    memory: { room: async () => true, isFull: () => false },
    metrics,
    health: createHealthBoard({ metrics }),
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

test('a format that ends is told though others come through the same collector, and an event of the future hides nothing', async () => {
  const weir = await runner('http', { silent_after_ms: 400, sources: { 'source/ocsf': 0 } })
  const falco = (time: number) =>
    weir.deps.emit('falco', [{ data: { ...FALCO_DROPS, time: new Date(time).toISOString() } }])
  const other = { class_uid: 4001, activity_id: 1, severity_id: 1, dst_endpoint: { ip: '192.0.2.1' } }
  const time = Date.now() - 60_000
  await falco(time)
  await falco(Date.UTC(9998, 1, 1))
  await weir.deps.emit('ocsf', [{ data: { ...other, time } }])
  const others = setInterval(() => void weir.deps.emit('cloudtrail', [{ data: {} }]), 100)
  try {
    const silent = await weir.until('the end of falco', ({ status }) => status === 'Silent')
    assert.equal(silent.source?.name, 'source/silence/falco')
    assert.match(String(silent.message), /^falco through source has been silent for/)
    assert.equal(silent.last_event_time, time)
    await falco(time)
    await weir.until('its return', ({ message }) => /^falco through source is heard again/.test(String(message)))
    assert.deepEqual(weir.service.states()[0]?.limits, [], 'nothing is told of ocsf')
  } finally {
    clearInterval(others)
    await weir.stop()
  }
})

test('a limit of its own for one source, and none', async () => {
  const weir = await runner('http', { silent_after_ms: 50, sources: { source: 0 } })
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.deepEqual(weir.service.states()[0]?.limits, [])
  await weir.stop()
})

/** Collectors whose starts end as listed, one after the other; and what is said of them. */
async function starting(t: TestContext, outcomes: (Error | undefined)[]) {
  const metrics = createMetrics()
  const health = createHealthBoard({ metrics, every_ms: 10 })
  health.watch('bus', () => ({ ok: true, message: 'fine' }))
  const said: string[] = []
  const stopped: number[] = []
  let tries = 0
  const service = createCollectors({
    config: configSchema.parse({ collectors: { source: { type: 'http', port: 0 } } }),
    data_dir: temporaryFolder(),
    bus: createMemoryBus({ max_messages: 10, max_batch: 10, log }),
    intake: { emit: () => assert.fail('nothing is emitted') },
    memory: { room: async () => true, isFull: () => false },
    metrics,
    health,
    log,
    retry: { first_ms: 5, max_ms: 10 },
    publishCoverage: async (_bus, _log, { status, message, part = '' }) =>
      void said.push(`${part} ${status}: ${message}`),
    find: () => ({
      ...collectors.find('http'),
      create(_, { coverage }) {
        const number = tries++
        return {
          async start() {
            const error = outcomes[number]
            if (!error) return
            coverage({ part: 'brokers', status: 'unavailable', message: 'Nothing is read.' })
            throw error
          },
          stop: async () => void stopped.push(number),
          describe: () => 'played',
        }
      },
    }),
  })
  t.after(() => service.stop())
  await health.start()
  t.after(() => health.stop())
  const source = () => health.states().find(({ name }) => name === 'collector source')
  return { service, health, metrics, said, stopped, source, tries: () => tries }
}

test('a collector that cannot start for a passing reason is made and started again, and shown until then', async (t) => {
  const away = new WeirError('unreachable', 'nothing answers at 10.0.0.1.', { retryable: true, hint: 'Start it.' })
  const weir = await starting(t, [away, away, new Error('another fault'), undefined])
  await weir.service.start()
  await weir.health.refresh()
  assert.equal(weir.source()?.ok, false)
  assert.ok(weir.health.isReady(), 'a source that is away makes nobody unready')
  assert.match(await weir.metrics.text(), /weir_dependency_up\{dependency="collector source"\} 0/)
  for (const until = Date.now() + 5_000; !weir.service.states()[0]?.running; ) {
    assert.ok(Date.now() < until, 'it never started')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await weir.health.refresh()
  assert.deepEqual([weir.source()?.ok, weir.source()?.message], [true, 'played'])
  assert.deepEqual(
    weir.said.filter((line) => !line.startsWith('brokers unavailable')),
    [
      ' unavailable: nothing answers at 10.0.0.1. Start it. It is tried again.',
      ' unavailable: another fault. It is tried again.',
      'brokers ok: source collects now.',
      ' ok: source collects now: played.',
    ],
  )
  assert.deepEqual(weir.stopped, [0, 1, 2])
  await weir.service.stop()
  assert.deepEqual(weir.stopped, [0, 1, 2, 3])
})

test('a collector that can never start is told once; a wrong configuration ends the start', async (t) => {
  const weir = await starting(t, [new WeirError('unsupported', 'no /proc here')])
  await weir.service.start()
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(weir.tries(), 1)
  assert.deepEqual(
    weir.said.filter((line) => line.startsWith(' ')),
    [' unavailable: no /proc here'],
  )
  const wrong = await starting(t, [new WeirError('config_invalid', 'no such bucket')])
  await assert.rejects(wrong.service.start(), /no such bucket/)
})

test('a stop while a collector waits for its next start ends it', async (t) => {
  const weir = await starting(
    t,
    Array.from({ length: 1_000 }, () => new Error('away')),
  )
  await weir.service.start()
  await weir.service.stop()
  const tries = weir.tries()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(weir.tries(), tries)
})
