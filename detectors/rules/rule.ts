import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { type Condition, ConditionError, parseCondition } from './condition.js'

/** A value in a rule as it is written. */
export type RuleValue = string | number | boolean | null

/** A search identifier of a detection, as it is written. */
export type Search =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Search[] }
  | { readonly kind: 'field'; readonly field: FieldSearch }

export type FieldSearch = {
  /** Empty for keywords: any text of the event. */
  readonly name: string
  readonly modifiers: readonly string[]
  readonly values: readonly RuleValue[]
  readonly at: Place
}

/** A place in a rule file. */
export type Place = { readonly line: number; readonly path: string }

/** What is wrong with a rule: for the person who wrote it. */
export type RuleProblem = { readonly file: string; readonly line: number; readonly message: string }

export type LogSource = {
  readonly product?: string
  readonly category?: string
  readonly service?: string
}

/** A Sigma rule as it is written, checked for shape but not yet for fields and modifiers. */
export type Rule = {
  readonly file: string
  readonly line: number
  /** `name` if it has one, else `id`, else the file's name: how findings and playbooks refer to it. */
  readonly name: string
  readonly id: string | undefined
  readonly title: string
  readonly status: string
  readonly level: Level
  /** MITRE ATT&CK technique ids from the tags. */
  readonly techniques: readonly string[]
  readonly logsource: LogSource
  readonly logsource_line: number
  readonly detection: ReadonlyMap<string, Search>
  readonly condition: Condition
}

export const levels = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Level = (typeof levels)[number]

/** Parses one YAML document with one rule. Every problem is listed; there is a rule only if there is none. */
export function parseRule(text: string, file: string): { rule?: Rule; problems: RuleProblem[] } {
  const problems: RuleProblem[] = []
  const lines = new LineCounter()
  const lineOf = (node: unknown) => {
    const offset = (node as Node | null | undefined)?.range?.[0]
    return offset === undefined ? 1 : Math.max(1, lines.linePos(offset).line)
  }
  const wrong = (node: unknown, message: string) => void problems.push({ file, line: lineOf(node), message })

  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    maxAliasCount: 0,
  } as object)
  for (const error of [...document.errors, ...document.warnings]) {
    problems.push({ file, line: error.linePos?.[0].line ?? 1, message: `YAML: ${error.message.split('\n')[0]}` })
  }
  if (problems.length > 0) return { problems }
  const root = document.contents
  if (!isMap(root)) {
    wrong(root, 'found no mapping, expected a Sigma rule (title, logsource, detection)')
    return { problems }
  }

  const textAt = (key: string): string | undefined => {
    const value = root.get(key)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    wrong(root.get(key, true), `${key}: expected text`)
    return undefined
  }
  if (root.has('correlation')) wrong(root.get('correlation', true), 'correlation rules are not supported')

  const title = textAt('title')
  if (!title) wrong(root, 'title: missing, expected a line of text')
  const level = (textAt('level') ?? 'medium').toLowerCase()
  if (!isLevel(level)) wrong(root.get('level', true), `level: found "${level}", expected one of ${levels.join(', ')}`)
  const logsource = readLogsource(root, wrong)
  const found = readDetection(root, wrong, lineOf)
  if (problems.length > 0 || !title || !isLevel(level) || !logsource || !found) return { problems }
  const id = textAt('id')
  const stem = file.replace(/^.*[/\\]/, '').replace(/\.ya?ml$/, '')
  const rule: Rule = {
    file,
    line: 1,
    name: textAt('name') ?? id ?? stem,
    id,
    title,
    status: textAt('status') ?? 'test',
    level,
    techniques: techniquesOf(root.get('tags', true)),
    logsource,
    logsource_line: lineOf(root.get('logsource', true)),
    ...found,
  }
  return problems.length > 0 ? { problems } : { rule, problems }
}

type Wrong = (node: unknown, message: string) => void

function isLevel(level: string): level is Level {
  return (levels as readonly string[]).includes(level)
}

