import { join } from 'node:path'
import { createKafkaBus } from '../bus/kafka.js'
import { createMemoryBus } from '../bus/memory.js'
import type { Bus } from '../bus/port.js'
import type { HealthBoard } from '../core/health.js'
import type { Log } from '../core/log.js'
import { createMemoryBound, type MemoryBound } from '../core/memory.js'
import type { Metrics } from '../core/metrics.js'
import type { Tracer } from '../core/tracing.js'
import type { Turns } from '../core/turns.js'
import { openLake } from '../lake/open.js'
import type { EmbeddedLake, Lake } from '../lake/port.js'
import { openServerLake } from '../lake/server.js'
import { actions } from '../responders/actions/index.js'
import { createBullJobs } from '../responders/jobs/bullmq.js'
import { createMemoryJobs } from '../responders/jobs/memory.js'
import type { Jobs } from '../responders/jobs/port.js'
import type { WeirConfig } from './config.js'
import { tracedBus, tracedJobs } from './tracing.js'

/** Largest batch on the memory bus. */
const MAX_BATCH = 512

/** What every part of a process is given. */
export type Around = {
  config: WeirConfig
  data_dir: string
  health: HealthBoard
  log: Log
  memory: MemoryBound
  metrics: Metrics
  tracer: Tracer
  turns: Turns
}

/** With the engine in the process, whose queries take what they need (`lake.max_memory_bytes` each), and without it, bytes. */
const MEMORY = { embedded: 4 * 2 ** 30, without: 2 ** 30 }

/** What this process may take: as configured, else what it may need, and no more than its container has. */
export function createConfiguredMemory({
  config,
  log,
  metrics,
}: Pick<Around, 'config' | 'log' | 'metrics'>): MemoryBound {
  const enough = config.lake.url === undefined ? MEMORY.embedded : MEMORY.without
  // 0 or more than there is where nothing constrains it.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY
  const max_rss_bytes = config.memory.max_rss_bytes ?? Math.min(enough, constrained)
  return createMemoryBound({ max_rss_bytes, metrics, log })
}

/** The lake of the configuration; `embedded` is the same one if it is in this process. */
export async function openConfiguredLake({
  config,
  data_dir,
  health,
}: Around): Promise<{ lake: Lake; embedded: EmbeddedLake | undefined }> {
  const { url, retention_days } = config.lake
  const embedded = url === undefined ? await openLake({ path: join(data_dir, 'lake'), retention_days }) : undefined
  const lake = embedded ?? (await openServerLake({ ...config.lake, url: url ?? '', retention_days }))
  const works = embedded ? `ClickHouse in this process, ${lake.path}` : `ClickHouse at ${lake.path}`
  health.watch('lake', async () => {
    const { fault, slow_ms } = await lake.health()
    if (fault) return { ok: false, message: [fault.message, fault.hint].filter(Boolean).join(' ') }
    const slow = `; it is slow: a write of nothing has taken ${slow_ms} ms so far`
    return { ok: true, message: slow_ms === undefined ? works : works + slow }
  })
  return { lake, embedded }
}

/** The bus of the configuration, not started. */
export function createConfiguredBus({ config, health, log, memory, metrics, tracer, turns }: Around): Bus {
  const { kafka, max_messages } = config.bus
  const bus = kafka
    ? createKafkaBus({ config: kafka, log, memory, metrics })
    : createMemoryBus({ max_messages, max_batch: MAX_BATCH, log, turns })
  health.watch('bus', bus.health)
  return tracedBus(bus, tracer)
}

/** Where jobs wait, as configured. */
export async function openConfiguredJobs({ config, health, log, metrics, tracer }: Around): Promise<Jobs> {
  const { redis } = config.jobs
  if (!redis) return tracedJobs(createMemoryJobs({ concurrency: 4 }), tracer)
  const jobs = await createBullJobs({ config: redis, actions: actions.all.map(({ name }) => name), log, metrics })
  health.watch('jobs', jobs.health)
  return tracedJobs(jobs, tracer)
}
