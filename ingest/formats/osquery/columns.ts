import { isObject, type JsonRecord, setOwn } from '../fields.js'

/** Reads the columns of a row: texts, or numbers where osquery runs with numerics. What nobody reads is unmapped. */
export type Columns = {
  has(name: string): boolean
  text(name: string): string | undefined
  /** A whole number of 32 bits; others stay unmapped. */
  integer(name: string): number | undefined
  rest(): JsonRecord
  /** Content that tells one row from another. */
  digest(): string
}

export function columnsOf(row: unknown): Columns {
  const source: JsonRecord = isObject(row) ? row : {}
  const read = new Set<string>()
  const text = (name: string) => {
    if (!Object.hasOwn(source, name)) return undefined
    const value = source[name]
    const found = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
    if (found !== undefined) read.add(name)
    return found === '' ? undefined : found
  }
  return {
    has: (name) => Object.hasOwn(source, name),
    text,
    integer(name) {
      const value = text(name)
      if (value === undefined) return undefined
      const number = /^-?\d{1,10}$/.test(value) ? Number(value) : Number.NaN
      if (Math.abs(number) <= 2_147_483_647) return number
      read.delete(name)
      return undefined
    },
    rest() {
      const rest: JsonRecord = {}
      for (const [name, value] of Object.entries(source)) {
        if (!read.has(name) && value !== '' && value !== null) setOwn(rest, `columns.${name}`, value)
      }
      return rest
    },
    digest() {
      const parts: string[] = []
      for (const [name, value] of Object.entries(source)) {
        if (typeof value === 'string' || typeof value === 'number') parts.push(`${name}=${value}`)
      }
      return parts.sort().join('\n')
    },
  }
}
