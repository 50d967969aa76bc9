import type { Command } from 'commander'
import { configJsonSchema, loadConfig } from './config.js'
import { checkReferences } from './config-check.js'

/** `weir config`: check a configuration file, or print the schema for editors. */
export function registerConfig(program: Command) {
  const config = program.command('config').description('check a configuration file, or print its JSON schema')
  config
    .command('check')
    .description('report every problem in a configuration file, its rules and playbooks at once')
    .argument('<file>', 'YAML file')
    .addHelpText('after', '\nExample:\n  weir config check weir.yaml\n')
    .action((file: string) => {
      checkReferences(loadConfig(file))
      process.stdout.write(`${file}: ok\n`)
    })
  config
    .command('schema')
    .description('print the JSON schema of the configuration, for editors')
    .addHelpText('after', '\nExample:\n  weir config schema > weir.schema.json\n')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`)
    })
}
