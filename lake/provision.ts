import { messageOf } from '../core/errors.js'
import { type AnalystLimits, analystRoleSql } from './analyst-role.js'
import { migrate, type Retention } from './migrate.js'
import {
  createDatabaseSql,
  ensureDatabase,
  naming,
  type ServerLakeOptions,
  serverCluster,
  serverLake,
} from './server.js'

/** What `weir migrate` did to a server. */
export type Provisioned = {
  /** One line each; empty if the tables were up to date. */
  readonly done: readonly string[]
  /** Why the analysts' role could not be made, if it could not: an administrator has to. */
  readonly role_problem: string | undefined
}

/** Makes database, tables, and the analysts' role on a server. Throws as `openServerLake` does. */
export async function provisionServer(options: ServerLakeOptions, limits: AnalystLimits): Promise<Provisioned> {
  const lake = serverLake(options)
  try {
    const cluster = serverCluster(options)
    const done = await naming(options, async () => {
      await ensureDatabase({ ...options, migrate: true })
      return await migrate(lake, options.retention_days, cluster)
    })
    try {
      for (const sql of analystRoleSql(options.database, limits, cluster)) await lake.command(sql)
      return { done, role_problem: undefined }
    } catch (error) {
      return { done, role_problem: messageOf(error) }
    }
  } finally {
    await lake.close()
  }
}

/**
 * The statements `provisionServer` would run, as a script. What a server that answers has already is left out; one that does not
 * answer, or has no such database, is taken for empty.
 */
export async function provisionSql(options: ServerLakeOptions, limits: AnalystLimits): Promise<string[]> {
  const cluster = serverCluster(options)
  const lake = serverLake(options)
  try {
    const there = await lake.select('SELECT 1 FROM system.databases WHERE name = currentDatabase()').catch(() => [])
    const select = there.length > 0 ? lake.select : undefined
    const tables = await naming(options, () => migrationSql(select, options.retention_days, cluster))
    return [
      ...(there.length > 0 ? [] : [createDatabaseSql(options)]),
      `USE \`${options.database}\``,
      ...tables,
      ...analystRoleSql(options.database, limits, cluster),
    ]
  } finally {
    await lake.close()
  }
}

/** The statements `migrate` would run, on what `select` shows or on nothing. */
export async function migrationSql(
  select: Parameters<typeof migrate>[0]['select'] = async () => [],
  retention?: Retention,
  cluster?: Parameters<typeof migrate>[2],
): Promise<string[]> {
  const statements: string[] = []
  await migrate({ select, command: async (sql) => void statements.push(sql) }, retention, cluster)
  return statements
}
