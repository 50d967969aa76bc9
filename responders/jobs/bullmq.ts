import { type Job as BullJob, DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq'
import { messageOf, WeirError } from '../../core/errors.js'
import type { Log } from '../../core/log.js'
import type { Metrics } from '../../core/metrics.js'
import type { Job, JobHandler, JobOptions, Jobs } from './port.js'
import type { RedisJobsConfig } from './redis-config.js'
import { connectRedis, type RedisConnection } from './redis-connection.js'
import { createTurns } from './turns.js'
import { watchForLoss } from './watch-for-loss.js'

const BACKOFF_MS = 1_000
const DRAIN_WITHIN_MS = 8_000
const FORCED_WITHIN_MS = 1_000
/** Jobs that are over stay known for a while; afterwards the step in the payload tells that a job is an old one. */
const KEEP = { age: 24 * 3_600, count: 10_000 }

export type BullJobsOptions = {
  readonly config: RedisJobsConfig
  /** Names of all actions: each has a queue, because each has its rate limit. */
  readonly actions: readonly string[]
  readonly log: Log
  readonly metrics: Metrics
}

type Handlers = { handler: JobHandler; failed: (job: Job, error: unknown) => Promise<void> }

/** Jobs of several processes, on Redis or Valkey (docs/decisions/0014-jobs-on-redis.md). */
export async function createBullJobs({ config, actions, log, metrics }: BullJobsOptions): Promise<Jobs> {
  const connection = await connectRedis(config, log)
  const { redis, answer, health } = connection
  const shared = { connection: redis, prefix: config.prefix }
  const queues = new Map(actions.map((action) => [action, openQueue(action)]))
  const workers: Worker<Job>[] = []
  let unwatch = () => {}
  let stopping: Promise<void> | undefined
  metrics.sample(() => (stopping ? undefined : countJobs(connection, queues, metrics)))

  function openQueue(action: string): Queue<Job> {
    const queue = new Queue<Job>(queueName(action), shared)
    queue.on('error', (error) => log.debug({ error, action }, 'queue'))
    return queue
  }

  function openWorker(action: string, handlers: Handlers): Worker<Job> {
    const limit = config.rate_limits[action]
    const worker = new Worker<Job>(queueName(action), (bull, token) => run(bull, token, handlers), {
      ...shared,
      concurrency: config.concurrency,
      lockDuration: config.take_over_ms,
      stalledInterval: config.take_over_ms / 2,
      // However often responders die: only the action itself decides whether a job has failed.
      maxStalledCount: 1_000_000,
      ...(limit ? { limiter: { max: limit.max, duration: limit.per_ms } } : {}),
      maximumRateLimitDelay: 1_000,
      removeOnComplete: KEEP,
      removeOnFail: KEEP,
      runRetryDelay: 500,
    })
    worker.on('error', (error) => log.debug({ error, action }, 'worker'))
    return worker
  }

  return {
    async process(handler, failed, lost = async () => {}) {
      for (const action of actions) workers.push(openWorker(action, { handler, failed }))
      await answer(Promise.all(workers.map((worker) => worker.waitUntilReady())))
      unwatch = await watchForLoss(connection, config.prefix, lost, log)
    },
    async add(job, options = {}) {
      if (stopping) throw new WeirError('overloaded', 'the jobs are stopping', { retryable: true })
      const queue = queues.get(job.action)
      if (!queue) throw new WeirError('bad_input', `there is no action "${job.action}"`)
      await answer(addTo(queue, job, options, config.attempts))
    },
    inTurn: createTurns(connection, config.prefix, config.take_over_ms),
    async settle() {
      const busy = async (queue: Queue<Job>) => {
        const counts = await answer(queue.getJobCounts('active', 'waiting', 'prioritized'))
        return Object.values(counts).some((count) => count > 0)
      }
      while ((await Promise.all([...queues.values()].map(busy))).includes(true)) await pause(20)
    },
    health,
    stop() {
      unwatch()
      stopping ??= close(connection, workers, [...queues.values()])
      return stopping
    },
  }
}

/** Does one job; decides between another try, the end, and a later report of the end. */
async function run(bull: BullJob<Job>, token: string | undefined, { handler, failed }: Handlers): Promise<void> {
  try {
    await handler(bull.data)
  } catch (error) {
    const retryable = error instanceof WeirError && error.retryable
    if (retryable && bull.attemptsMade + 1 < (bull.opts.attempts ?? 1)) throw error
    try {
      // Before BullMQ knows: a process that dies here is followed by another one that gets the same job.
      await failed(bull.data, error)
    } catch {
      await bull.moveToDelayed(Date.now() + BACKOFF_MS, token)
      throw new DelayedError()
    }
    throw new UnrecoverableError(messageOf(error))
  }
}

async function addTo(queue: Queue<Job>, job: Job, options: JobOptions, attempts: number) {
  const bull = await queue.add(job.kind, job, {
    jobId: jobId(job.id),
    delay: Math.max(0, Math.round(options.delay_ms ?? 0)),
    attempts: options.attempts ?? attempts,
    backoff: { type: 'exponential', delay: options.backoff_ms ?? BACKOFF_MS },
  })
  if (!options.hurry || !(await bull.isDelayed())) return
  // It may have become due in between.
  await bull.promote().catch(async (error) => {
    if (await bull.isDelayed()) throw error
  })
}

async function close(connection: RedisConnection, workers: Worker<Job>[], queues: Queue<Job>[]): Promise<void> {
  // While Redis is away BullMQ would wait for it: then what runs is taken over by another process.
  const must_force = !connection.health().ok
  const closing = [
    ...workers.map((worker) => worker.close(must_force)),
    ...(must_force ? [] : queues.map((queue) => queue.close())),
  ]
  await Promise.race([Promise.allSettled(closing), pause(must_force ? FORCED_WITHIN_MS : DRAIN_WITHIN_MS)])
  connection.close()
}

const COUNTED = ['waiting', 'active', 'delayed', 'failed'] as const

/** The gauge `weir_jobs`: jobs of all processes, by action and state; not a number while Redis is away. */
async function countJobs({ answer, health }: RedisConnection, queues: Map<string, Queue<Job>>, metrics: Metrics) {
  const is_away = !health().ok
  const counting = [...queues].map(async ([action, queue]) => {
    const counts = is_away ? undefined : await answer(queue.getJobCounts(...COUNTED))
    for (const state of COUNTED) metrics.gauge('jobs', { action, state }, counts?.[state] ?? Number.NaN)
  })
  await Promise.all(counting)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

/** BullMQ allows neither `:` nor a mere number as an id. */
function jobId(id: string): string {
  return `j-${encodeURIComponent(id)}`
}

function queueName(action: string): string {
  return `jobs-${action}`
}
