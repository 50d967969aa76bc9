import type { Intake } from '../ingest/intake.js'
import type { Line } from './recording.js'

/** Minutes of recorded time that are handed over together. */
const STEP_MS = 60_000
/** Handed over and not stored yet; more have to wait. */
const OUTSTANDING = 400

export type ReplayOptions = {
  /** Pause between two recorded minutes, ms; 0 for as fast as it goes. */
  pause_ms: number
  /** Share done, 0 to 1, and the recorded time. */
  progress?: (share: number, time: number) => void
}

/** Hands recorded lines to the intake in their order, minute by minute. Resolves when all of them are durable. */
export async function replay(lines: readonly Line[], intake: Intake, options: ReplayOptions): Promise<void> {
  const running = new Set<Promise<unknown>>()
  let failure: unknown
  for (let from = 0; from < lines.length; ) {
    const minute = Math.floor((lines[from] as Line).time / STEP_MS)
    let to = from
    while (to < lines.length && Math.floor((lines[to] as Line).time / STEP_MS) === minute) to++
    for (const [format, records] of byFormat(lines.slice(from, to))) {
      const emission = intake
        .emit('demo', format, records)
        .catch((error) => {
          failure ??= error
        })
        .finally(() => running.delete(emission))
      running.add(emission)
    }
    options.progress?.(to / lines.length, minute * STEP_MS)
    if (options.pause_ms > 0) await new Promise((resolve) => setTimeout(resolve, options.pause_ms))
    if (running.size >= OUTSTANDING) await Promise.race(running)
    if (failure) throw failure
    from = to
  }
  await Promise.all(running)
  if (failure) throw failure
}

function byFormat(lines: readonly Line[]): Map<string, { data: string; position: string }[]> {
  const result = new Map<string, { data: string; position: string }[]>()
  for (const line of lines) {
    const data = JSON.stringify(line.data)
    const records = result.get(line.format) ?? []
    records.push({ data, position: `${line.time}:${data.length}:${records.length}` })
    result.set(line.format, records)
  }
  return result
}
