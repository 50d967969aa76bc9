import type { RawRecord } from '../../contract.js'
import type { Line } from '../../lines.js'

/** Messages of journald itself that tell what it did not keep: too many of one unit, or of the kernel. */
const SUPPRESSED = new Set(['a596d6fe7bfa4994828e72309e95d61e', 'e9bf28e6e834481bb6f48f548ad13606'])

/** A line of `journalctl -o json` as a record, and what it says about the journal. */
export type JournalEntry = {
  readonly record: RawRecord
  readonly cursor: string | undefined
  /** Counts the entries of one journal without a gap (systemd 254 and newer), and the journal's id. */
  readonly number: { readonly of: string; readonly n: number } | undefined
  /** Messages that journald says it dropped. */
  readonly dropped: number
}

/** Reads one line; what is no entry becomes a record all the same, which the format will reject. */
export function entryOf(line: Line): JournalEntry {
  const fields = line.fault ? {} : parsed(line.text)
  const cursor = textOf(fields.__CURSOR)
  const position = cursor === undefined ? {} : { position: cursor }
  const n = Number(textOf(fields.__SEQNUM) ?? Number.NaN)
  const of = textOf(fields.__SEQNUM_ID)
  return {
    record: { data: line.text, ...position, ...(line.fault ? { fault: line.fault } : {}) },
    cursor,
    number: of !== undefined && Number.isSafeInteger(n) ? { of, n } : undefined,
    dropped: droppedBy(fields),
  }
}

function droppedBy(fields: { readonly [name: string]: unknown }): number {
  if (!SUPPRESSED.has(textOf(fields.MESSAGE_ID) ?? '')) return 0
  const said = textOf(fields.N_DROPPED) ?? /^(?:Suppressed|Missed) (\d{1,15}) /.exec(textOf(fields.MESSAGE) ?? '')?.[1]
  return Number(said) || 0
}

function parsed(text: string): { [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as { [name: string]: unknown }) : {}
  } catch {
    return {}
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