function readLogsource(root: YAMLMap, wrong: Wrong): LogSource | undefined {
  const node = root.get('logsource', true) as unknown
  if (!isMap(node)) {
    wrong(node ?? root, 'logsource: expected a mapping with product, category or service')
    return undefined
  }
  const read: { [key: string]: string } = {}
  for (const key of ['product', 'category', 'service']) {
    const value = node.get(key)
    if (value === undefined || value === null) continue
    if (typeof value === 'string') read[key] = value.toLowerCase()
    else wrong(node.get(key, true), `logsource.${key}: expected text`)
  }
  if (Object.keys(read).length === 0) wrong(node, 'logsource: expected product, category or service')
  return read
}

function techniquesOf(tags: unknown): string[] {
  if (!isSeq(tags)) return []
  const techniques = tags.items.map(
    (item) => /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(String(isScalar(item) ? item.value : ''))?.[1],
  )
  return [...new Set(techniques.filter((id) => id !== undefined).map((id) => id.toUpperCase()))]
}

function readDetection(root: YAMLMap, wrong: Wrong, lineOf: (node: unknown) => number) {
  const node = root.get('detection', true) as unknown
  if (!isMap(node)) {
    wrong(node ?? root, 'detection: expected a mapping with search identifiers and a condition')
    return undefined
  }
  const detection = new Map<string, Search>()
  for (const pair of node.items) {
    const name = isScalar(pair.key) ? String(pair.key.value) : ''
    if (name === 'condition') continue
    if (name === 'timeframe') {
      wrong(pair.key, 'detection.timeframe: only correlations have time frames, and those are not supported')
      continue
    }
    const search = readSearch(pair.value, `detection.${name}`, wrong, lineOf)
    if (search) detection.set(name, search)
  }
  const conditions = node.get('condition', true) as unknown
  const texts = isSeq(conditions) ? conditions.items : [conditions]
  const of: Condition[] = []
  for (const item of texts) {
    if (!isScalar(item) || typeof item.value !== 'string') {
      wrong(item ?? node, 'detection.condition: expected text such as "selection and not filter"')
      continue
    }
    try {
      of.push(parseCondition(item.value, [...detection.keys()]))
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      wrong(item, `detection.condition: ${error.message}`)
    }
  }
  const [first] = of
  if (!first) return undefined
  return { detection, condition: of.length === 1 ? first : ({ kind: 'or', of } as const) }
}

function readSearch(node: unknown, path: string, wrong: Wrong, lineOf: (node: unknown) => number): Search | undefined {
  if (isMap(node)) {
    const of: Search[] = []
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value ?? '') : ''
      const [name = '', ...modifiers] = key.split('|')
      const values = readValues(pair.value, `${path}.${key}`, wrong)
      const at = { line: lineOf(pair.key), path: `${path}.${key}` }
      if (values) of.push({ kind: 'field', field: { name, modifiers, values, at } })
    }
    if (of.length === 0) wrong(node, `${path}: expected at least one field`)
    return { kind: 'all', of }
  }
  if (isSeq(node)) {
    const keywords = node.items.filter((item) => isScalar(item))
    const of = node.items
      .filter((item) => !isScalar(item))
      .map((item, n) => readSearch(item, `${path}[${n}]`, wrong, lineOf))
      .filter((search) => search !== undefined)
    if (keywords.length > 0)
      of.push(
        keywordSearch(
          keywords.map((item) => item.value as RuleValue),
          node,
        ),
      )
    if (of.length === 0) wrong(node, `${path}: expected at least one item`)
    return { kind: 'any', of }
  }
  if (isScalar(node) && node.value !== null) return keywordSearch([node.value as RuleValue], node)
  wrong(node, `${path}: expected fields, a list of fields, or a list of keywords`)
  return undefined

  function keywordSearch(values: RuleValue[], where: unknown): Search {
    return { kind: 'field', field: { name: '', modifiers: [], values, at: { line: lineOf(where), path } } }
  }
}

function readValues(node: unknown, path: string, wrong: Wrong): RuleValue[] | undefined {
  if (node === null) return [null]
  if (isScalar(node)) return [node.value as RuleValue]
  if (isSeq(node) && node.items.length > 0 && node.items.every((item) => isScalar(item))) {
    return node.items.map((item) => item.value as RuleValue)
  }
  wrong(node, `${path}: expected a value or a list of values`)
  return undefined
}
