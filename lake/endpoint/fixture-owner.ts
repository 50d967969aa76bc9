import { Session } from 'chdb'
import { createLog } from '../../core/log.js'
import { createMetrics } from '../../core/metrics.js'
import { announceEndpoint } from './discovery.js'
import { createSqlEndpoint } from './server.js'

// A process that has a lake open until it is killed: `fixture-owner <lake> [<data folder to announce the endpoint in>]`.
const [lake = '', data_dir = ''] = process.argv.slice(2)
const session = new Session(lake)
await session.queryAsync('CREATE TABLE IF NOT EXISTS t (n UInt8) ENGINE = MergeTree ORDER BY n')
await session.queryAsync('TRUNCATE TABLE t')
await session.queryAsync('INSERT INTO t VALUES (1), (2), (3)')
if (data_dir !== '') {
  const endpoint = createSqlEndpoint({
    open: () => new Session(lake),
    port: 0,
    log: createLog('silent'),
    metrics: createMetrics(),
  })
  await endpoint.start()
  announceEndpoint(data_dir, endpoint.url)
}
process.stdout.write('ready\n')
setInterval(() => {}, 60_000)
