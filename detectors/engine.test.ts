import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { z } from 'zod'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { CLASS, type OcsfEvent } from '../ocsf/event.js'
import { findingEvent, findingOf } from '../ocsf/finding.js'
import { containerWorkload } from '../ocsf/workload.js'
import { type Detector, type DetectorDefinition, defineDetector, type FindingDraft } from './contract.js'
import { createEngine, type EngineOptions } from './engine.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-engine-'))
after(() => rmSync(folder, { recursive: true }))

const workload = containerWorkload('aaaabbbbcccc', 'web', { image: 'nginx:1.27' })
const now = Date.UTC(2026, 4, 1, 12)
let serial = 0

function launch(name: string, time = now): OcsfEvent {
  return {
    class_uid: CLASS.process_activity,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time,
    severity_id: 1,
    metadata: { version: '1.8.0', product: {}, uid: `event-${serial++}` },
    workload,
    process: { name },
  }
}

/** Finds every process called `bad`, throws on `poison`. */
function finds(event: OcsfEvent): FindingDraft[] {
  if (event.process?.name === 'poison') throw new Error('cannot read this')
  if (event.process?.name !== 'bad') return []
  return [draft(event)]
}

function draft(event: OcsfEvent, over: Partial<FindingDraft> = {}): FindingDraft {
  return {
    rule: 'bad_process',
    title: 'Bad process',
    reason: 'it is bad',
    workload: event.workload ?? workload,
    severity_id: 4,
    confidence: 80,
    techniques: ['T1059'],
    evidence: [event.metadata.uid ?? ''],
    time: event.time,
    ...over,
  }
}

function definition(create: () => Detector, over: Partial<DetectorDefinition> = {}): DetectorDefinition {
  return defineDetector({
    name: 'probe',
    summary: 'For tests.',
    family: 'rules',
    needs: { classes: [CLASS.process_activity] },
    memory_ms: 0,
    config: z.strictObject({}),
    example: {},
    create,
    ...over,
  }) as DetectorDefinition
}

const simple = (process = finds) => definition(() => ({ process: (events) => events.flatMap(process) }))

function engineWith(detectors: DetectorDefinition[], over: Partial<EngineOptions> = {}) {
  const published: OcsfEvent[] = []
  const metrics = createMetrics()
  const engine = createEngine({
    detectors: detectors.map((definition, n) => ({ instance: `probe_${n}`, definition, config: {} })),
    publish: async (findings) => void published.push(...findings),
    log: createLog('silent'),
    metrics,
    state_dir: folder,
    tick_ms: 0,
    clock: () => now,
    ...over,
  })
  return { engine, published, metrics }
}

test('a finding carries reason, evidence and workload, and is published before handle resolves', async () => {
  const { engine, published } = engineWith([simple()])
  await engine.start()
  const event = launch('bad')
  await engine.handle([launch('good'), event, launch('good')])
  const finding = findingOf(published[0]!)
  assert.equal(published.length, 1)
  assert.deepEqual(
    [finding?.detector, finding?.reason, finding?.evidence],
    ['probe_0', 'it is bad', [event.metadata.uid]],
  )
  assert.equal(finding?.workload?.uid, workload.uid)
  assert.ok(existsSync(join(folder, 'probe_0')))
  await engine.stop()
  await engine.stop()
})

test('detectors only see the classes they want, in order, and never Weirs own findings', async () => {
  const seen: OcsfEvent[][] = [[], []]
  const spy = (n: number, classes: readonly number[] | 'all') =>
    definition(
      () => ({
        process(events) {
          seen[n]?.push(...events)
          return []
        },
      }),
      { needs: { classes } },
    )
  const { engine } = engineWith([spy(0, [CLASS.process_activity]), spy(1, 'all')])
  await engine.start()
  const own = findingEvent({ uid: 'x', detector: 'd', family: 'rules', ...draft(launch('bad')), details: {} })
  const network = { ...launch('x'), class_uid: CLASS.network_activity }
  const falco = { ...own, metadata: { ...own.metadata, log_name: 'falco' } }
  const [a, b] = [launch('a'), launch('b')]
  await engine.handle([a, network, own, falco, b])
  assert.deepEqual(seen[0], [a, b])
  assert.deepEqual(seen[1], [a, network, falco, b])
})

test('a detector that throws on one event loses only that event, and the others detect on', async () => {
  const { engine, published, metrics } = engineWith([
    simple(),
    simple((event) => (event.process.name === 'bad' ? [draft(event)] : [])),
  ])
  await engine.start()
  await engine.handle([launch('good'), launch('poison'), launch('bad')])
  assert.deepEqual(published.map((event) => findingOf(event)?.detector).sort(), ['probe_0', 'probe_1'])
  assert.equal(metrics.total('detector_poison_events', { detector: 'probe_0' }), 1)
  const [first] = engine.stats().detectors
  assert.equal(first?.poisoned, 1)
  assert.equal(first?.given_up, false)
})

test('a detector that always throws is given up, reported and counted; the pipeline goes on', async () => {
  const reports: string[] = []
  const { engine, published, metrics } = engineWith(
    [
      simple(() => {
        throw new Error('broken for good')
      }),
      simple(),
    ],
    { coverage: (instance, { status, message }) => reports.push(`${instance} ${status}: ${message}`) },
  )
  await engine.start()
  await engine.handle([...Array.from({ length: 9 }, () => launch('good')), launch('bad')])
  await engine.advance()
  await engine.handle([launch('good')])
  assert.equal(published.length, 1)
  assert.deepEqual(reports, ['probe_0 unavailable: given up after 5 failures in a row, last: broken for good'])
  assert.equal(metrics.total('detector_skipped_events'), 6)
})

