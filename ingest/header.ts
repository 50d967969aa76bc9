import type { FormatDefinition, RawRecord } from './contract.js'

/** What one file, object, message or body of lines says about its lines in a line of its own. */
export type Header = {
  /** The line behind the header above it; undefined if it is a header itself, which is no record. */
  place(line: RawRecord): RawRecord | undefined
  /** The header that lines are put behind now: whoever stops here needs it to go on. */
  line(): string | undefined
}

/**
 * Follows the header of one source of lines, for formats whose files have one. `from` is the header above the first line
 * where reading does not begin at the beginning.
 */
export function createHeader({ isHeader }: Pick<FormatDefinition, 'isHeader'>, from?: string): Header {
  let header = from
  return {
    line: () => header,
    place(line) {
      if (isHeader === undefined || line.fault || typeof line.data !== 'string') return line
      if (isHeader(line.data)) {
        header = line.data
        return undefined
      }
      return header === undefined ? line : { ...line, data: `${header}\n${line.data}` }
    },
  }
}
