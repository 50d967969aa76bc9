import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLog } from '../../core/log.js'
import { CLASS, type OcsfEvent } from '../../ocsf/event.js'
import { containerWorkload } from '../../ocsf/workload.js'
import type { Detector, FindingDraft, SharedState } from '../contract.js'
import { createSharedMemory } from '../shared-memory.js'
import { profile } from './profile.js'

const root = mkdtempSync(join(tmpdir(), 'weir-profile-'))
after(() => rmSync(root, { recursive: true }))
let folders = 0

const hour = 3_600_000
const start = Date.UTC(2026, 0, 5)
const web = containerWorkload('111111111111', 'web-1', { image: 'nginx:1.27' })
const other = containerWorkload('222222222222', 'web-2', { image: 'nginx:1.27' })

async function detector(
  config: object = {},
  state_dir = mkdtempSync(join(root, `${folders++}-`)),
  shared?: SharedState,
): Promise<Detector> {
  const options = profile.config.parse({ learning_period_ms: 8 * hour, min_events: 10, ...config })
  return profile.create(options, { instance: 'profile', log: createLog('silent'), state_dir, shared })
}

function event(time: number, rest: Partial<OcsfEvent>, workload: typeof web | null = web): OcsfEvent {
  return {
    class_uid: 0,
    category_uid: 1,
    activity_id: 1,
    type_uid: 0,
    time,
    severity_id: 1,
    metadata: { version: '1.8.0', product: {}, uid: `${time}-${JSON.stringify(rest).length}` },
    ...(workload ? { workload } : {}),
    ...rest,
  }
}

function launch(time: number, path: string, parent = 'nginx', workload = web): OcsfEvent {
  const process = { file: { path }, name: path.split('/').at(-1) }
  return event(time, { class_uid: CLASS.process_activity, process, actor: { process: { name: parent } } }, workload)
}

function connect(time: number, ip: string, port: number, direction_id = 2, from = '172.17.0.2'): OcsfEvent {
  const ends = { src_endpoint: { ip: from, port: 40_000 }, dst_endpoint: { ip, port } }
  return event(time, { class_uid: CLASS.network_activity, ...ends, connection_info: { direction_id } })
}

/** Ten hours of two programs, one peer and one client. */
function normal(): OcsfEvent[] {
  return Array.from({ length: 60 }, (_, n) => start + n * 600_000).flatMap((time, n) => [
    launch(time, n % 2 === 0 ? '/usr/sbin/nginx' : '/usr/bin/curl', 'sh', n % 3 === 0 ? other : web),
    connect(time + 1, '192.0.2.10', 443),
    connect(time + 2, '172.17.0.2', 80, 1, '198.51.100.4'),
  ])
}
const later = start + 10 * hour

const brief = (drafts: FindingDraft[]) => drafts.map(({ rule, details }) => `${rule}: ${details?.value}`)

test('what was learned is silent, what is new is found once, with a reason', async () => {
  const learned = await detector()
  assert.deepEqual(learned.process(normal()), [])
  assert.deepEqual(learned.process([launch(later, '/usr/bin/curl', 'sh')]), [])
  const [draft, ...others] = learned.process([launch(later + 1, '/tmp/xmrig', 'sh')])
  assert.deepEqual(others, [])
  assert.equal(
    draft?.reason,
    '"/tmp/xmrig" was never started in container nginx:1.27 in 10 h of watching (known programs: 2).',
  )
  assert.deepEqual([draft?.rule, draft?.severity_id, draft?.techniques], ['first_seen_process', 4, ['T1059']])
  assert.deepEqual(
    learned.process([launch(later + 2, '/tmp/xmrig', 'sh'), launch(later + 3, '/tmp/xmrig', 'sh', other)]),
    [],
  )
})

