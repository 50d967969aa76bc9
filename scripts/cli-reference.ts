import type { Command } from 'commander'
import { createProgram } from '../cli/main.js'

const WIDTH = 110

/** docs/reference/cli.md: what every `--help` says. */
export function cliPage(): string {
  const sections = commandsBelow(createProgram(), []).map(({ words, command }) => {
    const name = ['weir', ...words].join(' ')
    return `## ${name}\n\n\`\`\`text\n${helpOf(command).trim()}\n\`\`\``
  })
  return `# Commands\n\nGenerated from \`cli/\` by \`npm run generate\`; do not edit. In a clone, \`weir\` is \`bin/weir\`.\n\n${sections.join('\n\n')}\n`
}

function commandsBelow(command: Command, words: readonly string[]): { words: readonly string[]; command: Command }[] {
  const below = command.commands.flatMap((child) => commandsBelow(child, [...words, child.name()]))
  return [{ words, command }, ...below]
}

/** The same on every terminal. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (piece) => {
      text += piece
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text
}
