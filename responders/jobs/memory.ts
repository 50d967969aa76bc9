import { WeirError } from '../../core/errors.js'
import type { Job, JobHandler, JobOptions, Jobs } from './port.js'

const LONGEST_TIMER_MS = 2_147_483_647

/** Jobs of one process. Nothing is kept here: after a crash the responder adds them again from the lake. */
export function createMemoryJobs(config: { concurrency: number }): Jobs {
  const known = new Set<string>()
  const timers = new Set<NodeJS.Timeout>()
  const ready: { job: Job; options: JobOptions; attempt: number }[] = []
  const running = new Set<Promise<void>>()
  let handler: JobHandler | undefined
  let failed: (job: Job, error: unknown) => Promise<void> = async () => {}
  let open = true

  function later(delay_ms: number, due: () => void) {
    const due_at = Date.now() + delay_ms
    const wait = () => {
      const timer = setTimeout(
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
  }

  async function run(job: Job, options: JobOptions, attempt: number) {
    try {
      await handler?.(job)
      known.delete(job.id)
    } catch (error) {
      const retryable = error instanceof WeirError && error.retryable
      if (retryable && open && attempt < (options.attempts ?? 5)) {
        const pause = (options.backoff_ms ?? 1_000) * 2 ** (attempt - 1)
        later(pause, () => enqueue(job, options, attempt + 1))
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
      if (known.has(job.id)) return
      known.add(job.id)
      if (options.delay_ms && options.delay_ms > 0) later(options.delay_ms, () => enqueue(job, options, 1))
      else enqueue(job, options, 1)
    },
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
