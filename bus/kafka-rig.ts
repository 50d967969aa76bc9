import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from '../core/log.js'
import type { MemoryBound } from '../core/memory.js'
import { createMetrics, type Metrics } from '../core/metrics.js'
import type { OcsfEvent } from '../ocsf/event.js'
import { createKafkaBus } from './kafka.js'
import { kafkaConfig } from './kafka-config.js'
import type { Bus, Message } from './port.js'

/** A Kafka bus of its own (topics and groups with a prefix nobody else has), for tests. Not started. */
export function testBus(
  brokers: readonly string[],
  config: object = {},
  memory?: MemoryBound,
): { bus: Bus; metrics: Metrics; prefix: string } {
  const prefix = `t${randomUUID().slice(0, 8)}.`
  const metrics = createMetrics()
  const bus = createKafkaBus({
    config: kafkaConfig.parse({
      brokers,
      topic_prefix: prefix,
      partitions: 4,
      session_timeout_ms: 3_000,
      fetch_wait_ms: 100,
      ...config,
    }),
    log: createLog('silent'),
    metrics,
    ...(memory ? { memory } : {}),
  })
  return { bus, metrics, prefix }
}

/** A small event of a workload. */
export function testMessage(workload: string, n: number): Message {
  const value: OcsfEvent = {
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time: 1_700_000_000_000 + n,
    severity_id: 1,
    metadata: { version: '1.8.0', product: { name: 'test' }, uid: `${workload}-${n}` },
  }
  return { key: workload, value, timestamp: Date.now() }
}

/** Resolves when `condition` holds; fails with `what` after a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, within_ms = 60_000) {
  for (const deadline = Date.now() + within_ms; !(await condition()); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`not within ${within_ms} ms: ${what}`)
  }
}
