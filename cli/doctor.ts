import type { Command } from 'commander'
import { messageOf } from '../core/errors.js'
import { configSchema, loadConfig, type WeirConfig } from './config.js'
import { checkReferences } from './config-check.js'
import { type Check, fail, ok } from './doctor/check.js'
import { checkDocker } from './doctor/docker.js'
import { checkPermissions } from './doctor/permissions.js'
import { checkEndpoint, checkPorts } from './doctor/ports.js'
import { checkBackend, checkMachine, checkNode, checkPackages } from './doctor/runtime.js'
import { checkServers } from './doctor/servers.js'
import { checkDataDir, checkEngine, checkStaging } from './doctor/storage.js'
import { configFile, withConfig } from './options.js'
import { version } from './version.js'

type Options = { config?: string; dataDir?: string; json?: boolean }

/** `weir doctor`: what this machine can and cannot do, and what to do about it. */
export function registerDoctor(program: Command) {
  withConfig(program.command('doctor'))
    .description('say what this machine can and cannot do, and what to do about it')
    .option('-d, --data-dir <folder>', 'the data folder to look at (default: .weir)')
    .option('--json', 'one JSON object on stdout: {version, checks: [{name, status, found, todo}]}')
    .addHelpText(
      'after',
      `
Examples:
  weir doctor
  weir doctor -c weir.yaml --json | jq '.checks[] | select(.status != "ok")'
Exit code 1 only if something makes weir up impossible. Changes nothing.
`,
    )
    .action(async (options: Options) => {
      const checks = await examine(options)
      process.stdout.write(options.json ? `${JSON.stringify({ version, checks }, null, 2)}\n` : doctorText(checks))
      process.exitCode = checks.some(({ status }) => status === 'fail') ? 1 : 0
    })
}

/** Looks at everything, in the order of the listing. Reads only; a lake is opened in a temporary folder. */
export async function examine(options: Pick<Options, 'config' | 'dataDir'>): Promise<Check[]> {
  const { config, check } = readConfiguration(options)
  const { collectors } = config
  return [
    checkNode(),
    checkMachine(),
    checkPackages(),
    check,
    await checkBackend(),
    await checkEngine(),
    ...checkDataDir(config.data_dir),
    checkStaging(),
    ...(await checkDocker(collectors)),
    ...checkPermissions(collectors),
    ...(await checkPorts(config)),
    ...(await checkServers(config)),
    await checkEndpoint(config.data_dir),
  ]
}

/** A configuration that is wrong is one of the findings; the rest is then examined with the defaults. */
function readConfiguration(options: Pick<Options, 'config' | 'dataDir'>): { config: WeirConfig; check: Check } {
  const file = configFile(options)
  const at = options.dataDir === undefined ? {} : { data_dir: options.dataDir }
  try {
    const config = { ...loadConfig(file), ...at }
    checkReferences(config)
    return { config, check: ok('configuration', file ?? 'none: the defaults, for this machine') }
  } catch (error) {
    const check = fail('configuration', messageOf(error), `Mend ${file}; \`weir config check ${file}\` shows the same.`)
    return { config: { ...configSchema.parse({}), ...at }, check }
  }
}

/** The listing a person reads. */
export function doctorText(checks: readonly Check[]): string {
  const width = Math.max(...checks.map(({ name }) => name.length))
  const lines = checks.flatMap(({ name, status, found, todo }) => [
    `  ${status.padEnd(4)}  ${name.padEnd(width)}  ${found}`,
    ...(todo === undefined ? [] : [`  ${' '.repeat(4)}  ${' '.repeat(width)}  -> ${todo}`]),
  ])
  const failed = checks.filter(({ status }) => status === 'fail').length
  const warned = checks.filter(({ status }) => status === 'warn').length
  const end =
    failed > 0
      ? `weir up cannot run: ${failed} to mend (fail).`
      : `weir up can run here${warned > 0 ? `; ${warned} ${warned === 1 ? 'thing' : 'things'} it will lack (warn)` : ''}.`
  return `\nWeir ${version}\n\n${lines.join('\n')}\n\n${end}\n`
}
