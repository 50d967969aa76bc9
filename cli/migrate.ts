import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { migrate } from '../lake/migrate.js'
import { openLake } from '../lake/open.js'
import { migrationSql, provisionServer, provisionSql } from '../lake/provision.js'
import { loadConfig, type WeirConfig } from './config.js'
import { configFile, withConfig } from './options.js'

/** `weir migrate`: the tables of the lake, and on a server the analysts' role. */
export function registerMigrate(program: Command) {
  withConfig(program.command('migrate'))
    .description("make or update the lake's tables; on a ClickHouse server also the database and the analysts' role")
    .option('--print', 'print the SQL instead of running it')
    .addHelpText(
      'after',
      `
Examples:
  weir migrate -c weir.yaml                      as lake.user, who needs CREATE and ALTER
  weir migrate -c weir.yaml --print > weir.sql   for an administrator: clickhouse-client --multiquery < weir.sql
`,
    )
    .action(async (options: { config?: string; print?: boolean }) => {
      const config = loadConfig(configFile(options))
      if (options.print) process.stdout.write((await statements(config)).map((sql) => `${sql};\n`).join('\n'))
      else process.stdout.write(await run(config))
    })
}

/** The server of the configuration, if it has one. */
function serverOf({ lake }: WeirConfig) {
  const { url } = lake
  return url === undefined ? undefined : { ...lake, url }
}

async function statements(config: WeirConfig): Promise<string[]> {
  const server = serverOf(config)
  if (server) return await provisionSql(server, config.lake)
  const path = join(resolve(config.data_dir), 'lake')
  if (!existsSync(path)) return await migrationSql(undefined, config.lake.retention_days)
  const lake = await openLake({ path, migrate: false })
  try {
    return await migrationSql(lake.select, config.lake.retention_days)
  } finally {
    await lake.close()
  }
}

/** What was done, for a person. */
async function run(config: WeirConfig): Promise<string> {
  const server = serverOf(config)
  if (!server) {
    const path = join(resolve(config.data_dir), 'lake')
    const lake = await openLake({ path, migrate: false })
    try {
      return report(await migrate(lake, config.lake.retention_days), path)
    } finally {
      await lake.close()
    }
  }
  const { done, role_problem } = await provisionServer(server, config.lake)
  const role =
    role_problem === undefined
      ? 'analysts: GRANT weir_analyst TO <user>\n'
      : `The role weir_analyst could not be made: ${role_problem}\nAn administrator can: weir migrate --print\n`
  return report(done, `${server.url}, database ${server.database}`) + role
}

function report(done: readonly string[], where: string): string {
  if (done.length === 0) return `${where}: up to date\n`
  return `${where}:\n${done.map((line) => `  ${line}\n`).join('')}`
}
