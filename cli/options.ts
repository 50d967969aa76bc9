import { existsSync } from 'node:fs'
import { type Command, Option } from 'commander'

/** Read when no `--config` is given and it is in the working directory. */
const DEFAULT_FILE = 'weir.yaml'

/** Adds `--config FILE`, which every command that needs the configuration has. */
export function withConfig(command: Command): Command {
  return command.addOption(
    new Option('-c, --config <file>', `configuration file (default: ./${DEFAULT_FILE} if it exists)`),
  )
}

/** The configuration file to read, if there is one. */
export function configFile(options: { config?: string }): string | undefined {
  return options.config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
}
