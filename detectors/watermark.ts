import type { OcsfEvent } from '../ocsf/event.js'

/** How far event time has come, so that windows can be closed. */
export type Watermark = {
  /** Notes the newest time of a batch. Sources (partitions) may be ahead of each other. */
  observe(events: readonly OcsfEvent[], source?: string): void
  /** Moves on to a time that the caller knows to be passed. */
  reach(time: number): void
  /** Event time that is passed: no more events before it are expected. `-Infinity` before the first event. */
  current(): number
}

export type WatermarkOptions = {
  /** How much later than the newest event another one may still arrive. */
  readonly lateness_ms: number
  /** Wall clock, ms since 1970. */
  readonly clock: () => number
}

/** An event's clock may be wrong by this much before it is not believed. */
const ahead_ms = 5 * 60_000
/** A source that brought nothing for so long (wall time) has nothing to bring: it does not hold back the others. */
const idle_ms = 5_000

type Source = { newest: number; is_live: boolean; heard: number }

/**
 * Follows event time. A time far in the future of the wall clock does not count: one wrong clock must not close
 * everybody's windows. While events are as new as the wall clock (live), silence lets time pass too; in a replay of
 * old events only events do. Of several sources the one that is furthest behind counts: a backlog is read partition by partition.
 */
export function createWatermark({ lateness_ms, clock }: WatermarkOptions): Watermark {
  const sources = new Map<string, Source>()
  let reached = Number.NEGATIVE_INFINITY

  const passedOf = ({ newest, is_live }: Source, now: number) => (is_live ? Math.max(newest, now) : newest)

  return {
    observe(events, name = '') {
      const now = clock()
      const limit = now + ahead_ms
      let time = Number.NEGATIVE_INFINITY
      for (const event of events) if (event.time > time && event.time <= limit) time = event.time
      const source = sources.get(name) ?? { newest: Number.NEGATIVE_INFINITY, is_live: false, heard: now }
      sources.set(name, source)
      if (time > source.newest) source.newest = time
      source.is_live = time > now - ahead_ms
      source.heard = now
    },
    reach(time) {
      if (time > reached) reached = time
    },
    current() {
      const now = clock()
      let least = Number.POSITIVE_INFINITY
      let most = Number.NEGATIVE_INFINITY
      for (const source of sources.values()) {
        const passed = passedOf(source, now)
        if (passed > most) most = passed
        if (passed < least && now - source.heard <= idle_ms) least = passed
      }
      const passed = (Number.isFinite(least) ? least : most) - lateness_ms
      if (passed > reached) reached = passed
      return reached
    },
  }
}
