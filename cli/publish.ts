import type { Bus, Topic } from '../bus/port.js'
import type { Log } from '../core/log.js'
import { type CoverageInput, coverageEvent } from '../ocsf/coverage.js'
import type { OcsfEvent } from '../ocsf/event.js'

/** Publishes events under the uid of their workload. Resolves when they are durable. */
export function publishAll(bus: Bus, topic: Topic, events: readonly OcsfEvent[]): Promise<void> {
  const timestamp = Date.now()
  return bus.publish(
    topic,
    events.map((value) => ({ key: value.workload?.uid ?? topic, value, timestamp })),
  )
}

/** Publishes what a part can see or not. A failure is logged: nobody waits for it. */
export async function publishCoverage(bus: Bus, log: Log, input: CoverageInput): Promise<void> {
  try {
    await publishAll(bus, 'weir.coverage', [coverageEvent(input)])
  } catch (error) {
    log.error({ error, ...input }, 'coverage could not be published')
  }
}
