import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, before, describe, it } from 'node:test'
import { createLog } from '../../core/log.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import type { Detector, FindingDraft } from '../contract.js'
import { anomaly } from './anomaly.js'
import { biller, createScene, DAY, MINUTE, MONDAY, web } from './synthetic-days.js'

const log = createLog('silent')
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
  const build = async (dir = state_dir) => anomaly.create(settings, { instance: 'anomaly', log, state_dir: dir })

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
    for (let time = MONDAY; time < MONDAY + DAY; time += MINUTE) {
      assert.deepEqual(feed(detector, scene.minute(time)), [])
    }
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const started = performance.now()
    await detector.settle?.()
    delay.disable()
    assert.equal(detector.coverage?.().status, 'ok', detector.coverage?.().message)
    const p99 = delay.percentile(99) / 1e6
    t.diagnostic(`trained in ${Math.round(performance.now() - started)} ms, event loop delay p99 ${p99.toFixed(1)} ms`)
    assert.ok(p99 < 50, `event loop delay p99 ${p99} ms`)
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
        ...feed(
          detector,
          [...scene.minute(time), ...(n < 4 ? scene.miner(time, n === 0) : [])].sort((a, b) => a.time - b.time),
        ),
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
        ...feed(
          detector,
          [...scene.minute(time), ...(n === 1 || n === 2 ? scene.burst(time) : [])].sort((a, b) => a.time - b.time),
        ),
      )
    }
    for (const { reason, severity_id, techniques, confidence } of findings)
      t.diagnostic(`${severity_id} ${confidence} ${techniques}: ${reason}`)
    const mine = findings.filter((finding) => finding.workload?.uid === biller.uid)
    assert.ok(mine.length > 0 && mine[0]!.time < start + 3 * MINUTE)
    assert.ok(mine[0]!.techniques.includes('T1078.004'))
    assert.equal(mine.length, findings.length)
  })
})
