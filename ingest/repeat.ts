import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Does the work, waits until `interval_ms` after its begin, and so on; never two at a time. Resolves when the signal
 * aborts and the work in hand has ended. An error of the work goes to `onError`, and the work goes on.
 */
export async function repeat(
  interval_ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    const began_ms = performance.now()
    try {
      await work()
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
    const rest_ms = Math.max(0, interval_ms - (performance.now() - began_ms))
    await sleep(rest_ms, undefined, { signal }).catch(() => {})
  }
}
