import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../core/errors.js'
import type { CollectorDeps, RawRecord, Receipt } from './contract.js'

/** Waits between two tries: doubled each time up to the maximum. */
export type Backoff = { readonly first_ms: number; readonly max_ms: number }

const DEFAULT_BACKOFF: Backoff = { first_ms: 200, max_ms: 10_000 }

/**
 * Hands the same records to the pipeline until it takes them: for sources that can wait. The first failure is reported
 * as degraded coverage, the recovery as ok. Rejects only when `signal` aborts; the records are then not acknowledged.
 */
export async function emitUntilTaken(
  deps: CollectorDeps,
  format: string,
  records: readonly RawRecord[],
  signal: AbortSignal,
  backoff: Backoff = DEFAULT_BACKOFF,
): Promise<Receipt> {
  for (let wait_ms = backoff.first_ms, tries = 1; ; wait_ms = Math.min(wait_ms * 2, backoff.max_ms), tries++) {
    signal.throwIfAborted()
    try {
      const receipt = await deps.emit(format, records)
      if (tries > 1) deps.coverage({ part: 'delivery', status: 'ok', message: 'The pipeline takes events again.' })
      return receipt
    } catch (error) {
      if (tries === 1) {
        deps.coverage({
          part: 'delivery',
          status: 'degraded',
          message: `The pipeline does not take events (${messageOf(error)}); they wait and are sent again.`,
        })
      }
      deps.log.warn({ instance: deps.instance, format, tries, error: messageOf(error) }, 'emit failed, will try again')
      await sleep(wait_ms, undefined, { signal })
    }
  }
}
