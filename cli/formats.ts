import type { Command } from 'commander'
import { formats } from '../ingest/formats/index.js'

/** `weir formats`: which wire formats Weir reads. */
export function registerFormats(program: Command) {
  program
    .command('formats')
    .description('list the wire formats Weir reads')
    .option('--json', 'one JSON array on stdout: [{name, summary, input}]')
    .addHelpText('after', '\nExamples:\n  weir formats\n  weir normalize --format auto < events.jsonl\n')
    .action(({ json }: { json?: boolean }) => {
      const rows = formats.all.map(({ name, summary, input }) => ({ name, summary, input }))
      const width = Math.max(...rows.map(({ name }) => name.length)) + 2
      const text = rows.map(({ name, summary }) => `${name.padEnd(width)}${summary}\n`).join('')
      process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : text)
    })
}
