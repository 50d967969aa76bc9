import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { packageRoot } from '../../core/paths.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { type RuleFile, ruleSet } from './rule-set.js'
import { readRules } from './rules.js'

/** A process started: the fields the tests below ask for. */
function launch(cmd_line: string, path = '/usr/bin/tool', over: object = {}): OcsfEvent {
  return {
    class_uid: 1007,
    category_uid: 1,
    activity_id: 1,
    type_uid: 100701,
    time: 1_760_000_000_000,
    severity_id: 1,
    metadata: { version: '1.8.0', product: {}, uid: 'e' },
    process: { pid: 42, cmd_line, file: { path } },
    ...over,
  }
}

function rule(detection: object, over: object = {}): RuleFile {
  const logsource = { product: 'linux', category: 'process_creation' }
  return { file: 'a.yml', text: stringify({ title: 'T', logsource, detection, level: 'high', ...over }) }
}

function matches(detection: object, event: OcsfEvent): boolean {
  const set = ruleSet([rule(detection)])
  assert.deepEqual([...set.problems, ...set.uncollected], [])
  return set.match(event).length > 0
}

const field = (search: object) => ({ selection: search, condition: 'selection' })

test('values: case, wildcards, escapes, numbers, null, lists', () => {
  const cases: [object, OcsfEvent, boolean][] = [
    [{ CommandLine: 'LS -la' }, launch('ls -LA'), true],
    [{ CommandLine: 'ls' }, launch('ls -la'), false],
    [{ 'CommandLine|cased': 'LS' }, launch('ls'), false],
    [{ CommandLine: 'a*c' }, launch('abbc'), true],
    [{ CommandLine: 'a?c' }, launch('abbc'), false],
    [{ CommandLine: 'a\\*c' }, launch('abc'), false],
    [{ CommandLine: 'a\\*c' }, launch('a*c'), true],
    [{ CommandLine: 'C:\\\\x\\y' }, launch('c:\\x\\y'), true],
    [{ 'CommandLine|contains': '*b?d*' }, launch('abcde'), true],
    [{ ProcessId: 42 }, launch('x'), true],
    [{ ProcessId: '42' }, launch('x'), true],
    [{ 'ProcessId|gte': 42, 'ProcessId|lt': 43 }, launch('x'), true],
    [{ 'ProcessId|gt': 42 }, launch('x'), false],
    [{ User: null }, launch('x'), true],
    [{ CommandLine: null }, launch('x'), false],
    [{ CommandLine: '' }, launch('', '/x'), true],
    [{ 'User|exists': false }, launch('x'), true],
    [{ 'CommandLine|exists': true }, launch('x'), true],
    [{ CommandLine: ['a', 'b'] }, launch('b'), true],
    [{ 'CommandLine|contains|all': ['a', 'b'] }, launch('b only'), false],
    [{ 'CommandLine|contains|all': ['a', 'b'] }, launch('ab'), true],
    [{ 'CommandLine|neq': 'a' }, launch('b'), true],
    [{ 'CommandLine|re|i': '^LS\\b' }, launch('ls -l'), true],
    [{ 'Image|endswith': '/tool' }, launch('x', 'tool'), true],
    [{ 'CommandLine|windash|contains': ' -d ' }, launch('x /d y'), true],
    [
      { 'CommandLine|base64offset|contains': '/bin/sh' },
      launch(`echo ${Buffer.from('x/bin/sh -i').toString('base64')}`),
      true,
    ],
    [
      { 'CommandLine|base64offset|contains': '/bin/sh' },
      launch(`echo ${Buffer.from('xy/bin/sh -i').toString('base64')}`),
      true,
    ],
    [{ 'CommandLine|base64': 'abc' }, launch('YWJj'), true],
    [
      { 'CommandLine|wide|base64offset|contains': 'foo' },
      launch(Buffer.from('a foo b', 'utf16le').toString('base64')),
      true,
    ],
    [{ 'process.pid|fieldref': 'ProcessId' }, launch('x'), true],
    [{ 'CommandLine|fieldref|endswith': 'Image' }, launch('sudo /usr/bin/tool'), true],
    [{ 'device.ip|cidr': '10.0.0.0/8' }, launch('x', '/x', { device: { ip: '10.255.0.1' } }), true],
    [{ 'device.ip|cidr': '2001:db8::/32' }, launch('x', '/x', { device: { ip: '2001:db8::7' } }), true],
    [{ 'device.ip|cidr': '10.0.0.0/8' }, launch('x', '/x', { device: { ip: 'not an address' } }), false],
    [{ 'resources.name': 'b' }, launch('x', '/x', { resources: [{ name: 'a' }, { name: 'b' }] }), true],
    [{ 'unmapped.a.b': 'x' }, launch('x', '/x', { unmapped: { 'a.b': 'x' } }), true],
    [{ 'CommandLine|contains': 'straße' }, launch('GROẞE STRASSE straße'), true],
  ]
  for (const [search, event, expected] of cases) {
    assert.equal(matches(field(search), event), expected, `${JSON.stringify(search)} on ${event.process.cmd_line}`)
  }
})

