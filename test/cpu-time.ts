/**
 * The least time one of at most `tries` calls took, ms, by what it returns: how many things it did. Of each call the CPU
 * time of the process or the time that passed counts, whichever is less, so that neither what else the machine does nor
 * the threads of the garbage collector matter. Stops as soon as a call stays below `limit_ms`.
 */
export function fastest_ms(work: () => number, limit_ms: number, tries = 8): number {
  let least_ms = Number.POSITIVE_INFINITY
  for (let n = 0; n < tries && least_ms > limit_ms; n++) {
    const before = process.cpuUsage()
    const started_ms = performance.now()
    const done = work()
    const passed_ms = performance.now() - started_ms
    const { user, system } = process.cpuUsage(before)
    least_ms = Math.min(least_ms, passed_ms / done, (user + system) / 1_000 / done)
  }
  return least_ms
}
