import type { CoverageReport, Receipt } from './contract.js'

/** A report with what the watch knows besides. */
export type WatchedReport = CoverageReport & {
  /** Time of the newest event of the source, ms since 1970. */
  readonly last_event_time?: number | undefined
  /** How much later than it happened the newest event was received, ms. */
  readonly lag_ms?: number | undefined
}

export type SourceWatchConfig = {
  readonly instance: string
  /** Silence that is reported, ms; 0: none is. */
  readonly silent_after_ms: number
  /** The same for one of the formats that come through this source. */
  readonly formatSilentAfter: (format: string) => number
  /** Time between two reports of a source that is heard, ms. */
  readonly report_interval_ms: number
  readonly now: () => number
  readonly report: (report: WatchedReport) => void
}

export type SourceWatch = {
  /** Something of the source, in this format, became durable. */
  heard(receipt: Receipt, format: string): void
  /** A report of the collector itself, handed on with what is known here. */
  told(report: CoverageReport): void
  /** Looks at the clock: call it now and then. */
  tick(): void
}

/**
 * Follows when a source was last heard, how far it is behind and what it lost: silence of a source is told by nobody
 * but the one who waits for it. Every collector has one, whatever it reports by itself. What comes in several formats (a
 * push endpoint) is several sources: one that ends is told though the others go on.
 */
export function createSourceWatch(config: SourceWatchConfig): SourceWatch {
  const { instance, silent_after_ms, formatSilentAfter, report_interval_ms, now } = config
  const formats = new Map<string, { heard_at: number; is_silent: boolean }>()
  const began = now()
  let heard_at = began
  let was_heard = false
  let is_silent = false
  let newest: number | undefined
  let lag_ms: number | undefined
  let since_report = { at: began, records: 0, dropped: 0, dead_lettered: 0, lost: 0 }

  const known = () => ({ last_event_time: newest, lag_ms })
  const report = (report: CoverageReport) => config.report({ ...report, ...known() })

  function tellSilent(format: string, heard: { heard_at: number; is_silent: boolean }, time: number) {
    const limit_ms = formatSilentAfter(format)
    const silent_ms = time - heard.heard_at
    if (limit_ms === 0 || heard.is_silent || silent_ms < limit_ms) return
    heard.is_silent = true
    const since = new Date(heard.heard_at).toISOString()
    const message = `${format} through ${instance} has been silent for ${spell(silent_ms)}: nothing came since ${since}.`
    report({ part: `silence/${format}`, status: 'silent', message })
  }

  return {
    heard({ records, dropped, dead_lettered, newest_time, lost = 0 }, format) {
      if (records === 0) return
      const time = now()
      if (newest_time !== undefined) {
        // A clock that is ahead must not make a source look newer than it can be.
        const possible = Math.min(time, newest_time)
        newest = Math.max(newest ?? possible, possible)
        lag_ms = time - possible
      }
      const silent_ms = time - heard_at
      heard_at = time
      was_heard = true
      since_report.records += records
      since_report.dropped += dropped
      since_report.dead_lettered += dead_lettered
      since_report.lost += lost
      if (is_silent) {
        is_silent = false
        report({ part: 'silence', status: 'ok', message: `${instance} is heard again after ${spell(silent_ms)}.` })
      }
      const known = formats.get(format)
      if (known?.is_silent) {
        const message = `${format} through ${instance} is heard again after ${spell(time - known.heard_at)}.`
        report({ part: `silence/${format}`, status: 'ok', message })
      }
      formats.set(format, { heard_at: time, is_silent: false })
    },
    told(told) {
      since_report.lost += told.lost ?? 0
      report(told)
    },
    tick() {
      const time = now()
      const silent_ms = time - heard_at
      if (silent_after_ms > 0 && !is_silent && silent_ms >= silent_after_ms) {
        is_silent = true
        const message = was_heard
          ? `${instance} has been silent for ${spell(silent_ms)}: nothing came since ${new Date(heard_at).toISOString()}.`
          : `${instance} has been silent since it was started ${spell(silent_ms)} ago.`
        report({ part: 'silence', status: 'silent', message })
      }
      // Of a source that is silent as a whole, that is enough.
      if (!is_silent) for (const [format, heard] of formats) tellSilent(format, heard, time)
      if (time - since_report.at < report_interval_ms) return
      const { at, records, dropped, dead_lettered, lost } = since_report
      since_report = { at: time, records: 0, dropped: 0, dead_lettered: 0, lost: 0 }
      if (records === 0) return
      const message = `${records} records in ${spell(time - at)}: ${dropped} dropped, ${dead_lettered} dead letters, ${lost} known to be lost.`
      report({ part: 'traffic', status: 'ok', message })
    },
  }
}

function spell(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
