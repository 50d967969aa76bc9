import { classChecks, KIND, type Spec } from './checks.js'
import type { OcsfEvent } from './event.js'

type Node = { [key: string]: unknown }

/** As deep as `validate` looks; what is nested deeper is rejected anyhow. */
const MAX_DEPTH = 64

/**
 * For an event that `validate` refused: attributes that OCSF 1.8.0 does not know (a 1.9 event, a vendor's
 * addition, a mistyped name) move to `unmapped` under their path, and attributes that are `null` are removed, because
 * in JSON made from tables null means absent. Types are never changed. Changes the event in place; validate it again.
 */
export function moveUnknown(event: OcsfEvent) {
  const spec = classChecks().get(event.class_uid)
  if (!spec) return
  const { unmapped } = event
  if (unmapped !== undefined && unmapped !== null && !isNode(unmapped)) return
  const found: [path: string, value: unknown][] = []
  clean(spec, event, '', 0, found)
  for (const [path, value] of found) keepUnmapped(event, path, value)
}

/** Adds a value to `unmapped` under its path; nothing there is overwritten, and what says nothing is left out. */
export function keepUnmapped(event: OcsfEvent, path: string, value: unknown) {
  if (value === null || value === '' || value === undefined) return
  if (isNode(value) && Object.keys(value).length === 0) return
  event.unmapped ??= {}
  define(event.unmapped, free(event.unmapped, path), value)
}

function clean(spec: Spec, node: Node, prefix: string, depth: number, found: [string, unknown][]) {
  if (depth > MAX_DEPTH) return
  for (const key of Object.keys(node)) {
    const value = node[key]
    const check = spec.checks.get(key)
    const path = prefix + key
    if (!check) {
      found.push([path, value])
      delete node[key]
    } else if (value === null && check.kind !== KIND.json) delete node[key]
    else if (!check.spec) continue
    else if (isNode(value)) clean(check.spec, value, `${path}.`, depth + 1, found)
    else if (Array.isArray(value)) {
      for (const [n, element] of value.entries()) {
        if (isNode(element)) clean(check.spec, element, `${path}[${n}].`, depth + 1, found)
      }
    }
  }
}

/** A key of `target` that is not taken: `path`, or `path#2` and so on, because nothing may be overwritten. */
function free(target: Node, path: string): string {
  if (!Object.hasOwn(target, path)) return path
  let n = 2
  while (Object.hasOwn(target, `${path}#${n}`)) n++
  return `${path}#${n}`
}

/** Sets an own property even if it is called `__proto__`. */
function define(target: Node, key: string, value: unknown) {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
