import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { registry } from '../core/define.js'
import { createLog } from '../core/log.js'
import { createMetrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { type Finding, findingEvent } from '../ocsf/finding.js'
import { validate } from '../ocsf/validate.js'
import { containerWorkload } from '../ocsf/workload.js'
import { type ActionDefinition, defineAction } from './contract.js'
import { createMemoryJobs } from './jobs/memory.js'
import { playbookSchema } from './playbook.js'
import { responseOf } from './record.js'
import { createResponder } from './responder.js'
import type { ResponderConfig } from './responder-config.js'

/** A platform with switches: what an action would change, kept outside the responder so that it survives it. */
function platform() {
  const down = new Set<string>()
  const calls: string[] = []
  const broken = { plan: false, execute: false, verify: false, hang: false }
  const definition = defineAction({
    name: 'switch_off',
    summary: 'Switch a workload off',
    config: z.strictObject({}),
    example: {},
    permissions: [],
    targets: ['container'],
    reversible: true,
    stops_traffic: true,
    create: () => ({
      async plan({ workload }) {
        calls.push('plan')
        if (broken.plan) throw new Error('the platform is away')
        return {
          steps: [`Switch ${workload.name} off.`],
          undo_steps: ['Switch it on.'],
          pre_image: { on: !down.has(workload.uid) },
        }
      },
      async execute({ workload }) {
        calls.push('execute')
        if (broken.hang) await new Promise(() => {})
        if (broken.execute) throw new Error('the platform says no')
        if (!broken.verify) down.add(workload.uid)
      },
      async verify({ workload }) {
        return { ok: down.has(workload.uid), evidence: down.has(workload.uid) ? 'It is off.' : 'It is still on.' }
      },
      async undo({ workload }) {
        calls.push('undo')
        down.delete(workload.uid)
      },
      async verify_undo({ workload }) {
        return { ok: !down.has(workload.uid), evidence: 'It is on again.' }
      },
    }),
  })
  return { down, calls, broken, definition }
}

const playbook = (over: object = {}) =>
  playbookSchema.parse({
    name: 'off',
    summary: 'Switch off.',
    match: { kinds: ['container'], techniques: ['T1496'] },
    approve: 'never',
    actions: [{ action: 'switch_off' }],
    ...over,
  })

function finding(family: Finding['family'], n: number, over: Partial<Finding> = {}): OcsfEvent {
  return findingEvent({
    uid: `finding-${family}-${n}`,
    detector: family,
    family,
    rule: `rule-${n}`,
    techniques: ['T1496'],
    workload: containerWorkload('0123456789abcdef', 'shop-api'),
    severity_id: 4,
    confidence: 90,
    title: 'Coin miner',
    reason: 'It mines.',
    evidence: ['e1'],
    time: 1_700_000_000_000 + n,
    details: {},
    ...over,
  })
}

function setup(world: ReturnType<typeof platform>, over: Partial<ResponderConfig> = {}, recorded: OcsfEvent[] = []) {
  const steps: OcsfEvent[] = recorded
  const responder = createResponder({
    playbooks: [playbook()],
    actions: registry<ActionDefinition>('action', [world.definition]),
    action_params: {},
    mode: 'enforce',
    jobs: createMemoryJobs({ concurrency: 2 }),
    publish: async (events) => void steps.push(...events),
    coverage: () => ({ healthy: true, message: 'It is seen without gaps.' }),
    peers: () => 3,
    effect_window_ms: 10,
    timeout_ms: 200,
    now: Date.now,
    log: createLog('silent'),
    metrics: createMetrics(),
    ...over,
  })
  const states = () => steps.map((event) => responseOf(event)?.state)
  return { responder, steps, states }
}

test('two families agree: planned, executing, verified, each step recorded as valid OCSF', async () => {
  const world = platform()
  const { responder, steps, states } = setup(world)
  await responder.start([])
  await responder.handle([finding('rules', 1)])
  assert.deepEqual(states(), ['proposed'])
  assert.deepEqual(world.calls, [], 'one family alone changes nothing')
  await responder.handle([finding('profile', 2)])
  await responder.settle()
  assert.deepEqual(states(), ['proposed', 'planned', 'executing', 'verified'])
  assert.deepEqual(world.calls, ['plan', 'execute'])
  assert.equal(world.down.size, 1)
  for (const step of steps) assert.deepEqual(validate(step), [])
  assert.equal(new Set(steps.map((step) => step.metadata.uid)).size, steps.length)
  await responder.stop()
})

test('a dry run plans and executes nothing, whatever happens', async () => {
  const world = platform()
  const { responder, steps, states } = setup(world, { mode: 'dry_run' })
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('anomaly', 2), finding('profile', 3)])
  await responder.settle()
  assert.deepEqual(states(), ['proposed', 'planned'])
  assert.deepEqual(world.calls, ['plan'])
  const record = responseOf(steps.at(-1) as OcsfEvent)
  assert.equal(record?.dry_run, true)
  assert.deepEqual(record?.plan?.steps, ['Switch shop-api off.'])
  await responder.stop()
})