test('each kind of behaviour has its own memory', async () => {
  const learned = await detector()
  learned.process(normal())
  const found = learned.process([
    launch(later, '/usr/bin/curl', 'bash'),
    connect(later, '192.0.2.99', 443),
    connect(later, '192.0.2.10', 22),
    connect(later, '203.0.113.9', 3333),
    connect(later, '172.17.0.9', 6379),
    connect(later, '172.17.0.2', 80, 1, '198.51.100.200'),
    connect(later, '172.17.0.2', 80, 1, '203.0.113.1'),
    connect(later, '172.17.0.2', 2375, 1, '203.0.113.1'),
    event(later, { class_uid: CLASS.network_activity, activity_id: 7, dst_endpoint: { ip: '0.0.0.0', port: 4444 } }),
  ])
  assert.deepEqual(brief(found), [
    'first_seen_parent: /usr/bin/curl < bash',
    'first_seen_peer: 192.0.2.0/24 22',
    'first_seen_peer: 203.0.113.0/24 3333',
    'first_seen_peer: own networks 6379',
    'first_seen_client: 203.0.113.0/24 80',
    'first_seen_port: 2375',
    'first_seen_port: 4444',
  ])
})

test('API calls are learned by function and by caller', async () => {
  const call = (time: number, operation: string, ip = '10.0.0.1', over: object = {}) =>
    event(
      time,
      {
        class_uid: CLASS.api_activity,
        activity_id: 2,
        api: { operation, service: { name: 's3.amazonaws.com' } },
        actor: { user: { name: 'deployer', account: { uid: '1' } } },
        src_endpoint: { ip },
        ...over,
      },
      null,
    )
  const learned = await detector()
  learned.process(Array.from({ length: 40 }, (_, n) => call(start + n * 900_000, 'GetObject')))
  const found = learned.process([
    call(later, 'GetObject'),
    call(later, 'ListBuckets', '203.0.113.7'),
    call(later, 'DeleteBucket', '203.0.113.7', { activity_id: 4 }),
  ])
  assert.deepEqual(brief(found), [
    'first_seen_api_call: s3 ListBuckets',
    'first_seen_api_source: 203.0.113.0/24',
    'first_seen_api_call: s3 DeleteBucket',
  ])
  assert.deepEqual(
    found.map(({ severity_id }) => severity_id),
    [2, 3, 3],
  )
  assert.equal(found[0]?.workload, undefined)
})

test('nothing is judged while it is learned: too early, too few events, or still changing', async () => {
  const early = await detector()
  early.process(normal().filter(({ time }) => time < start + 7 * hour))
  assert.deepEqual(early.process([launch(start + 7 * hour, '/tmp/xmrig')]), [])
  assert.deepEqual(early.coverage?.(), {
    status: 'degraded',
    message: '1 of 1 groups of workloads are still being learned',
  })

  const few = await detector({ min_events: 100 })
  few.process(normal())
  assert.deepEqual(few.process([launch(later, '/tmp/xmrig')]), [])

  const changing = await detector()
  changing.process(normal())
  const names = 'abcdefghij'
  const churn = await detector()
  for (let n = 0; n < 100; n++) {
    const path = `/opt/${names[n % 10]}${names[Math.floor(n / 10)]}`
    assert.deepEqual(churn.process([launch(start + n * 600_000, path)]), [])
  }
  assert.equal(churn.coverage?.().status, 'degraded')
  assert.equal(changing.coverage?.().status, 'ok')
})

test('a group with too many values is not judged, and says so', async () => {
  const open = await detector({ max_values: 20 })
  open.process(normal())
  const found: FindingDraft[] = []
  for (let n = 0; n < 50; n++) found.push(...open.process([connect(later + n, '172.17.0.2', 80, 1, `203.0.${n}.1`)]))
  assert.ok(found.length < 20)
  assert.match(open.coverage?.().message ?? '', /1 kinds of behaviour are too varied/)
})

test('memory is bounded: the group that was silent longest is forgotten', async () => {
  const small = await detector({ max_groups: 2 })
  for (let n = 0; n < 5; n++) {
    const workload = containerWorkload(`${n}`.repeat(12), 'x', { image: `image-${n}` })
    small.process([launch(start + n, '/bin/true', 'sh', workload)])
  }
  assert.match(small.coverage?.().message ?? '', /2 of 2 groups/)
})

test('restoring the past equals having processed it', async () => {
  const attack = [
    launch(later, '/tmp/xmrig'),
    connect(later, '203.0.113.9', 3333),
    launch(later, '/usr/bin/curl', 'sh'),
  ]
  const processed = await detector()
  processed.process(normal())
  const restored = await detector()
  restored.restore?.(normal())
  assert.deepEqual(restored.process(attack), processed.process(attack))
})

