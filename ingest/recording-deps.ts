import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../core/log.js'
import type { EventDraft, OcsfEvent } from '../ocsf/event.js'
import { finish } from '../ocsf/finish.js'
import { validate } from '../ocsf/validate.js'
import type { CollectorDeps, CoverageReport, RawRecord } from './contract.js'
import { Line } from './lines.js'

/** What a collector under test handed over, and knobs for how the pipeline behaves. */
export type RecordingDeps = {
  readonly deps: CollectorDeps
  readonly emitted: { format: string; record: RawRecord }[]
  readonly coverage: CoverageReport[]
  readonly refused: Map<string, number>
  /** Replaced by a test to fail, to wait, or to report something else. */
  emit: CollectorDeps['emit']
  pressure: number
  /** Resolves with the first thing `find` returns; rejects after `timeout_ms`. */
  until<T>(find: () => T | undefined | false, what: string, timeout_ms?: number): Promise<T>
}

/** The pipeline's side of a collector for tests: records what is emitted, in a state folder of its own. */
export function recordingDeps(state_dir = temporaryFolder()): RecordingDeps {
  const recording: RecordingDeps = {
    emitted: [],
    coverage: [],
    refused: new Map(),
    pressure: 0,
    async emit(format, records) {
      recording.emitted.push(...records.map((record) => ({ format, record })))
      const dead_lettered = records.filter(({ fault }) => fault).length
      return { records: records.length, stored: records.length - dead_lettered, dropped: 0, dead_lettered }
    },
    async until(find, what, timeout_ms = 10_000) {
      const deadline_ms = Date.now() + timeout_ms
      for (;;) {
        const found = find()
        if (found) return found
        if (Date.now() > deadline_ms) throw new Error(`not seen within ${timeout_ms} ms: ${what}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    deps: {
      instance: 'under_test',
      emit: (format, records, repeats) => recording.emit(format, records.map(asText), repeats),
      coverage: (report) => void recording.coverage.push(report),
      refused: (reason, n = 1) => void recording.refused.set(reason, (recording.refused.get(reason) ?? 0) + n),
      pressure: () => recording.pressure,
      state_dir,
      log: createLog('silent'),
    },
  }
  return recording
}

/** Lines as their text, so that a test can say what it expects. */
function asText(record: RawRecord): RawRecord {
  return record.data instanceof Line ? { ...record, data: record.data.text } : record
}

const folders: string[] = []

/** A folder that is removed when the test process ends: hooks run in the order of their registration, and a collector that stops later still saves. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-collector-'))
  if (folders.length === 0) {
    process.once('exit', () => {
      for (const path of folders) rmSync(path, { recursive: true, force: true })
    })
  }
  folders.push(folder)
  return folder
}

/** The event a native OCSF record becomes. Throws if OCSF does not allow it. */
export function eventOf(record: RawRecord): OcsfEvent {
  const origin = { format: 'ocsf', instance: 'under_test', ordinal: 0, received_time: Date.now() }
  const draft = structuredClone(record.data) as EventDraft
  const event = finish(draft, record.position === undefined ? origin : { ...origin, position: record.position })
  const problems = validate(event)
  if (problems.length > 0) throw new Error(`not OCSF: ${JSON.stringify(problems)}\n${JSON.stringify(event)}`)
  return event
}