test('killed between execute and record: after recovery there is exactly one effect', async () => {
  const world = platform()
  const first = setup(world, {
    publish: async (events) => {
      if (responseOf(events[0] as OcsfEvent)?.state === 'verified') await new Promise(() => {})
      first.steps.push(...events)
    },
  })
  await first.responder.start([])
  await first.responder.handle([finding('rules', 1), finding('profile', 2)])
  for (const end = Date.now() + 5_000; world.calls.length < 2 && Date.now() < end; )
    await new Promise((r) => setTimeout(r, 5))
  assert.deepEqual(world.calls, ['plan', 'execute'])

  const second = setup(world, {}, [...first.steps])
  await second.responder.start(second.steps)
  await second.responder.settle()
  assert.deepEqual(world.calls, ['plan', 'execute'], 'the platform was asked, nothing was done again')
  assert.deepEqual(second.states(), ['proposed', 'planned', 'executing', 'verified'])
  await second.responder.stop()
})

test('killed before execute: after recovery it is executed', async () => {
  const world = platform()
  const first = setup(world)
  await first.responder.handle([finding('rules', 1), finding('profile', 2)])
  assert.deepEqual(first.states(), ['proposed', 'planned'])
  const second = setup(world, {}, [...first.steps])
  await second.responder.start(second.steps)
  await second.responder.settle()
  assert.deepEqual(second.states(), ['proposed', 'planned', 'executing', 'verified'])
  await second.responder.stop()
})

test('what one family found before a restart counts when another agrees after it', async () => {
  const world = platform()
  const first = setup(world)
  const early = finding('rules', 1)
  await first.responder.start([])
  await first.responder.handle([early])
  assert.deepEqual(first.states(), ['proposed'])
  await first.responder.stop()

  const second = setup(world, {}, [...first.steps])
  await second.responder.start(second.steps, [early])
  await second.responder.handle([finding('profile', 2)])
  await second.responder.settle()
  assert.deepEqual(second.states(), ['proposed', 'planned', 'executing', 'verified'])
  const last = responseOf(second.steps.at(-1) as OcsfEvent)
  assert.deepEqual(last?.finding_uids, ['finding-rules-1', 'finding-profile-2'])
  await second.responder.stop()
})

test('it is undone at its time limit, also when the process was restarted meanwhile', async () => {
  const world = platform()
  const short = { playbooks: [playbook({ undo_after_ms: 1_000 })] }
  const first = setup(world, short)
  await first.responder.start([])
  await first.responder.handle([finding('rules', 1), finding('profile', 2)])
  await first.responder.settle()
  assert.equal(world.down.size, 1)
  await first.responder.stop()

  const second = setup(world, short, [...first.steps])
  await second.responder.start(second.steps)
  for (const end = Date.now() + 5_000; second.states().at(-1) !== 'undone' && Date.now() < end; ) {
    await new Promise((r) => setTimeout(r, 20))
  }
  assert.deepEqual(second.states().slice(-3), ['verified', 'undoing', 'undone'])
  assert.equal(world.down.size, 0)
  await second.responder.stop()
})

