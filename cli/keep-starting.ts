import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, messageOf, WeirError } from '../core/errors.js'
import type { Collector } from '../ingest/contract.js'
import type { Backoff } from '../ingest/emit-until-taken.js'

/** What no waiting mends: the configuration, or what this machine cannot do. */
const FOR_GOOD: readonly ErrorCode[] = ['config_invalid', 'setting_missing', 'unsupported']
const BACKOFF: Backoff = { first_ms: 1_000, max_ms: 60_000 }

/** A collector that may have to be made more than once: what failed to start is not started again. */
export type Starting = {
  /** Made anew for each try. */
  create(): Collector
  /** It collects. */
  onStarted(collector: Collector): void
  /** It does not; said again only when the reason changes. */
  onFailed(reason: string, is_for_good: boolean): void
}

/**
 * Starts a collector. Throws only if the configuration is wrong. What may pass is tried again in the background, less and
 * less often, until `signal` aborts; `rest` resolves when nothing more will be tried.
 */
export async function keepStarting(
  { create, onStarted, onFailed }: Starting,
  signal: AbortSignal,
  backoff: Backoff = BACKOFF,
): Promise<{ rest: Promise<void> }> {
  let said: string | undefined

  /** The error, if it did not start. */
  async function attempt(): Promise<{ error: unknown } | undefined> {
    const collector = create()
    try {
      await collector.start()
    } catch (error) {
      await collector.stop().catch(() => {})
      return { error }
    }
    if (signal.aborted) await collector.stop()
    else onStarted(collector)
    return undefined
  }

  function passes(error: unknown): boolean {
    const is_for_good = error instanceof WeirError && FOR_GOOD.includes(error.code)
    const hint = error instanceof WeirError ? error.hint : undefined
    const reason = [messageOf(error), hint].filter(Boolean).join(' ')
    if (reason !== said) onFailed(reason, is_for_good)
    said = reason
    return !is_for_good
  }

  async function tryAgain() {
    for (let wait_ms = backoff.first_ms; !signal.aborted; wait_ms = Math.min(wait_ms * 2, backoff.max_ms)) {
      await sleep(wait_ms, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const failed = await attempt()
      if (!failed || signal.aborted || !passes(failed.error)) return
    }
  }

  const failed = await attempt()
  if (!failed) return { rest: Promise.resolve() }
  // What the user got wrong must be mended; what the machine lacks is lived with.
  if (failed.error instanceof WeirError && failed.error.code === 'config_invalid') throw failed.error
  return { rest: passes(failed.error) ? tryAgain() : Promise.resolve() }
}
