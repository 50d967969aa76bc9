import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { environment } from '../core/config.js'
import { WeirError } from '../core/errors.js'
import { renderException, SqlException } from '../lake/endpoint/exception.js'
import { type RunSqlOptions, runSql } from '../lake/query.js'
import { loadConfig, type WeirConfig } from './config.js'
import { configFile, withConfig } from './options.js'

type Options = {
  config?: string
  format: string
  url?: string
  user?: string
  passwordEnv?: string
  param: Record<string, string>
}

/** `weir sql`: query the lake, whether or not `weir up` is running. */
export function registerSql(program: Command) {
  withConfig(program.command('sql'))
    .description('query the lake with SQL, whether or not weir up is running')
    .argument('[query]', 'one SELECT, SHOW, DESCRIBE or EXPLAIN; read from stdin if absent')
    .option('-f, --format <format>', 'ClickHouse format of the result', 'PrettyCompact')
    .option('-u, --url <url>', 'ask this endpoint or ClickHouse server instead')
    .option('--user <name>', 'user at --url')
    .option('--password-env <NAME>', 'environment variable that holds the password')
    .option('-p, --param <name=value>', 'value of a {name:Type} placeholder; repeatable', collectParam, {})
    .addHelpText(
      'after',
      `
Examples:
  weir sql "SELECT class_name, count() FROM events GROUP BY 1 ORDER BY 2 DESC"
  weir sql -p host=web-1 "SELECT time, message FROM events WHERE workload_name = {host:String} LIMIT 10"
  weir sql -f JSONEachRow "SELECT * FROM findings" | jq .reason
`,
    )
    .action(run)
}

async function run(query: string | undefined, options: Options) {
  if (query === undefined && process.stdin.isTTY) {
    throw new WeirError('bad_input', 'there is no query', { hint: 'Try: weir sql "SHOW TABLES"' })
  }
  const { data_dir, lake } = loadConfig(configFile(options))
  const password = options.passwordEnv === undefined ? undefined : environment[options.passwordEnv]
  if (options.passwordEnv !== undefined && password === undefined) {
    throw new WeirError('setting_missing', `environment variable ${options.passwordEnv} is not set`)
  }
  await printSql({
    sql: query ?? (await text(process.stdin)),
    format: options.format,
    data_dir,
    params: options.param,
    ...(options.url === undefined ? serverOf(lake, options.user !== undefined) : { url: options.url }),
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(password === undefined ? {} : { password }),
  })
}

/** The server of the configuration, if the lake is one. */
export function serverOf({ url, user, password, database }: WeirConfig['lake'], as_other: boolean) {
  return url === undefined ? {} : { url, user, password, database, only_reads: !as_other }
}

/** Prints the answer to one statement; what is wrong with it goes to stderr and into the exit code. */
export async function printSql(query: Omit<RunSqlOptions, 'write' | 'signal'>): Promise<void> {
  const stop = new AbortController()
  // `weir sql ... | head` closes our output: then nobody wants the rest.
  process.stdout.on('error', () => stop.abort())
  try {
    await runSql({
      ...query,
      signal: stop.signal,
      async write(piece) {
        if (!process.stdout.write(piece)) await once(process.stdout, 'drain', { signal: stop.signal })
      },
    })
  } catch (error) {
    if (stop.signal.aborted) return
    if (!(error instanceof SqlException)) throw error
    process.stderr.write(renderException(error))
    process.exitCode = 2
  }
}

function collectParam(text: string, params: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new WeirError('bad_input', `--param "${text}" is not name=value`)
  return { ...params, [text.slice(0, at)]: text.slice(at + 1) }
}