test('a false positive takes back what it led to', async () => {
  const world = platform()
  const { responder, states } = setup(world)
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('profile', 2)])
  await responder.settle()
  await responder.falsePositive('finding-rules-1', 'ada')
  await responder.settle()
  assert.deepEqual(states().slice(-2), ['undoing', 'undone'])
  assert.equal(world.down.size, 0)
  await responder.stop()
})

test('an effect that cannot be verified is a failure and is taken back', async () => {
  const world = platform()
  world.broken.verify = true
  const { responder, states } = setup(world)
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('profile', 2)])
  await responder.settle()
  assert.deepEqual(states(), ['proposed', 'planned', 'executing', 'failed', 'undoing', 'undone'])
  await responder.stop()
})

test('traffic that goes on after a quarantine is a failure', async () => {
  const world = platform()
  const { responder, steps } = setup(world, { traffic: async () => 4 })
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('profile', 2)])
  await responder.settle()
  const failed = steps.map((step) => responseOf(step)).find((record) => record?.state === 'failed')
  assert.match(failed?.reasons.join(' ') ?? '', /4 new connections/)
  await responder.stop()
})

test('an action that hangs or throws ends as failed, with the reason', async () => {
  for (const [fault, reason] of [
    ['hang', /longer than 200 ms/],
    ['execute', /the platform says no/],
  ] as const) {
    const world = platform()
    world.broken[fault] = true
    const { responder, steps } = setup(world)
    await responder.start([])
    await responder.handle([finding('rules', 1), finding('profile', 2)])
    await responder.settle()
    const last = responseOf(steps.at(-1) as OcsfEvent)
    assert.equal(last?.state, 'failed')
    assert.match(last?.reasons.join(' ') ?? '', reason)
    await responder.stop()
  }
})

test('approval: asked for, given, refused; and a person may stand in for the second family', async () => {
  const world = platform()
  const { responder, states } = setup(world, { playbooks: [playbook({ approve: 'always' })] })
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('profile', 2)])
  await responder.settle()
  assert.deepEqual(states(), ['proposed', 'waiting_approval'])
  const uid = responder.state()[0]?.uid ?? ''
  await responder.approve(uid, 'ada')
  await responder.settle()
  assert.deepEqual(states().slice(-3), ['planned', 'executing', 'verified'])
  await assert.rejects(responder.approve(uid, 'ada'), /only a proposal can be approved/)
  await responder.stop()

  const alone = setup(platform())
  await alone.responder.start([])
  await alone.responder.handle([finding('rules', 1)])
  await alone.responder.reject(alone.responder.state()[0]?.uid ?? '', 'bob')
  assert.deepEqual(alone.states(), ['proposed', 'rejected'])
  await alone.responder.stop()
})

test('guards: protected workloads, too many peers down, too often, bad coverage become proposals with the reason', async () => {
  const cases: [Partial<ResponderConfig>, RegExp][] = [
    [{ playbooks: [playbook({ guard: { protect: ['shop-*'] } })] }, /protected by "shop-\*"/],
    [{ coverage: () => ({ healthy: false, message: 'Nothing was heard for 9 min.' }) }, /Nothing was heard for 9 min/],
    [
      { playbooks: [playbook({ guard: { quiet_hours: ['00:00-23:59'] } })], now: () => Date.UTC(2026, 1, 1, 12) },
      /quiet time/,
    ],
  ]
  for (const [over, reason] of cases) {
    const world = platform()
    const { responder, steps } = setup(world, over)
    await responder.start([])
    await responder.handle([finding('rules', 1), finding('profile', 2)])
    await responder.settle()
    const last = responseOf(steps.at(-1) as OcsfEvent)
    assert.equal(last?.state, 'proposed')
    assert.match(steps.map((s) => responseOf(s)?.reasons.join(' ')).join(' '), reason)
    assert.deepEqual(world.calls, [])
    await responder.stop()
  }
})

