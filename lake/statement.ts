import { WeirError } from '../core/errors.js'
import { tokenize } from './endpoint/tokens.js'

/** The statement without its semicolon. Throws `unsupported` for several (the embedded engine would run them), and for SET. */
export function oneStatement(sql: string): string {
  if (/^\s*set\s/i.test(sql)) {
    throw new WeirError('unsupported', 'SET would hold for every later statement', {
      hint: 'Write the settings into the statement: SETTINGS name = value.',
    })
  }
  if (!sql.includes(';')) return sql
  const tokens = tokenize(sql)
  const first = tokens.findIndex(({ kind }) => kind === 'semicolon')
  if (first < 0) return sql
  if (tokens.slice(first).every(({ kind }) => kind === 'semicolon')) return sql.slice(0, tokens[first]?.start)
  throw new WeirError('unsupported', 'several statements at once', { hint: 'Send one after the other.' })
}
