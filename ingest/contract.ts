import type { z } from 'zod'
import type { Definition } from '../core/define.js'
import type { Log } from '../core/log.js'
import type { Outcome } from '../core/outcome.js'
import type { EventDraft } from '../ocsf/event.js'
import type { Line } from './lines.js'
import type { Repeats } from './repeats.js'

/** One record as a transport saw it, before anybody looked inside. */
export type RawRecord = {
  /**
   * Text of exactly one record, or the line it is, of which no text was made yet; an object where the transport already made
   * one (host, docker).
   */
  readonly data: string | Line | object
  /**
   * Where it stood in its source: file path + inode + offset, topic + offset. The same record must get the same
   * position when it is read again, because `metadata.uid` is derived from it. Absent: the uid comes from the content.
   */
  readonly position?: string
  /**
   * Set when the transport already knows that this record cannot be used (too long, not UTF-8): the runner gives it to
   * no format and writes a dead letter. `data` is then what can be kept of it, as text (base64 where `detail` says so).
   */
  readonly fault?: RecordFault
  /** The machine the record was written on, where the transport knows (a local log): for records that do not name it. */
  readonly host?: HostRef
}

/** A machine by the id and name that the host collector uses for it. */
export type HostRef = { readonly id: string; readonly name: string }

/** Why a transport hands over a record that must become a dead letter. */
export type RecordFault = {
  /** snake_case, a metric label: `line_too_long`, `invalid_utf8`. */
  readonly reason: string
  /** One sentence: where, what was found, what was expected. */
  readonly detail: string
}

/** What a format may know besides the record. */
export type FormatContext = {
  /** When the record was received, ms since 1970: the event time of last resort. */
  readonly received_time: number
  /** The machine the record was written on, where the transport knows. */
  readonly host?: HostRef
}

/**
 * A wire format: pure, no I/O, never throws on any input. `input` says what it wants: parsed JSON or the line.
 * The runner parses JSON, fills derived attributes, validates, counts and dead-letters.
 */
export type FormatDefinition<Config extends z.ZodType = z.ZodType> = Definition<Config> & {
  readonly input: 'json' | 'text'
  /** True if the record is the event itself, so that keeping `raw_data` would store it twice. */
  readonly keeps_raw: boolean
  /**
   * Where each field of the source goes, for docs/reference/formats/NAME.md: one line a field, its columns separated by
   * `|`: field of the source | attributes of OCSF, comma-separated | note (may be left out). A line `# Network Activity
   * 4001` begins the table of a class; a test checks that the class has the attributes below it. Other lines are text.
   */
  readonly mapping?: string
  /** How sure it is that this record is of this format, 0 to 1 (for `--format auto`). */
  detect(record: unknown): number
  /**
   * Takes an envelope apart: the records inside, or undefined if the record is not an envelope. Each is then a record
   * of its own, with its own raw text and its own dead letter, so that one bad record costs no other. Never throws.
   */
  split?(record: unknown): readonly unknown[] | undefined
  /**
   * Set where the source writes one event as several lines: which event this line is a part of. Whoever reads lines
   * joins them (ingest/assemble.ts) before they become a record. Undefined for a line that is a record of its own.
   * Pure, never throws.
   */
  partOf?(line: string): LinePart | undefined
  /**
   * True for a line that says how the lines after it are to be read (the list of fields a VPC flow log file begins
   * with). Whoever cuts a file into lines hands over `header\nline` for each of them (ingest/header.ts); the header alone
   * is dropped.
   */
  isHeader?(line: string): boolean
  create(config: z.output<Config>): Format
}
/** A line as a part of an event. */
export type LinePart = {
  /** The same for all lines of the event and for no other event of that time. */
  readonly event: string
  /** No line of this event comes after this one. */
  readonly is_last: boolean
}
export type Format = (record: unknown, context: FormatContext) => Outcome<EventDraft[]>

/** Gives the compiler the config type; adds nothing at run time. */
export function defineFormat<Config extends z.ZodType>(definition: FormatDefinition<Config>): FormatDefinition<Config> {
  return definition
}

/** What `emit` reports back: every record is accounted for. A record may become several events. */
export type Receipt = {
  readonly records: number
  /** Events now durable. A repeated event counts here too: it is stored, once. */
  readonly stored: number
  readonly dropped: number
  readonly dead_lettered: number
  /** Time of the newest event among them, ms since 1970. */
  readonly newest_time?: number
  /** What the source itself says it lost (Falco's dropped system calls). */
  readonly lost?: number
}

/** What the runner gives a collector. */
export type CollectorDeps = {
  /** The name of this instance: unique in the configuration, used in metrics, checkpoints and coverage. */
  readonly instance: string
  /** Types of the other collectors of this process: what one of them reports already is not reported twice. */
  readonly beside?: readonly string[]
  /**
   * Hands records of one format to the pipeline. Resolves when they are durable (stored, dropped or dead-lettered):
   * only then may the collector acknowledge its source. Rejects with a retryable error when the pipeline cannot take
   * them; the collector then waits and sends the same records again. `repeats` is given where one delivery without
   * positions is handed over in several calls, so that equal records in different calls stay two.
   */
  emit(format: string, records: readonly RawRecord[], repeats?: Repeats): Promise<Receipt>
  /** Reports the state of the source: silent, lost records, gaps. Becomes a coverage event. */
  coverage(report: CoverageReport): void
  /** Counts input that was turned away before it became records (an HTTP body that does not parse), by snake_case reason. */
  refused(reason: string, n?: number): void
  /** Share of the pipeline's bound in use, 0 to 1. */
  pressure(): number
  /** A folder of this instance's own for checkpoints. It exists. */
  readonly state_dir: string
  readonly log: Log
}

export type CoverageReport = {
  /** Which part of the source this is about (`processes`, `logins`), where a collector watches several; each has its own state. */
  readonly part?: string
  readonly status: 'ok' | 'degraded' | 'silent' | 'unavailable'
  /** One sentence: what is (not) seen, and why. */
  readonly message: string
  /** Records known to be lost since the last report. */
  readonly lost?: number
}

/** Owns a transport and its checkpoints. */
export type Collector = {
  /**
   * Resolves when it collects. Throws a WeirError with a hint when it cannot: `config_invalid` ends the program, with
   * `setting_missing` and `unsupported` it stays as it is, after any other a new one is made and started later.
   */
  start(): Promise<void>
  /** Stops reading, waits for what was emitted, saves checkpoints. May be called without start, and twice. */
  stop(): Promise<void>
  /** One line for the start screen: what it watches. */
  describe(): string
}

export type CollectorDefinition<Config extends z.ZodType = z.ZodType> = Definition<Config> & {
  /** Formats this collector emits by itself; none where the format is configured. */
  readonly formats: readonly string[]
  create(config: z.output<Config>, deps: CollectorDeps): Collector
}

/** Gives the compiler the config type; adds nothing at run time. */
export function defineCollector<Config extends z.ZodType>(
  definition: CollectorDefinition<Config>,
): CollectorDefinition<Config> {
  return definition
}
