import { sqlException } from './exception.js'

/** One lexical element of a statement; white space and comments are left out. */
export type Token = {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'semicolon' | 'symbol'
  /** The source text; for a quoted identifier what stands between the quotes, escapes not decoded. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const wordStart = /[A-Za-z_]/
const wordPart = /[A-Za-z0-9_$]/
const space = /[\s\u0085\u200b\u2060\ufeff]/

/**
 * Splits SQL as ClickHouse's lexer does: nested comments, `--`, `//`, `# ` and `#!` comments, strings with
 * backslash and doubled quotes, heredocs, quoted identifiers. Throws SYNTAX_ERROR where something is not closed.
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < sql.length) {
    const char = sql[at] ?? ''
    const end = space.test(char) ? at + 1 : commentEnd(sql, at)
    if (end > at) {
      at = end
      continue
    }
    const token = tokenAt(sql, at, char)
    tokens.push(token)
    at = token.end
  }
  return tokens
}

function tokenAt(sql: string, start: number, char: string): Token {
  if (char === "'") return delimited(sql, start, 'string', "'")
  if (char === '`' || char === '"') return delimited(sql, start, 'quoted', char)
  if (char === '\u2018') return typographic(sql, start, 'string', '\u2019')
  if (char === '\u201c') return typographic(sql, start, 'quoted', '\u201d')
  if (char === ';') return { kind: 'semicolon', text: char, start, end: start + 1 }
  if (char === '$') {
    const end = heredocEnd(sql, start)
    if (end > start) return { kind: 'string', text: sql.slice(start, end), start, end }
  }
  if (wordStart.test(char)) return run(sql, start, 'word')
  if (/[0-9]/.test(char)) return run(sql, start, 'number')
  return { kind: 'symbol', text: char, start, end: start + 1 }
}

function run(sql: string, start: number, kind: 'word' | 'number'): Token {
  let end = start + 1
  while (end < sql.length && wordPart.test(sql[end] ?? '')) end++
  return { kind, text: sql.slice(start, end), start, end }
}

/** The end of the comment that begins here, or `start` if none does. */
function commentEnd(sql: string, start: number): number {
  const two = sql.slice(start, start + 2)
  if (two === '/*') return blockCommentEnd(sql, start)
  if (two !== '--' && two !== '//' && two !== '# ' && two !== '#!') return start
  const newline = sql.indexOf('\n', start)
  return newline < 0 ? sql.length : newline + 1
}

function blockCommentEnd(sql: string, start: number): number {
  let depth = 1
  for (let at = start + 2; at < sql.length; at++) {
    const two = sql.slice(at, at + 2)
    if (two === '/*') depth++
    else if (two === '*/') depth--
    else continue
    at++
    if (depth === 0) return at + 1
  }
  throw unclosed('comment', start)
}

function delimited(sql: string, start: number, kind: 'string' | 'quoted', quote: string): Token {
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] === '\\') at++
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return { kind, text: sql.slice(start + 1, at), start, end: at + 1 }
      at++
    }
  }
  throw unclosed(kind === 'string' ? 'string' : 'quoted identifier', start)
}

function typographic(sql: string, start: number, kind: 'string' | 'quoted', close: string): Token {
  const end = sql.indexOf(close, start + 1)
  if (end < 0) throw unclosed(kind === 'string' ? 'string' : 'quoted identifier', start)
  return { kind, text: sql.slice(start + 1, end), start, end: end + 1 }
}

function heredocEnd(sql: string, start: number): number {
  const tag = /^\$\w*\$/.exec(sql.slice(start, start + 256))?.[0]
  if (tag === undefined) return start
  const close = sql.indexOf(tag, start + tag.length)
  return close < 0 ? start : close + tag.length
}

function unclosed(what: string, start: number) {
  return sqlException('SYNTAX_ERROR', `Syntax error: the ${what} that begins at position ${start + 1} is not closed.`)
}
