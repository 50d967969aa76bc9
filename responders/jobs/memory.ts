import { WeirError } from '../../core/errors.js'
import type { Job, JobHandler, JobOptions, Jobs, Turn } from './port.js'

const LONGEST_TIMER_MS = 2_147_483_647
/** One process has nobody to leave anything to. */
const ALONE: Turn = { last: undefined, still: async () => {}, leave: async () => {} }

/** Jobs of one process. Nothing is kept here: after a crash the responder adds them again from the lake. */
export function createMemoryJobs(config: { concurrency: number }): Jobs {
  /** What to do to begin a job that waits for its time; nothing for the others. */
  const known = new Map<string, () => void>()
  const timers = new Set<NodeJS.Timeout>()
  const turns = new Map<string, Promise<unknown>>()
  const ready: { job: Job; options: JobOptions; attempt: number }[] = []
  const running = new Set<Promise<void>>()
  let handler: JobHandler | undefined
  let failed: (job: Job, error: unknown) => Promise<void> = async () => {}
  let open = true

  /** Calls `due` at its time; returns what calls it at once instead. */
  function later(delay_ms: number, due: () => void): () => void {
    const due_at = Date.now() + delay_ms
    let timer: NodeJS.Timeout
    const wait = () => {
      timer = setTimeout(
        () => {
          timers.delete(timer)
          if (Date.now() >= due_at) due()
          else wait()
        },
        Math.min(LONGEST_TIMER_MS, Math.max(0, due_at - Date.now())),
      )
      timers.add(timer)
    }
    wait()
    return () => {
      clearTimeout(timer)
      if (timers.delete(timer)) due()
    }
  }

  async function run(job: Job, options: JobOptions, attempt: number) {
    try {
      await handler?.(job)
      known.delete(job.id)
    } catch (error) {
      const retryable = error instanceof WeirError && error.retryable
      if (retryable && open && attempt < (options.attempts ?? 5)) {
        const pause = (options.backoff_ms ?? 1_000) * 2 ** (attempt - 1)
        known.set(
          job.id,
          later(pause, () => enqueue(job, options, attempt + 1)),
        )
        return
      }
      known.delete(job.id)
      await failed(job, error)
    }
  }

  function enqueue(job: Job, options: JobOptions, attempt: number) {
    ready.push({ job, options, attempt })
    pump()
  }

  function pump() {
    while (open && handler && running.size < config.concurrency) {
      const next = ready.shift()
      if (!next) return
      const work: Promise<void> = run(next.job, next.options, next.attempt)
        .catch(() => {})
        .finally(() => {
          running.delete(work)
          pump()
        })
      running.add(work)
    }
  }

  return {
    async process(jobHandler, onFailed) {
      handler = jobHandler
      failed = onFailed
      pump()
    },
    async add(job, options = {}) {
      if (!open) throw new WeirError('overloaded', 'the jobs are stopping', { retryable: true })
      const begin = known.get(job.id)
      if (begin) return options.hurry ? begin() : undefined
      known.set(job.id, () => {})
      if (!options.delay_ms || options.delay_ms <= 0) enqueue(job, options, 1)
      else {
        known.set(
          job.id,
          later(options.delay_ms, () => enqueue(job, options, 1)),
        )
      }
    },
    async inTurn(key, work) {
      const before = turns.get(key) ?? Promise.resolve()
      const mine = before.then(() => work(ALONE))
      const over = mine.catch(() => {})
      turns.set(key, over)
      try {
        return await mine
      } finally {
        if (turns.get(key) === over) turns.delete(key)
      }
    },
    health: () => ({ ok: true, message: 'Jobs are in this process.' }),
    async settle() {
      while (running.size > 0 || (handler && ready.length > 0)) await Promise.allSettled([...running])
    },
    async stop() {
      open = false
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      ready.length = 0
      await Promise.allSettled([...running])
    },
  }
}
