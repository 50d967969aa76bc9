import { type Check, classChecks, KIND, type Spec } from './checks.js'
import { isIp, isMac, isUuid } from './text-formats.js'

export type ProblemCode =
  | 'not_an_object'
  | 'unknown_class'
  | 'required_missing'
  | 'constraint_failed'
  | 'unknown_attribute'
  | 'wrong_type'
  | 'out_of_range'
  | 'not_in_enum'
  | 'bad_format'
  | 'lone_surrogate'
  | 'inconsistent'
  | 'too_deep'
  | 'too_many_values'
  | 'unreadable'

/** One thing that is wrong with an event. */
export type Problem = {
  /** Where: `process.file.hashes[0].algorithm_id`; empty for the event itself. */
  readonly path: string
  readonly code: ProblemCode
  /** What stands there, shortened. */
  readonly found: string
  /** What OCSF or Weir wants there. */
  readonly expected: string
}

/** After so many problems the rest of the event is not looked at. */
const max_problems = 20
/** Deeper than any real event; JSON.stringify and the lake's JSON parser are safe below it. */
const max_depth = 64
/** Values in one event, arrays and free JSON included. */
const max_values = 200_000
/** 2200-01-01: the lake's DateTime64(3) ends in 2299, and a date this late is a wrong unit or a sentinel. */
const max_time_ms = Date.UTC(2200, 0, 1)

const none: readonly Problem[] = Object.freeze([])

// Scratch of the call in progress. validate is synchronous and does not call out, so that one set is enough.
let problems: Problem[] | undefined
let values = 0
let profiles: readonly unknown[] = []
const path: (string | number)[] = []

/**
 * Checks an event against OCSF 1.8.0 and Weir's extension; an empty list means valid. Types, ranges, enums, formats of
 * addresses, required attributes (those of a profile only if `metadata.profiles` names it), constraints, unknown
 * attributes, and that `type_uid` and `category_uid` agree with the class. Stops at 20 problems and never throws.
 * `undefined` counts as absent, `null` does not.
 */
export function validate(event: unknown): readonly Problem[] {
  problems = undefined
  values = 0
  profiles = none
  path.length = 0
  try {
    validateEvent(event)
  } catch (error) {
    // Only a value that is not plain JSON (a getter or proxy that throws) gets here.
    report(0, 'unreadable', describe(error instanceof Error ? error.message : undefined), 'plain JSON')
  }
  const found = problems ?? none
  problems = undefined
  return found
}

function validateEvent(event: unknown) {
  if (!isObject(event)) return report(0, 'not_an_object', describe(event), 'an OCSF event object')
  const { class_uid, activity_id, type_uid, category_uid, metadata } = event
  const spec = typeof class_uid === 'number' ? classChecks().get(class_uid) : undefined
  if (spec === undefined) {
    path[0] = 'class_uid'
    if (class_uid === undefined) return report(1, 'required_missing', 'nothing', 'the class_uid of an OCSF 1.8.0 class')
    return report(
      1,
      'unknown_class',
      describe(class_uid),
      'the class_uid of an OCSF 1.8.0 class or of the weir extension',
    )
  }
  if (isObject(metadata) && Array.isArray(metadata.profiles)) profiles = metadata.profiles
  walk(spec, event, 0)
  if (category_uid !== spec.category_uid && typeof category_uid === 'number') {
    path[0] = 'category_uid'
    report(1, 'inconsistent', String(category_uid), `${spec.category_uid}, the category of class ${String(class_uid)}`)
  }
  const type = (class_uid as number) * 100 + (activity_id as number)
  if (type_uid !== type && typeof type_uid === 'number' && typeof activity_id === 'number') {
    path[0] = 'type_uid'
    report(1, 'inconsistent', String(type_uid), `${type} = class_uid * 100 + activity_id`)
  }
}

/** Checks the attributes of one object whose path has `depth` parts. */
function walk(spec: Spec, object: Record<string, unknown>, depth: number) {
  let seen = 0
  let previous: Check | undefined
  let guess = spec.first
  for (const key in object) {
    const value = object[key]
    if (value === undefined) continue
    let check = guess
    if (check === undefined || check.name !== key) {
      check = spec.checks.get(key)
      if (check === undefined) {
        path[depth] = key
        report(
          depth + 1,
          'unknown_attribute',
          describe(value),
          `an attribute of ${spec.caption}, or put it under unmapped`,
        )
        if (isFull()) return
        continue
      }
      if (previous === undefined) spec.first = check
      else previous.next = check
    }
    seen |= check.bit
    previous = check
    guess = check.next
    path[depth] = key
    if (check.array) checkArray(check, value, depth + 1)
    else checkValue(check, value, depth + 1)
    if (isFull()) return
  }
  if ((seen & spec.needed) !== spec.needed || spec.slow || (spec.profiled && profiles.length > 0)) {
    checkPresence(spec, object, depth)
  }
}

