// What every format costs on one core, beside plain JSON.parse of the same records. Records are the fixtures of the
// formats; rounds of the measurements alternate, the medians are shown. A record may become several events: `format/s`,
// `normalize/s` and the ratios count records, so that a format gains nothing by writing more of them; `events/s` counts
// events. Every format runs in one process, as on a node with several sources.
// Usage: npm run bench:formats -- [--json] [NAME...]
import type { FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import type { EventDraft } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { validate } from '../ocsf/validate.js'
import { caseConfig, fixtureCases, fixtureFiles } from '../test/format-cases.js'

type Row = {
  format: string
  records: number
  bytes_per_record: number
  events_per_record: number
  /** Records a second. */
  json_parse_per_s: number
  /** The format alone: parsed record (for a text format, the line) to drafts. Records a second. */
  format_per_s: number
  /** JSON.parse (where the record is JSON) and the format. Records a second. */
  normalize_per_s: number
  /** JSON.parse, format, finish and validate: all that happens before an event is published. Events a second. */
  events_per_s: number
  /** normalize_per_s by json_parse_per_s. */
  ratio: number
  /** format_per_s by json_parse_per_s. */
  format_ratio: number
}

const ROUNDS = 15
const ROUND_MS = 30
/** Until the compiler has seen enough of a format: its speed is that of a node that runs for days. */
const WARM_MS = 600
const RECEIVED = Date.UTC(2026, 0, 12)

/** The records of a format as text, envelopes taken apart. */
function recordsOf(definition: FormatDefinition): string[] {
  return casesOf(definition.name).flatMap((input) => {
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    const parts = definition.split?.(definition.input === 'text' ? text : input) ?? [input]
    return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))
  })
}

function casesOf(name: string): unknown[] {
  return fixtureFiles(name).flatMap((path) => fixtureCases(path).map(({ record }) => record as unknown))
}

function measure(definition: FormatDefinition): Row {
  const texts = recordsOf(definition)
  if (texts.length === 0) throw new Error(`${definition.name} has no fixture below ingest/formats/fixtures`)
  const isJson = definition.input === 'json'
  const format = definition.create(definition.config.parse(caseConfig(definition)))
  const context = { received_time: RECEIVED }
  // A line is compared with its own words as JSON: a JSON string would be copied rather than parsed.
  const json = texts.map((text) => (/^[{[]/.test(text) ? text : JSON.stringify(text.split(/[ \t]/))))
  const parsed = texts.map((text) => (isJson ? (JSON.parse(text) as unknown) : text))
  const draftsOf = (input: unknown): readonly EventDraft[] => {
    const outcome = format(input, context)
    return outcome.kind === 'ok' ? outcome.value : []
  }
  const normalized = (n: number) => draftsOf(isJson ? JSON.parse(texts[n] as string) : texts[n])
  const works = [
    (n: number) => void JSON.parse(json[n] as string),
    (n: number) => void draftsOf(parsed[n]),
    (n: number) => void normalized(n),
    (n: number) => {
      const raw = texts[n] as string
      const drafts = normalized(n)
      for (let ordinal = 0; ordinal < drafts.length; ordinal++) {
        const origin = {
          format: definition.name,
          instance: 'bench',
          received_time: RECEIVED,
          ordinal,
          position: `${n}`,
        }
        validate(finish(drafts[ordinal] as EventDraft, definition.keeps_raw ? origin : { ...origin, raw }))
      }
    },
  ]
  const rates: number[][] = works.map(() => [])
  for (const work of works) rate(work, texts.length, WARM_MS)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [n, work] of works.entries()) rates[n]?.push(rate(work, texts.length, ROUND_MS))
  }
  const [json_parse_per_s = 0, format_per_s = 0, normalize_per_s = 0, whole_per_s = 0] = rates.map(median)
  const events_per_record = texts.reduce((sum, _, n) => sum + normalized(n).length, 0) / texts.length
  return {
    format: definition.name,
    records: texts.length,
    bytes_per_record: Math.round(texts.reduce((sum, text) => sum + text.length, 0) / texts.length),
    events_per_record: round2(events_per_record),
    json_parse_per_s: Math.round(json_parse_per_s),
    format_per_s: Math.round(format_per_s),
    normalize_per_s: Math.round(normalize_per_s),
    events_per_s: Math.round(whole_per_s * events_per_record),
    ratio: round2(normalize_per_s / json_parse_per_s),
    format_ratio: round2(format_per_s / json_parse_per_s),
  }
}

function round2(value: number): number {
  return Math.round(value * 100) / 100
}

/**
 * Calls a second of CPU time over all records, again and again for `duration_ms`: what else the machine does while this
 * runs does not count, what the collector and the compiler do beside it does.
 */
function rate(work: (n: number) => void, records: number, duration_ms: number): number {
  const repeats = Math.ceil(64 / records)
  const started = process.cpuUsage()
  let done = 0
  let elapsed_ms = 0
  while (elapsed_ms < duration_ms) {
    for (let repeat = 0; repeat < repeats; repeat++) for (let n = 0; n < records; n++) work(n)
    done += records * repeats
    const { user, system } = process.cpuUsage(started)
    elapsed_ms = (user + system) / 1_000
  }
  return (done * 1_000) / elapsed_ms
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const chosen = names.length === 0 ? formats.all : names.map((name) => formats.find(name))
const rows = chosen.map(measure)
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
else {
  const cell = (value: number, width: number) => value.toLocaleString('en-US').padStart(width)
  process.stdout.write(
    `${'format'.padEnd(21)} bytes  events JSON.parse/s    format/s normalize/s    events/s  ratio  format alone\n`,
  )
  for (const row of rows) {
    const numbers = [row.json_parse_per_s, row.format_per_s, row.normalize_per_s, row.events_per_s]
    process.stdout.write(
      `${row.format.padEnd(21)}${cell(row.bytes_per_record, 6)}${row.events_per_record.toFixed(1).padStart(8)}${numbers.map((value) => cell(value, 12)).join('')}${row.ratio.toFixed(2).padStart(7)}${row.format_ratio.toFixed(2).padStart(14)}\n`,
    )
  }
}
