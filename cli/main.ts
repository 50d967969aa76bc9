import { Command, CommanderError } from 'commander'
import { messageOf, WeirError } from '../core/errors.js'
import { registerConfig } from './config-command.js'
import { registerDemo } from './demo.js'
import { registerDoctor } from './doctor.js'
import { registerFormats } from './formats.js'
import { registerIngest } from './ingest.js'
import { registerMigrate } from './migrate.js'
import { registerNormalize } from './normalize.js'
import { registerResponses } from './responses.js'
import { registerRun } from './run.js'
import { registerSql } from './sql.js'
import { registerUp } from './up.js'
import { version } from './version.js'

const LEAVE_AFTER_MS = 500

/** Commands that have work to do whoever reads what they print. */
const LASTING = new Set(['up', 'run', 'ingest', 'migrate', 'demo'])

/** What a shell reports of a program that SIGPIPE ended. */
const BROKEN_PIPE = 141

/** Every command, ready to parse; nothing has run. */
export function createProgram(): Command {
  const program = new Command('weir')
    .description('Event-driven security data lake with machine-learned detection and automated response.')
    .version(version)
    .showHelpAfterError('(weir --help lists the commands)')
    .exitOverride()
  for (const register of [
    registerUp,
    registerRun,
    registerDemo,
    registerSql,
    registerResponses,
    registerFormats,
    registerNormalize,
    registerIngest,
    registerMigrate,
    registerDoctor,
    registerConfig,
  ])
    register(program)
  program.addHelpText(
    'after',
    `
Examples:
  weir up                         watch this machine; nothing to configure
  weir demo                       a recorded day and an attack, in under a minute
  weir sql "SELECT class_name, count() FROM events GROUP BY 1"
`,
  )
  return program
}

/** Runs the program with these arguments; sets the exit code. */
export async function main(args: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (!LASTING.has(args[0] ?? '')) process.exit(BROKEN_PIPE)
    })
  }
  try {
    await createProgram().parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode
      return
    }
    process.exitCode = report(error)
    // What was opened before it failed must not keep the process for long.
    setTimeout(() => process.exit(), LEAVE_AFTER_MS).unref()
  }
}

/** Prints what went wrong and what to do; 2 for what the user can mend, 1 for a fault. */
function report(error: unknown): number {
  if (error instanceof WeirError) {
    process.stderr.write(`weir: ${error.message}\n${error.hint ? `${error.hint}\n` : ''}`)
    return 2
  }
  process.stderr.write(`weir: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`)
  return 1
}
