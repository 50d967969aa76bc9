import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { z } from 'zod'
import { messageOf, WeirError } from '../../core/errors.js'
import { packageRoot } from '../../core/paths.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { type DetectorCoverage, defineDetector, type FindingDraft } from '../contract.js'
import type { CompiledRule, Held } from './compile.js'
import { levels, type RuleProblem } from './rule.js'
import { type RuleFile, ruleSet } from './rule-set.js'

const max_sentences = 5
const max_value = 160
const severities = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const
/** A rule that has proved itself says more. */
const confidences: { readonly [status: string]: number } = { stable: 90, test: 75, experimental: 60 }

const config = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .default(['builtin'])
    .describe(
      'Folders (searched to the bottom) and files of Sigma rules; `builtin` stands for the rules that come with Weir.',
    ),
  min_level: z.enum(levels).default('low').describe('Rules below this level are left out.'),
  unsupported: z
    .enum(['fail', 'skip'])
    .default('fail')
    .describe(
      'What to do with rules that do not load: `fail` refuses to start and lists them, `skip` starts without them and reports them as a gap in coverage.',
    ),
})

/** Sigma rules on the stream. */
export const rules = defineDetector({
  name: 'rules',
  summary: 'Sigma rules: known bad behaviour of processes, connections, containers and cloud accounts',
  family: 'rules',
  needs: { classes: 'all' },
  memory_ms: 0,
  config,
  example: { paths: ['builtin'], min_level: 'medium' },
  check: (settings) => void loadRules(settings),
  create(settings, { log }) {
    const { set, unusable } = loadRules(settings)
    for (const problem of unusable) log.warn(`rule left out: ${problemLine(problem)}`)
    const coverage = coverageOf(set.rules.length, unusable)
    return {
      process(events) {
        const drafts: FindingDraft[] = []
        for (const event of events) {
          for (const match of set.match(event)) drafts.push(draftOf(match, event))
        }
        return drafts
      },
      coverage: () => coverage,
    }
  },
})

/** Reads and compiles the configured rules. Throws `config_invalid` naming file and line where that is asked for. */
function loadRules({ paths, min_level, unsupported }: z.output<typeof config>) {
  const files = paths.flatMap(readRules)
  const set = ruleSet(files, (rule) => levels.indexOf(rule.level) >= levels.indexOf(min_level))
  const unusable = [...set.problems, ...set.uncollected]
  if (unusable.length > 0 && unsupported === 'fail') {
    throw new WeirError('config_invalid', unusable.map(problemLine).join('\n'), {
      hint: 'Correct the rules, take them out, or set `unsupported: skip` to start without them.',
    })
  }
  return { set, unusable }
}

function coverageOf(loaded: number, unusable: readonly RuleProblem[]): DetectorCoverage {
  const files = new Set(unusable.map(({ file }) => file)).size
  if (files === 0) return { status: 'ok', message: `${loaded} rules run` }
  return { status: 'degraded', message: `${loaded} rules run, ${files} are left out because they do not load` }
}

function problemLine({ file, line, message }: RuleProblem): string {
  return `${file}:${line}: ${message}`
}

/** The rules that come with Weir. */
export const builtinFolder = join(packageRoot, 'detectors', 'rules', 'builtin')

/** Every rule file at a path. Throws `config_invalid` if there is nothing. */
export function readRules(path: string): RuleFile[] {
  const folder = path === 'builtin' ? builtinFolder : path
  try {
    if (!statSync(folder).isDirectory()) return [{ file: folder, text: readFileSync(folder, 'utf8') }]
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const files = names.filter((name) => /(?<!\.cases)\.ya?ml$/.test(name)).sort()
    return files.map((name) => ({
      file: shortPath(join(folder, name)),
      text: readFileSync(join(folder, name), 'utf8'),
    }))
  } catch (error) {
    throw new WeirError('config_invalid', `rules at "${path}" cannot be read: ${messageOf(error)}`, {
      hint: 'Expected a folder or a file of Sigma rules, or `builtin`.',
    })
  }
}

function shortPath(path: string): string {
  const inside = relative(packageRoot, path)
  return inside.startsWith('..') ? path : inside
}

function draftOf({ rule, held }: CompiledRule, event: OcsfEvent): FindingDraft {
  const comparisons = held()
  const where = event.workload ? ` in ${event.workload.kind} ${event.workload.name}` : ''
  const evidence = sentences(comparisons)
  return {
    rule: rule.name,
    title: rule.title,
    reason: `${rule.title}${where}: ${evidence.join(', ') || 'no field it names is there'}.`,
    workload: event.workload,
    severity_id: severities[rule.level],
    confidence: confidences[rule.status] ?? 60,
    techniques: rule.techniques,
    evidence: event.metadata.uid === undefined ? [] : [event.metadata.uid],
    time: event.time,
    // Without a workload, what one caller does in one account belongs together.
    ...(event.workload ? {} : { dedup_key: `${rule.name}\n${callerOf(event)}` }),
    details: {
      rule_file: rule.file,
      ...(rule.id === undefined ? {} : { rule_id: rule.id }),
      matched: [...new Set(comparisons.map(({ field }) => field))],
      ...(event.workload ? {} : { caller: callerOf(event) }),
    },
  }
}

function callerOf(event: OcsfEvent): string {
  const user = event.actor?.user
  return String(
    user?.uid ?? user?.name ?? event.user?.name ?? event.src_endpoint?.ip ?? event.device?.hostname ?? 'unknown',
  )
}

/** What held, field by field: `Image ends with "/xmrig" (found "/tmp/xmrig")`. */
function sentences(held: readonly Held[]): string[] {
  const byField = new Map<string, Held[]>()
  for (const one of held) {
    const key = `${one.field}\n${one.found}`
    const others = byField.get(key)
    if (others) others.push(one)
    else byField.set(key, [one])
  }
  const all = [...byField.values()].map(sentence)
  return all.length <= max_sentences ? all : [...all.slice(0, max_sentences), `${all.length - max_sentences} more`]
}

function sentence(held: readonly Held[]): string {
  const [{ field, found } = { field: '', found: undefined }] = held
  const says = held.slice(0, max_sentences).map((one) => one.says)
  if (found === undefined) return `${field} ${says.join(' and ')}`
  const text = JSON.stringify(found)
  const short = text.length > max_value ? `${text.slice(0, max_value)}…` : text
  // "is X (found X)" says nothing twice.
  const telling = says.filter(
    (one) => one !== 'is present' && one.toLowerCase() !== `is ${JSON.stringify(String(found)).toLowerCase()}`,
  )
  return telling.length === 0 ? `${field} is ${short}` : `${field} ${telling.join(' and ')} (found ${short})`
}
