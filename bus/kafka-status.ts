import { messageOf } from '../core/errors.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import type { BusHealth } from './port.js'

/** What works and what does not, part by part; each change is logged once. */
export type KafkaStatus = {
  down(part: string, error: unknown): void
  up(part: string): void
  health(): BusHealth
}

/** The state behind `health` and the gauge `weir_bus_up`. */
export function createStatus({ log, metrics }: { log: Log; metrics: Metrics }): KafkaStatus {
  const faults = new Map<string, string>()
  const tell = () => metrics.gauge('bus_up', {}, faults.size === 0 ? 1 : 0)
  return {
    down(part, error) {
      if (!faults.has(part)) {
        metrics.count('bus_outages', { part })
        log.warn({ part, error: messageOf(error) }, 'Kafka: an outage begins; it is tried again until it ends')
      }
      faults.set(part, messageOf(error))
      tell()
    },
    up(part) {
      if (faults.delete(part)) log.warn({ part }, 'Kafka: the outage is over')
      tell()
    },
    health() {
      const [first] = faults
      return first ? { ok: false, message: `${first[0]}: ${first[1]}` } : { ok: true, message: 'connected' }
    },
  }
}
