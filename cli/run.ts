import type { Command } from 'commander'
import { WeirError } from '../core/errors.js'
import { loadConfig, type WeirConfig } from './config.js'
import { configFile, withConfig } from './options.js'
import { parseRoles, ROLES, type Role } from './roles/role.js'
import { runRoles, withDataDir } from './up.js'

type Options = { config?: string; dataDir?: string; summary: boolean }

/** `weir run <role...>`: some roles; other processes have the others. */
export function registerRun(program: Command) {
  withConfig(program.command('run'))
    .description('run some roles in this process; others run elsewhere (needs Kafka and a ClickHouse server)')
    .argument('<role...>', ROLES.join(', '))
    .option('-d, --data-dir <folder>', 'where this process keeps its files (default: .weir)')
    .option('--no-summary', 'no live summary line')
    .addHelpText(
      'after',
      `
Roles:
  ingest    collect and publish events
  store     write what is on the bus into the lake
  detect    look for attacks; more processes share the workloads
  respond   answer findings
  console   the SQL endpoint, for now

Examples:
  weir run store detect -c weir.yaml
  weir run respond -c weir.yaml --data-dir /var/lib/weir/respond
Every process answers /health, /ready and /metrics (http.host, http.port). Ctrl-C drains and stops.
`,
    )
    .action(async (names: string[], options: Options) => {
      const roles = parseRoles(names)
      const config = withDataDir(loadConfig(configFile(options)), options.dataDir)
      requireServers(config, roles)
      await runRoles(config, roles, options.summary)
    })
}

/** Processes share work through Kafka, a lake that all of them can reach, and, where they respond, jobs that one of them does. */
function requireServers({ bus, lake, jobs }: WeirConfig, roles: readonly Role[]) {
  const missing = [
    ...(bus.kafka ? [] : ['bus.kafka']),
    ...(lake.url === undefined && roles.some((role) => role !== 'ingest') ? ['lake.url'] : []),
  ]
  if (missing.length === 0 && roles.includes('respond') && !jobs.redis) {
    throw new WeirError(
      'setting_missing',
      `weir run ${roles.join(' ')} needs jobs.redis: each of two responders with jobs of its own would carry out and undo the same response`,
      { hint: 'Set jobs.redis.url to a Redis or Valkey that all processes of the role respond share.' },
    )
  }
  if (missing.length === 0) return
  throw new WeirError(
    'setting_missing',
    `weir run ${roles.join(' ')} needs ${missing.join(' and ')}: roles in several processes share a Kafka cluster and a ClickHouse server`,
    {
      hint: 'Set bus.kafka.brokers and lake.url (deploy/weir.cluster.example.yaml explains them), or start `weir up`, which runs every role in one process without servers.',
    },
  )
}
