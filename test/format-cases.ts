import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../core/outcome.js'
import { packageRoot } from '../core/paths.js'
import type { FormatDefinition } from '../ingest/contract.js'
import type { EventDraft, OcsfEvent } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { repaired } from '../ocsf/repair.js'
import { type Problem, validate } from '../ocsf/validate.js'

/** When the records of these tests are received, ms since 1970. */
export const RECEIVED = Date.UTC(2026, 0, 12)

export type Made = {
  readonly outcome: Outcome<EventDraft[]>
  readonly events: OcsfEvent[]
  readonly problems: Problem[]
  /** What was wrong before the runner repaired it: nothing, unless the source wrote OCSF itself. */
  readonly repaired: Problem[]
}

/**
 * What a runner makes of one record (for a JSON format also of its text; a text format is given text): format, finish,
 * validate and repair.
 */
export function make(definition: FormatDefinition, input: unknown, config: object = caseConfig(definition)): Made {
  const isText = typeof input === 'string'
  const record: unknown =
    definition.input === 'text' ? (isText ? input : JSON.stringify(input)) : isText ? JSON.parse(input) : input
  const format = definition.create(definition.config.parse(config))
  const outcome = format(record, { received_time: RECEIVED })
  const events: OcsfEvent[] = []
  const problems: Problem[] = []
  const wrong: Problem[] = []
  if (outcome.kind === 'ok') {
    const raw = definition.keeps_raw ? {} : { raw: isText ? input : JSON.stringify(input) }
    for (const [ordinal, draft] of outcome.value.entries()) {
      const event = finish(draft, {
        format: definition.name,
        instance: 'test',
        received_time: RECEIVED,
        ordinal,
        ...raw,
      })
      wrong.push(...validate(event))
      problems.push(...repaired(event))
      events.push(event)
    }
  }
  return { outcome, events, problems, repaired: wrong }
}

/** Formats whose source may write OCSF itself, with its own mistakes. */
const WRITTEN_AS_OCSF = new Set(['ocsf', 'cloudevents', 'security_hub'])

/** The events of a record that must become valid ones. */
export function eventsOf(definition: FormatDefinition, record: unknown, config?: object): OcsfEvent[] {
  const { outcome, events, problems, repaired } = make(definition, record, config)
  assert.equal(outcome.kind, 'ok', JSON.stringify(outcome).slice(0, 500))
  if (!WRITTEN_AS_OCSF.has(definition.name)) assert.deepEqual(repaired, [], JSON.stringify(record).slice(0, 500))
  assert.deepEqual(problems, [], JSON.stringify(record).slice(0, 500))
  return events
}

/** The one event of a record that must become exactly one. */
export function eventOf(definition: FormatDefinition, record: unknown, config?: object): OcsfEvent {
  const events = eventsOf(definition, record, config)
  assert.equal(events.length, 1)
  return events[0] as OcsfEvent
}

/** What stays unmapped of a record that must become exactly one event. */
export function unmappedOf(definition: FormatDefinition, record: unknown): { [path: string]: unknown } {
  return eventOf(definition, record).unmapped ?? {}
}

/** `reason: detail` of a record that must be refused. */
export function refusalOf(definition: FormatDefinition, record: unknown): string {
  const { outcome } = make(definition, record)
  assert.equal(outcome.kind, 'reject', JSON.stringify(outcome).slice(0, 500))
  return outcome.kind === 'reject' ? `${outcome.reason}: ${outcome.detail}` : ''
}

const FIXTURES = join(packageRoot, 'ingest', 'formats', 'fixtures')

/** The configuration a format's fixtures are read with: none, or the mapping without which `ndjson` reads nothing. */
export function caseConfig(definition: FormatDefinition): object {
  return definition.name === 'ndjson' ? (definition.example as object) : {}
}

/** Fixture files of a format: `fixtures/NAME/*.jsonl`, one record a line. */
export function fixtureFiles(format: string): string[] {
  const folder = join(FIXTURES, format)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => `${format}/${name}`)
}

/** The lines of a fixture file of ours, parsed. */
export function fixture(path: string): unknown[] {
  return linesOf(join(FIXTURES, path))
}

/** The records of a fixture file of ours: `_case` names one, `_text` is the record itself where it is no JSON. */
export function fixtureCases(path: string): { name: string; record: Record<string, unknown> }[] {
  return fixture(path).map((line) => {
    const { _case, _text, ...rest } = line as Record<string, unknown>
    return { name: String(_case), record: (_text ?? rest) as Record<string, unknown> }
  })
}

/** The fixture record whose `_case` says so; the mark itself is removed. A text is given as it is. */
export function fixtureCase(path: string, name: string): Record<string, unknown> {
  const found = fixtureCases(path).find((entry) => entry.name === name)
  if (found === undefined) throw new Error(`no case "${name}" in ${path}`)
  return found.record
}

/** Records of the shared data folder beside the repository, or undefined where it is absent. */
export function sharedRecords(path: string): { file: string; record: unknown }[] | undefined {
  const place = join(packageRoot, '..', 'shared', 'data', path)
  if (!existsSync(place)) return undefined
  const files = place.endsWith('.jsonl')
    ? [place]
    : readdirSync(place)
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(place, name))
  return files.flatMap((file) => {
    const found = file.endsWith('.jsonl')
      ? linesOf(file).map((line) => recordOf(line as Sample))
      : JSON.parse(readFileSync(file, 'utf8'))
    return (Array.isArray(found) ? found : [found]).map((record) => ({ file, record }))
  })
}

type Sample = { event?: unknown; log?: unknown }

/** The raw record of one line: `event`, in rule tests `log`; pairs of raw and expected have it as text in `event.raw`. */
function recordOf({ event, log }: Sample): unknown {
  const record = event ?? log
  const raw = (record as { raw?: unknown } | null)?.raw
  if (typeof raw !== 'string') return record
  try {
    return JSON.parse(raw) as unknown
  } catch {
    return raw
  }
}

function linesOf(file: string): unknown[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}