test('of one group only one may be down at once, and no more than the limit an hour', async () => {
  const world = platform()
  const { responder } = setup(world, { playbooks: [playbook({ guard: { max_per_hour: 2 } })] })
  await responder.start([])
  const others = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cccccccccccc'].map((id, n) =>
    containerWorkload(id, `shop-${n}`, { image: n < 2 ? 'shop:1' : 'other:1' }),
  )
  for (const [n, workload] of others.entries()) {
    await responder.handle([finding('rules', 10 + n, { workload }), finding('profile', 20 + n, { workload })])
    await responder.settle()
  }
  assert.deepEqual([...world.down], ['container/aaaaaaaaaaaa', 'container/cccccccccccc'])
  const second = responder.state().find((record) => record.workload.name === 'shop-1')
  assert.match(second?.reasons.join(' ') ?? '', /already down/)
  await responder.stop()
})

test('the same finding twice, and more findings of one attack, are one response', async () => {
  const world = platform()
  const { responder } = setup(world)
  await responder.start([])
  await responder.handle([
    finding('rules', 1),
    finding('rules', 1),
    finding('profile', 2),
    finding('anomaly', 3),
    finding('rules', 4),
  ])
  await responder.settle()
  assert.equal(responder.state().length, 1)
  assert.deepEqual(world.calls, ['plan', 'execute'])
  await responder.stop()
})

test('a plan that failed is not tried again with every further finding', async () => {
  const world = platform()
  world.broken.plan = true
  const { responder, states } = setup(world)
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('profile', 2), finding('anomaly', 3), finding('rules', 4)])
  await responder.settle()
  assert.deepEqual(states(), ['proposed', 'failed'])
  assert.deepEqual(world.calls, ['plan'])
  await responder.stop()
})

test('a secret is in no recorded step, and is there again after a restart; what no action takes stops nobody', async () => {
  const world = platform()
  const seen: unknown[] = []
  const config = z.strictObject({ secret: z.string().min(16), level: z.number() })
  const definition: ActionDefinition<typeof config> = defineAction({
    ...world.definition,
    config,
    secrets: ['secret'],
    example: { secret: 'change-me-change-me', level: 1 },
    create: (params, deps) => {
      seen.push(params)
      return world.definition.create({}, deps)
    },
  })
  const over = {
    actions: registry<ActionDefinition>('action', [definition as ActionDefinition]),
    playbooks: [playbook({ actions: [{ action: 'switch_off', params: { level: 2 } }] })],
    action_params: { switch_off: { secret: 'hush-hush-hush-hush' } },
  }
  const first = setup(world, over)
  await first.responder.start([])
  await first.responder.handle([finding('rules', 1)])
  assert.deepEqual(responseOf(first.steps[0] as OcsfEvent)?.params, { level: 2 })
  await first.responder.stop()

  const odd = structuredClone(first.steps[0] as OcsfEvent)
  odd.command_uid = 'another'
  Object.assign((odd.unmapped as any).response, { params: { level: 'high' }, created_time: 1 })
  const second = setup(world, over, [...first.steps, odd])
  await second.responder.start(second.steps)
  await second.responder.handle([finding('rules', 1), finding('profile', 2)])
  await second.responder.settle()
  await second.responder.stop()
  assert.equal(second.states().at(-1), 'verified')
  assert.doesNotMatch(JSON.stringify(second.steps), /hush/)
  assert.deepEqual(seen, Array(seen.length).fill({ secret: 'hush-hush-hush-hush', level: 2 }))
})

