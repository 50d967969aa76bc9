import type { OcsfEvent } from '../ocsf/event.js'

/** How far event time has come, so that windows can be closed. */
export type Watermark = {
  /** Notes the newest time of a batch. */
  observe(events: readonly OcsfEvent[]): void
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

/**
 * Follows event time. A time far in the future of the wall clock does not count: one wrong clock must not close
 * everybody's windows. While events are as new as the wall clock (live), silence lets time pass too; in a replay of
 * old events only events do.
 */
export function createWatermark({ lateness_ms, clock }: WatermarkOptions): Watermark {
  let newest = Number.NEGATIVE_INFINITY
  let reached = Number.NEGATIVE_INFINITY
  let isLive = false

  return {
    observe(events) {
      const now = clock()
      const limit = now + ahead_ms
      let time = Number.NEGATIVE_INFINITY
      for (const event of events) if (event.time > time && event.time <= limit) time = event.time
      if (time > newest) newest = time
      isLive = time > now - ahead_ms
    },
    reach(time) {
      if (time > reached) reached = time
    },
    current() {
      const passed = Math.max(newest, isLive ? clock() : Number.NEGATIVE_INFINITY) - lateness_ms
      if (passed > reached) reached = passed
      return reached
    },
  }
}
