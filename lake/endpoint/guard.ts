import { sqlException } from './exception.js'
import { type Token, tokenize } from './tokens.js'

/** A statement that may run, ready for the engine. */
export type Statement = {
  /** Without FORMAT, unless a SETTINGS clause follows it. */
  readonly sql: string
  /** The FORMAT the statement asked for. */
  readonly format: string | undefined
  /** The engine can hand its rows over in pieces (see analyst.ts for what speaks against it). */
  readonly streamable: boolean
}

const readers = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS', 'USE'])

const writers = new Set(
  'ALTER ATTACH BACKUP BEGIN CHECK COMMIT COPY CREATE DELETE DETACH DROP EXCHANGE EXECUTE GRANT INSERT KILL MOVE OPTIMIZE PARALLEL RENAME REPLACE RESTORE REVOKE ROLLBACK SET SYSTEM TRUNCATE UNDROP UPDATE WATCH'.split(
    ' ',
  ),
)

/** Scalar functions that reach outside the lake, whatever `readonly` says. `file` alone reads any file of the host. */
const outsideFunctions = new Set([
  'file',
  'chdb',
  'catboostevaluate',
  'logtrace',
  'showcertificate',
  'aiclassify',
  'aiembed',
  'aiextract',
  'aigenerate',
  'aitranslate',
])

/** Table functions that only compute or look at the lake. All others are refused, those of coming engine versions too. */
const insideTableFunctions = new Set([
  'dictionary',
  'format',
  'generaterandom',
  'generateseries',
  'generate_series',
  'null',
  'numbers',
  'numbers_mt',
  'primes',
  'sqlstandardvalues',
  'values',
  'view',
  'viewexplain',
  'viewifpermitted',
  'zeros',
  'zeros_mt',
])

/** System tables that show the process instead of the data, or interrupt its threads to do so. */
const outsideTables = new Set([
  'stack_trace',
  'symbols',
  'jemalloc_profile_text',
  'jemalloc_stats',
  'named_collections',
])

/** The names of an engine's table functions that an analyst may not call, in lower case. */
export function outsideTableFunctions(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()).filter((name) => !insideTableFunctions.has(name)))
}

/**
 * First look, at what was sent: one statement, and none of those that write. Returns it without trailing semicolons.
 * Throws SYNTAX_ERROR for several statements and READONLY for writers.
 */
export function singleReader(sql: string): { readonly sql: string; readonly kind: string } {
  if (sql.includes('\0')) throw sqlException('SYNTAX_ERROR', 'Syntax error: the query contains a NUL character.')
  const { kind, tokens } = leading(sql)
  if (writers.has(kind)) throw notAReader(kind)
  const semicolon = tokens.findIndex((token) => token.kind === 'semicolon')
  const statement = semicolon < 0 ? tokens : tokens.slice(0, semicolon)
  const second = semicolon < 0 ? undefined : tokens.slice(semicolon).find((token) => token.kind !== 'semicolon')
  const last = statement.at(-1)
  if (!last) throw sqlException('SYNTAX_ERROR', 'Syntax error: the query is empty.')
  if (second) {
    throw sqlException(
      'SYNTAX_ERROR',
      `Syntax error (Multi-statements are not allowed): failed at position ${second.start + 1}.`,
    )
  }
  return { sql: sql.slice(0, last.end), kind }
}

/** One statement of somebody who may change things, without its semicolon. Throws SYNTAX_ERROR for several. */
export function singleStatement(sql: string): { readonly sql: string; readonly changes: boolean } {
  if (sql.includes('\0')) throw sqlException('SYNTAX_ERROR', 'Syntax error: the query contains a NUL character.')
  const tokens = tokenize(sql)
  const last = tokens.findLast((token) => token.kind !== 'semicolon')
  if (!last) throw sqlException('SYNTAX_ERROR', 'Syntax error: the query is empty.')
  if (tokens.some((token) => token.kind === 'semicolon' && token.start < last.start)) {
    throw sqlException('SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed).')
  }
  return { sql: sql.slice(0, last.end), changes: !readers.has(firstWord(tokens)) }
}