test('what failed half way can be undone by a person', async () => {
  const world = platform()
  world.broken.execute = true
  const { responder, steps, states } = setup(world)
  await responder.start([])
  await responder.handle([finding('rules', 1), finding('profile', 2)])
  await responder.settle()
  assert.equal(states().at(-1), 'failed')
  world.down.add(responseOf(steps.at(-1) as OcsfEvent)?.workload.uid ?? '')
  await responder.undo(responseOf(steps.at(-1) as OcsfEvent)?.uid ?? '', 'ann')
  await responder.settle()
  assert.equal(states().at(-1), 'undone')
  assert.equal(world.down.size, 0)
  await responder.stop()
})

test('what failed half way counts as down until it is undone', async () => {
  const world = platform()
  const { responder } = setup(world)
  await responder.start([])
  const [first, second, third] = ['aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cccccccccccc'].map((id, n) =>
    containerWorkload(id, `shop-${n}`, { image: 'shop:1' }),
  )
  async function attack(workload: typeof first, n: number) {
    const over = workload ? { workload } : {}
    await responder.handle([finding('rules', n, over), finding('profile', n, over)])
    await responder.settle()
    return responder.state().find((record) => record.workload.uid === workload?.uid)
  }
  world.broken.execute = true
  const failed = await attack(first, 1)
  assert.equal(failed?.state, 'failed')
  world.broken.execute = false
  const guarded = await attack(second, 2)
  assert.equal(guarded?.state, 'proposed')
  assert.match(guarded?.reasons.join(' ') ?? '', /1 of 3 workloads .* already down/)

  await responder.undo(failed?.uid ?? '', 'ann')
  await responder.settle()
  assert.equal((await attack(third, 3))?.state, 'verified')
  await responder.stop()
})

test('two actions of one name are two responses, each with its own params, also after a restart', async () => {
  const world = platform()
  const told: string[] = []
  const config = z.strictObject({ to: z.string() })
  const tell: ActionDefinition<typeof config> = defineAction({
    ...world.definition,
    name: 'tell',
    config,
    example: { to: 'somebody' },
    stops_traffic: false,
    create: ({ to }) => ({
      plan: async () => ({ steps: [`Tell ${to}.`], undo_steps: [], pre_image: {} }),
      execute: async () => void told.push(to),
      verify: async () => ({ ok: told.includes(to), evidence: `${to} knows.` }),
    }),
  })
  const over = {
    actions: registry<ActionDefinition>('action', [tell as ActionDefinition]),
    playbooks: [playbook({ actions: ['ada', 'bob'].map((to) => ({ action: 'tell', params: { to } })) })],
  }
  const first = setup(world, over)
  await first.responder.start([])
  await first.responder.handle([finding('rules', 1)])
  assert.equal(first.responder.state().length, 2)
  await first.responder.stop()

  const second = setup(world, over, [...first.steps])
  await second.responder.start(second.steps, [finding('rules', 1)])
  await second.responder.handle([finding('profile', 2), finding('anomaly', 3)])
  await second.responder.settle()
  assert.deepEqual(told.sort(), ['ada', 'bob'])
  assert.deepEqual(
    second.responder.state().map(({ state, params }) => [state, params]),
    [
      ['verified', { to: 'ada' }],
      ['verified', { to: 'bob' }],
    ],
  )
  await second.responder.stop()
})

test('jobs that are slow to take are looked after once at a time', async () => {
  const world = platform()
  const first = setup(world)
  await first.responder.handle([finding('rules', 1), finding('profile', 2)])
  const jobs = createMemoryJobs({ concurrency: 2 })
  let running = 0
  let most = 0
  let looks = 0
  const slow = {
    ...jobs,
    async add() {
      looks += 1
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 50))
      running -= 1
    },
  }
  const { responder } = setup(world, { jobs: slow, look_after_ms: 10 }, [...first.steps])
  await responder.start(first.steps)
  await new Promise((resolve) => setTimeout(resolve, 400))
  await responder.stop()
  assert.ok(looks > 2, `${looks} looks`)
  assert.equal(most, 1)
})
