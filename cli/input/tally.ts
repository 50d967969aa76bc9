import type { Message } from '../../bus/port.js'
import type { Metrics } from '../../core/metrics.js'

/** What became of an input, for a person or (`--json`) for a script. */
export type Summary = {
  format: string
  /** Records, after envelopes were taken apart. */
  in: number
  /** Events. */
  out: number
  dropped: Record<string, number>
  rejected: Record<string, number>
  /** Attributes of events that are not valid OCSF, of the records rejected as `invalid_event`. */
  invalid: Record<string, number>
}

/** Counts the attributes that made events invalid, from dead letters. */
export function countInvalid(into: Record<string, number>, letters: readonly Message[]) {
  for (const { value } of letters) {
    if (value.reason !== 'invalid_event') continue
    for (const part of String(value.detail ?? '').split('; ')) {
      const path = /^([\w.[\]()]{1,120}): /.exec(part)?.[1]
      if (path !== undefined) into[path] = (into[path] ?? 0) + 1
    }
  }
}

/** Reads the counters of an intake. */
export function summaryOf(format: string, metrics: Metrics, invalid: Record<string, number>): Summary {
  return {
    format,
    in: metrics.total('records_in'),
    out: metrics.total('events_published'),
    dropped: metrics.by('records_dropped', 'reason'),
    rejected: metrics.by('records_rejected', 'reason'),
    invalid,
  }
}

/** The summary in a few lines. */
export function summaryText({ format, in: n, out, dropped, rejected, invalid }: Summary): string {
  const lines = [`${format}: ${n} records in, ${out} events out`]
  for (const [what, counts] of [
    ['dropped', dropped],
    ['rejected', rejected],
    ['not valid OCSF', invalid],
  ] as const) {
    const parts = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`)
    if (parts.length > 0) lines.push(`  ${what}: ${parts.join(', ')}`)
  }
  return `${lines.join('\n')}\n`
}
