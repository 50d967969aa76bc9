import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SqlException } from './exception.js'
import { inspect, outsideTableFunctions, singleReader } from './guard.js'
import { tokenize } from './tokens.js'

const forbidden = outsideTableFunctions(['file', 'url', 's3', 'remote', 'numbers', 'values', 'tomorrowsOutlet'])
const words = (sql: string) => tokenize(sql).map((token) => `${token.kind}:${token.text}`)
const codeOf = (run: () => unknown): number => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof SqlException)
    return error.code
  }
  return 0
}

test('tokens: comments, strings, heredocs and quoted identifiers hide nothing and reveal nothing', () => {
  assert.deepEqual(words("SELECT 'a;''b\\';' -- ; DROP\n, 1"), [
    'word:SELECT',
    "string:a;''b\\';",
    'symbol:,',
    'number:1',
  ])
  assert.deepEqual(words('a /* x /* ; */ ; */ b'), ['word:a', 'word:b'])
  assert.deepEqual(words('a // ;\n# ;\n#!;\nb'), ['word:a', 'word:b'])
  assert.deepEqual(words('$$;$$ $x$ $$;$x$ `a;``b` "c\\";"'), [
    'string:$$;$$',
    'string:$x$ $$;$x$',
    'quoted:a;``b',
    'quoted:c\\";',
  ])
  assert.deepEqual(words('\u2018;\u2019 \u201c;\u201d ;'), ['string:;', 'quoted:;', 'semicolon:;'])
  for (const open of ["'a", '`a', '/* a', '/* /* */', '\u2018a'])
    assert.equal(
      codeOf(() => tokenize(open)),
      62,
    )
})

test('only one statement, and none that writes', () => {
  assert.deepEqual(singleReader('SELECT 1 ; ; -- end'), { sql: 'SELECT 1', kind: 'SELECT' })
  assert.equal(singleReader('/* a */ (SELECT 1)').kind, 'SELECT')
  assert.equal(
    codeOf(() => singleReader('SELECT 1; DROP TABLE events')),
    62,
  )
  assert.equal(
    codeOf(() => singleReader('SELECT 1 /* ; */; /**/ SELECT 2')),
    62,
  )
  assert.equal(
    codeOf(() => singleReader('; ;')),
    62,
  )
  assert.equal(
    codeOf(() => singleReader('SELECT 1\0; DROP TABLE events')),
    62,
  )
  for (const sql of [
    'DROP TABLE t',
    ' insert into t format JSONEachRow {"a":"\'"}',
    '/**/ SET readonly = 0',
    '--\nKILL QUERY',
  ]) {
    assert.equal(
      codeOf(() => singleReader(sql)),
      164,
      sql,
    )
  }
})

test('nothing that reaches outside, however it is written', () => {
  const denied = [
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT file('/etc/passwd')",
    "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT * FROM url('http://127.0.0.1/')",
    "DESCRIBE TABLE S3('http://127.0.0.1/')",
    "SELECT * FROM tomorrowsOutlet('x')",
    'SELECT * FROM system.stack_trace',
    'EXISTS TABLE `/etc/passwd`',
    'INSERT INTO t SELECT 1',
    'SELECT 1; SELECT 2',
  ]
  for (const sql of denied)
    assert.equal(
      codeOf(() => inspect(sql, forbidden)),
      164,
      sql,
    )
  const allowed = [
    "SELECT 'file', t.file, 1 AS file FROM t",
    'SELECT * FROM numbers(10)',
    "SELECT 'INTO OUTFILE'",
    'SELECT url FROM t',
    'EXPLAIN SELECT 1',
    'SHOW TABLES',
  ]
  for (const sql of allowed)
    assert.equal(
      codeOf(() => inspect(sql, forbidden)),
      0,
      sql,
    )
})

test('the format is taken from the statement, and rows are streamed only where that is safe', () => {
  assert.deepEqual(inspect('SELECT 1 FORMAT JSON', forbidden), { sql: 'SELECT 1 ', format: 'JSON', streamable: true })
  assert.equal(inspect('SELECT 1 FORMAT JSON SETTINGS max_threads = 1', forbidden).format, 'JSON')
  assert.equal(inspect("SELECT 'x FORMAT JSON'", forbidden).format, undefined)
  assert.equal(inspect('SELECT (SELECT count() FROM t)', forbidden).streamable, false)
  assert.equal(inspect('SELECT a, count() FROM t GROUP BY a WITH TOTALS', forbidden).streamable, false)
  assert.equal(inspect('SHOW TABLES', forbidden).streamable, false)
})