/** The first word in capitals. An INSERT may carry data that is no SQL, so its first word is looked at alone. */
function leading(sql: string): { kind: string; tokens: Token[] } {
  const first = /^[\s(]*([A-Za-z]+)/.exec(sql)?.[1]?.toUpperCase() ?? ''
  if (writers.has(first)) return { kind: first, tokens: [] }
  const tokens = tokenize(sql)
  return { kind: firstWord(tokens), tokens }
}

function firstWord(tokens: readonly Token[]): string {
  const first = tokens.find((token) => token.text !== '(')
  return first?.kind === 'word' ? first.text.toUpperCase() : ''
}

function notAReader(kind: string) {
  return sqlException(
    'READONLY',
    `Cannot execute query in readonly mode: analysts may use ${[...readers].join(', ')}, but the query begins with ${kind}.`,
  )
}

/**
 * Second look, at the statement as the engine's own parser writes it back: no comments, no aliases for quotes,
 * escapes decoded, so that nothing can hide in a difference between two lexers. Throws READONLY.
 */
export function inspect(canonical: string, forbiddenTableFunctions: ReadonlySet<string>): Statement {
  const tokens = tokenize(canonical)
  const kind = firstWord(tokens)
  if (!readers.has(kind) || tokens.some((token) => token.kind === 'semicolon')) throw notAReader(kind)
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'word' || token.kind === 'quoted') checkName(tokens, index, token, kind, forbiddenTableFunctions)
  }
  const output = outputFormat(tokens)
  return {
    sql: output?.cut === undefined ? canonical : canonical.slice(0, output.cut),
    format: output?.format,
    streamable: isStreamable(tokens, kind),
  }
}

function checkName(
  tokens: readonly Token[],
  index: number,
  token: Token,
  kind: string,
  forbiddenTableFunctions: ReadonlySet<string>,
): void {
  const name = token.text.toLowerCase()
  const before = tokens[index - 1]
  const after = tokens[index + 1]
  const isAlias = before?.kind === 'word' && before.text.toUpperCase() === 'AS'
  if (name === 'outfile' && before?.kind === 'word' && before.text.toUpperCase() === 'INTO') {
    throw denied('INTO OUTFILE writes files of the host')
  }
  // A function can be named without parentheses (`arrayMap(file, ...)`, `APPLY file`), so the bare name is refused too.
  if (outsideFunctions.has(name) && before?.text !== '.' && !isAlias) {
    throw denied(`function ${token.text} reaches outside the lake; a column of that name must be written table.${name}`)
  }
  if (after?.text === '(' && after.kind === 'symbol' && forbiddenTableFunctions.has(name) && !isAlias) {
    throw denied(`table function ${token.text} reaches outside the lake`)
  }
  if (outsideTables.has(name) && !isAlias) throw denied(`table ${token.text} is not for analysts`)
  if (token.kind === 'quoted' && (kind === 'EXISTS' || kind === 'SHOW') && /[/\\]/.test(token.text)) {
    throw denied('a table name with a slash would be looked up as a file')
  }
}

function denied(why: string) {
  return sqlException('READONLY', `Cannot execute query in readonly mode: ${why}.`)
}

function outputFormat(tokens: readonly Token[]): { format: string; cut: number | undefined } | undefined {
  for (let index = tokens.length - 2; index > 0; index--) {
    const [keyword, name, next] = [tokens[index], tokens[index + 1], tokens[index + 2]]
    if (keyword?.kind !== 'word' || keyword.text !== 'FORMAT' || name?.kind !== 'word') continue
    if (next === undefined) return { format: name.text, cut: keyword.start }
    if (next.text === 'SETTINGS') return { format: name.text, cut: undefined }
  }
  return undefined
}

/**
 * The engine plans a streamed query on the calling thread and computes scalar subqueries while it plans, which
 * would stop the event loop; totals come in a piece of their own that only a whole result places correctly.
 */
function isStreamable(tokens: readonly Token[], kind: string): boolean {
  if (kind !== 'SELECT') return false
  const words = tokens.filter((token) => token.kind === 'word').map((token) => token.text.toUpperCase())
  return words.filter((word) => word === 'SELECT').length === 1 && !words.includes('TOTALS')
}
