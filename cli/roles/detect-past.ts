import type { Past } from '../../detectors/engine.js'
import type { Lake } from '../../lake/port.js'
import { readEvents } from '../../lake/read.js'
import type { OcsfEvent } from '../../ocsf/event.js'

/** Findings of a day that are remembered: as many as the engine can hold back. */
const MAX_FINDINGS = 50_000

/** What the lake knows; with `own`, events that are asked for of this process's workloads only are those it accepts. */
export function pastOf(lake: Lake, own?: (event: OcsfEvent) => boolean): Past {
  return {
    async *restore({ from, to, classes, stored_since, of }) {
      const wanted = { from: Math.floor(from), to: Math.floor(to), stored_since }
      for await (const events of readEvents(lake, { ...wanted, ...(classes === 'all' ? {} : { classes }) })) {
        yield own && of === 'own' ? events.filter(own) : events
      }
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
