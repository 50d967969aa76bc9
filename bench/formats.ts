// Events a second of every format on one core, beside plain JSON.parse of the same records. Records are the fixtures of
// the formats; rounds of the three measurements alternate, the medians are shown.
// Usage: npm run bench:formats -- [--json] [NAME...]
import type { FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import type { EventDraft } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { validate } from '../ocsf/validate.js'
import { fixtureCases, fixtureFiles } from '../test/format-cases.js'

type Row = {
  format: string
  records: number
  bytes_per_record: number
  /** Records a second. */
  json_parse_per_s: number
  /** JSON.parse (where the record is JSON) and the format. */
  normalize_per_s: number
  /** The same, finish and validate: all that happens before an event is published. */
  event_per_s: number
  /** normalize_per_s by json_parse_per_s. */
  ratio: number
}

const ROUNDS = 7
const ROUND_MS = 60
const RECEIVED = Date.UTC(2026, 0, 12)

/** The records of a format as text, envelopes taken apart. */
function recordsOf(definition: FormatDefinition): string[] {
  const cases = fixtureFiles(definition.name).flatMap((path) => fixtureCases(path))
  return cases.flatMap(({ record }) => {
    const input: unknown = record
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    const parts = definition.split?.(definition.input === 'text' ? text : input) ?? [input]
    return parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))
  })
}

function measure(definition: FormatDefinition): Row | undefined {
  const texts = recordsOf(definition)
  if (texts.length === 0) return undefined
  const isJson = definition.input === 'json'
  const format = definition.create(definition.config.parse({}))
  const context = { received_time: RECEIVED }
  // A line is compared with its own words as JSON: a JSON string would be copied rather than parsed.
  const json = texts.map((text) => (/^[{[]/.test(text) ? text : JSON.stringify(text.split(/[ \t]/))))
  const drafts = (text: string): readonly EventDraft[] => {
    const outcome = format(isJson ? JSON.parse(text) : text, context)
    return outcome.kind === 'ok' ? outcome.value : []
  }
  const works = [
    (n: number) => void JSON.parse(json[n] as string),
    (n: number) => void drafts(texts[n] as string),
    (n: number) => {
      const raw = texts[n] as string
      for (const [ordinal, draft] of drafts(raw).entries()) {
        const origin = {
          format: definition.name,
          instance: 'bench',
          received_time: RECEIVED,
          ordinal,
          position: `${n}`,
        }
        validate(finish(draft, definition.keeps_raw ? origin : { ...origin, raw }))
      }
    },
  ]
  const rates: number[][] = [[], [], []]
  for (const work of works) rate(work, texts.length)
  for (let round = 0; round < ROUNDS; round++) {
    for (const [n, work] of works.entries()) rates[n]?.push(rate(work, texts.length))
  }
  const [json_parse_per_s = 0, normalize_per_s = 0, event_per_s = 0] = rates.map(median)
  return {
    format: definition.name,
    records: texts.length,
    bytes_per_record: Math.round(texts.reduce((sum, text) => sum + text.length, 0) / texts.length),
    json_parse_per_s: Math.round(json_parse_per_s),
    normalize_per_s: Math.round(normalize_per_s),
    event_per_s: Math.round(event_per_s),
    ratio: Math.round((normalize_per_s / json_parse_per_s) * 100) / 100,
  }
}

/** Calls a second over all records, again and again for the time of a round. */
function rate(work: (n: number) => void, records: number): number {
  const started = performance.now()
  let done = 0
  let elapsed_ms = 0
  while (elapsed_ms < ROUND_MS) {
    for (let n = 0; n < records; n++) work(n)
    done += records
    elapsed_ms = performance.now() - started
  }
  return (done * 1_000) / elapsed_ms
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const chosen = names.length === 0 ? formats.all : names.map((name) => formats.find(name))
const rows = chosen.flatMap((definition) => measure(definition) ?? [])
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
else {
  const cell = (value: number) => value.toLocaleString('en-US').padStart(12)
  process.stdout.write(
    `${'format'.padEnd(22)}${'bytes'.padStart(7)}${'JSON.parse/s'.padStart(14)}${'format/s'.padStart(12)}${'event/s'.padStart(12)}  ratio\n`,
  )
  for (const row of rows) {
    process.stdout.write(
      `${row.format.padEnd(22)}${String(row.bytes_per_record).padStart(7)}  ${cell(row.json_parse_per_s)}${cell(row.normalize_per_s)}${cell(row.event_per_s)}  ${row.ratio.toFixed(2)}\n`,
    )
  }
}
