import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLog } from '../../core/log.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { rules } from './rules.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-rules-'))
after(() => rmSync(folder, { recursive: true }))
const deps = { instance: 'rules', log: createLog('silent'), state_dir: folder }
const workload = containerWorkload('a91c3be05d77', 'shop-api', { image: 'shop-api:2.3.1' })

const miner: OcsfEvent = {
  class_uid: 1007,
  category_uid: 1,
  activity_id: 1,
  type_uid: 100701,
  time: 1_760_000_000_000,
  severity_id: 1,
  metadata: { version: '1.8.0', product: {}, uid: 'event-1' },
  workload,
  process: {
    pid: 7,
    name: 'xmrig',
    cmd_line: '/tmp/xmrig -o stratum+tcp://203.0.113.9:3333',
    file: { path: '/tmp/xmrig' },
  },
}

test('a finding says what matched, where, and what it means', async () => {
  const detector = await rules.create(rules.config.parse({}), deps)
  const [draft, ...others] = detector.process([miner])
  assert.deepEqual(others, [])
  assert.equal(
    draft?.reason,
    'Coin miner started in container shop-api: Image ends with "/xmrig" (found "/tmp/xmrig"), ' +
      'CommandLine contains "stratum+tcp://" (found "/tmp/xmrig -o stratum+tcp://203.0.113.9:3333").',
  )
  assert.deepEqual([draft?.rule, draft?.severity_id, draft?.techniques], ['coin_miner_process', 5, ['T1496']])
  assert.deepEqual(draft?.evidence, ['event-1'])
  assert.equal(detector.coverage?.().status, 'ok')
})

test('rules below the least level are left out', async () => {
  const detector = await rules.create(rules.config.parse({ min_level: 'critical' }), deps)
  assert.match(detector.coverage?.().message ?? '', /^2 rules run$/)
})

test('rules that do not load stop the start, or are a gap in coverage', async () => {
  const path = join(folder, 'broken.yml')
  writeFileSync(path, 'title: x\nlogsource: {product: windows}\ndetection: {a: {b: c}, condition: a}\n')
  await assert.rejects(
    async () => rules.create(rules.config.parse({ paths: [folder] }), deps),
    /broken\.yml:2: logsource: Weir collects no/,
  )
  const detector = await rules.create(rules.config.parse({ paths: ['builtin', folder], unsupported: 'skip' }), deps)
  assert.equal(detector.coverage?.().status, 'degraded')
  assert.match(detector.coverage?.().message ?? '', /1 are left out/)
  assert.throws(() => rules.create(rules.config.parse({ paths: [join(folder, 'nowhere')] }), deps), /cannot be read/)
})

test('calls of different people in a cloud account are different findings', async () => {
  const detector = await rules.create(rules.config.parse({}), deps)
  const stopped = (uid: string): OcsfEvent => ({
    ...miner,
    class_uid: 6003,
    metadata: { version: '1.8.0', product: { name: 'CloudTrail' }, uid },
    workload: undefined as never,
    api: { operation: 'StopLogging', service: { name: 'cloudtrail.amazonaws.com' } },
    actor: { user: { uid } },
  })
  const keys = detector.process([stopped('ann'), stopped('bob')]).map((draft) => draft.dedup_key)
  assert.equal(new Set(keys).size, 2)
})
