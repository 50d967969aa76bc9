import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { tellControl, VERDICTS, type Verdict } from '../responders/control.js'
import { loadConfig, type WeirConfig } from './config.js'
import { configFile, withConfig } from './options.js'
import { printSql, serverOf } from './sql.js'
import { withDataDir } from './up.js'

type Options = { config?: string; dataDir?: string }
type ListOptions = Options & { all?: true; format: string }
type VerdictOptions = Options & { by: string; reason?: string }

const WHAT: Record<Verdict, string> = {
  approve: 'agree with a proposal: it is planned, and carried out if the mode is enforce',
  reject: 'refuse a proposal',
  undo: 'take back what was done',
}

/** `weir responses`: what was proposed and done, and what a person decides about it. */
export function registerResponses(program: Command) {
  const responses = program.command('responses').description('list responses; approve, reject or undo one')
  withPlace(responses.command('list', { isDefault: true }))
    .description('what was proposed and done; without --all only what is not over')
    .option('-a, --all', 'those that are over, too')
    .option('-f, --format <format>', 'ClickHouse format of the list', 'PrettyCompact')
    .action((options: ListOptions) => list(configOf(options), options))
  for (const verdict of VERDICTS) {
    withPlace(responses.command(verdict))
      .description(WHAT[verdict])
      .argument('<uid>', 'the response, as listed')
      .option('--by <name>', 'who decides; recorded', thisUser())
      .option('--reason <text>', 'why; recorded')
      .action((uid: string, options: VerdictOptions) => decide(verdict, uid, options))
  }
  responses.addHelpText(
    'after',
    `
Examples:
  weir responses                                           what waits for somebody
  weir responses approve rsp-4711 --reason "seen on shop-3"
  weir responses undo rsp-4711 --by ada
Deciding needs a running weir up, or weir run respond, on the same data folder, and its user.
`,
  )
}

function withPlace(command: Command): Command {
  return withConfig(command).option('-d, --data-dir <folder>', 'where Weir keeps its files (default: .weir)')
}

function configOf(options: Options): WeirConfig {
  return withDataDir(loadConfig(configFile(options)), options.dataDir)
}

async function list({ data_dir, lake }: WeirConfig, { all, format }: ListOptions) {
  const own = "'unmapped', 'response'"
  const ongoing = `state IN ('proposed', 'waiting_approval', 'planned', 'executing', 'undoing') OR (state = 'verified' AND is_reversible)`
  await printSql({
    sql: `SELECT response_uid AS uid, state, dry_run, action, workload, last_step, reason FROM (
            SELECT response_uid, argMax(state, step) AS state, argMax(dry_run, step) AS dry_run, any(action) AS action,
                   any(workload_name) AS workload, max(time) AS last_step,
                   argMax(JSONExtract(event, ${own}, 'plan', 'undo_steps', 'Array(String)') != [], step) AS is_reversible,
                   argMax(arrayStringConcat(JSONExtract(event, ${own}, 'reasons', 'Array(String)'), ' '), step) AS reason
            FROM responses GROUP BY response_uid)
          ${all ? '' : `WHERE ${ongoing}`} ORDER BY last_step DESC, uid`,
    format,
    data_dir,
    ...serverOf(lake, false),
  })
}

async function decide(verdict: Verdict, uid: string, options: VerdictOptions) {
  const { by, reason } = options
  const decided = await tellControl(configOf(options).data_dir, uid, verdict, {
    by,
    ...(reason === undefined ? {} : { reason }),
  })
  const state = `${decided.state.replaceAll('_', ' ')}${decided.dry_run ? ' (dry run)' : ''}`
  process.stdout.write(`${decided.uid} is ${state}. ${decided.reasons.join(' ')}\n`)
  // Approved, and still a guard or a failure kept it from being carried out: a script has to notice.
  if (verdict === 'approve' && ['proposed', 'waiting_approval', 'failed'].includes(decided.state)) process.exitCode = 1
}

/** Who types. In a container the user may have a number and no name. */
function thisUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
