import { WeirError } from '../core/errors.js'
import type { Service } from '../core/lifecycle.js'
import type { Log } from '../core/log.js'
import type { Metrics } from '../core/metrics.js'
import { announceEndpoint } from '../lake/endpoint/discovery.js'
import type { createSqlEndpoint, SqlEndpoint } from '../lake/endpoint/server.js'
import type { EmbeddedLake } from '../lake/port.js'
import type { WeirConfig } from './config.js'

/** ClickHouse's own HTTP port, so that clients need no configuration. */
export const DEFAULT_PORT = 8123

type Options = {
  config: WeirConfig['lake']
  data_dir: string
  create: typeof createSqlEndpoint
  lake: EmbeddedLake
  log: Log
  metrics: Metrics
}

/** The SQL endpoint as configured; without a configured port, a free one if 8123 is taken. `weir sql` can find it. */
export function openSqlEndpoint(options: Options): Service & { url(): string | undefined } {
  const { config, data_dir, lake, log, metrics } = options
  let running: SqlEndpoint | undefined
  let withdraw: (() => void) | undefined

  const on = (port: number) =>
    options.create({
      open: () => lake.openSession(),
      host: config.host,
      port,
      users: Object.entries(config.users).map(([name, { password }]) => ({ name, password })),
      limits: {
        max_execution_ms: config.max_execution_ms,
        max_memory_bytes: config.max_memory_bytes,
        max_result_rows: config.max_result_rows,
      },
      log,
      metrics,
    })

  return {
    name: 'SQL endpoint',
    url: () => running?.url,
    async start() {
      let endpoint = on(config.port ?? DEFAULT_PORT)
      try {
        await endpoint.start()
      } catch (error) {
        const isTaken = error instanceof WeirError && error.code === 'port_in_use'
        if (!isTaken || config.port !== undefined) throw error
        endpoint = on(0)
        await endpoint.start()
      }
      running = endpoint
      withdraw = announceEndpoint(data_dir, endpoint.url)
    },
    async stop() {
      withdraw?.()
      await running?.stop()
      running = undefined
    },
  }
}
