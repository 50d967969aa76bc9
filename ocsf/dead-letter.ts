import { CLASS, type OcsfEvent } from './event.js'
import { finish } from './finish.js'

/** Characters of the raw record a dead letter keeps; `detail` says how many there were. */
const MAX_RAW = 262_144

export type DeadLetterInput = {
  /** Short snake_case word, also the metric label. */
  reason: string
  /** What was found, what was expected. */
  detail: string
  source: { instance: string; format: string; position?: string }
  raw: string
  /** ms since 1970. */
  received_time: number
}

/** The event (Weir's extension class dead_letter) that keeps an input nobody could read, and why. */
export function deadLetter({ reason, detail, source, raw, received_time }: DeadLetterInput): OcsfEvent {
  const kept = raw.slice(0, MAX_RAW).toWellFormed()
  const cut = raw.length > MAX_RAW ? ` (the first ${MAX_RAW} of ${raw.length} characters are kept)` : ''
  return finish(
    {
      class_uid: CLASS.dead_letter,
      activity_id: 1,
      time: received_time,
      severity_id: 2,
      message: `${reason}: ${detail}`.slice(0, 1_000).toWellFormed(),
      reason,
      detail: `${detail.slice(0, 10_000).toWellFormed()}${cut}`,
      source,
    },
    {
      format: source.format,
      instance: source.instance,
      raw: kept,
      ordinal: 0,
      received_time,
      ...(source.position === undefined ? {} : { position: source.position }),
    },
  )
}