test('keywords are looked for in the text of the event', () => {
  const event = launch('x', '/x', { raw_data: 'Failed password for root' })
  assert.equal(matches({ keywords: ['nothing', 'failed PASSWORD'], condition: 'keywords' }, event), true)
  assert.equal(matches({ keywords: { '|all': ['failed', 'admin'] }, condition: 'keywords' }, event), false)
})

test('conditions: not, and, or, parentheses, amounts', () => {
  const detection = (condition: string) => ({
    sel_a: { 'CommandLine|contains': 'a' },
    sel_b: { 'CommandLine|contains': 'b' },
    other: [{ 'CommandLine|contains': 'c' }, { 'CommandLine|contains': 'd' }],
    _helper: { 'CommandLine|contains': 'z' },
    condition,
  })
  const cases: [string, string, boolean][] = [
    ['sel_a and not sel_b', 'a', true],
    ['sel_a and not sel_b', 'ab', false],
    ['sel_a or sel_b and other', 'a', true],
    ['(sel_a or sel_b) and other', 'a', false],
    ['1 of sel_*', 'b', true],
    ['all of sel_*', 'b', false],
    ['2 of them', 'bc', true],
    ['all of them', 'abd', true],
    ['any of them', 'z', false],
    ['NOT (sel_a OR sel_b)', 'c', true],
    ['not not sel_a', 'a', true],
  ]
  for (const [condition, text, expected] of cases) {
    assert.equal(matches(detection(condition), launch(text)), expected, `${condition} on ${text}`)
  }
})

test('a match says which fields held, and with what', () => {
  const set = ruleSet([
    rule({
      a: { 'Image|endswith': ['/xmrig', '/other'], 'CommandLine|contains': 'pool' },
      b: { User: 'nobody' },
      condition: 'a and not b',
    }),
  ])
  const [match] = set.match(launch('xmrig -o POOL', '/tmp/xmrig'))
  assert.deepEqual(match?.held(), [
    { field: 'Image', says: 'ends with "/xmrig"', found: '/tmp/xmrig' },
    { field: 'CommandLine', says: 'contains "pool"', found: 'xmrig -o POOL' },
  ])
})

test('problems name file, line, place, what was found and what was expected', () => {
  const text = `title: Broken
logsource:
  product: linux
  category: process_creation
detection:
  a:
    CommandLine|containz: x
  b:
    Commandline: x
  c:
    CommandLine|re: '(?=x)'
    CommandLine|cidr: 10.0.0.1
  d:
    CommandLine|contains|all: only
  condition: a and b
level: high
`
  const { problems } = ruleSet([{ file: 'broken.yml', text }])
  assert.deepEqual(
    problems.map(({ file, line }) => [file, line]),
    [7, 9, 11, 12, 14].map((line) => ['broken.yml', line]),
  )
  assert.match(
    problems[0]?.message ?? '',
    /^detection\.a\.CommandLine\|containz: unknown modifier "containz", expected one of contains, /,
  )
  assert.match(
    problems[1]?.message ?? '',
    /linux\/process_creation has no field "Commandline", expected Image, CommandLine/,
  )
  assert.match(problems[2]?.message ?? '', /look-around/)
})

