import type { FormatDefinition, RawRecord } from './contract.js'

/** Bounds of the window in which an event may be incomplete. */
export type AssemblerLimits = {
  /** An event is handed over as it is when no line was added to it for so long. */
  readonly max_idle_ms: number
  /** Incomplete events held at once; one more and the oldest is handed over as it is. */
  readonly max_open: number
  /** The oldest event is handed over as it is when so many lines came after its last one. */
  readonly max_gap_lines: number
  /** UTF-16 code units of one event; a longer one is handed over in pieces. */
  readonly max_event_chars: number
  /** UTF-16 code units of all incomplete events; beyond, the oldest are handed over as they are. */
  readonly max_open_chars: number
}

const LIMITS: AssemblerLimits = {
  max_idle_ms: 2000,
  max_open: 1024,
  max_gap_lines: 20_000,
  max_event_chars: 512 * 1024,
  max_open_chars: 8 * 1024 * 1024,
}

export type Assembler = {
  /** Takes the next line, which stands at `offset` of its source, and returns the records that are complete with it. */
  push(line: RawRecord, offset: number, now_ms: number): RawRecord[]
  /** Events that no line was added to for too long. */
  expire(now_ms: number): RawRecord[]
  /** Everything that is still incomplete: no more lines will come. */
  flush(): RawRecord[]
  /**
   * The largest offset up to `next_offset` that no event lies across: reading again from there sees every event that
   * was not handed over, whole, and no part of one that was. It never goes back.
   */
  cut(next_offset: number): number
}

type Open = {
  readonly first: RawRecord
  readonly lines: string[]
  readonly offset: number
  last_offset: number
  last_line: number
  chars: number
  active_ms: number
}
type Span = { first: number; last: number }

/**
 * Joins the lines of one event, which may be interleaved with those of others, into one record: the lines in their
 * order, and the position of the first. Keeps no clock and reads nothing; every line ends up in exactly one record.
 */
export function createAssembler(
  partOf: NonNullable<FormatDefinition['partOf']>,
  limits: AssemblerLimits = LIMITS,
): Assembler {
  // In the order of their first line.
  const open = new Map<string, Open>()
  /** Events of several lines that were handed over and that the cut has not passed. */
  let spans: Span[] = []
  let n_lines = 0
  let open_chars = 0

  function close(key: string, event: Open): RawRecord {
    open.delete(key)
    open_chars -= event.chars
    if (event.lines.length > 1) spans.push({ first: event.offset, last: event.last_offset })
    if (event.lines.length === 1) return event.first
    return { ...event.first, data: event.lines.join('\n') }
  }

  /** Hands over the oldest events until the window is within its bounds. */
  function shrink(ready: RawRecord[]) {
    for (const [key, oldest] of open) {
      const is_over = open.size > limits.max_open || open_chars > limits.max_open_chars
      if (!is_over && n_lines - oldest.last_line <= limits.max_gap_lines) return
      ready.push(close(key, oldest))
    }
  }

  return {
    push(line, offset, now_ms) {
      n_lines++
      const text = line.data
      const part = line.fault || typeof text !== 'string' ? undefined : partOf(text)
      if (!part || typeof text !== 'string') return [line]
      const known = open.get(part.event)
      if (!known && part.is_last) return [line]
      const ready: RawRecord[] = []
      const event = known ?? startAt(line, offset)
      event.lines.push(text)
      event.last_offset = offset
      event.last_line = n_lines
      event.active_ms = now_ms
      event.chars += text.length
      open_chars += text.length
      if (!known) open.set(part.event, event)
      if (part.is_last || event.chars > limits.max_event_chars) ready.push(close(part.event, event))
      shrink(ready)
      return ready
    },
    expire(now_ms) {
      const ready: RawRecord[] = []
      for (const [key, event] of open) {
        if (now_ms - event.active_ms >= limits.max_idle_ms) ready.push(close(key, event))
      }
      return ready
    },
    flush() {
      return [...open].map(([key, event]) => close(key, event))
    },
    cut(next_offset) {
      let cut = next_offset
      for (const { offset } of open.values()) cut = Math.min(cut, offset)
      for (let moved = true; moved; ) {
        moved = false
        for (const { first, last } of spans) {
          if (first < cut && last >= cut) {
            cut = first
            moved = true
          }
        }
      }
      spans = spans.filter(({ last }) => last >= cut)
      return cut
    },
  }
}

function startAt(first: RawRecord, offset: number): Open {
  return { first, lines: [], offset, last_offset: offset, last_line: 0, chars: 0, active_ms: 0 }
}
