import { type Cluster, onCluster } from './ddl.js'

/** What one query of an analyst may take on a server; 0 rows: no limit. */
export type AnalystLimits = {
  readonly max_execution_ms: number
  readonly max_memory_bytes: number
  readonly max_result_rows: number
}

/** Queries, and seconds of running them, that each analyst has in an hour. */
const queries_per_hour = 20_000
const seconds_per_hour = 7_200

/**
 * The statements that make the role `weir_analyst` on a server: it reads the lake's database and nothing else, within limits
 * that no query can raise. People get it with `GRANT weir_analyst TO <user>`. Run again, they give a role that is there the
 * limits of now; the role itself stays, because users have it.
 */
export function analystRoleSql(database: string, limits: AnalystLimits, cluster?: Cluster): string[] {
  const everywhere = onCluster(cluster)
  // Without a least value 0 could be chosen, which is no limit.
  const limited = (name: string, value: number) => `${name} = ${value} MIN 1 MAX ${value}`
  const settings = [
    // Clients such as Grafana choose formats and lower limits; what reaches outside needs grants that the role lacks.
    'readonly = 2',
    limited('max_execution_time', Math.ceil(limits.max_execution_ms / 1000)),
    limited('max_memory_usage', limits.max_memory_bytes),
    ...(limits.max_result_rows === 0 ? [] : [limited('max_result_rows', limits.max_result_rows)]),
  ]
  return [
    `CREATE ROLE IF NOT EXISTS weir_analyst${everywhere}`,
    `CREATE SETTINGS PROFILE OR REPLACE weir_analyst${everywhere} SETTINGS ${settings.join(', ')} TO weir_analyst`,
    `CREATE QUOTA OR REPLACE weir_analyst${everywhere} KEYED BY user_name FOR INTERVAL 1 hour MAX queries = ${queries_per_hour}, execution_time = ${seconds_per_hour} TO weir_analyst`,
    `GRANT${everywhere} SELECT ON \`${database}\`.* TO weir_analyst`,
  ]
}
