import type { Bus, Message, Topic } from '../bus/port.js'
import { messageOf, WeirError } from '../core/errors.js'
import type { Metrics } from '../core/metrics.js'
import { type Outcome, ok, reject } from '../core/outcome.js'
import { createTurns, type Turns } from '../core/turns.js'
import { deadLetter } from '../ocsf/dead-letter.js'
import { CLASS, type EventDraft, type OcsfEvent } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { repaired } from '../ocsf/repair.js'
import type { Problem } from '../ocsf/validate.js'
import { makeWellFormed } from '../ocsf/well-formed.js'
import type { Format, FormatContext, FormatDefinition, RawRecord, Receipt } from './contract.js'
import { BATCH_LINES, createJsonReader, type JsonReader } from './json/reader.js'
import { Line } from './lines.js'
import { createPodTable, type PodTable } from './pod-table.js'
import { createRepeats, type Repeats } from './repeats.js'

export type IntakeConfig = {
  bus: Pick<Bus, 'publish'>
  /** Every format that may arrive, by name, already created from its configuration. */
  formats: ReadonlyMap<string, { definition: FormatDefinition; format: Format }>
  metrics: Metrics
  /** Longest record that is looked at, in UTF-16 code units; a longer one is dead-lettered with its beginning. */
  max_record_length: number
  /** What is known of pods; kept over a restart by whoever gives it. */
  pods?: PodTable
  /** Wall clock, ms since 1970. */
  now: () => number
  /** Shared with the other parts of the process that work long at a stretch. */
  turns?: Turns
}

export type Intake = {
  /**
   * Makes events of raw records and publishes them. Resolves when all are durable; rejects with `retryable` when the
   * bus cannot take them (emit the same records again then). Throws `config_invalid` for an unknown format. `repeats` is
   * given where one delivery is handed over in several calls.
   */
  emit(instance: string, format: string, records: readonly RawRecord[], repeats?: Repeats): Promise<Receipt>
}

/** Records handled between two looks at the clock. */
const SLICE = BATCH_LINES
/** Slices that may wait for the bus while the next ones are parsed. */
const OUTSTANDING = 16
/** Longest envelope, in UTF-16 code units: of one that holds many records each is measured by itself. As long as a pushed document may be. */
const MAX_ENVELOPE_LENGTH = 32 * 1024 * 1024
/** As far as the clocks of machines may differ, ms. */
const MAX_AHEAD_MS = 5 * 60_000
/** Messages in one publication. */
const PUBLICATION = 512

type Tally = {
  records: number
  stored: number
  dropped: Map<string, number>
  rejected: Map<string, number>
  /** Events whose texts had lone surrogates. */
  repaired: number
  newest_time: number | undefined
  /** What sources say they lost. */
  lost: number
}

function emptyTally(records: number): Tally {
  return { records, stored: 0, dropped: new Map(), rejected: new Map(), repaired: 0, newest_time: undefined, lost: 0 }
}

type Made = { readonly event: OcsfEvent; readonly problem: string | undefined }

/** The only place where records become events: parse, normalise, derive, validate, count, dead-letter, publish. */
export function createIntake(config: IntakeConfig): Intake {
  const turns = config.turns ?? createTurns()
  const pods = config.pods ?? createPodTable()
  const json = createJsonReader()
  return {
    async emit(instance, name, records, repeats = createRepeats()) {
      const entry = config.formats.get(name)
      if (!entry) {
        throw new WeirError('config_invalid', `there is no format "${name}"`, {
          hint: `Known: ${[...config.formats.keys()].join(', ')}.`,
        })
      }
      const tally = emptyTally(records.length)
      const reader = createReader(config, instance, entry, tally, pods, repeats, json)
      const publishing = createPublishing(config.bus)
      for (let from = 0; from < records.length; from += SLICE) {
        const to = Math.min(records.length, from + SLICE)
        reader.read(records.slice(from, to))
        const is_due = turns.due()
        // What is parsed is handed on before others have their turn, so that it lives no longer than it must.
        if (is_due || reader.events.length >= PUBLICATION) await publishing.add('weir.events', reader.takeEvents())
        // Not after the last: a call that fits one slice publishes at once, so that calls keep their order.
        if (to < records.length && is_due) await turns.next('behind')
      }
      await publishing.add('weir.events', reader.takeEvents())
      await publishing.add('weir.coverage', reader.coverage)
      await publishing.add('weir.dead_letters', reader.deadLetters)
      await publishing.settled()
      return count(config.metrics, instance, name, tally)
    },
  }
}

/** Keeps a bounded number of publications in flight and remembers the first that failed. */
function createPublishing(bus: Pick<Bus, 'publish'>) {
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined

  return {
    async add(topic: Topic, messages: readonly Message[]) {
      if (messages.length === 0 || failure) return
      const publication = bus
        .publish(topic, messages)
        .catch((error) => {
          failure ??= { error }
        })
        .finally(() => running.delete(publication))
      running.add(publication)
      if (running.size >= OUTSTANDING) await Promise.race(running)
    },
    async settled() {
      await Promise.all(running)
      if (failure) throw failure.error
    },
  }
}

