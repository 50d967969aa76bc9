import type { JsonRecord } from './fields.js'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** True for the uid of an object of the API. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/** `containerd://3f2a9c...`: the runtime and the id it gave. */
export function containerIdOf(value: unknown): { runtime?: string; id: string } | undefined {
  const match = typeof value === 'string' ? /^(?:([a-z0-9.-]{1,32}):\/\/)?([0-9a-f]{12,64})$/.exec(value) : null
  if (!match) return undefined
  return { ...(match[1] === undefined ? {} : { runtime: match[1] }), id: match[2] as string }
}

/**
 * OCSF image of a reference (`registry/shop/api:2.1`) and the id that a runtime gives it, which may be a digest
 * (`sha256:...`), a reference with digest (`docker-pullable://registry/shop/api@sha256:...`) or the reference again.
 */
export function imageOf(reference: unknown, id?: unknown): JsonRecord | undefined {
  const said = typeof reference === 'string' ? reference.slice(0, 1024) : ''
  const digest = digestOf(id) ?? digestOf(reference)
  const [named = ''] = said.split('@')
  const slash = named.lastIndexOf('/')
  const colon = named.lastIndexOf(':')
  const isTagged = colon > slash && !/^sha256:/.test(named)
  const name = isTagged ? named.slice(0, colon) : /^sha256:/.test(named) ? '' : named
  const uid = digest ?? said
  if (uid === '') return undefined
  return { ...(name === '' ? {} : { name }), ...(isTagged ? { tag: named.slice(colon + 1) } : {}), uid }
}

function digestOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const at = value.lastIndexOf('sha256:')
  return at < 0 || value.length - at > 71 ? undefined : value.slice(at)
}
