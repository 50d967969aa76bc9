import { hash } from 'node:crypto'
import { CLASS, type OcsfEvent } from './event.js'
import { finish } from './finish.js'
import { eventUid } from './uid.js'

/** Characters of the raw record a dead letter keeps; `detail` says how many there were. */
const MAX_RAW = 262_144
/** Sent again within so long, bytes that have no position are the same letter, ms. */
const SAME_DELIVERY_MS = 60 * 60_000

export type DeadLetterInput = {
  /** Short snake_case word, also the metric label. */
  reason: string
  /** What was found, what was expected. */
  detail: string
  source: { instance: string; format: string; position?: string }
  raw: string
  /** ms since 1970. */
  received_time: number
  /** Tells letters about the same record apart, or equal records of one delivery. */
  ordinal?: number
}

/** The event (Weir's extension class dead_letter) that keeps an input nobody could read, and why. */
export function deadLetter(input: DeadLetterInput): OcsfEvent {
  const { reason, detail, source, raw, received_time } = input
  const kept = raw.slice(0, MAX_RAW).toWellFormed()
  const cut = raw.length > MAX_RAW ? ` (the first ${MAX_RAW} of ${raw.length} characters are kept)` : ''
  return finish(
    {
      class_uid: CLASS.dead_letter,
      activity_id: 1,
      time: received_time,
      metadata: { uid: uidOf(input) } as OcsfEvent['metadata'],
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
    },
  )
}

/**
 * A record that is read again is the same letter: its uid comes from where it stood and its bytes, not from the clock.
 * Without a position (what is pushed) that would make one letter of all equal bytes for ever, and hide that they keep
 * coming; with the clock, every repetition after a refusal or a crash would be one more. So the hour counts.
 */
function uidOf({ source, raw, received_time, ordinal = 0 }: DeadLetterInput): string {
  const { instance, position } = source
  const hour = position === undefined ? received_time - (received_time % SAME_DELIVERY_MS) : 0
  // A sender can choose bytes, and must not be able to make one letter look like the repetition of another.
  return eventUid(hour, `${instance}\n${position ?? ''}\n${hash('sha256', raw, 'hex')}\n${ordinal}`)
}