test('repeats are counted and the next finding says how many there were', async () => {
  const { engine, published } = engineWith([simple()])
  await engine.start()
  for (const minutes of [0, 1, 59, 61]) await engine.handle([launch('bad', now - 7_200_000 + minutes * 60_000)])
  assert.equal(published.length, 2)
  assert.equal(findingOf(published[1]!)?.details.repeats_before, 2)
  assert.deepEqual(engine.stats().suppressed, { repeat: 2, duplicate: 0, budget: 0 })
})

test('the same events after a crash give the same finding uid, and none if the finding is already in the lake', async () => {
  const event = launch('bad')
  const first = engineWith([simple()])
  await first.engine.start()
  await first.engine.handle([event])
  const second = engineWith([simple()])
  await second.engine.start()
  await second.engine.handle([event])
  assert.deepEqual(second.published, first.published)

  const third = engineWith([simple()])
  await third.engine.start({ findings: async () => first.published })
  await third.engine.handle([event])
  assert.deepEqual(third.published, [])
  assert.equal(third.engine.stats().suppressed.duplicate, 1)
})

test('the budget of a day holds back what is not critical', async () => {
  const noisy = simple((event) => [
    draft(event, { dedup_key: event.metadata.uid ?? '', severity_id: event.process.name === 'worst' ? 5 : 2 }),
  ])
  const { engine, published, metrics } = engineWith([noisy], { budget_per_day: 3 })
  await engine.start()
  await engine.handle(Array.from({ length: 10 }, () => launch('x')))
  await engine.handle([launch('worst')])
  await engine.handle([launch('x', now + 86_400_000)])
  assert.deepEqual(
    published.map((event) => event.severity_id),
    [2, 2, 2, 5, 2],
  )
  assert.deepEqual(metrics.by('findings_suppressed', 'reason'), { budget: 7 })
})

test('what cannot be published fails the batch and is published with the next', async () => {
  let isDown = true
  const published: OcsfEvent[] = []
  const { engine } = engineWith([simple()], {
    async publish(findings) {
      if (isDown) throw new Error('no broker')
      published.push(...findings)
    },
  })
  await engine.start()
  await assert.rejects(engine.handle([launch('bad')]), /no broker/)
  isDown = false
  await engine.handle([launch('good')])
  assert.equal(published.length, 1)
})

test('event time drives windows: late clocks do not push it, replays of old events work', async () => {
  const marks: number[] = []
  const windowed = definition(() => ({
    process: () => [],
    advance(watermark) {
      marks.push(watermark)
      return []
    },
  }))
  let wall = now
  const { engine } = engineWith([windowed], { clock: () => wall })
  await engine.start()
  const old = now - 400 * 86_400_000
  await engine.handle([launch('a', old)])
  await engine.handle([launch('a', old + 59_000)])
  await engine.handle([launch('a', old + 60_000), launch('a', old + 30_000)])
  assert.deepEqual(marks, [old - 60_000, old])
  wall += 1_000
  await engine.advance()
  assert.equal(marks.at(-1), old, 'silence does not move a replay')
  await engine.handle([launch('a', wall + 3_600_000)])
  assert.equal(engine.stats().watermark, old, 'an hour ahead is not believed')
  await engine.handle([launch('a', wall)])
  wall += 90_000
  await engine.advance()
  assert.equal(marks.at(-1), wall - 60_000, 'live time passes in silence')
  await engine.advance(Number.POSITIVE_INFINITY)
  assert.equal(marks.at(-1), Number.POSITIVE_INFINITY)
})

test('restore gives each detector the classes and the past it asked for, and finds nothing', async () => {
  const seen: OcsfEvent[] = []
  const remembering = definition(
    () => ({
      process: () => [],
      restore: (events: readonly OcsfEvent[]) => void seen.push(...events),
      // Its files are half a minute old; ten seconds more, because events are stored before they are judged.
      remembered: () => now - 30_000,
    }),
    { memory_ms: 3_600_000 },
  )
  const { engine, published } = engineWith([
    remembering,
    definition(() => ({ process: finds as never }), { needs: { classes: 'all' } }),
  ])
  const recent = launch('bad', now - 1_800_000)
  const asked: unknown[] = []
  await engine.start({
    async *restore(query) {
      asked.push(query)
      yield [recent, { ...recent, class_uid: CLASS.api_activity }]
    },
  })
  const classes = [CLASS.process_activity]
  assert.deepEqual(asked, [{ from: now - 3_600_000, to: now, classes, stored_since: now - 40_000, of: 'own' }])
  assert.deepEqual(seen, [recent])
  assert.deepEqual(published, [])
})

test('every durable finding is told, with its latency from when its batch was received, if one led to it', async () => {
  const latencies: (number | undefined)[] = []
  const silent = definition(() => ({
    process: (events) => events.flatMap(finds),
    advance: (watermark) => (watermark > now ? finds(launch('bad', now + 7_200_000)) : []),
  }))
  const { engine, published } = engineWith([silent], { on_finding: (_, latency_ms) => latencies.push(latency_ms) })
  await engine.start()
  await engine.handle([launch('bad')], now - 42)
  await engine.advance(now + 7_300_000)
  assert.equal(published.length, 2)
  assert.deepEqual(latencies, [42, undefined])
})

test('start names every wrong configuration', async () => {
  const strict = definition(() => ({ process: () => [] }), { config: z.strictObject({ level: z.number() }) })
  const { engine } = engineWith([strict, strict])
  await assert.rejects(engine.start(), (error: Error) => {
    assert.match(error.message, /detectors\.probe_0\.level: .*\ndetectors\.probe_1\.level: /)
    return true
  })
})