function checkArray(check: Check, value: unknown, depth: number) {
  if (!Array.isArray(value)) return report(depth, 'wrong_type', describe(value), 'an array')
  for (let at = 0; at < value.length; at++) {
    path[depth] = at
    checkValue(check, value[at], depth + 1)
    if (isFull()) return
  }
}

function checkValue(check: Check, value: unknown, depth: number) {
  if (++values > max_values)
    return report(depth, 'too_many_values', `more than ${max_values} values`, 'a smaller event')
  switch (check.kind) {
    case KIND.text:
      if (typeof value !== 'string') return report(depth, 'wrong_type', describe(value), 'a string')
      if (!value.isWellFormed()) return reportSurrogate(depth, value)
      if (check.values !== undefined && !check.values.has(value)) {
        report(depth, 'not_in_enum', describe(value), `one of ${[...check.values].join(', ')}`)
      }
      return
    case KIND.integer:
      if (typeof value !== 'number') return report(depth, 'wrong_type', describe(value), 'an integer')
      if (check.small !== undefined) return checkEnum(check, value, depth)
      return checkInteger(value, -2147483648, 4294967295, depth)
    case KIND.object:
      if (!isObject(value)) return report(depth, 'wrong_type', describe(value), `an object (${check.spec?.caption})`)
      if (depth > max_depth) return report(depth, 'too_deep', `more than ${max_depth} levels`, 'a flatter event')
      return walk(check.spec as Spec, value, depth)
    case KIND.timestamp:
      if (typeof value !== 'number') return report(depth, 'wrong_type', describe(value), 'milliseconds since 1970')
      if (!Number.isInteger(value)) return report(depth, 'wrong_type', describe(value), 'whole milliseconds since 1970')
      if (value < 0 || value >= max_time_ms) {
        report(depth, 'out_of_range', describe(value), 'milliseconds since 1970, before the year 2200')
      }
      return
    case KIND.boolean:
      if (typeof value !== 'boolean') report(depth, 'wrong_type', describe(value), 'true or false')
      return
    case KIND.free:
      if (!isObject(value)) return report(depth, 'wrong_type', describe(value), 'an object')
      return walkFree(value, depth)
    case KIND.json:
      return walkFree(value, depth)
    default:
      return checkRare(check, value, depth)
  }
}

function checkRare(check: Check, value: unknown, depth: number) {
  switch (check.kind) {
    case KIND.long:
      if (typeof value !== 'number') return report(depth, 'wrong_type', describe(value), 'an integer')
      return checkInteger(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, depth)
    case KIND.float:
      if (typeof value !== 'number' || !Number.isFinite(value)) report(depth, 'wrong_type', describe(value), 'a number')
      return
    case KIND.port:
      if (typeof value !== 'number') return report(depth, 'wrong_type', describe(value), 'an integer')
      return checkInteger(value, 0, 65535, depth)
    case KIND.ip:
      return checkFormat(value, isIp, 'an IPv4 or IPv6 address', depth)
    case KIND.mac:
      return checkFormat(value, isMac, 'a MAC address', depth)
    case KIND.uuid:
      return checkFormat(value, isUuid, 'a UUID', depth)
    default:
      return checkStringMap(value, depth)
  }
}

function checkInteger(value: number, min: number, max: number, depth: number) {
  if (!Number.isInteger(value)) return report(depth, 'wrong_type', describe(value), 'an integer')
  if (value < min || value > max) report(depth, 'out_of_range', describe(value), `${min} to ${max}`)
}

function checkEnum(check: Check, value: number, depth: number) {
  if (check.small?.[value] === 1 || check.enum?.has(value)) return
  if (!Number.isInteger(value)) return report(depth, 'wrong_type', describe(value), 'an integer')
  const known = [...(check.enum ?? [])]
  const shown = known.slice(0, 12).map(([id, caption]) => `${id} ${caption}`)
  report(depth, 'not_in_enum', describe(value), `one of ${shown.join(', ')}${known.length > 12 ? ', ...' : ''}`)
}

