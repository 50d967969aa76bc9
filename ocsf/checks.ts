import { ocsfSchema } from './schema.js'
import type { Attribute, ObjectSchema } from './table.js'

/** What kind of test a value gets. Numbers, because the hot path switches on them. */
export const KIND = {
  text: 0,
  integer: 1,
  long: 2,
  timestamp: 3,
  boolean: 4,
  float: 5,
  port: 6,
  ip: 7,
  mac: 8,
  uuid: 9,
  object: 10,
  /** Any JSON value. */
  json: 11,
  /** Any JSON object. */
  free: 12,
  string_map: 13,
} as const

/** One attribute, ready to be checked. */
export type Check = {
  readonly name: string
  readonly kind: number
  readonly array: boolean
  /** The checks inside, if kind is `object`. */
  readonly spec: Spec | undefined
  readonly values: ReadonlySet<string> | undefined
  readonly enum: ReadonlyMap<number, string> | undefined
  /** The same enum by position, for values below 128: 1 = allowed. */
  readonly small: Uint8Array | undefined
  /** What its presence proves: its bit in `Spec.needed`, or 0. */
  readonly bit: number
  /** The attribute that came after it last time: producers write their keys in one order. */
  next: Check | undefined
}

/** One class or object, ready to be checked. */
export type Spec = {
  readonly caption: string
  readonly checks: Map<string, Check>
  /** Bits that must have been seen: required attributes, and the first at-least-one constraint. */
  needed: number
  /** True if presence is not decided by the bits alone: an exactly-one or dotted constraint. */
  slow: boolean
  /** True if a profile requires an attribute: presence must be looked at in events that name profiles. */
  profiled: boolean
  readonly schema: ObjectSchema
  /** The class's category; 0 for an object. */
  readonly category_uid: number
  first: Check | undefined
}

const kinds = new Map<string, number>([
  ['integer_t', KIND.integer],
  ['long_t', KIND.long],
  ['timestamp_t', KIND.timestamp],
  ['boolean_t', KIND.boolean],
  ['float_t', KIND.float],
  ['port_t', KIND.port],
  ['ip_t', KIND.ip],
  ['mac_t', KIND.mac],
  ['uuid_t', KIND.uuid],
  ['json_t', KIND.json],
  ['string_map_t', KIND.string_map],
])

/** Bits 0 to 29 of a small integer; what does not fit is checked the slow way. */
const last_bit = 29
const constraint_bit = 2 ** last_bit

let compiled: ReadonlyMap<number, Spec> | undefined

/** The checks of every class, by class_uid; built from the schema on the first call. */
export function classChecks(): ReadonlyMap<number, Spec> {
  compiled ??= compile()
  return compiled
}

function compile(): ReadonlyMap<number, Spec> {
  const { classes, objects } = ocsfSchema()
  const specs = new Map<string, Spec>()
  for (const [name, schema] of objects) specs.set(name, emptySpec(schema, 0))
  for (const [name, schema] of objects) fill(specs.get(name) as Spec, schema, specs)
  const byUid = new Map<number, Spec>()
  for (const [uid, schema] of classes) {
    const spec = emptySpec(schema, schema.category_uid)
    fill(spec, schema, specs)
    byUid.set(uid, spec)
  }
  return byUid
}

function emptySpec(schema: ObjectSchema, category_uid: number): Spec {
  return {
    caption: schema.caption,
    checks: new Map(),
    needed: 0,
    slow: false,
    profiled: false,
    schema,
    category_uid,
    first: undefined,
  }
}

function fill(spec: Spec, schema: ObjectSchema, specs: ReadonlyMap<string, Spec>) {
  const alternatives = schema.at_least_one ?? []
  const direct = alternatives.length > 0 && alternatives.every((path) => !path.includes('.'))
  spec.slow = schema.just_one !== undefined || (alternatives.length > 0 && !direct)
  if (direct) spec.needed |= constraint_bit
  let used = 0
  for (const attribute of schema.attributes.values()) {
    let bit = direct && alternatives.includes(attribute.name) ? constraint_bit : 0
    if (attribute.requirement === 'required') {
      if (attribute.profile !== undefined) spec.profiled = true
      else if (used === last_bit) spec.slow = true
      else {
        bit |= 1 << used++
        spec.needed |= bit
      }
    }
    spec.checks.set(attribute.name, checkOf(attribute, bit, specs))
  }
}

function checkOf(attribute: Attribute, bit: number, specs: ReadonlyMap<string, Spec>): Check {
  const nested = attribute.object === undefined ? undefined : specs.get(attribute.object)
  const isFree = attribute.type === 'object_t' && (nested === undefined || nested.schema.attributes.size === 0)
  const kind = isFree ? KIND.free : nested ? KIND.object : (kinds.get(attribute.type) ?? KIND.text)
  let small: Uint8Array | undefined
  if (attribute.enum) {
    small = new Uint8Array(128)
    for (const value of attribute.enum.keys()) if (value >= 0 && value < 128) small[value] = 1
  }
  return {
    name: attribute.name,
    kind,
    array: attribute.array === true,
    spec: kind === KIND.object ? nested : undefined,
    values: attribute.values ? new Set(attribute.values) : undefined,
    enum: attribute.enum,
    small,
    bit,
    next: undefined,
  }
}
