import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../core/paths.js'
import type { DemoReport } from '../demo/report.js'

test('weir demo --json: the expected findings and no others, every event accounted for, nothing changed', () => {
  const demo = spawnSync(join(packageRoot, 'bin', 'weir'), ['demo', '--json'], { encoding: 'utf8', timeout: 120_000 })
  const report = JSON.parse(demo.stdout) as DemoReport
  assert.deepEqual([report.missing, report.unexpected], [[], []])
  assert.equal(demo.status, 0, demo.stderr)

  const { events } = report
  assert.ok(events.in > 18_000)
  assert.equal(events.in, events.stored + events.dropped + events.dead_lettered)

  const families = (workload: string) =>
    new Set(report.findings.filter((finding) => finding.workload === workload).map((finding) => finding.family))
  assert.deepEqual([...families('shop-api')].sort(), ['anomaly', 'profile', 'rules'])
  assert.deepEqual([...families('invoice-export')].sort(), ['anomaly', 'profile', 'rules'])
  for (const finding of report.findings) {
    assert.ok(finding.reason.length > 20 && finding.evidence.length > 0, finding.title)
  }
  assert.equal(new Set(report.findings.map(({ uid }) => uid)).size, report.findings.length)

  const quarantine = report.responses.filter(({ action }) => action === 'docker_quarantine')
  assert.deepEqual(
    quarantine.map(({ workload, state, dry_run }) => [workload, state, dry_run]),
    [['shop-api', 'planned', true]],
  )
  assert.match(quarantine[0]?.steps.join(' ') ?? '', /Disconnect shop-api from the network shop/)
  assert.match(quarantine[0]?.undo_steps.join(' ') ?? '', /Connect shop-api to the network shop \(172\.18\.0\.3/)
  assert.ok(report.responses.every(({ dry_run }) => dry_run))
  for (const { p50, p99 } of Object.values(report.latency_ms)) assert.ok(p50 > 0 && p99 >= p50)
})
