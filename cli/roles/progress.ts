import type { Batch, Position } from '../../bus/port.js'

/** A partition that brought nothing for so long has nothing to bring. */
const QUIET_AFTER_MS = 30_000

/** What one process has handled of its partitions, which the brokers learn a little later. */
export function createProgress(now = Date.now) {
  const next = new Map<number, bigint>()
  const received = new Map<number, { time: number; at: number }>()
  const running = new Set<Promise<void>>()
  return {
    /** Runs a handler, so that `idle` can wait for it. */
    during(work: () => Promise<void>): Promise<void> {
      const run = work().finally(() => running.delete(run))
      running.add(run)
      return run
    },
    /** Resolves when no handler runs. */
    async idle() {
      while (running.size > 0) await Promise.allSettled([...running])
    },
    /** A batch's effect is durable; its oldest message was received then. */
    handled({ token }: Batch, time: number) {
      const [, partition, , last] = /:(\d+):(\d+)-(\d+)$/.exec(token ?? '') ?? []
      if (partition === undefined || last === undefined) return
      next.set(Number(partition), BigInt(last) + 1n)
      received.set(Number(partition), { time, at: now() })
    },
    /** These partitions are held from now on; of them, what was received before `time` was handled by whomever. */
    hold(partitions: readonly number[], time: number) {
      received.clear()
      for (const partition of partitions) received.set(partition, { time, at: now() })
    },
    /** The positions, where this process is ahead of what it has committed: there. */
    beyond(positions: readonly Position[]): Position[] {
      return positions.map((position) => {
        const own = next.get(position.partition) ?? 0n
        return own > position.offset ? { ...position, offset: own } : position
      })
    },
    /** Everything received before this time (ms since 1970) was handled. */
    judgedTo(): number {
      let least = now()
      for (const { time, at } of received.values()) {
        if (now() - at < QUIET_AFTER_MS && time < least) least = time
      }
      return least
    },
  }
}