function checkFormat(value: unknown, matches: (text: string) => boolean, expected: string, depth: number) {
  if (typeof value !== 'string') return report(depth, 'wrong_type', describe(value), expected)
  if (!matches(value)) report(depth, 'bad_format', describe(value), expected)
}

function checkStringMap(value: unknown, depth: number) {
  if (!isObject(value)) return report(depth, 'wrong_type', describe(value), 'an object of strings')
  for (const key in value) {
    const text = value[key]
    if (text === undefined) continue
    path[depth] = key
    if (++values > max_values)
      return report(depth, 'too_many_values', `more than ${max_values} values`, 'a smaller event')
    if (typeof text !== 'string') report(depth + 1, 'wrong_type', describe(text), 'a string')
    else if (!text.isWellFormed() || !key.isWellFormed()) reportSurrogate(depth + 1, text)
    if (isFull()) return
  }
}

/** JSON that OCSF does not describe: only what would hurt the lake is looked for. */
function walkFree(value: unknown, depth: number) {
  if (++values > max_values)
    return report(depth, 'too_many_values', `more than ${max_values} values`, 'a smaller event')
  if (typeof value === 'string') {
    if (!value.isWellFormed()) reportSurrogate(depth, value)
    return
  }
  if (value === null || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) report(depth, 'wrong_type', describe(value), 'a finite number')
    return
  }
  if (typeof value !== 'object') return report(depth, 'wrong_type', describe(value), 'a JSON value')
  if (depth > max_depth) return report(depth, 'too_deep', `more than ${max_depth} levels`, 'a flatter event')
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      path[depth] = at
      walkFree(value[at], depth + 1)
      if (isFull()) return
    }
    return
  }
  const object = value as Record<string, unknown>
  for (const key in object) {
    const inner = object[key]
    if (inner === undefined) continue
    path[depth] = key
    if (!key.isWellFormed()) reportSurrogate(depth + 1, key)
    walkFree(inner, depth + 1)
    if (isFull()) return
  }
}

/** Names what is missing; also decides what bits cannot express (profiles, just-one, dotted constraints). */
function checkPresence(spec: Spec, object: Record<string, unknown>, depth: number) {
  const { attributes, at_least_one, just_one } = spec.schema
  for (const attribute of attributes.values()) {
    if (attribute.requirement !== 'required' || isPresent(object, attribute.name)) continue
    if (attribute.profile !== undefined && !profiles.includes(attribute.profile)) continue
    path[depth] = attribute.name
    report(depth + 1, 'required_missing', 'nothing', `${attribute.object ?? attribute.type} ${attribute.name}`)
    if (isFull()) return
  }
  if (at_least_one !== undefined && !at_least_one.some((name) => isPresent(object, name))) {
    report(depth, 'constraint_failed', 'none of them', `at least one of ${at_least_one.join(', ')}`)
  }
  if (just_one !== undefined) {
    const present = just_one.filter((name) => isPresent(object, name))
    if (present.length !== 1) {
      report(depth, 'constraint_failed', present.join(', ') || 'none of them', `exactly one of ${just_one.join(', ')}`)
    }
  }
}

function isPresent(object: Record<string, unknown>, dotted: string): boolean {
  let value: unknown = object
  for (const name of dotted.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return false
    value = value[name]
  }
  return value !== undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFull(): boolean {
  return problems !== undefined && problems.length >= max_problems
}

/** Adds a problem whose path is the first `depth` parts of the current one. */
function report(depth: number, code: ProblemCode, found: string, expected: string) {
  problems ??= []
  if (isFull()) return
  let where = ''
  for (const part of path.slice(0, depth)) {
    if (typeof part === 'number') where += `[${part}]`
    else where += (where === '' ? '' : '.') + shorten(part, 60)
  }
  problems.push({ path: where, code, found, expected })
}

function reportSurrogate(depth: number, text: string) {
  report(depth, 'lone_surrogate', describe(text), 'well-formed Unicode')
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `string ${JSON.stringify(shorten(value, 80))}`
  if (typeof value === 'number' || typeof value === 'boolean') return `${typeof value} ${String(value)}`
  if (value === null) return 'null'
  if (Array.isArray(value)) return `array of ${value.length}`
  return typeof value
}

function shorten(text: string, length: number): string {
  return (text.length > length ? `${text.slice(0, length)}...` : text).toWellFormed()
}
