import { CLASS, type OcsfEvent } from './event.js'
import { finish } from './finish.js'

const STATUS = { ok: 1, unavailable: 2, degraded: 3, silent: 4 } as const
const SEVERITY = { ok: 1, unavailable: 3, degraded: 2, silent: 3 } as const

export type CoverageInput = {
  status: keyof typeof STATUS
  /** One sentence: what is (not) seen, and why. */
  message: string
  /** The source: instance of a collector or detector, its type, and the part of it where it has several. */
  instance: string
  collector: string
  part?: string | undefined
  /** Records known to be lost since the last report. */
  lost?: number | undefined
  /** Time of the newest event of the source, ms since 1970. */
  last_event_time?: number | undefined
  /** How far the source is behind, ms. */
  lag_ms?: number | undefined
  /** ms since 1970. */
  time: number
}

/** The event (Weir's extension class coverage) that says whether a source is alive: no data is not no anomaly. */
export function coverageEvent(input: CoverageInput): OcsfEvent {
  const { status, message, instance, collector, part, lost, last_event_time, lag_ms, time } = input
  const name = part === undefined ? instance : `${instance}/${part}`
  return finish(
    {
      class_uid: CLASS.coverage,
      activity_id: 1,
      time,
      severity_id: SEVERITY[status],
      status_id: STATUS[status],
      message: message.toWellFormed(),
      source: { name, instance, collector },
      ...(lost === undefined ? {} : { lost_count: lost }),
      ...(last_event_time === undefined ? {} : { last_event_time }),
      ...(lag_ms === undefined ? {} : { lag_ms }),
    },
    { format: 'weir', instance, position: `${name}@${time}:${status}`, ordinal: 0, received_time: time },
  )
}
