import type { FormatDefinition } from '../ingest/contract.js'
import { formats } from '../ingest/formats/index.js'
import { finish } from '../ocsf/finish.js'
import { repaired } from '../ocsf/repair.js'
import { RECEIVED, sharedRecords } from './format-cases.js'

type Counts = { [key: string]: number }

/** What a format made of many records. Counts are by name, highest first. */
export type CorpusReport = {
  /** Records after envelopes were taken apart. */
  records: number
  events: number
  classes: Counts
  dropped: Counts
  rejected: Counts
  /** `class: path: code`, array positions left out. */
  problems: Counts
  /** Keys that stay only in `unmapped`: by eye, none of them may have a home in OCSF. */
  unmapped: Counts
  /** Kinds of workload, and `none`. */
  workloads: Counts
  /** The first few refusals and problems in words. */
  examples: string[]
}

/** Runs records (parsed JSON, or lines for a text format) through a format as the runner does, and counts. */
export function corpusReport(
  definition: FormatDefinition,
  records: readonly unknown[],
  config: object = {},
): CorpusReport {
  const format = definition.create(definition.config.parse(config))
  const report: CorpusReport = {
    records: 0,
    events: 0,
    classes: {},
    dropped: {},
    rejected: {},
    problems: {},
    unmapped: {},
    workloads: {},
    examples: [],
  }
  for (const record of records.flatMap((entry) => {
    const input = definition.input === 'text' && typeof entry !== 'string' ? JSON.stringify(entry) : entry
    return definition.split?.(input) ?? [input]
  })) {
    report.records++
    const outcome = format(record, { received_time: RECEIVED })
    if (outcome.kind === 'drop') bump(report.dropped, outcome.reason)
    else if (outcome.kind === 'reject') {
      bump(report.rejected, outcome.reason)
      example(report, `${outcome.reason}: ${outcome.detail}`, record)
    } else {
      for (const [ordinal, draft] of outcome.value.entries()) {
        const event = finish(draft, { format: definition.name, instance: 'test', received_time: RECEIVED, ordinal })
        const problems = repaired(event)
        report.events++
        bump(report.classes, `${event.class_name} (${event.class_uid}): ${event.activity_name}`)
        bump(report.workloads, event.workload?.kind ?? 'none')
        for (const { path, code, found } of problems) {
          bump(report.problems, `${event.class_name}: ${path.replace(/\[\d+\]/g, '[]')}: ${code}`)
          example(report, `${path}: ${code}, found ${found}`, record)
        }
        for (const key of Object.keys(event.unmapped ?? {})) bump(report.unmapped, key.replace(/\[\d+\]/g, '[]'))
      }
    }
  }
  for (const counts of [report.classes, report.dropped, report.rejected, report.problems, report.unmapped]) sort(counts)
  return report
}

/** The corpus records that are surest of this format, or undefined where the shared data folder is absent. */
export function corpusOf(name: string, paths: readonly string[]): unknown[] | undefined {
  const found: unknown[] = []
  for (const path of paths) {
    const records = sharedRecords(path)
    if (records === undefined) return undefined
    for (const { record } of records) if (surest(record) === name) found.push(record)
  }
  return found
}

/** The format that is surest of a record; undefined if none claims it. */
export function surest(record: unknown): string | undefined {
  let best: { name: string; sure: number } | undefined
  for (const { name, detect } of formats.all) {
    const sure = detect(record)
    if (sure > (best?.sure ?? 0)) best = { name, sure }
  }
  return best?.name
}

function bump(counts: Counts, key: string) {
  counts[key] = (counts[key] ?? 0) + 1
}

function sort(counts: Counts) {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a)
  for (const [key] of entries) delete counts[key]
  for (const [key, n] of entries) counts[key] = n
}

function example(report: CorpusReport, text: string, record: unknown) {
  if (report.examples.length < 10) report.examples.push(`${text}\n    in ${JSON.stringify(record).slice(0, 300)}`)
}