test('what is not supported is refused, never left out', () => {
  const selection = { CommandLine: 'x' }
  const broken: [object, RegExp, object?][] = [
    [{ selection, condition: 'selection | count() > 5' }, /aggregations/],
    [{ selection, condition: 'selektion' }, /"selektion" is not defined, expected one of selection/],
    [{ selection, condition: 'selection and' }, /found the end/],
    [{ selection, condition: '(selection' }, /expected "\)"/],
    [{ selection, condition: '1 of nothing*' }, /names nothing/],
    [{ selection, timeframe: '5m', condition: 'selection' }, /timeframe/],
    [{ selection }, /condition: expected text/],
    [{ selection: { 'CommandLine|expand': '%x%' }, condition: 'selection' }, /unknown modifier "expand"/],
    [{ selection: { 'CommandLine|re|contains': 'x' }, condition: 'selection' }, /cannot be used/],
    [{ selection, condition: 'selection' }, /level: found "urgent"/, { level: 'urgent' }],
    [
      { selection, condition: 'selection' },
      /Weir collects no "product: windows/,
      { logsource: { product: 'windows', category: 'process_creation' } },
    ],
  ]
  for (const [detection, expected, over] of broken) {
    const { rules, problems, uncollected } = ruleSet([rule(detection, over)])
    assert.equal(rules.length, 0)
    assert.match([...problems, ...uncollected].map(({ message }) => message).join('\n'), expected)
  }
  assert.match(ruleSet([{ file: 'x', text: 'a: [' }]).problems[0]?.message ?? '', /YAML/)
  assert.match(ruleSet([{ file: 'x', text: 'just text' }]).problems[0]?.message ?? '', /found no mapping/)
})

test('finding candidates by text never loses a match', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '/', 'é', '*', '?', '\\'), minLength: 1, maxLength: 4 })
  const modifier = fc.constantFrom('', '|contains', '|startswith', '|endswith', '|contains|all', '|cased')
  const search = fc
    .tuple(modifier, fc.array(word, { minLength: 2, maxLength: 3 }))
    .map(([m, w]) => ({ [`CommandLine${m}`]: w }))
  const condition = fc.constantFrom(
    'x',
    'x and y',
    'x or y',
    'x and not y',
    'not x',
    '1 of them',
    'all of them',
    '2 of them',
  )
  const commands = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'B', '/', 'é', '*'), maxLength: 8 }), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(search, search, condition, commands, (x, y, condition, lines) => {
      const file = rule({ x, y, condition })
      const crowd = Array.from({ length: 3 }, (_, n) => ({
        ...rule({ x: y, y: x, condition }, { name: `n${n}` }),
        file: `${n}.yml`,
      }))
      const among = ruleSet([file, ...crowd])
      // The same rule without clues: "not not" hides them.
      const slow = ruleSet([rule({ x, y, condition: `not not (${condition})` })])
      for (const line of lines) {
        const found = among.match(launch(line)).some((match) => match.rule.file === 'a.yml')
        assert.equal(found, slow.match(launch(line)).length > 0, line)
      }
    }),
    { numRuns: 500 },
  )
})

test('no text makes the parser fail in another way than with problems', () => {
  const sound = rule({
    a: { 'CommandLine|contains': ['x', 'y'] },
    b: [{ Image: 'z' }],
    condition: '1 of a* or not (b)',
  }).text
  fc.assert(
    fc.property(fc.nat(sound.length), fc.nat(20), fc.string({ maxLength: 10 }), (at, cut, insert) => {
      const set = ruleSet([{ file: 'fuzz.yml', text: sound.slice(0, at) + insert + sound.slice(at + cut) }])
      assert.ok(set.rules.length === 1 || set.problems.length > 0 || set.uncollected.length > 0)
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(fc.json(), (text) => {
      const set = ruleSet([{ file: 'fuzz.yml', text }])
      assert.ok(set.problems.length > 0)
    }),
  )
  const deep = rule({ a: { Image: 'x' }, condition: `${'('.repeat(200)}a${')'.repeat(200)}` })
  assert.match(ruleSet([deep]).problems[0]?.message ?? '', /nested deeper/)
})

const corpus = join(packageRoot, '..', 'shared', 'data', 'sigma')
test('public rules parse', { skip: existsSync(corpus) ? false : `no rules at ${corpus}` }, (t) => {
  const files = readRules(corpus)
  const { rules, problems, uncollected } = ruleSet(files)
  const sound = files.length - new Set(problems.map(({ file }) => file)).size
  t.diagnostic(
    `${sound} of ${files.length} rules are sound, ${rules.length} run, ${uncollected.length} have no source yet`,
  )
  assert.ok(sound / files.length >= 0.95, problems.map(({ file, message }) => `${file}: ${message}`).join('\n'))
})
