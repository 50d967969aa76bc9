import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { WeirError } from '../../core/errors.js'
import type { Job, Jobs } from './port.js'

const job = (kind: Job['kind'] = 'execute', action = 'log'): Job => ({
  id: `rsp:${randomUUID()}`,
  kind,
  response_uid: randomUUID(),
  action,
  payload: { step: 3, words: ['a: b', 'ü'] },
})

async function until(condition: () => boolean, what: string) {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.fail(`not within 15 s: ${what}`)
}

/** What every jobs adapter must do. `create` gives a fresh one; the suite stops it. */
export function jobsConformance(name: string, create: () => Promise<Jobs>) {
  const withJobs = (what: string, body: (jobs: Jobs) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const jobs = await create()
      try {
        await body(jobs)
      } finally {
        await jobs.stop()
      }
    })

  withJobs('a job added twice is done once', async (jobs) => {
    const done: string[] = []
    const one = job()
    await jobs.add(one)
    await jobs.add(one)
    await jobs.process(
      async ({ id }) => void done.push(id),
      async () => {},
    )
    await until(() => done.length > 0, 'the job runs')
    await jobs.settle()
    assert.deepEqual(done, [one.id])
  })

  withJobs('a job arrives as it was added', async (jobs) => {
    const seen: Job[] = []
    await jobs.process(
      async (arrived) => void seen.push(arrived),
      async () => {},
    )
    const one = job('undo')
    await jobs.add(one)
    await until(() => seen.length > 0, 'the job runs')
    assert.deepEqual(seen, [one])
    assert.equal(jobs.health().ok, true)
  })

  withJobs('whoever is in a hurry need not wait for a delay', async (jobs) => {
    const done: string[] = []
    await jobs.process(
      async ({ id }) => void done.push(id),
      async () => {},
    )
    const one = job('undo')
    await jobs.add(one, { delay_ms: 3_600_000 })
    await jobs.add(one, { delay_ms: 10 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual(done, [], 'an id that is known is not added again')
    await jobs.add(one, { hurry: true })
    await until(() => done.length > 0, 'the job runs')
    assert.deepEqual(done, [one.id])
  })

  withJobs('a key is held by one at a time, in any order, also after a fault', async (jobs) => {
    const key = randomUUID()
    let inside = 0
    let most = 0
    const visit = (n: number) =>
      jobs.inTurn(key, async (turn) => {
        inside += 1
        most = Math.max(most, inside)
        await turn.still()
        await turn.leave({ n })
        await new Promise((resolve) => setTimeout(resolve, 5))
        inside -= 1
        if (n === 2) throw new Error('the second fails')
        return n
      })
    const results = await Promise.allSettled([1, 2, 3, 4].map(visit))
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    )
    assert.equal(most, 1)
  })

  withJobs('a retryable failure is tried again, with a pause', async (jobs) => {
    const times: number[] = []
    await jobs.process(
      async () => {
        times.push(Date.now())
        if (times.length < 3) throw new WeirError('unreachable', 'not now', { retryable: true })
      },
      async () => assert.fail('it must not fail for good'),
    )
    await jobs.add(job(), { attempts: 5, backoff_ms: 30 })
    await until(() => times.length === 3, 'three tries')
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 25)
    assert.ok((times[2] ?? 0) - (times[1] ?? 0) >= 50, 'the pause doubles')
  })

  withJobs('what cannot be retried fails at once, and attempts are limited', async (jobs) => {
    const failures: string[] = []
    let tries = 0
    await jobs.process(
      async ({ kind }) => {
        tries += 1
        throw new WeirError('unreachable', kind, { retryable: kind === 'undo' })
      },
      async ({ kind }) => void failures.push(kind),
    )
    await jobs.add(job('execute'), { attempts: 5 })
    await until(() => failures.length === 1, 'the first fails')
    assert.equal(tries, 1)
    await jobs.add(job('undo'), { attempts: 2, backoff_ms: 10 })
    await until(() => failures.length === 2, 'the second fails')
    assert.equal(tries, 3)
  })

  withJobs('a delayed job waits', async (jobs) => {
    const added = Date.now()
    let ran = 0
    await jobs.process(
      async () => {
        ran = Date.now()
      },
      async () => {},
    )
    await jobs.add(job('undo'), { delay_ms: 120 })
    await until(() => ran > 0, 'the job runs')
    assert.ok(ran - added >= 115)
  })

  withJobs('stop waits for what runs, and may be called twice', async (jobs) => {
    let finished = false
    let started = false
    await jobs.process(
      async () => {
        started = true
        await new Promise((resolve) => setTimeout(resolve, 60))
        finished = true
      },
      async () => {},
    )
    await jobs.add(job())
    await until(() => started, 'the job starts')
    await jobs.stop()
    assert.ok(finished)
    await jobs.stop()
  })
}
