import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Finding, findingEvent, findingOf, isOwnFinding } from './finding.js'
import { containerWorkload } from './workload.js'

const finding: Finding = {
  uid: '019b0000-0000-7000-8000-000000000001',
  detector: 'rules',
  family: 'rules',
  rule: 'coin_miner_process',
  techniques: ['T1496', 'T1552.005', 'T9999'],
  workload: containerWorkload('0123456789abcdef', 'web', { image: 'nginx:1.27' }),
  severity_id: 5,
  confidence: 90,
  title: 'Coin miner started',
  reason: 'Image ends with "/xmrig" (found "/tmp/xmrig")',
  evidence: ['a', 'b'],
  time: 1_760_000_000_000,
  details: { seen: 3, names: ['x'] },
}

test('a finding survives being written as an event and read back through JSON', () => {
  const event = JSON.parse(JSON.stringify(findingEvent(finding)))
  assert.deepEqual(findingOf(event), finding)
})

test('a finding that concerns no workload has none', () => {
  const { workload: _, ...rest } = finding
  const event = findingEvent(rest)
  assert.equal('workload' in event, false)
  assert.deepEqual(findingOf(event), rest)
})

test('the event names techniques, parents of sub-techniques, and leaves unknown names out', () => {
  assert.deepEqual(findingEvent(finding).finding_info.attacks, [
    { technique: { uid: 'T1496', name: 'Resource Hijacking' } },
    {
      technique: { uid: 'T1552', name: 'Unsecured Credentials' },
      sub_technique: { uid: 'T1552.005', name: 'Cloud Instance Metadata API' },
    },
    { technique: { uid: 'T9999' } },
  ])
})

test('findings of other products and damaged ones are not read as ours', () => {
  const event = findingEvent(finding)
  const foreign = { ...event, metadata: { ...event.metadata, log_name: 'falco' } }
  assert.equal(isOwnFinding(foreign), false)
  assert.equal(findingOf(foreign), undefined)
  assert.equal(findingOf({ ...event, finding_info: { uid: 7 } }), undefined)
  assert.equal(findingOf({ ...event, class_uid: 1007 }), undefined)
})
