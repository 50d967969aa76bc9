/** A value on its way through encoding modifiers. */
export type Encoded = string | Buffer

const dashes = ['-', '/', '\u2013', '\u2014', '\u2015']

/** The encoding modifiers: each makes one or more variants of a value. */
export const encoders = {
  /** UTF-16LE, as Windows and PowerShell encode before base64. */
  wide: (value: Encoded): Encoded[] => [Buffer.from(value.toString(), 'utf16le')],
  utf16le: (value: Encoded): Encoded[] => [Buffer.from(value.toString(), 'utf16le')],
  utf16be: (value: Encoded): Encoded[] => [Buffer.from(value.toString(), 'utf16le').swap16()],
  utf16: (value: Encoded): Encoded[] => [
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(value.toString(), 'utf16le')]),
  ],
  base64: (value: Encoded): Encoded[] => [Buffer.from(value).toString('base64')],
  base64offset,
  /** Command-line switches with a slash or another dash instead. */
  windash: (value: Encoded): Encoded[] => {
    const text = value.toString()
    return [...new Set([text, ...dashes.map((dash) => text.replace(/\B[-/]\b/g, dash))])]
  },
} as const

/** True for the name of an encoding modifier. */
export function isEncoder(name: string): name is keyof typeof encoders {
  return Object.hasOwn(encoders, name)
}

/**
 * What is left of the value's base64 whatever stands before and after it: of each of the three alignments the
 * characters that depend on the value alone.
 */
function base64offset(value: Encoded): Encoded[] {
  const bytes = Buffer.from(value)
  return [0, 1, 2].map((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes])
    const from = Math.ceil((offset * 8) / 6)
    const to = Math.floor((padded.length * 8) / 6)
    return padded.toString('base64').slice(from, to)
  })
}
