import assert from 'node:assert/strict'
import { test } from 'node:test'
import { registry } from '../core/define.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import { containerWorkload } from '../ocsf/workload.js'
import { actions } from './actions/index.js'
import { createBook } from './book.js'
import type { ActionDefinition } from './contract.js'
import type { WorkloadFinding } from './decision.js'
import { playbookSchema } from './playbook.js'
import type { ResponseRecord, ResponseState } from './record.js'
import type { ResponderConfig } from './responder-config.js'

const playbook = playbookSchema.parse({ name: 'tell', summary: 'Tell.', actions: [{ action: 'log' }] })

function book() {
  return createBook({
    playbooks: [playbook],
    actions: registry<ActionDefinition>('action', [actions.find('log')]),
    action_params: {},
    log: createLog('silent'),
    metrics: createMetrics(),
  } as Partial<ResponderConfig> as ResponderConfig)
}

const workload = (n: number) => containerWorkload(n.toString(16).padStart(12, '0'), `shop-${n}`)

function record(n: number, state: ResponseState): ResponseRecord {
  return {
    uid: `rsp-${n}`,
    step: 0,
    time: n,
    created_time: n,
    state,
    playbook: 'tell',
    action: 'log',
    params: {},
    workload: workload(n),
    finding_uids: [],
    dry_run: false,
    reasons: [],
  }
}

test('findings are remembered of so many workloads, those heard of last', () => {
  const { remember, findingsAbout } = book()
  const finding = (n: number, uid = `f-${n}`) => ({ uid, workload: workload(n), time: n }) as WorkloadFinding
  for (let n = 0; n < 10_000; n++) remember({} as never, finding(n), false)
  remember({} as never, finding(0, 'again'), false)
  for (let n = 10_000; n < 10_010; n++) remember({} as never, finding(n), false)
  assert.equal(findingsAbout(workload(0).uid).length, 2)
  assert.equal(findingsAbout(workload(1).uid).length, 0)
  assert.equal(findingsAbout(workload(10_009).uid).length, 1)
})

test('responses are bounded, open ones too; what is being done is never forgotten', () => {
  const { note, all, find } = book()
  note(record(0, 'executing'))
  note(record(1, 'proposed'))
  note(record(2, 'undone'))
  for (let n = 3; n < 20_010; n++) note(record(n, 'proposed'))
  assert.equal(all().length, 20_000)
  assert.equal(find('rsp-2'), undefined, 'what is over goes first')
  assert.equal(find('rsp-1'), undefined, 'then the oldest that waits for somebody')
  assert.ok(find('rsp-0'))
})
