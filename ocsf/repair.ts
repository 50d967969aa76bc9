import { type Check, classChecks, KIND, type Spec } from './checks.js'
import type { OcsfEvent } from './event.js'
import { keepUnmapped, moveUnknown } from './unknown.js'
import { type Problem, type ProblemCode, validate } from './validate.js'

type Node = { [key: string]: unknown }

/** An object whose attribute was moved may itself be wrong now; events are not nested deeper than this in practice. */
const MAX_ROUNDS = 8

/** What is cured where the value is no longer at its place; the others are wrong under `unmapped` too. */
const CURABLE: ReadonlySet<ProblemCode> = new Set([
  'wrong_type',
  'out_of_range',
  'not_in_enum',
  'bad_format',
  'required_missing',
  'constraint_failed',
])

/**
 * Makes an event valid where that costs no meaning, and says what is still wrong with it: attributes that OCSF does not
 * know, and optional ones whose value it does not allow, move to `unmapped` under their path. One odd value costs its
 * attribute, not the event. `"22"` for 22 and 22 for `"22"` are taken for what they say. Changes the event in place.
 */
export function repaired(event: OcsfEvent): readonly Problem[] {
  let problems = validate(event)
  if (problems.length === 0) return problems
  for (let round = 0; round < MAX_ROUNDS; round++) {
    moveUnknown(event)
    problems = validate(event)
    const cured = problems.filter((problem) => CURABLE.has(problem.code) && cure(event, problem)).length
    if (cured === 0) break
  }
  return problems
}

/** Where a value stands: the object that has it, under which name, and what OCSF says about it. */
type Place = { readonly node: Node; readonly check: Check; readonly path: string; readonly isOptional: boolean }

function cure(event: OcsfEvent, { path }: Problem): boolean {
  const spec = classChecks().get(event.class_uid)
  const places = spec === undefined ? [] : placesOn(spec, event, path)
  const last = places.at(-1)
  if (last !== undefined && last.path === path && !last.check.array) {
    const better = coerced(last.check, last.node[last.check.name])
    if (better !== undefined) {
      last.node[last.check.name] = better
      return true
    }
  }
  const place = places.findLast(({ isOptional }) => isOptional)
  if (place === undefined) return false
  const value = place.node[place.check.name]
  // First: it may be `unmapped` itself.
  delete place.node[place.check.name]
  keepUnmapped(event, place.path, value)
  return true
}

/** The attributes on a path, from the event inwards, as far as they exist. */
function placesOn(spec: Spec, event: OcsfEvent, path: string): Place[] {
  const places: Place[] = []
  let inner: Spec | undefined = spec
  let node: unknown = event
  let at = ''
  for (const [part, name, index] of path.matchAll(/\.?([^.[\]]+)|\[(\d+)\]/g)) {
    if (index !== undefined) {
      node = Array.isArray(node) ? node[Number(index)] : undefined
    } else {
      const check: Check | undefined = inner?.checks.get(name as string)
      if (check === undefined || !isNode(node) || !Object.hasOwn(node, check.name)) break
      const attribute = inner?.schema.attributes.get(check.name)
      places.push({ node, check, path: at + part, isOptional: attribute?.requirement !== 'required' })
      inner = check.spec
      node = node[check.name]
    }
    at += part
  }
  return places
}

function coerced(check: Check, value: unknown): unknown {
  if (check.kind === KIND.text && typeof value === 'number') return String(value)
  const isWhole = check.kind === KIND.integer || check.kind === KIND.long || check.kind === KIND.port
  return isWhole && typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
