import type { OcsfEvent } from './event.js'

type Node = { [key: string]: unknown }

/** Deeper than `validate` looks: what is nested deeper is refused anyhow. */
const MAX_DEPTH = 70

/** What `metadata.transformation_info_list` says of an event that was repaired. */
export const SURROGATE_NOTE = 'lone surrogates replaced by U+FFFD'

/**
 * Replaces lone surrogates in every text and name of an event by U+FFFD, in place, and notes it in the metadata: half a
 * character in a string must not keep an event from the detectors. For events in which `validate` found one; the
 * source record stays as it was in `raw_data`.
 */
export function makeWellFormed(event: OcsfEvent) {
  repair(event, 0)
  const { metadata } = event
  if (typeof metadata !== 'object' || metadata === null) return
  const { transformation_info_list: list } = metadata
  if (list === undefined) metadata.transformation_info_list = [{ name: SURROGATE_NOTE }]
  else if (Array.isArray(list) && !list.some((entry) => entry?.name === SURROGATE_NOTE)) {
    list.push({ name: SURROGATE_NOTE })
  }
}

function repair(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = repair(value[at], depth + 1)
    return value
  }
  const node = value as Node
  for (const key of Object.keys(node)) {
    const inner = repair(node[key], depth + 1)
    if (key.isWellFormed()) {
      if (inner !== node[key]) define(node, key, inner)
      continue
    }
    delete node[key]
    define(node, free(node, key.toWellFormed()), inner)
  }
  return node
}

/** Nothing may be overwritten: two broken names can become the same one. */
function free(node: Node, key: string): string {
  if (!Object.hasOwn(node, key)) return key
  let n = 2
  while (Object.hasOwn(node, `${key}#${n}`)) n++
  return `${key}#${n}`
}

/** Sets an own property even if it is called `__proto__`. */
function define(node: Node, key: string, value: unknown) {
  Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true })
}
