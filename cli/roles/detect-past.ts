import type { Past } from '../../detectors/engine.js'
import type { Lake } from '../../lake/port.js'
import { readEvents } from '../../lake/read.js'
import type { OcsfEvent } from '../../ocsf/event.js'

/** Findings of a day that are remembered: as many as the engine can hold back. */
const MAX_FINDINGS = 50_000

/** Partitions of `weir.events`, which has `of` of them. */
type Partitions = { readonly of: number; readonly numbers: readonly number[] }

/** What the lake knows; where the past of this process's own workloads is asked for, that is those in its partitions. */
export function pastOf(lake: Lake, own?: Partitions): Past {
  return {
    async *restore({ from, to, classes, stored_since, of }) {
      yield* readEvents(lake, {
        from: Math.floor(from),
        to: Math.floor(to),
        stored_since,
        ...(classes === 'all' ? {} : { classes }),
        ...(own && of === 'own' ? { partitions: own } : {}),
      })
    },
    async findings(from_ms) {
      const rows = await lake.select<{ event: string }>(
        `SELECT event FROM findings WHERE ingested_time >= fromUnixTimestamp64Milli({from:Int64})
         ORDER BY ingested_time DESC LIMIT ${MAX_FINDINGS}`,
        { from: Math.floor(from_ms) },
      )
      return rows.map(({ event }) => JSON.parse(event) as OcsfEvent)
    },
  }
}