test('an event that comes again after a crash gives the same finding, even if the past had it', async () => {
  const attack = launch(later, '/tmp/xmrig')
  const first = await detector()
  first.process(normal())
  const again = await detector()
  again.restore?.([...normal(), attack])
  assert.deepEqual(again.process([attack]), first.process([attack]))
  assert.deepEqual(again.process([launch(later + 1, '/tmp/xmrig')]), [])
})

test('what was learned survives a restart in a private file; a damaged one is learned again', async () => {
  const folder = mkdtempSync(join(root, 'kept-'))
  const before = await detector({}, folder)
  before.process(normal())
  await before.stop?.()
  assert.equal(statSync(join(folder, 'profile.json')).mode & 0o777, 0o600)
  assert.equal(before.remembered?.(), 0)
  const after = await detector({}, folder)
  assert.ok(Date.now() - (after.remembered?.() ?? 0) < 60_000, 'what was stored before needs no restore')
  assert.equal(after.process([launch(later, '/tmp/xmrig')]).length, 1)
  writeFileSync(join(folder, 'profile.json'), '{"version":1,"groups":7}')
  const damaged = await detector({}, folder)
  assert.deepEqual(damaged.process([launch(later, '/tmp/xmrig')]), [])
})

test('damaged events are no behaviour', async () => {
  const learned = await detector()
  learned.process(normal())
  const strange = [
    event(later, { class_uid: CLASS.process_activity, process: { file: { path: 7 } } }),
    event(later, { class_uid: CLASS.process_activity }),
    event(later, { class_uid: CLASS.network_activity, dst_endpoint: { ip: '203.0.113.1', port: 'x' } }),
    event(later, { class_uid: CLASS.api_activity, actor: null as never, api: 'x' as never }),
  ]
  assert.deepEqual(learned.process(strange), [])
})

test('a busy profile is saved before its ten minutes are over, so that a crash leaves little to read again', async () => {
  const folder = mkdtempSync(join(root, 'busy-'))
  const busy = await detector({}, folder)
  busy.advance?.(later)
  busy.process(normal())
  busy.advance?.(later + 1)
  assert.equal(existsSync(join(folder, 'profile.json')), false)
  for (let n = 0; n < 20; n++) busy.process(Array.from({ length: 1_000 }, () => launch(later, '/usr/bin/curl', 'sh')))
  busy.advance?.(later + 2)
  assert.equal(existsSync(join(folder, 'profile.json')), true)
})

test('processes that share a group know together what each has learned', async () => {
  const shared = createSharedMemory()
  const one = await detector({}, undefined, shared.as('one'))
  const another = await detector({}, undefined, shared.as('another'))
  one.process(normal())
  another.process([...normal(), launch(later, '/usr/bin/backup', 'sh')])
  const attack = launch(later + 1, '/tmp/xmrig')
  const found = one.process([attack])
  await one.stop?.()
  await another.stop?.()

  const next = await detector({}, undefined, shared.as('next'))
  assert.ok(Date.now() - (next.remembered?.() ?? 0) < 60_000, 'what was received before needs no restore')
  assert.deepEqual(next.process([launch(later + 2, '/usr/bin/backup', 'sh')]), [], 'the other process knows it')
  const identity = (drafts: FindingDraft[]) => drafts.map(({ dedup_key, evidence }) => [dedup_key, evidence])
  const again = next.process([attack])
  assert.deepEqual(identity(again), identity(found), 'the event that showed it first gives the same finding again')
  assert.deepEqual(next.process([launch(later + 3, '/tmp/xmrig')]), [])
  assert.equal(next.process([launch(later + 4, '/tmp/other')]).length, 1, 'learning is over')
})

test('what is shared is saved at once and by the wall clock, so that an old one is that of a dead process', async () => {
  const shared = createSharedMemory()
  const one = await detector({}, undefined, shared.as('one'))
  one.process(normal())
  one.advance?.(later)
  await one.settle?.()
  assert.equal((await shared.as('other').load('profile')).length, 1)
})
