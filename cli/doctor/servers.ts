import { openKafka } from '../../bus/kafka-connection.js'
import { kafkaError } from '../../bus/kafka-errors.js'
import { TOPICS } from '../../bus/port.js'
import { messageOf, WeirError } from '../../core/errors.js'
import { createLog } from '../../core/log.js'
import { naming, serverLake } from '../../lake/server.js'
import { connectRedis } from '../../responders/jobs/redis-connection.js'
import type { WeirConfig } from '../config.js'
import { type Check, fail, ok, warn } from './check.js'

const log = createLog('silent')

/** The servers of the configuration: each answers, lets us in, and has what we need. Changes nothing there. */
export async function checkServers({ bus, lake, jobs }: WeirConfig): Promise<Check[]> {
  const checks = await Promise.all([
    bus.kafka && checkKafka(bus.kafka),
    lake.url === undefined ? undefined : checkClickHouse({ ...lake, url: lake.url }),
    jobs.redis && checkRedis(jobs.redis),
  ])
  return checks.filter((check) => check !== undefined)
}

async function checkKafka(config: NonNullable<WeirConfig['bus']['kafka']>): Promise<Check> {
  const setting = 'bus.kafka'
  const admin = openKafka(config, { log, setting }).admin({ retry: { retries: 1 } })
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    const existing = new Set(await admin.listTopics())
    const missing = TOPICS.map((topic) => `${config.topic_prefix}${topic}`).filter((topic) => !existing.has(topic))
    const found = `${brokers.length} ${brokers.length === 1 ? 'broker' : 'brokers'} at ${config.brokers.join(', ')}`
    return ok('Kafka', missing.length === 0 ? found : `${found}; the first start creates ${missing.join(', ')}`)
  } catch (error) {
    return refused('Kafka', kafkaError(error, setting, config.brokers, 'connect'))
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

async function checkClickHouse(config: Parameters<typeof serverLake>[0]): Promise<Check> {
  // Asked of a database that every server has: ours may still have to be made.
  const server = serverLake({ ...config, database: 'default' })
  try {
    const [row] = await naming(config, () =>
      server.select<{ version: string; tables: string }>(
        'SELECT version() AS version, countIf(database = {database:String}) AS tables FROM system.tables',
        { database: config.database },
      ),
    )
    const found = `${row?.version} at ${server.path}, database ${config.database}`
    if (Number(row?.tables) === 0) {
      return warn('ClickHouse', `${found} has no tables yet`, 'Run weir migrate, or let the first start make them.')
    }
  } catch (error) {
    return refused('ClickHouse', error)
  } finally {
    await server.close()
  }
  const lake = serverLake(config)
  try {
    const { fault } = await lake.health()
    return fault ? refused('ClickHouse', fault) : ok('ClickHouse', `${lake.path} can be read and written`)
  } finally {
    await lake.close()
  }
}

async function checkRedis(config: NonNullable<WeirConfig['jobs']['redis']>): Promise<Check> {
  try {
    const connection = await connectRedis(config, log)
    connection.close()
    return ok('Redis', connection.health().message)
  } catch (error) {
    return refused('Redis', error)
  }
}

function refused(name: string, error: unknown): Check {
  const hint = error instanceof WeirError ? error.hint : undefined
  return fail(name, messageOf(error), hint ?? 'Look at its log.')
}
