import { readFileSync } from 'node:fs'
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { messageOf, WeirError } from './errors.js'

/** One thing that is wrong with a configuration, and where. */
export type ConfigProblem = {
  /** Path in the YAML: `collectors.host.poll_ms`. */
  readonly path: string
  readonly line: number | undefined
  readonly message: string
}

/** The one place that reads the environment. */
export const environment: NodeJS.ProcessEnv = process.env

/**
 * Parses YAML text, replaces `${NAME}` by environment variables (in strings only; `$${` writes a literal `${`) and
 * checks the whole against `schema`. Throws `config_invalid` whose message lists every problem with path and line.
 */
export function parseConfig<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  options: { file: string; env?: NodeJS.ProcessEnv },
): z.output<Schema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw invalid(
      options.file,
      document.errors.map((error) => ({ path: '', line: lines.linePos(error.pos[0]).line, message: error.message })),
    )
  }
  const problems: ConfigProblem[] = []
  const at = (path: readonly PropertyKey[]) => {
    const node = nodeAt(document.contents, path)
    const offset = node?.range?.[0]
    return offset === undefined ? undefined : lines.linePos(offset).line
  }
  const value = substitute(document.toJS() ?? {}, [], (path, name) => {
    const found = (options.env ?? environment)[name]
    if (found === undefined) {
      problems.push({
        path: path.join('.'),
        line: at(path),
        message: `environment variable ${name} is not set; set it or remove \${${name}}`,
      })
    }
    return found ?? ''
  })
  const result = schema.safeParse(value)
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.map(String)
    // A value that could not be substituted is reported once, as what it is.
    if (problems.some((problem) => problem.path === path.join('.'))) continue
    problems.push({
      path: path.join('.'),
      line: at(issue.path),
      message: describeIssue(issue, valueAt(value, issue.path)),
    })
  }
  if (problems.length > 0) throw invalid(options.file, problems)
  return result.data as z.output<Schema>
}

/** Reads and parses a configuration file. Throws `config_invalid`, also when the file cannot be read. */
export function readConfig<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new WeirError('config_invalid', `cannot read the configuration: ${messageOf(error)}`, { cause: error })
  }
  return parseConfig(text, schema, { file })
}

function invalid(file: string, problems: readonly ConfigProblem[]): WeirError {
  const lines = problems.map(
    ({ path, line, message }) => `  ${line === undefined ? file : `${file}:${line}`}  ${path || '(top)'}: ${message}`,
  )
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  return new WeirError('config_invalid', `${count} in the configuration\n${lines.join('\n')}`)
}

function describeIssue(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.map((key) => `"${key}"`).join(', ')}`
  const what = found === undefined ? 'it is missing' : `found ${JSON.stringify(found)?.slice(0, 80)}`
  return `${issue.message.replace(/^Invalid input: /, '')} (${what})`
}

function substitute(
  value: unknown,
  path: readonly PropertyKey[],
  lookup: (path: readonly PropertyKey[], name: string) => string,
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (match, name) =>
      match === '$${' ? '${' : lookup(path, name),
    )
  }
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, [...path, index], lookup))
  if (value && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, substitute(item, [...path, key], lookup)]),
    )
  }
  return value
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value
  for (const key of path) {
    if (current === null || typeof current !== 'object') return undefined
    current = (current as Record<PropertyKey, unknown>)[key]
  }
  return current
}

/** The deepest node on the path: a missing field is reported where its parent starts. */
function nodeAt(root: unknown, path: readonly PropertyKey[]): Node | undefined {
  let node = root as Node | undefined
  for (const key of path) {
    let next: unknown
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      next = pair?.value ?? pair?.key
    } else if (isSeq(node)) {
      next = node.items[Number(key)]
    }
    if (!next) return node
    node = next as Node
  }
  return node
}
