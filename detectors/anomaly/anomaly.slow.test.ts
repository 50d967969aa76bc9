import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, before, describe, it } from 'node:test'
import { createLog } from '../../core/log.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import type { Detector, FindingDraft } from '../contract.js'
import { createSharedMemory } from '../shared-memory.js'
import { anomaly } from './anomaly.js'
import { biller, createScene, DAY, MINUTE, MONDAY, web } from './synthetic-days.js'

const log = createLog('silent')
const byTime = (a: OcsfEvent, b: OcsfEvent) => a.time - b.time
const settings = anomaly.config.parse({})

/** Feeds events as the engine does: time passes a minute behind the newest event. */
function feed(detector: Detector, events: readonly OcsfEvent[]): FindingDraft[] {
  const findings = detector.process(events)
  const newest = events.at(-1)?.time
  if (newest !== undefined) findings.push(...(detector.advance?.(newest - MINUTE) ?? []))
  return findings
}

describe('anomaly detector', () => {
  let state_dir: string
  let detector: Detector
  const scene = createScene(11)
  const shared = createSharedMemory()
  const build = async (dir = state_dir, name = 'one') =>
    anomaly.create(settings, { instance: 'anomaly', log, state_dir: dir, shared: shared.as(name) })

  before(async () => {
    state_dir = await mkdtemp(join(tmpdir(), 'weir-anomaly-'))
    detector = await build()
  })
  after(async () => {
    await detector.stop?.()
    await rm(state_dir, { recursive: true, force: true })
  })

  it('learns a day without alerting, and trains while the event loop stays free', async (t) => {
    assert.equal(detector.coverage?.().status, 'degraded')
    const delay = monitorEventLoopDelay({ resolution: 2 })
    let started = 0
    for (let time = MONDAY; time < MONDAY + DAY; time += MINUTE) {
      // The training starts in the last hour: from there on the event loop turns as it does in the program.
      if (time >= MONDAY + DAY - 90 * MINUTE) {
        delay.enable()
        await new Promise(setImmediate)
      }
      assert.deepEqual(feed(detector, scene.minute(time)), [])
      if (started === 0 && /trains/.test(detector.coverage?.().message ?? '')) started = performance.now()
    }
    await detector.settle?.()
    delay.disable()
    assert.equal(detector.coverage?.().status, 'ok', detector.coverage?.().message)
    const took = performance.now() - started
    const [p99, max] = [delay.percentile(99) / 1e6, delay.max / 1e6]
    t.diagnostic(`trained in ${took.toFixed()} ms; event loop delay p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms`)
    // A busy machine delays every timer; a training on this thread would stop them for as long as it takes.
    assert.ok(max < took / 4, `a turn of the event loop took ${max} ms of ${took} ms`)
    const [name] = (await readdir(state_dir)).filter((entry) => entry.startsWith('model-'))
    const manifest = await readFile(join(state_dir, name ?? '', 'model', 'manifest.json'), 'utf8')
    const { rows, threshold, metrics, backend } = JSON.parse(manifest)
    t.diagnostic(JSON.stringify({ rows, threshold, backend, ...metrics }))
  })

  it('makes at most two findings on two more ordinary days', (t) => {
    const findings: FindingDraft[] = []
    for (let time = MONDAY + DAY; time < MONDAY + 3 * DAY - 60 * MINUTE; time += MINUTE)
      findings.push(...feed(detector, scene.minute(time)))
    for (const finding of findings) t.diagnostic(`${finding.reason} ${JSON.stringify(finding.details)}`)
    assert.ok(findings.length <= 2, `${findings.length} findings`)
  })

  it('finds a miner within two minutes, and says why', (t) => {
    const start = MONDAY + 3 * DAY - 60 * MINUTE
    const findings: FindingDraft[] = []
    let found = 0
    for (let n = 0; n < 6; n++) {
      const time = start + n * MINUTE
      findings.push(
        ...feed(detector, [...scene.minute(time), ...(n < 4 ? scene.miner(time, n === 0) : [])].sort(byTime)),
      )
      if (findings.length > 0 && found === 0) found = findings[0]!.time
    }
    for (const { reason, severity_id, techniques, confidence, evidence } of findings)
      t.diagnostic(`${severity_id} ${confidence} ${techniques} ${evidence.length}: ${reason}`)
    assert.ok(findings.every((finding) => finding.workload?.uid === web.uid))
    assert.ok(found > 0 && found < start + 2 * MINUTE)
    const [first] = findings
    assert.match(first!.reason, /cpu \d+ % \(usual \d+ %\)/)
    assert.ok(first!.techniques.includes('T1496'))
    assert.ok(first!.severity_id >= 3)
    assert.ok(first!.evidence.length > 0)
  })

  it('finds a burst of API calls that were never made before', (t) => {
    const start = MONDAY + 3 * DAY - 40 * MINUTE
    const findings: FindingDraft[] = []
    for (let n = 0; n < 5; n++) {
      const time = start + n * MINUTE
      findings.push(
        ...feed(detector, [...scene.minute(time), ...(n === 1 || n === 2 ? scene.burst(time) : [])].sort(byTime)),
      )
    }
    for (const { reason, severity_id, techniques, confidence } of findings)
      t.diagnostic(`${severity_id} ${confidence} ${techniques}: ${reason}`)
    const mine = findings.filter((finding) => finding.workload?.uid === biller.uid)
    assert.ok(mine.length > 0 && mine[0]!.time < start + 3 * MINUTE)
    assert.ok(mine[0]!.techniques.includes('T1078.004'))
    assert.equal(mine.length, findings.length)
  })

  it('gives a young group a first baseline of its own, and says so', async () => {
    const start = MONDAY + 3 * DAY
    const canary = containerWorkload('eeeeffff0000', 'canary', { image: 'registry.example/web:4.3' })
    const step = (n: number, cpu: number) =>
      feed(detector, [
        ...scene.minute(start + n * MINUTE),
        scene.measure(canary, start + n * MINUTE + 59_000, { cpu_percent: cpu, memory_percent: 30 }),
      ])
    for (let n = 0; n < 30; n++) assert.deepEqual(step(n, n === 20 ? 95 : 12), [], 'too young to be judged')
    for (let n = 30; n < 70; n++) assert.deepEqual(step(n, 12), [])
    const findings = [...step(70, 98), ...step(71, 98), ...step(72, 12), ...step(73, 12)]
    assert.ok(findings.length > 0)
    assert.equal(findings[0]?.workload?.uid, canary.uid)
    assert.match(findings[0]?.reason ?? '', /new here/)
  })

  it('knows after a restart what it knew before, without the past', async () => {
    await detector.settle?.()
    await detector.stop?.()
    await detector.stop?.()
    detector = await build()
    assert.equal(detector.coverage?.().status, 'ok')
    const start = MONDAY + 3 * DAY + 120 * MINUTE
    detector.restore?.(Array.from({ length: 5 }, (_, n) => scene.minute(start + n * MINUTE)).flat())
    const findings: FindingDraft[] = []
    for (let n = 5; n < 15; n++) {
      const time = start + n * MINUTE
      const miner = n < 8 ? scene.miner(time, n === 5) : []
      findings.push(...feed(detector, [...scene.minute(time), ...miner].sort(byTime)))
    }
    assert.ok(findings.length > 0 && findings.every((finding) => finding.workload?.uid === web.uid))
  })

  it('knows in another process, on another machine, what it knew in this one', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-anomaly-'))
    const other = await build(dir, 'other')
    assert.equal(other.coverage?.().status, 'ok', other.coverage?.().message)
    const start = MONDAY + 3 * DAY + 240 * MINUTE
    const past = Array.from({ length: 5 }, (_, n) => scene.minute(start + n * MINUTE)).flat()
    other.restore?.(past)
    // What was restored and not yet acknowledged comes again; it must not count twice.
    const findings: FindingDraft[] = [...feed(other, past)]
    for (let n = 5; n < 15; n++) {
      const time = start + n * MINUTE
      const miner = n < 8 ? scene.miner(time, n === 5) : []
      findings.push(...feed(other, [...scene.minute(time), ...miner].sort(byTime)))
    }
    assert.ok(findings.length > 0 && findings.every((finding) => finding.workload?.uid === web.uid))
    await other.stop?.()
    await rm(dir, { recursive: true, force: true })
  })

  it('passes over a damaged artifact and uses the one before, or learns again', async () => {
    await detector.stop?.()
    const names = async () => (await readdir(state_dir)).filter((name) => name.startsWith('model-')).sort()
    const all = await names()
    assert.ok(all.length >= 2, 'it was trained again after a day')
    await writeFile(join(state_dir, all.at(-1)!, 'model', 'weights.bin'), 'damaged')
    detector = await anomaly.create(settings, { instance: 'anomaly', log, state_dir })
    assert.equal(detector.coverage?.().status, 'ok')
    await detector.stop?.()
    for (const name of all) await writeFile(join(state_dir, name, 'baselines', 'manifest.json'), '{}')
    detector = await anomaly.create(settings, { instance: 'anomaly', log, state_dir })
    assert.match(detector.coverage?.().message ?? '', /learns/)
  })

  it('can be stopped in the middle of a training', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-anomaly-'))
    const early = anomaly.config.parse({ learning_ms: 0, min_training_rows: 600, epochs: 1_000 })
    const one = await anomaly.create(early, { instance: 'anomaly', log, state_dir: dir })
    const quick = createScene(5)
    for (let time = MONDAY; time < MONDAY + 300 * MINUTE; time += MINUTE) feed(one, quick.minute(time))
    assert.match(one.coverage?.().message ?? '', /trains/)
    const started = performance.now()
    await one.stop?.()
    assert.ok(performance.now() - started < 5_000)
    assert.deepEqual(await readdir(dir), ['rows'])
    await rm(dir, { recursive: true, force: true })
  })
})