function createReader(
  config: IntakeConfig,
  instance: string,
  entry: { definition: FormatDefinition; format: Format },
  tally: Tally,
  pods: PodTable,
  repeats: Repeats,
  json: JsonReader,
) {
  const { definition, format } = entry
  const may_hold_many = definition.split !== undefined
  const longest = may_hold_many ? Math.max(MAX_ENVELOPE_LENGTH, config.max_record_length) : config.max_record_length
  const received_time = config.now()
  const context = { received_time }
  let events: Message[] = []
  const deadLetters: Message[] = []
  /** What a source says about its own losses (Falco does) is about the source, not about a workload. */
  const coverage: Message[] = []

  /** `repeat` is how often an equal record without a position came before, where that was counted already. */
  function refuse(record: RawRecord, reason: string, detail: string, index = 0, repeat?: number) {
    bump(tally.rejected, reason)
    const source = { instance, format: definition.name, ...(record.position ? { position: record.position } : {}) }
    const raw = textOf(record)
    const before = record.position ? 0 : (repeat ?? repeats(raw))
    const value = deadLetter({ reason, detail, source, raw, received_time, ordinal: before * 1_000 + index })
    deadLetters.push({ key: instance, value, timestamp: received_time })
  }

  function turnAway(record: RawRecord, outcome: Exclude<Outcome<unknown>, { kind: 'ok' }>) {
    if (outcome.kind === 'drop') bump(tally.dropped, outcome.reason)
    else refuse(record, outcome.reason, outcome.detail)
  }

  /** The whole event of a draft, and what is wrong with it if something is. */
  function made(record: RawRecord, raw: string | undefined, draft: EventDraft, index: number, repeat: number): Made {
    const event = finish(draft, {
      format: definition.name,
      instance,
      received_time,
      ordinal: repeat * 1_000 + index,
      raw,
      position: record.position,
    })
    const problem = problemOf(event, () => {
      tally.repaired += 1
      // Where the record is the event itself, only this keeps what was sent.
      event.raw_data ??= textOf(record)
      makeWellFormed(event)
    })
    // After the checks: what a pod's container is must not be learned from an event that is none.
    if (!problem) pods.join(event)
    return { event, problem }
  }

  function accept(record: RawRecord, { event, problem }: Made, index: number, repeat: number) {
    if (problem) refuse(record, 'invalid_event', problem, index, repeat)
    else {
      tally.stored += 1
      // What is dated far ahead says nothing about how far the source has come.
      const is_possible = event.time <= received_time + MAX_AHEAD_MS
      if (is_possible && event.time > (tally.newest_time ?? -1)) tally.newest_time = event.time
      if (event.class_uid === CLASS.coverage) tally.lost += Number(event.lost_count) || 0
      const target = event.class_uid === CLASS.coverage ? coverage : events
      target.push({ key: event.workload?.uid ?? instance, value: event, timestamp: received_time })
    }
  }

  return {
    deadLetters,
    coverage,
    get events() {
      return events
    },
    takeEvents() {
      const taken = events
      events = []
      return taken
    },
    /** At most a SLICE of them. */
    read(records: readonly RawRecord[]) {
      if (definition.input === 'json') json.read(records.map(({ data }) => (isShort(data) ? data : undefined)))
      for (const [index, record] of records.entries()) {
        if (record.fault) refuse(record, record.fault.reason, record.fault.detail)
        else takeParsed(record, parsedOf(record, index))
      }
    },
  }

  function isShort(data: RawRecord['data']): data is Line {
    return data instanceof Line && data.length <= config.max_record_length
  }

  function parsedOf(record: RawRecord, index: number): Outcome<unknown> {
    const known = definition.input === 'json' ? json.take(index) : undefined
    if (known !== undefined) return ok(known)
    const parsed = parse(record, definition, longest)
    if (definition.input === 'json' && parsed.kind === 'ok') json.learn(index)
    return parsed
  }

  function takeParsed(record: RawRecord, parsed: Outcome<unknown>) {
    if (parsed.kind !== 'ok') return turnAway(record, parsed)
    const split = partsOf(parsed.value, definition)
    if (split.kind !== 'ok') return turnAway(record, split)
    const parts = split.value
    if (parts === undefined) return takeWhole(record, parsed.value)
    tally.records += Math.max(parts.length, 1) - 1
    if (parts.length === 0) bump(tally.dropped, 'empty_envelope')
    for (const [n, part] of parts.entries()) {
      const data = textOf({ data: part as object })
      const position = record.position === undefined ? {} : { position: `${record.position}#${n}` }
      takeWhole({ data, ...position, ...(record.host ? { host: record.host } : {}) }, part)
    }
  }

  /** One record, no envelope any more. Whatever goes wrong with it, those around it go on. */
  function takeWhole(record: RawRecord, input: unknown) {
    const too_long = tooLong(record, config.max_record_length)
    if (too_long !== undefined) return refuse(record, 'record_too_long', too_long)
    try {
      take(record, input)
    } catch (error) {
      refuse(record, 'format_failed', messageOf(error))
    }
  }

  function take(record: RawRecord, input: unknown) {
    const outcome = normalise(input, format, record.host ? { ...context, host: record.host } : context)
    if (outcome.kind !== 'ok') return turnAway(record, outcome)
    const raw = definition.keeps_raw ? undefined : textOf(record)
    const is_named = record.position !== undefined || outcome.value[0]?.metadata?.uid !== undefined
    const repeat = is_named ? 0 : repeats(raw ?? textOf(record))
    const drafts = outcome.value
    if (drafts.length === 1) return accept(record, made(record, raw, drafts[0] as EventDraft, 0, repeat), 0, repeat)
    // All are made before one is taken: a record is not stored in part because something throws at its second event.
    const all = drafts.map((draft, index) => made(record, raw, draft, index, repeat))
    for (const [index, one] of all.entries()) accept(record, one, index, repeat)
  }
}

