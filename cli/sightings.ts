import type { Message } from '../bus/port.js'
import type { Workload } from '../ocsf/event.js'

/** When (ms since 1970) something was last heard of a workload, and what it is. */
export type Sighting = { group: string; kind: Workload['kind']; received_time: number }

/** More workloads than this are not remembered; the ones heard of longest ago are forgotten first. */
const MAX_WORKLOADS = 100_000

export type Sightings = ReturnType<typeof createSightings>

/** Which workloads Weir hears of, and when it last did: what the responder's coverage and peer checks rest on. */
export function createSightings(config: { silent_after_ms: number; now: () => number }) {
  const seen = new Map<string, Sighting>()
  return {
    note(messages: readonly Message[]) {
      for (const { value, timestamp } of messages) {
        const { workload } = value
        if (!workload) continue
        const known = seen.get(workload.uid)
        if (known) known.received_time = timestamp
        else {
          seen.set(workload.uid, { group: workload.group, kind: workload.kind, received_time: timestamp })
          if (seen.size > MAX_WORKLOADS) seen.delete(seen.keys().next().value as string)
        }
      }
    },
    /** What was heard of a workload before a restart, or by another process. */
    remember(uid: string, sighting: Sighting) {
      const known = seen.get(uid)
      if (!known || known.received_time < sighting.received_time) seen.set(uid, sighting)
    },
    /** Is the workload seen without a gap until now? */
    coverage(workload: Workload): { healthy: boolean; message: string } {
      const last = seen.get(workload.uid)?.received_time
      if (last === undefined) return { healthy: false, message: `Nothing was heard of ${workload.name} lately.` }
      const age_ms = config.now() - last
      if (age_ms <= config.silent_after_ms) return { healthy: true, message: `${workload.name} is seen without a gap.` }
      return {
        healthy: false,
        message: `Nothing was heard of ${workload.name} for ${Math.round(age_ms / 60_000)} min.`,
      }
    },
    /** Workloads of a group that were heard of recently. */
    peers(group: string): number {
      const since = config.now() - config.silent_after_ms
      let count = 0
      for (const sighting of seen.values()) if (sighting.group === group && sighting.received_time >= since) count++
      return count
    },
    /** Workloads heard of, by kind. */
    kinds(): { [kind in Workload['kind']]: number } {
      const result = { vm: 0, container: 0, function: 0 }
      for (const { kind } of seen.values()) result[kind] += 1
      return result
    },
  }
}
