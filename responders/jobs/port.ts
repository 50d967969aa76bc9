/** One piece of work on a response. */
export type Job = {
  /** Idempotency key: a job with an id that is known is not added again. */
  readonly id: string
  readonly kind: 'execute' | 'undo'
  readonly response_uid: string
}

export type JobOptions = {
  /** Not before this many ms from now. */
  readonly delay_ms?: number
  /** How often it is tried in all. */
  readonly attempts?: number
  /** Pause before the second try, ms; doubled for each further one. */
  readonly backoff_ms?: number
}

/** Does the job. A retryable WeirError means: try again later. Anything else ends the job. */
export type JobHandler = (job: Job) => Promise<void>

/** Work that must happen once, maybe later, and survives what it runs on. The lake stays the record of truth. */
export type Jobs = {
  /** Starts handing out jobs. `failed` is called when a job has used all its attempts or failed for good. */
  process(handler: JobHandler, failed: (job: Job, error: unknown) => Promise<void>): Promise<void>
  add(job: Job, options?: JobOptions): Promise<void>
  /** Resolves when nothing is running or due; delayed jobs stay. */
  settle(): Promise<void>
  /** Takes no new jobs, waits for the running ones. May be called twice. */
  stop(): Promise<void>
}
