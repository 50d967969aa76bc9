import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileRegex, RegexError } from './regex.js'

const plain = { ignore_case: false, multiline: false, dot_all: false }

test('patterns of real rules match what they should', () => {
  const cases: [string, string, boolean][] = [
    ['\\s-O\\s', 'wget -O /tmp/x', true],
    ['\\s-O\\s', 'wget -o /tmp/x', false],
    ['(?:\\s-[^-\\s]{0,20}i|\\s--inode\\s)', 'ls -lai /', true],
    ['-(W|R)\\s?(\\s|"|\')([0-9a-fA-F]{2}\\s?){2,20}(\\s|"|\')', "pnscan -W '50 4f 53' x", true],
    ['(^|\\/)\\.[^.\\/]', '/home/.bashrc', true],
    ['(^|\\/)\\.[^.\\/]', '../x', false],
    ['(.){200,}', 'x'.repeat(199), false],
    ['(.){200,}', 'x'.repeat(200), true],
    ['.+:assumed-role/aws:.+', 'arn:aws:sts::1:assumed-role/aws:ec2/i-0', true],
    ['(?i)^CURL\\b', 'curl http://x', true],
    ['^curl$', 'curl\nx', false],
    ['', '', true],
    ['a{2}', 'ba', false],
    ['[]x]', ']', true],
    ['[^\\d-]', '1-2', false],
    ['(?P<name>a|b)c', 'xbc', true],
  ]
  for (const [source, text, expected] of cases) {
    assert.equal(compileRegex(source, plain).test(text), expected, `${source} on ${text}`)
  }
})

test('a catastrophic pattern takes linear time', () => {
  const started = performance.now()
  assert.equal(compileRegex('(a+)+$', plain).test(`${'a'.repeat(60_000)}b`), false)
  assert.equal(compileRegex('(x|xx|xxx)*(x.*){8}y', plain).test('x'.repeat(60_000)), false)
  assert.equal(compileRegex('(.*a){10}', plain).test('ab'.repeat(9)), false)
  assert.ok(performance.now() - started < 2_000)
})

test('what needs backtracking or is malformed is refused with its place', () => {
  for (const source of [
    '(?=a)',
    '(?!a)',
    '(?<=a)b',
    '(?>a)',
    '(a)\\1',
    'a++',
    '[a',
    '(a',
    'a)',
    '*a',
    'a{3,1}',
    '\\',
    '[z-a]',
    '[[:alpha:]]',
    '(a{1000}){1000}',
    '\\p{L}',
  ]) {
    assert.throws(() => compileRegex(source, plain), RegexError, source)
  }
  assert.throws(() => compileRegex('ab(?=c)', plain), /at character 3/)
})

test('agrees with JavaScript on generated patterns and texts', () => {
  const leaf = fc.constantFrom(
    'a',
    'b',
    'K',
    '.',
    '\\d',
    '\\w',
    '\\s',
    '[ab]',
    '[^a]',
    '[a-c_]',
    '\\b',
    '^',
    '$',
    '\\.',
    'é',
    '\\B',
  )
  const tree = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.tuple(tie('node'), tie('node')).map(([a, b]) => a + b),
      fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}|${b})`),
      fc
        .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}', '*?'))
        .map(([a, q]) => `(?:${a})${q}`),
    ),
  })).node
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'k', 'K', '1', ' ', '_', '.', '\n', 'é', 'É'),
    maxLength: 12,
  })
  fc.assert(
    fc.property(tree, text, fc.boolean(), fc.boolean(), (source, sample, ignore_case, multiline) => {
      const { test, clues } = compileRegex(source, { ignore_case, multiline, dot_all: false })
      const expected = new RegExp(source, `${ignore_case ? 'i' : ''}${multiline ? 'm' : ''}`).test(sample)
      assert.equal(test(sample), expected)
      if (expected && clues)
        assert.ok(
          clues.some((clue) => sample.toLowerCase().includes(clue)),
          `${clues}`,
        )
    }),
    { numRuns: 3000 },
  )
})

test('texts that a match must contain are found', () => {
  const cases: [string, readonly string[] | undefined][] = [
    ['\\bnsenter\\b.*(-t\\s*1\\b)', ['nsenter']],
    ['\\b(rm|shred)\\s(-\\w+\\s)*/var/log/(auth|secure)', ['/var/log/']],
    ['dup2|pty\\.spawn', ['dup2', 'pty.spawn']],
    ['[Cc]url', ['curl']],
    ['a?b*', undefined],
    ['x|y*', undefined],
  ]
  for (const [source, expected] of cases) assert.deepEqual(compileRegex(source, plain).clues, expected, source)
})
