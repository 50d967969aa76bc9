import { encodeBlock } from './encoder.js'
import { columnBuilder } from './native.js'
import type { Lake } from './port.js'
import { detector_state } from './tables/detector-state.js'
import { storedColumns } from './tables/table.js'

/** What one process has learned. */
export type StoredState = {
  readonly process: string
  /** Everything that was received before is in it, ms since 1970. */
  readonly saved_time: number
  readonly content: string
}

/** A process that lives saves more often than this; what is older than the newest by more was taken over by others. */
const OVERTAKEN_AFTER_MS = 30 * 60_000

/** Saves what a process has learned in place of what it saved before. Durable when it resolves. */
export async function saveState(
  lake: Pick<Lake, 'insertNative'>,
  state: StoredState & { readonly instance: string; readonly name: string },
): Promise<void> {
  const row: { readonly [column: string]: string | number } = state
  const builders = storedColumns(detector_state).map(({ name, type }) => {
    const builder = columnBuilder(type)
    builder.append(0, row[name] as string | number)
    return { name, type, builder }
  })
  await lake.insertNative(detector_state, encodeBlock(builders, 1))
}

/** What the processes saved last under this name, newest first, without those that others have overtaken. */
export async function loadStates(lake: Pick<Lake, 'select'>, instance: string, name: string): Promise<StoredState[]> {
  const rows = await lake.select<{ process: string; saved: string; content: string }>(
    `SELECT process, toUnixTimestamp64Milli(max(saved_time)) AS saved, argMax(content, ingested_time) AS content
     FROM detector_state
     WHERE instance = {instance:String} AND name = {name:String} AND saved_time >= (
       SELECT max(saved_time) - toIntervalMillisecond(${OVERTAKEN_AFTER_MS}) FROM detector_state
       WHERE instance = {instance:String} AND name = {name:String})
     GROUP BY process ORDER BY saved DESC`,
    { instance, name },
  )
  return rows.map(({ process, saved, content }) => ({ process, saved_time: Number(saved), content }))
}