function parse(record: RawRecord, definition: FormatDefinition, max_length: number): Outcome<unknown> {
  const is_text = typeof record.data === 'string' || record.data instanceof Line
  if (!is_text && definition.input === 'json') return ok(record.data)
  const too_long = is_text ? tooLong(record, max_length) : undefined
  if (too_long !== undefined) return reject('record_too_long', too_long)
  const text = textOf(record)
  if (definition.input !== 'json') return ok(text)
  try {
    return ok(JSON.parse(text))
  } catch (error) {
    return reject('invalid_json', messageOf(error))
  }
}

/** Of an object nothing is said: its text is not what was sent. */
function tooLong({ data }: RawRecord, max_length: number): string | undefined {
  if (data instanceof Line && data.length <= max_length) return undefined
  const length = typeof data === 'string' ? data.length : data instanceof Line ? data.text.length : 0
  return length > max_length ? `${length} characters, at most ${max_length} are read` : undefined
}

function partsOf(input: unknown, definition: FormatDefinition): Outcome<readonly unknown[] | undefined> {
  try {
    return ok(definition.split?.(input))
  } catch (error) {
    return reject('format_failed', messageOf(error))
  }
}

function normalise(input: unknown, format: Format, context: FormatContext): Outcome<EventDraft[]> {
  try {
    return format(input, context)
  } catch (error) {
    // A format never throws by contract; if one does, its record is kept and the pipeline goes on.
    return reject('format_failed', messageOf(error))
  }
}

/**
 * What is wrong with an event, in words, after what can be repaired was, lone surrogates too: whoever could dead-letter an
 * event by half a character could hide it from the detectors.
 */
function problemOf(event: OcsfEvent, repair: () => void): string | undefined {
  let problems = repaired(event)
  if (problems.some(({ code }) => code === 'lone_surrogate')) {
    repair()
    problems = repaired(event)
  }
  return problems.length === 0 ? undefined : describe(problems)
}

function describe(problems: readonly Problem[]): string {
  const shown = problems.slice(0, 5).map(({ path, code, found, expected }) => {
    return `${path || '(event)'}: ${code.replaceAll('_', ' ')}, found ${found}, expected ${expected}`
  })
  return problems.length > shown.length
    ? `${shown.join('; ')}; and ${problems.length - shown.length} more`
    : shown.join('; ')
}

function textOf(record: RawRecord): string {
  if (typeof record.data === 'string') return record.data
  if (record.data instanceof Line) return record.data.text
  try {
    return JSON.stringify(record.data)
  } catch {
    return '(nested too deep to be written)'
  }
}

function bump(counts: Map<string, number>, reason: string) {
  counts.set(reason, (counts.get(reason) ?? 0) + 1)
}

function count(metrics: Metrics, instance: string, format: string, tally: Tally): Receipt {
  const labels = { collector: instance, format }
  let dropped = 0
  let dead_lettered = 0
  for (const [reason, n] of tally.dropped) {
    metrics.count('records_dropped', { ...labels, reason }, n)
    dropped += n
  }
  for (const [reason, n] of tally.rejected) {
    metrics.count('records_rejected', { ...labels, reason }, n)
    dead_lettered += n
  }
  metrics.count('records_in', labels, tally.records)
  metrics.count('events_published', labels, tally.stored)
  metrics.count('events_repaired', { ...labels, reason: 'lone_surrogate' }, tally.repaired)
  const { newest_time, lost } = tally
  metrics.count('source_lost', { collector: instance }, lost)
  return {
    records: tally.records,
    stored: tally.stored,
    dropped,
    dead_lettered,
    ...(newest_time === undefined ? {} : { newest_time }),
    ...(lost > 0 ? { lost } : {}),
  }
}
