import type { OcsfEvent } from './event.js'

type Node = { [key: string]: unknown }

/**
 * Moves the attributes that the validator does not know (problems with code `unknown_attribute`) to `unmapped`, under
 * their path: a 1.9 event, a vendor's addition or a mistyped name is kept, not rejected. Call it only for events with
 * such problems, then validate again. Changes the event in place.
 */
export function moveUnknown(event: OcsfEvent, problems: readonly { readonly path: string; readonly code: string }[]) {
  if (event.unmapped !== undefined && !isNode(event.unmapped)) return
  for (const { path, code } of problems) {
    if (code !== 'unknown_attribute') continue
    const place = locate(event, path)
    if (!place) continue
    const value = place.node[place.key]
    delete place.node[place.key]
    event.unmapped ??= {}
    define(event.unmapped, free(event.unmapped, path), value)
  }
}

/**
 * The object and key that `path` (`process.file.foo`, `evidences[0].bar`) names. Names may themselves contain dots and
 * brackets, so every own key that is a beginning of the path is tried.
 */
function locate(node: unknown, path: string): { node: Node; key: string } | undefined {
  if (Array.isArray(node)) {
    const index = /^\[(\d{1,9})\]\.?/.exec(path)
    return index ? locate(node[Number(index[1])], path.slice(index[0].length)) : undefined
  }
  if (!isNode(node)) return undefined
  if (Object.hasOwn(node, path)) return { node, key: path }
  for (let end = 0; end < path.length; end++) {
    const mark = path[end]
    if ((mark !== '.' && mark !== '[') || !Object.hasOwn(node, path.slice(0, end))) continue
    const found = locate(node[path.slice(0, end)], path.slice(mark === '.' ? end + 1 : end))
    if (found) return found
  }
  return undefined
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
