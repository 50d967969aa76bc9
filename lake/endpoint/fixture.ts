import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Session } from 'chdb'
import { createLog } from '../../core/log.js'
import { createMetrics, type Metrics } from '../../core/metrics.js'
import { createSqlEndpoint, type SqlEndpoint, type SqlEndpointOptions } from './server.js'

export type EndpointFixture = {
  readonly folder: string
  /** A session that may write. */
  readonly writer: Session
  readonly endpoint: SqlEndpoint
  readonly metrics: Metrics
  readonly open: () => Session
  stop(): Promise<void>
}

/** A lake with 1,000 events and an endpoint on a free port. The engine allows one such folder in a process. */
export async function startEndpoint(options: Partial<SqlEndpointOptions> = {}): Promise<EndpointFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-endpoint-'))
  const open = () => new Session(folder)
  const writer = open()
  await writer.queryAsync(
    `CREATE TABLE events (metadata_uid String, class_uid UInt32, class_name LowCardinality(String), count UInt64,
     time DateTime64(3), labels Map(String, String)) ENGINE = MergeTree ORDER BY class_uid`,
  )
  await writer.queryAsync(
    `INSERT INTO events SELECT toString(number), 1000 + number % 10, 'class ' || toString(number % 3),
     18446744073709551615, toDateTime64('2026-01-01 00:00:00', 3) + number, map('a', toString(number)) FROM numbers(1000)`,
  )
  const metrics = createMetrics()
  const endpoint = createSqlEndpoint({ open, port: 0, log: createLog('silent'), metrics, ...options })
  await endpoint.start()
  return {
    folder,
    writer,
    endpoint,
    metrics,
    open,
    async stop() {
      await endpoint.stop()
      writer.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
