import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Log } from './log.js'
import type { Metrics } from './metrics.js'

/** The memory that this process may take, and whether there is room for new work in it. */
export type MemoryBound = {
  readonly max_rss_bytes: number
  /**
   * True as soon as there is room for a piece of work; those who wait get it one by one, so that each sees what the one
   * before took. False after `within_ms` without. What a handler does must not wait here: it is what makes room.
   */
  room(work: Work, within_ms: number): Promise<boolean>
  /** Whether new work has to wait. */
  isFull(): boolean
}

/** `new`: comes from outside. `fetched`: is here already, as bytes; while new work waits, it goes on. */
export type Work = 'new' | 'fetched'

export type MemoryBoundOptions = {
  readonly max_rss_bytes: number
  readonly metrics: Metrics
  readonly log: Log
  /** Memory that the process has now, bytes. */
  readonly rss?: () => number
  /** Lets go of what nobody needs any more; `node --expose-gc` has it, bin/weir starts it so. */
  readonly collect?: (() => void) | undefined
}

/** Work waits from this share of the bound on. The rest is for what is in the hands of handlers. */
const SHARE: Record<Work, number> = { new: 0.65, fetched: 0.8 }
const LOOK_EVERY_MS = 20
/** V8 lets garbage lie while its own limit, a share of the machine's memory, is far: near ours it is made to look, so often at most. */
const COLLECT_EVERY_MS = 2_000
/** Where nothing makes room any more, the bound is less than what the process needs at rest: a piece of work now and then all the same. */
const STARVED_AFTER_MS = 5_000

/** Keeps a process below a bound by letting new work wait. The bound is the gauge `weir_memory_bound_bytes`. */
export function createMemoryBound(options: MemoryBoundOptions): MemoryBound {
  const { max_rss_bytes, metrics, log, rss = () => process.memoryUsage.rss(), collect = globalThis.gc } = options
  const waiting = new Map<(has_room: boolean) => void, Work>()
  let collected_at = Number.NEGATIVE_INFINITY
  /** Since when nobody has had room. */
  let full_since: number | undefined
  let is_watching = false
  let is_told = false
  metrics.gauge('memory_bound_bytes', {}, max_rss_bytes)

  const isOver = (work: Work) => rss() >= max_rss_bytes * SHARE[work]

  function isFullFor(work: Work): boolean {
    if (isOver(work) && collect && performance.now() - collected_at > COLLECT_EVERY_MS) {
      collect()
      collected_at = performance.now()
      metrics.count('memory_collections', {})
    }
    const is_full = isOver(work)
    full_since = is_full ? (full_since ?? performance.now()) : undefined
    return is_full
  }

  /** The first of those who may have more. */
  function next(): [(has_room: boolean) => void, Work] | undefined {
    const [first, ...others] = waiting
    return first?.[1] === 'fetched' ? first : (others.find(([, work]) => work === 'fetched') ?? first)
  }

  async function watch() {
    is_watching = true
    for (let first = next(); first; first = next()) {
      const [settle, work] = first
      if (isFullFor(work)) {
        if (performance.now() - (full_since ?? 0) < STARVED_AFTER_MS) {
          await sleep(LOOK_EVERY_MS)
          continue
        }
        tellOnce()
        full_since = undefined
      }
      settle(true)
      await nextTurn()
    }
    is_watching = false
  }

  function tellOnce() {
    if (!is_told) log.warn({ max_rss_bytes, rss_bytes: rss() }, 'memory.max_rss_bytes leaves hardly any room for work')
    is_told = true
  }

  return {
    max_rss_bytes,
    isFull: () => isFullFor('new'),
    async room(work, within_ms) {
      if (waiting.size === 0 && !isFullFor(work)) return true
      metrics.count('memory_waits', { work })
      return new Promise((resolve) => {
        const late = setTimeout(() => settle(false), within_ms)
        const settle = (has_room: boolean) => {
          clearTimeout(late)
          waiting.delete(settle)
          resolve(has_room)
        }
        waiting.set(settle, work)
        if (!is_watching) void watch()
      })
    },
  }
}
