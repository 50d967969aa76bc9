import type { OcsfEvent } from '../../ocsf/event.js'
import type { Condition } from './condition.js'
import type { Fields } from './fields.js'
import { anySource, knownSources, placeOf, type Source, sourceOf } from './logsources.js'
import { compileField, MatcherError, type Scalar, type Test } from './matcher.js'
import { compileParts, type Place, placed } from './pattern.js'
import type { Clue } from './prefilter.js'
import type { FieldSearch, Rule, RuleProblem, Search } from './rule.js'

/** One comparison that held, for the reason of a finding. */
export type Held = { readonly field: string; readonly says: string; readonly found: Scalar | undefined }

/** A rule that can be asked. */
export type CompiledRule = {
  readonly rule: Rule
  readonly classes: readonly number[]
  /** Text one of which must be in the event; undefined if the rule needs none. */
  readonly clues: readonly Clue[] | undefined
  /** Whether the event that is loaded into the fields matches. */
  matches(event: OcsfEvent): boolean
  /** The comparisons that made it match, in the order of the rule. */
  held(): readonly Held[]
}

/** A part of a rule's logic over the event that is loaded. */
type Logic = {
  test(): boolean
  explain(into: Held[]): void
  readonly clues: readonly Clue[] | undefined
}

/**
 * Resolves fields and modifiers of a rule. `compiled` is there only if there are no problems; a rule about a log
 * source that Weir does not collect has the problem `uncollected`, and is checked all the same.
 */
export function compileRule(
  rule: Rule,
  fields: Fields,
): { compiled?: CompiledRule; problems: RuleProblem[]; uncollected?: RuleProblem } {
  const problems: RuleProblem[] = []
  const known = sourceOf(rule.logsource)
  const source = known ?? anySource
  const parts = new Map<string, Logic>()
  for (const [name, search] of rule.detection) parts.set(name, compileSearch(search))
  const logic = compileCondition(rule.condition, parts)
  if (known === undefined) {
    const words = Object.entries(rule.logsource).map(([key, word]) => `${key}: ${word}`)
    const message = `logsource: Weir collects no "${words.join(', ')}", expected one of: ${knownSources.join(' | ')}`
    return { problems, uncollected: { file: rule.file, line: rule.logsource_line, message } }
  }
  if (problems.length > 0) return { problems }
  return {
    problems,
    compiled: {
      rule,
      classes: source.classes,
      clues: logic.clues,
      matches: (event) => source.includes(event) && logic.test(),
      held() {
        const held: Held[] = []
        logic.explain(held)
        return held
      },
    },
  }

  function compileSearch(search: Search): Logic {
    if (search.kind === 'field') return compileFieldSearch(search.field)
    const of = search.of.map(compileSearch)
    return search.kind === 'all' ? every(of) : some(of, 1)
  }

  function compileFieldSearch(search: FieldSearch): Logic {
    try {
      const tests = compileField(search)
      const place = fieldPlace(search.name, source, rule)
      const slot = fields.slot(place)
      const label = search.name === '' ? 'the event' : search.name
      const of =
        tests.kind === 'tests'
          ? tests.tests.map((test) => comparison(fields, slot, label, test))
          : tests.references.map(({ to, place }) =>
              reference(fields, slot, fields.slot(fieldPlace(to, source, rule)), label, to, place),
            )
      return tests.all ? every(of) : some(of, 1)
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error
      problems.push({ file: rule.file, line: search.at.line, message: `${search.at.path}: ${error.message}` })
      return some([], 1)
    }
  }
}

function fieldPlace(name: string, source: Source, rule: Rule) {
  const place = placeOf(source, name)
  if (place !== undefined) return place
  const words = Object.values(rule.logsource).join('/')
  const expected = [...Object.keys(source.fields), 'or an OCSF path such as process.cmd_line'].join(', ')
  throw new MatcherError(`${words} has no field "${name}", expected ${expected}`)
}

