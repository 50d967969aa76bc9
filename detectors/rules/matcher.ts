import { BlockList, isIP } from 'node:net'
import { compileParts, type Literal, literalOf, type Part, type Place, parsePattern, placed } from './pattern.js'
import { compileRegex, RegexError } from './regex.js'
import type { FieldSearch, RuleValue } from './rule.js'
import { type Encoded, encoders, isEncoder } from './transform.js'

/** A value of an event that can be compared. */
export type Scalar = string | number | boolean

/** One value of a rule, ready to be compared with one value of an event. */
export type Test = {
  /** How it reads in a reason: `ends with "/xmrig"`. */
  readonly says: string
  /** `lower` is the value as lower-case text. */
  matches(value: Scalar, lower: string): boolean
  /** The result where the event has no value there. Absent: false. */
  readonly missing?: boolean
  /** Texts one of which every matching value contains; candidate rules are found by them. Absent: it needs none. */
  readonly literals?: readonly Literal[]
}

/** A field compared with another field of the same event. */
export type FieldReference = { readonly to: string; readonly place: Place }

/** What a field of a rule asks for. `all`: every test must hold, for some value each. */
export type Tests =
  | { readonly kind: 'tests'; readonly all: boolean; readonly tests: readonly Test[] }
  | { readonly kind: 'reference'; readonly all: boolean; readonly references: readonly FieldReference[] }

/** What is wrong with a field of a rule. */
export class MatcherError extends Error {}

const places: readonly string[] = ['contains', 'startswith', 'endswith']
const comparisons = ['lt', 'lte', 'gt', 'gte'] as const
const regexFlags: readonly string[] = ['i', 'm', 's']
const special: readonly string[] = ['all', 'cased', 're', 'cidr', 'exists', 'fieldref', 'neq', ...regexFlags]
const verbs = { equals: 'is', contains: 'contains', startswith: 'starts with', endswith: 'ends with' } as const

/** The modifiers that are understood. */
const modifiers: readonly string[] = [...places, ...comparisons, ...special, ...Object.keys(encoders)]

/** Makes tests of a field with its modifiers and values. Throws MatcherError. */
export function compileField(search: FieldSearch): Tests {
  const asked = search.modifiers
  for (const modifier of asked) {
    if (!modifiers.includes(modifier)) {
      throw new MatcherError(`unknown modifier "${modifier}", expected one of ${modifiers.join(', ')}`)
    }
  }
  const all = asked.includes('all')
  if (all && search.values.length < 2 && search.name !== '') throw new MatcherError('"all" needs a list of values')
  const rest = asked.filter((modifier) => modifier !== 'all')
  if (rest.includes('fieldref')) return compileReferences(search.values, rest, all)
  const tests = search.values.flatMap((value) => compileValue(value, rest, search.name === ''))
  return { kind: 'tests', all, tests: rest.includes('neq') ? [not(tests)] : tests }
}

function compileReferences(values: readonly RuleValue[], asked: readonly string[], all: boolean): Tests {
  const references = values.map((to) => {
    if (typeof to !== 'string') throw new MatcherError(`"fieldref" needs the name of a field, found ${shown(to)}`)
    return { to, place: placeOf(asked, ['fieldref']) }
  })
  return { kind: 'reference', all, references }
}

/** The one place modifier, if any. Throws if others than those allowed are there. */
function placeOf(asked: readonly string[], allowed: readonly string[]): Place {
  const found = asked.filter((modifier) => places.includes(modifier))
  if (found.length > 1) throw new MatcherError(`"${found.join('" and "')}" exclude each other`)
  const stray = asked.find((modifier) => !places.includes(modifier) && !allowed.includes(modifier))
  if (stray !== undefined) throw new MatcherError(`"${stray}" cannot be used with "${asked.find((m) => m !== stray)}"`)
  return (found[0] ?? 'equals') as Place
}

function compileValue(value: RuleValue, asked: readonly string[], isKeyword: boolean): Test[] {
  const comparison = comparisons.find((name) => asked.includes(name))
  if (asked.includes('re')) return [regexTest(value, asked)]
  if (asked.includes('cidr')) return [cidrTest(value, asked)]
  if (asked.includes('exists')) return [existsTest(value, asked)]
  if (comparison !== undefined) return [comparisonTest(comparison, value, asked)]
  if (regexFlags.some((flag) => asked.includes(flag))) throw new MatcherError('"i", "m" and "s" follow "re" only')
  if (value === null) {
    if (asked.some((modifier) => modifier !== 'neq')) throw new MatcherError('null takes no modifiers')
    return [{ says: 'is absent', matches: () => false, missing: true }]
  }
  const steps = asked.filter(isEncoder)
  const place = placeOf(asked, ['cased', 'neq', ...steps])
  return textTests(String(value), steps, place === 'equals' && isKeyword ? 'contains' : place, asked.includes('cased'))
}

