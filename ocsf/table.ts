/**
 * Layout of ocsf/schema.json, the OCSF schema without its prose. `scripts/compact-ocsf.ts` writes it from the compiled
 * schema, `ocsf/schema.ts` reads it. Attribute definitions and enums are stored once and named by their position.
 * Enums of strings (http_method, tlp, depth) are left out: OCSF lists the usual values, real traffic has others.
 */
export type CompactSchema = {
  readonly version: string
  /** category_uid -> caption. */
  readonly categories: { readonly [uid: string]: string }
  /** Value (as text) -> caption. */
  readonly enums: readonly { readonly [value: string]: string }[]
  readonly attributes: readonly CompactAttribute[]
  /** Attributes every class has, in their commonest form; a class lists its own where it differs. */
  readonly base: readonly number[]
  readonly classes: readonly CompactClass[]
  readonly objects: readonly CompactObject[]
}

export type CompactAttribute = {
  /** Name. */
  readonly n: string
  /** OCSF type; absent if it is an object. */
  readonly t?: string
  /** Object name. */
  readonly o?: string
  /** 1: an array of it. */
  readonly a?: 1
  /** 2: required, 1: recommended, absent: optional. */
  readonly r?: 1 | 2
  /** The profile that brings it; it is required only in events that name the profile. */
  readonly p?: string
  /** Position of its enum. */
  readonly e?: number
  /** The attribute that holds the caption of its value. */
  readonly s?: string
}

export type CompactObject = {
  readonly name: string
  readonly caption: string
  readonly at_least_one?: readonly string[]
  readonly just_one?: readonly string[]
  /** Positions of its attributes (classes: beyond those of `base`). */
  readonly attributes: readonly number[]
}

export type CompactClass = CompactObject & {
  readonly uid: number
  readonly category: number
  readonly deprecated?: 1
}

/** One attribute of a class or object. */
export type Attribute = {
  readonly name: string
  /** OCSF type (`integer_t`, `ip_t`, ...), `object_t`, or our `string_map_t` (an object whose values are strings). */
  readonly type: string
  /** The object's name if type is `object_t`; `object` is any JSON object. */
  readonly object?: string
  readonly array?: true
  readonly requirement: 'required' | 'recommended' | 'optional'
  readonly profile?: string
  /** Integer values and their captions. */
  readonly enum?: ReadonlyMap<number, string>
  /** Allowed strings; only our extension closes a set of strings. */
  readonly values?: readonly string[]
  readonly sibling?: string
}

/** One object of the schema. */
export type ObjectSchema = {
  readonly name: string
  readonly caption: string
  readonly attributes: ReadonlyMap<string, Attribute>
  /** Attribute paths (dotted below the object) of which one must be present. */
  readonly at_least_one?: readonly string[]
  /** Attributes of which exactly one must be present. */
  readonly just_one?: readonly string[]
}

/** One event class. */
export type ClassSchema = ObjectSchema & {
  readonly uid: number
  readonly category_uid: number
  readonly category_name: string
  readonly deprecated: boolean
}

/** A class or object as the extension writes it: `attributes` are added to those every class has. */
export type ExtensionClass = {
  readonly uid: number
  readonly name: string
  readonly caption: string
  readonly category_uid: number
  /** What Weir uses it for, one sentence for the docs. */
  readonly purpose: string
  /** activity_id -> caption, without 0 Unknown and 99 Other. */
  readonly activities: { readonly [id: number]: string }
  readonly attributes: readonly Attribute[]
  readonly at_least_one?: readonly string[]
}

export type ExtensionObject = {
  readonly name: string
  readonly caption: string
  readonly purpose: string
  readonly attributes: readonly Attribute[]
  readonly at_least_one?: readonly string[]
}
