import type { Json } from '../../ocsf/event.js'

/** One piece of work on a response. */
export type Job = {
  /** Idempotency key: a job with an id that is known is not added again. */
  readonly id: string
  readonly kind: 'execute' | 'undo'
  readonly response_uid: string
  /** Name of the action: rate limits are counted by it. */
  readonly action: string
  /** All that a process which never heard of the response needs to do the job; the adapter hands it on as it is. */
  readonly payload: Json
  /** W3C trace context of the work that asked for it, where that is traced. */
  readonly trace?: string
}

export type JobOptions = {
  /** Not before this many ms from now. */
  readonly delay_ms?: number
  /** How often it is tried in all. */
  readonly attempts?: number
  /** Pause before the second try, ms; doubled for each further one. */
  readonly backoff_ms?: number
  /** If the job is known and waits for its time, it is done now. */
  readonly hurry?: boolean
}

/** Does the job. A retryable WeirError means: try again later. Anything else ends the job. */
export type JobHandler = (job: Job) => Promise<void>

/** What the holder of a key knows and may leave for the next one. */
export type Turn = {
  /** What the last holder left; undefined if nobody did lately, or it was lost. */
  readonly last: Json | undefined
  /** Throws `conflict` (retryable) if this process was taken for dead and another one holds the key now. */
  still(): Promise<void>
  leave(state: Json): Promise<void>
}

/**
 * Work that must happen once, maybe later, and outlives the process that asked for it. The lake stays the record of truth:
 * what is lost here is added again from there.
 */
export type Jobs = {
  /**
   * Starts handing out jobs, to one process at a time. `failed` is called when a job has used all its attempts or failed
   * for good; if it throws, it is called again. `lost` is called when the store of the jobs may have forgotten some.
   */
  process(
    handler: JobHandler,
    failed: (job: Job, error: unknown) => Promise<void>,
    lost?: () => Promise<void>,
  ): Promise<void>
  add(job: Job, options?: JobOptions): Promise<void>
  /** Does the work when nobody else, in any process, holds the key. */
  inTurn<T>(key: string, work: (turn: Turn) => Promise<T>): Promise<T>
  /** Resolves when nothing is running or due; delayed jobs stay. */
  settle(): Promise<void>
  health(): { readonly ok: boolean; readonly message: string }
  /** Takes no new jobs, waits for the running ones. May be called twice. */
  stop(): Promise<void>
}
