import type { Command } from 'commander'
import { createLog } from '../core/log.js'
import { createApp } from './app.js'
import { loadConfig, type WeirConfig } from './config.js'
import { checkReferences } from './config-check.js'
import { configFile, withConfig } from './options.js'
import { ROLES, type Role } from './roles/role.js'
import { startScreen, summaryLine } from './screen.js'

const STOP_WITHIN_MS = 10_000
const SUMMARY_EVERY_MS = 5_000

/** `weir up`: every role in one process, on this machine. */
export function registerUp(program: Command) {
  withConfig(program.command('up'))
    .description('run every role in one process: collect, store, detect, respond')
    .option('-d, --data-dir <folder>', 'where the lake and all state are kept (default: .weir)')
    .option('--no-summary', 'no live summary line')
    .addHelpText(
      'after',
      `
Examples:
  weir up                        watch this machine, nothing to configure
  weir up -c weir.yaml           with a configuration (weir config check weir.yaml)
Ctrl-C drains and stops.
`,
    )
    .action(async (options: { config?: string; dataDir?: string; summary: boolean }) => {
      const config = loadConfig(configFile(options))
      await runRoles(withDataDir(config, options.dataDir), ROLES, options.summary)
    })
}

/** Runs a process of these roles until it is asked to stop. Does not return. */
export async function runRoles(config: WeirConfig, roles: readonly Role[], summary: boolean): Promise<void> {
  // Before anything is opened: what the user got wrong is said at once.
  checkReferences(config)
  const log = createLog(config.log_level)
  const app = await createApp(config, { log, roles })
  const asked = signalled()
  await app.start()
  process.stdout.write(startScreen(app, config))
  const line = summary ? setInterval(() => process.stdout.write(summaryLine(app)), SUMMARY_EVERY_MS) : undefined
  await asked
  clearInterval(line)
  process.stdout.write('\nstopping: what was accepted is being stored ...\n')
  // Whoever asks twice, or waits too long, gets out at once; what was acknowledged is stored already.
  void signalled().then(() => process.exit(130))
  setTimeout(() => {
    process.stderr.write(`weir: not stopped within ${STOP_WITHIN_MS / 1_000} s, leaving\n`)
    process.exit(1)
  }, STOP_WITHIN_MS - 500).unref()
  await app.stop()
  process.stdout.write('stopped\n')
  process.exit(0)
}

/** The configuration with another data folder, if one was named. */
export function withDataDir(config: WeirConfig, data_dir: string | undefined): WeirConfig {
  return data_dir === undefined ? config : { ...config, data_dir }
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      process.off('SIGINT', done)
      process.off('SIGTERM', done)
      resolve()
    }
    process.on('SIGINT', done)
    process.on('SIGTERM', done)
  })
}
