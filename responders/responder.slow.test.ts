import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../core/paths.js'
import { type Finding, findingEvent } from '../ocsf/finding.js'
import { containerWorkload } from '../ocsf/workload.js'
import { noRedis, type Redis, startRedis } from '../test/stack/redis.js'
import { responseOf } from './record.js'

const PROGRAM = join(packageRoot, 'dist', 'test', 'respond-process.js')
const skip = noRedis()
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

function finding(family: Finding['family'], n: number) {
  return findingEvent({
    uid: `finding-${family}-${n}`,
    detector: family,
    family,
    rule: `rule-${n}`,
    techniques: ['T1496'],
    workload: containerWorkload(String(n).padStart(12, '0'), `shop-${n}`),
    severity_id: 4,
    confidence: 90,
    title: 'Coin miner',
    reason: 'It mines.',
    evidence: ['e1'],
    time: Date.now(),
    details: {},
  })
}

/** A bus in a file, and the responders that follow it. */
function place(redis_url: string, over: { crash?: string; execute_ms?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-respond-'))
  writeFileSync(join(folder, 'log'), '')
  const redis = { url: redis_url, prefix: `weir-${randomUUID()}`, take_over_ms: 500 }
  // What stands behind the last end of a line is being written.
  const lines = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1) : []
  const mine: ChildProcess[] = []
  let output = ''

  async function until(what: string, condition: () => boolean, within_ms = 30_000) {
    for (const end = Date.now() + within_ms; !condition(); await sleep(10)) {
      if (Date.now() > end) assert.fail(`not within ${within_ms} ms: ${what}\n${output}\n${lines('log').length} lines`)
    }
  }
  return {
    lines,
    until,
    steps: () => lines('log').flatMap((line) => responseOf(JSON.parse(line)) ?? []),
    crashed: () => existsSync(join(folder, 'crashed')),
    async start(count: number) {
      const fresh = Array.from({ length: count }, () =>
        spawn(process.execPath, [PROGRAM, JSON.stringify({ folder, redis, ...over })]),
      )
      for (const child of fresh) {
        children.add(child)
        mine.push(child)
        child.once('exit', () => children.delete(child))
        for (const stream of [child.stdout, child.stderr]) stream?.on('data', (piece) => (output += String(piece)))
      }
      await Promise.all(fresh.map((child) => once(child.stdout as NodeJS.ReadableStream, 'data')))
      return fresh
    },
    find(n: number) {
      for (const family of ['rules', 'profile'] as const) {
        appendFileSync(join(folder, 'log'), `${JSON.stringify(finding(family, n))}\n`)
      }
    },
    /** Each of so many responses went its whole way, and nothing was done twice. */
    assertOnce(count: number) {
      const steps = this.steps()
      assert.equal(new Set(steps.map(({ uid }) => uid)).size, count, 'responses')
      assert.deepEqual(lines('effects').sort(), [...new Set(lines('effects'))].sort(), 'executed twice')
      assert.equal(lines('effects').length, count, 'executed')
      assert.deepEqual(lines('undone').sort(), lines('effects').sort())
      for (const uid of new Set(steps.map((step) => step.uid))) {
        const states = steps.filter((step) => step.uid === uid).map(({ state }) => state)
        for (const state of ['planned', 'executing', 'verified', 'undoing', 'undone'] as const) {
          assert.equal(states.filter((one) => one === state).length, 1, `${state} in ${states.join(', ')}`)
        }
      }
    },
    undone: () => new Set(lines('undone')).size,
    ended(count: number) {
      return this.steps().filter(({ state }) => state === 'undone').length >= count
    },
    async close() {
      await Promise.all(
        mine.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const exited = once(child, 'exit')
          child.kill('SIGKILL')
          await exited
        }),
      )
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const CRASHES = [
  'before planned',
  'after planned',
  'before executing',
  'after executing',
  'after execute',
  'before verified',
  'after verified',
  'before undoing',
  'after undoing',
  'after undo',
  'before undone',
  'after undone',
]

describe('several responders on one Redis', { skip: skip ?? false, concurrency: 2 }, () => {
  let redis: Redis
  before(async () => {
    redis = await startRedis({ appendonly: true })
  })
  after(() => redis?.close())

  for (const crash of CRASHES) {
    test(`kill -9 ${crash}: another one goes on, and all is done once`, async () => {
      const here = place(redis.url, { crash })
      try {
        await here.start(2)
        here.find(1)
        await here.until('it is undone', () => here.ended(1))
        assert.ok(here.crashed(), 'nobody was killed')
        here.assertOnce(1)
      } finally {
        await here.close()
      }
    })
  }

  test('thirty attacks on three responders that are killed one after the other: each is answered once', async () => {
    const here = place(redis.url)
    try {
      const [first, second] = await here.start(3)
      for (let n = 1; n <= 30; n++) here.find(n)
      await here.until('some are executed', () => here.lines('effects').length >= 5)
      first?.kill('SIGKILL')
      await here.start(1)
      await here.until('more are executed', () => here.lines('effects').length >= 15)
      second?.kill('SIGKILL')
      await here.until('all are undone', () => here.ended(30))
      here.assertOnce(30)
    } finally {
      await here.close()
    }
  })

  test('all are killed while an undo is due later: whoever starts next does it', async () => {
    const here = place(redis.url)
    try {
      const all = await here.start(2)
      here.find(1)
      await here.until('it is verified', () => here.steps().some(({ state }) => state === 'verified'))
      for (const child of all) child.kill('SIGKILL')
      assert.equal(here.undone(), 0)
      await here.start(1)
      await here.until('it is undone', () => here.ended(1))
      here.assertOnce(1)
    } finally {
      await here.close()
    }
  })

  test('whoever is asked to stop finishes what it does', async () => {
    const here = place(redis.url, { execute_ms: 300 })
    try {
      const [only] = await here.start(1)
      here.find(1)
      await here.until('it is being executed', () => here.steps().some(({ state }) => state === 'executing'))
      only?.kill('SIGTERM')
      const [code] = await once(only as ChildProcess, 'exit')
      assert.equal(code, 0)
      assert.equal(here.steps().at(-1)?.state, 'verified')
    } finally {
      await here.close()
    }
  })
})

for (const lose_data of [true, false]) {
  const what = lose_data ? 'loses everything' : 'is killed, and has all but the last second again'
  test(`Redis ${what} while actions are carried out and undos are due: all is done once`, {
    skip: skip ?? false,
  }, async () => {
    const redis = await startRedis({ appendonly: !lose_data })
    const here = place(redis.url, { execute_ms: 400 })
    try {
      await here.start(2)
      for (let n = 1; n <= 8; n++) here.find(n)
      await here.until('some are executed, some are not', () => here.lines('effects').length >= 2)
      await redis.kill()
      await redis.restart({ lose_data })
      await here.until('more are executed', () => here.lines('effects').length >= 6)
      await redis.kill()
      await redis.restart({ lose_data })
      await here.until('all are undone', () => here.ended(8))
      here.assertOnce(8)
    } finally {
      await here.close()
      await redis.close()
    }
  })
}
