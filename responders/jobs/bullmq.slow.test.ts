import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis as Client } from 'ioredis'
import { WeirError } from '../../core/errors.js'
import { createLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { noRedis, type Redis, startRedis } from '../../test/stack/redis.js'
import { createBullJobs } from './bullmq.js'
import { jobsConformance } from './conformance.js'
import type { Job } from './port.js'
import { redisJobsSchema } from './redis-config.js'

const log = createLog('silent')
const metrics = createMetrics()
const skip = noRedis()

if (skip !== undefined) test('BullMQ jobs', { skip }, () => {})
else {
  let redis: Redis
  before(async () => {
    redis = await startRedis({ appendonly: true })
  })
  after(() => redis?.close())

  const create = (prefix = `weir-${randomUUID()}`, over: object = {}) =>
    createBullJobs({
      config: redisJobsSchema.parse({ url: redis.url, prefix, take_over_ms: 500, ...over }),
      actions: ['log', 'webhook'],
      log,
      metrics,
    })

  jobsConformance('BullMQ jobs', () => create())

  const until = async (what: string, condition: () => boolean) => {
    for (const end = Date.now() + 15_000; !condition(); await sleep(10)) {
      if (Date.now() > end) assert.fail(`not within 15 s: ${what}`)
    }
  }
  const job = (id: string, action = 'log'): Job => ({ id, kind: 'execute', response_uid: id, action, payload: {} })
  const nothing = async () => {}

  test('a job that was added before a restart is done after it, at its time', async () => {
    const prefix = `weir-${randomUUID()}`
    const first = await create(prefix)
    await first.process(async () => assert.fail('too early'), nothing)
    const due = Date.now() + 1_000
    await first.add(job('later'), { delay_ms: 1_000 })
    await first.stop()
    const second = await create(prefix)
    const done: number[] = []
    await second.process(async () => void done.push(Date.now()), nothing)
    await second.add(job('later'), { delay_ms: 5_000 })
    await until('it is done', () => done.length > 0)
    assert.ok((done[0] ?? 0) >= due - 5)
    await second.add(job('later'))
    await second.settle()
    assert.equal(done.length, 1, 'what is done stays known')
    await second.stop()
  })

  test('a failure that cannot be reported is reported later', async () => {
    const jobs = await create()
    let reports = 0
    await jobs.process(
      async () => {
        throw new WeirError('bad_input', 'no')
      },
      async () => {
        reports += 1
        if (reports === 1) throw new WeirError('unreachable', 'the bus is away', { retryable: true })
      },
    )
    await jobs.add(job('fails'))
    await until('it is reported again', () => reports === 2)
    await jobs.stop()
  })

  test('rate limits hold for all processes together, and for their action alone', async () => {
    const prefix = `weir-${randomUUID()}`
    const limited = { rate_limits: { webhook: { max: 2, per_ms: 400 } } }
    const both = [await create(prefix, limited), await create(prefix, limited)] as const
    const times: { action: string; time: number }[] = []
    for (const jobs of both) {
      await jobs.process(async ({ action }) => void times.push({ action, time: Date.now() }), nothing)
    }
    for (let n = 0; n < 6; n++) {
      await both[0].add(job(`limited-${n}`, 'webhook'))
      await both[0].add(job(`free-${n}`))
    }
    await until('all are done', () => times.length === 12)
    const of = (action: string) => times.filter((one) => one.action === action).map(({ time }) => time)
    const webhook = of('webhook')
    assert.ok((webhook.at(-1) ?? 0) - (webhook[0] ?? 0) >= 700, `6 in ${(webhook.at(-1) ?? 0) - (webhook[0] ?? 0)} ms`)
    const free = of('log')
    assert.ok((free.at(-1) ?? 0) - (free[0] ?? 0) < 400)
    await Promise.all(both.map((jobs) => jobs.stop()))
  })

  test('whoever was taken for dead learns it when it goes on', async () => {
    const prefix = `weir-${randomUUID()}`
    const [first, second] = [await create(prefix), await create(prefix)]
    const key = 'response'
    const frozen = first.inTurn(key, async (turn) => {
      await turn.leave({ step: 1 })
      // As if the process had been stopped: it renews nothing for longer than it may be silent.
      for (const end = Date.now() + 900; Date.now() < end; );
      const taken = second.inTurn(key, async ({ last }) => {
        assert.deepEqual(last, { step: 1 })
        await sleep(400)
      })
      await sleep(200)
      await assert.rejects(turn.still(), { code: 'conflict', retryable: true })
      await taken
    })
    await frozen
    await Promise.all([first.stop(), second.stop()])
  })

  test('how many jobs wait, run, are delayed and have failed is a metric of each action', async () => {
    const own = await startRedis()
    const counted = createMetrics()
    const config = redisJobsSchema.parse({ url: own.url, concurrency: 1, attempts: 1 })
    const jobs = await createBullJobs({ config, actions: ['log', 'webhook'], log, metrics: counted })
    const shown = async () => {
      const lines = (await counted.text()).matchAll(/^weir_jobs\{action="log",state="(\w+)"\} (\w+)$/gm)
      return Object.fromEntries([...lines].map(([, state, n]) => [state, n]))
    }
    try {
      let finish = () => {}
      const finished = new Promise<void>((resolve) => {
        finish = resolve
      })
      let started = 0
      await jobs.process(async ({ id }) => {
        if (id === 'bad') throw new Error('it cannot be done')
        started++
        await finished
      }, nothing)
      await jobs.add(job('bad'))
      await jobs.settle()
      for (const id of ['one', 'two', 'three']) await jobs.add(job(id))
      await jobs.add(job('later'), { delay_ms: 60_000 })
      await until('one runs', () => started === 1)
      assert.deepEqual(await shown(), { waiting: '2', active: '1', delayed: '1', failed: '1' })
      finish()
      await jobs.settle()
      assert.deepEqual(await shown(), { waiting: '0', active: '0', delayed: '1', failed: '1' })
      await own.stop()
      await until('it is noticed', () => !jobs.health().ok)
      assert.match((await shown()).waiting ?? '', /^nan$/i)
    } finally {
      await jobs.stop()
      await own.close()
    }
  })

  test('Redis away: said by health, jobs wait, and go on when it is back; lost data are reported', async () => {
    const own = await startRedis({ password: 'secret word', username: 'weir' })
    const config = redisJobsSchema.parse({
      url: own.url,
      username: 'weir',
      password: 'secret word',
      prefix: 'away',
      take_over_ms: 500,
    })
    const jobs = await createBullJobs({ config, actions: ['log'], log, metrics })
    try {
      const done: string[] = []
      let lost = 0
      await jobs.process(
        async ({ id }) => void done.push(id),
        nothing,
        async () => {
          lost += 1
          await jobs.add(job('again'))
        },
      )
      await jobs.add(job('one'))
      await until('the first is done', () => done.length === 1)
      await own.stop()
      await until('it is noticed', () => !jobs.health().ok)
      assert.match(jobs.health().message, /jobs\.redis\.url.*is away/)
      assert.ok(!jobs.health().message.includes('secret word'))
      await assert.rejects(jobs.add(job('lost')), { code: 'unreachable', retryable: true })
      await assert.rejects(jobs.inTurn('key', nothing), { code: 'unreachable', retryable: true })
      await own.restart({ lose_data: true })
      await until('what was lost is added again', () => lost > 0 && done.includes('again'))
      assert.equal(jobs.health().ok, true)
      await jobs.add(job('two'))
      await until('it goes on', () => done.includes('two'))
    } finally {
      await jobs.stop()
      await own.close()
    }
  })

  test('Redis that hangs, and Redis that is full: said by health until it takes jobs again', async () => {
    const own = await startRedis()
    const jobs = await create(undefined, { url: own.url })
    const client = new Client(own.url)
    try {
      assert.equal(jobs.health().ok, true)
      await client.config('SET', 'maxmemory', '1')
      await until('full is said', () => !jobs.health().ok)
      assert.match(jobs.health().message, /jobs\.redis\.url\) is full and takes no jobs: .*OOM .*maxmemory/)
      await client.config('SET', 'maxmemory', '0')
      await until('there is room again', () => jobs.health().ok)

      own.freeze(true)
      await until('hanging is said', () => !jobs.health().ok)
      assert.match(jobs.health().message, /jobs\.redis\.url\) does not answer within/)
      own.freeze(false)
      await until('it answers again', () => jobs.health().ok)
    } finally {
      own.freeze(false)
      client.disconnect()
      await jobs.stop()
      await own.close()
    }
  })

  test('stop ends although Redis is away', async () => {
    const own = await startRedis()
    const jobs = await createBullJobs({
      config: redisJobsSchema.parse({ url: own.url }),
      actions: ['log'],
      log,
      metrics,
    })
    await jobs.process(nothing, nothing)
    await own.close()
    await until('it is noticed', () => !jobs.health().ok)
    const started = Date.now()
    await jobs.stop()
    assert.ok(Date.now() - started < 10_000)
  })

  test('what is wrong at the start is said within 15 s, with the setting and what to do', async () => {
    const own = await startRedis({ password: 'right' })
    const cases: [object, string, RegExp][] = [
      [
        { url: 'redis://127.0.0.1:1' },
        'unreachable',
        /^jobs\.redis\.url: no Redis answers at redis:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/,
      ],
      [{ url: own.url, password: 'wrong' }, 'unauthorized', /^jobs\.redis\.password: .*WRONGPASS/],
      [{ url: own.url }, 'unauthorized', /^jobs\.redis\.password: .*NOAUTH/],
      [{ url: own.url.replace('redis:', 'rediss:'), password: 'right' }, 'unreachable', /^jobs\.redis\.(tls|url): /],
      [{ url: own.url, tls: { ca_file: '/nowhere.pem' } }, 'config_invalid', /^jobs\.redis\.tls\.ca_file: /],
    ]
    try {
      await Promise.all(
        cases.map(async ([config, code, message]) => {
          const started = Date.now()
          const failed = createBullJobs({ config: redisJobsSchema.parse(config), actions: ['log'], log, metrics })
          await assert.rejects(failed, (error: WeirError) => {
            assert.equal(error.code, code, error.message)
            assert.match(error.message, message)
            if (code !== 'config_invalid') assert.ok(error.hint)
            return true
          })
          assert.ok(Date.now() - started < 15_000)
        }),
      )
    } finally {
      await own.close()
    }
  })

  test('the rights that the hint names are enough, and fewer are refused at the start with that hint', async () => {
    const own = await startRedis()
    const admin = new Client(own.url)
    try {
      await admin.acl('SETUSER', 'few', 'on', '>secret', '~weir:*', '+@read')
      const config = (username: string) =>
        redisJobsSchema.parse({ url: own.url, username, password: 'secret', take_over_ms: 500 })
      const refused = createBullJobs({ config: config('few'), actions: ['log'], log, metrics })
      const error: WeirError = await refused.then(
        () => assert.fail('it must be refused'),
        (error) => error,
      )
      assert.equal(error.code, 'forbidden', error.message)
      assert.match(error.message, /^jobs\.redis\.username: /)
      const rights = error.hint?.match(/keys (\S+) and the rights (.+)\.$/)
      assert.ok(rights, error.hint)
      await admin.acl('SETUSER', 'named', 'on', '>secret', `~${rights[1]}`, ...(rights[2]?.split(' ') ?? []))
      const jobs = await createBullJobs({ config: config('named'), actions: ['log'], log, metrics })
      const done: string[] = []
      await jobs.process(async ({ id }) => void done.push(id), nothing)
      await jobs.add(job('later'), { delay_ms: 50 })
      await jobs.inTurn('key', (turn) => turn.leave({ n: 1 }))
      await until('it is done', () => done.length > 0)
      await jobs.stop()
    } finally {
      admin.disconnect()
      await own.close()
    }
  })
}