function compileCondition(condition: Condition, parts: ReadonlyMap<string, Logic>): Logic {
  switch (condition.kind) {
    case 'name':
      return parts.get(condition.name) ?? some([], 1)
    case 'not': {
      const logic = compileCondition(condition.of, parts)
      return { test: () => !logic.test(), explain: () => {}, clues: undefined }
    }
    case 'and':
      return every(condition.of.map((part) => compileCondition(part, parts)))
    case 'or':
      return some(
        condition.of.map((part) => compileCondition(part, parts)),
        1,
      )
    case 'at_least': {
      const of = condition.of.map((part) => compileCondition(part, parts))
      return condition.n === of.length ? every(of) : some(of, condition.n)
    }
  }
}

function every(of: readonly Logic[]): Logic {
  const [only] = of
  if (of.length === 1 && only) return only
  return {
    test() {
      for (const logic of of) if (!logic.test()) return false
      return true
    },
    explain: (into) => of.forEach((logic) => void logic.explain(into)),
    // Every part must hold: the one whose clues are the rarest is enough to find candidates.
    clues: of.map((logic) => logic.clues).reduce(rarer, undefined),
  }
}

function some(of: readonly Logic[], n: number): Logic {
  const [only] = of
  if (of.length === 1 && only) return only
  const clues = of.flatMap((logic) => logic.clues ?? [])
  return {
    test() {
      let holding = 0
      for (const logic of of) if (logic.test() && ++holding >= n) return true
      return false
    },
    explain(into) {
      for (const logic of of) if (logic.test()) logic.explain(into)
    },
    clues: of.length > 0 && of.every((logic) => logic.clues !== undefined) ? clues : undefined,
  }
}

function rarer(a: readonly Clue[] | undefined, b: readonly Clue[] | undefined): readonly Clue[] | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return frequency(a) <= frequency(b) ? a : b
}

/** Fields with few values: what they say is true of a large part of all events. */
const common =
  /(^|\.)(kind|type|verb|service|eventSource|eventType|(activity|class|type|severity|status|direction)_u?id)$/

/** How often such texts turn up, roughly: short ones often, those with a fixed place seldom. */
function frequency(clues: readonly Clue[]): number {
  return clues.reduce((sum, { literal, is_common }) => {
    const length = literal.text.length + (literal.start ? 2 : 0) + (literal.end ? 2 : 0)
    return sum + (is_common ? 1 : 1 / length ** 3)
  }, 0)
}

function comparison(fields: Fields, slot: number, field: string, test: Test): Logic {
  const isCommon = common.test(field)
  function holding(): number {
    const values = fields.values(slot)
    for (let n = 0; n < values.length; n++) {
      if (test.matches(values[n] as Scalar, fields.lower(slot, n))) return n
    }
    return -1
  }
  const isMissing = () => test.missing === true && fields.values(slot).length === 0
  return {
    test: () => holding() >= 0 || isMissing(),
    explain(into) {
      const n = holding()
      if (n >= 0 || isMissing()) into.push({ field, says: test.says, found: fields.values(slot)[n] })
    },
    clues: test.literals?.map((literal) => ({
      slot,
      literal,
      is_common: isCommon || /^(true|false)$/.test(literal.text),
    })),
  }
}

function reference(fields: Fields, left: number, right: number, field: string, to: string, place: Place): Logic {
  const verb = place === 'equals' ? 'equals' : place
  function holding(): number {
    const values = fields.values(left)
    const others = fields.values(right)
    for (let n = 0; n < values.length; n++) {
      for (let m = 0; m < others.length; m++) {
        if (compileParts(placed([fields.lower(right, m)], place))(fields.lower(left, n))) return n
      }
    }
    return -1
  }
  return {
    test: () => holding() >= 0,
    explain: (into) => void into.push({ field, says: `${verb} ${to}`, found: fields.values(left)[holding()] }),
    clues: undefined,
  }
}
