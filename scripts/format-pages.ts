import type { FormatDefinition } from '../ingest/contract.js'
import { cell } from './reference.js'

/** docs/reference/formats/NAME.md: where each field of a source goes, from the format's `mapping`. */
export function formatPage({ name, summary, mapping = '' }: FormatDefinition): string {
  const parts: string[] = []
  let rows: string[] = []
  const close = () => {
    if (rows.length > 0) parts.push(['| source | OCSF | note |', '|---|---|---|', ...rows].join('\n'))
    rows = []
  }
  for (const line of mapping.split('\n').map((text) => text.trim())) {
    if (line === '') continue
    const [source = '', target = '', note = ''] = line.split('|').map((text) => text.trim())
    if (line.startsWith('#')) {
      close()
      parts.push(`## ${line.slice(1).trim()}`)
    } else if (!line.includes('|')) {
      close()
      parts.push(line)
    } else rows.push(`| ${names(source)} | ${names(target)} | ${cell(note)} |`)
  }
  close()
  return `# ${name}\n\nGenerated from \`mapping\` in \`ingest/formats/\` by \`npm run generate\`; do not edit.\n\n${summary}. Fields that are not listed are kept under \`unmapped\`; options are in [formats](../formats.md#${name}).\n\n${parts.join('\n\n')}\n`
}

function names(list: string): string {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => `\`${name}\``)
    .join(', ')
}