function textTests(text: string, steps: readonly (keyof typeof encoders)[], place: Place, cased: boolean): Test[] {
  let variants: { shown: string; parts: readonly Part[] }[]
  if (steps.length === 0) variants = [{ shown: text, parts: parsePattern(text) }]
  else {
    if (parsePattern(text).some((part) => typeof part === 'object')) {
      throw new MatcherError(`"${steps.join('|')}" cannot encode wildcards, found ${shown(text)}`)
    }
    const plain = parsePattern(text).join('')
    let encoded: Encoded[] = [plain]
    for (const step of steps) encoded = encoded.flatMap((one) => encoders[step](one))
    variants = encoded.map((one) => {
      const result = typeof one === 'string' ? one : one.toString('latin1')
      return { shown: result, parts: [result] }
    })
  }
  return variants.map((variant) => {
    const parts = placed(variant.parts, place)
    const literal = literalOf(parts)
    const says = `${verbs[place]} ${shown(variant.shown)}`
    if (cased) {
      const test = compileParts(parts)
      return { says, matches: (value) => test(String(value)), ...(literal ? { literals: [literal] } : {}) }
    }
    const test = compileParts(parts.map((part) => (typeof part === 'string' ? part.toLowerCase() : part)))
    return { says, matches: (_, lower) => test(lower), ...(literal ? { literals: [literal] } : {}) }
  })
}

function regexTest(value: RuleValue, asked: readonly string[]): Test {
  const stray = asked.find((modifier) => modifier !== 're' && modifier !== 'neq' && !regexFlags.includes(modifier))
  if (stray !== undefined) throw new MatcherError(`"${stray}" cannot be used with "re"`)
  try {
    const { test, clues } = compileRegex(String(value), {
      ignore_case: asked.includes('i'),
      multiline: asked.includes('m'),
      dot_all: asked.includes('s'),
    })
    const literals = clues?.map((text) => ({ text, start: false, end: false }))
    return { says: `matches /${value}/`, matches: (found) => test(String(found)), ...(literals ? { literals } : {}) }
  } catch (error) {
    if (error instanceof RegexError) throw new MatcherError(`regular expression ${shown(value)}: ${error.message}`)
    throw error
  }
}

function cidrTest(value: RuleValue, asked: readonly string[]): Test {
  placeOf(asked, ['cidr', 'neq'])
  const [, ip = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(String(value)) ?? []
  const version = isIP(ip)
  const bits = Number(prefix)
  if (version === 0 || prefix === '' || bits > (version === 4 ? 32 : 128)) {
    throw new MatcherError(`"cidr" needs a network such as 10.0.0.0/8, found ${shown(value)}`)
  }
  const family = version === 4 ? 'ipv4' : 'ipv6'
  const network = new BlockList()
  network.addSubnet(ip, bits, family)
  return {
    says: `is in ${value}`,
    matches(found) {
      const version = isIP(String(found))
      return version !== 0 && network.check(String(found), version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

function existsTest(value: RuleValue, asked: readonly string[]): Test {
  placeOf(asked, ['exists'])
  if (typeof value !== 'boolean') throw new MatcherError(`"exists" needs true or false, found ${shown(value)}`)
  return { says: value ? 'is present' : 'is absent', matches: () => value, missing: !value }
}

function comparisonTest(name: (typeof comparisons)[number], value: RuleValue, asked: readonly string[]): Test {
  placeOf(asked, [name, 'neq'])
  const limit = typeof value === 'number' ? value : Number.NaN
  if (Number.isNaN(limit)) throw new MatcherError(`"${name}" needs a number, found ${shown(value)}`)
  const numberOf = (found: Scalar) => (found === '' || typeof found === 'boolean' ? Number.NaN : Number(found))
  const compare: { [key in typeof name]: (found: number) => boolean } = {
    lt: (found) => found < limit,
    lte: (found) => found <= limit,
    gt: (found) => found > limit,
    gte: (found) => found >= limit,
  }
  const signs = { lt: '<', lte: '<=', gt: '>', gte: '>=' }
  const test = compare[name]
  return { says: `is ${signs[name]} ${limit}`, matches: (found) => test(numberOf(found)) }
}

function not(tests: readonly Test[]): Test {
  return {
    says: `is not: ${tests.map((test) => test.says).join(' or ')}`,
    matches: (value, lower) => !tests.some((test) => test.matches(value, lower)),
    missing: !tests.some((test) => test.missing === true),
  }
}

function shown(value: RuleValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
