/** A request that is given up after so long, ms; then it throws the `TimeoutError` that its connection does not tell. */
export async function within<T>(
  ms: number,
  request: (abort_signal: AbortSignal) => Promise<T>,
  stopped?: AbortSignal,
): Promise<T> {
  const timeout = AbortSignal.timeout(ms)
  try {
    return await request(stopped ? AbortSignal.any([timeout, stopped]) : timeout)
  } catch (error) {
    throw timeout.aborted ? timeout.reason : error
  }
}
