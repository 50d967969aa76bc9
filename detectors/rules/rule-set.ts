import type { OcsfEvent } from '../../ocsf/event.js'
import { type CompiledRule, compileRule } from './compile.js'
import { Fields } from './fields.js'
import { type Prefilter, prefilter } from './prefilter.js'
import { parseRule, type Rule, type RuleProblem } from './rule.js'

/** The text of one rule file. */
export type RuleFile = { readonly file: string; readonly text: string }

/** Rules that run together. */
export type RuleSet = {
  readonly rules: readonly Rule[]
  /** Classes that some rule is about. */
  readonly classes: readonly number[]
  /** Files that are no usable rules, with every problem. */
  readonly problems: readonly RuleProblem[]
  /** Sound rules about log sources that nobody collects. */
  readonly uncollected: readonly RuleProblem[]
  /** The rules that an event matches; the answer is valid until the next call. */
  match(event: OcsfEvent): readonly CompiledRule[]
}

type Group = { readonly rules: readonly CompiledRule[]; readonly filter: Prefilter }

const nothing: readonly CompiledRule[] = []

/** Compiles rules for streams: grouped by class, found by the texts they need, then checked in full. */
export function ruleSet(files: readonly RuleFile[], accepts: (rule: Rule) => boolean = () => true): RuleSet {
  const fields = new Fields()
  const problems: RuleProblem[] = []
  const uncollected: RuleProblem[] = []
  const compiled: CompiledRule[] = []
  const names = new Map<string, string>()
  for (const { file, text } of files) {
    const parsed = parseRule(text, file)
    problems.push(...parsed.problems)
    if (!parsed.rule || !accepts(parsed.rule)) continue
    const { name } = parsed.rule
    const other = names.get(name)
    if (other !== undefined) {
      problems.push({ file, line: 1, message: `the rule is named "${name}" as the one in ${other}, expected its own` })
      continue
    }
    names.set(name, file)
    const result = compileRule(parsed.rule, fields)
    problems.push(...result.problems)
    if (result.uncollected && result.problems.length === 0) uncollected.push(result.uncollected)
    if (result.compiled) compiled.push(result.compiled)
  }

  const groups = new Map<number, Group>()
  for (const class_uid of new Set(compiled.flatMap((rule) => rule.classes))) {
    const rules = compiled.filter((rule) => rule.classes.includes(class_uid))
    groups.set(class_uid, { rules, filter: prefilter(rules.map((rule) => rule.clues)) })
  }

  return {
    rules: compiled.map(({ rule }) => rule),
    classes: [...groups.keys()],
    problems,
    uncollected,
    match(event) {
      const group = groups.get(event.class_uid)
      if (group === undefined) return nothing
      fields.load(event)
      const candidates = group.filter.candidates(fields)
      if (candidates.length === 0) return nothing
      const matching: CompiledRule[] = []
      for (const index of candidates) {
        const rule = group.rules[index]
        if (rule?.matches(event)) matching.push(rule)
      }
      return matching
    },
  }
}
