import { apiActivity } from './cloudtrail-operations.js'

/** Verbs of Google's method names that other clouds do not have. */
const VERBS: { readonly [verb: string]: number } = {
  insert: 1,
  generate: 1,
  patch: 3,
  replace: 3,
  undelete: 3,
  aggregated: 2,
  watch: 2,
  search: 2,
  fetch: 2,
  export: 2,
  batch: 99,
  deletecollection: 4,
  destroy: 4,
  uninstall: 4,
}
const PAST: readonly (readonly [pattern: RegExp, activity: number])[] = [
  [/(?:Deleted|Removed)$/i, 4],
  [/(?:Created|Added)$/i, 1],
  [/(?:Updated|Changed|Modified)$/i, 3],
]

/**
 * OCSF API Activity of a method: `storage.buckets.delete`, `google.iam.admin.v1.CreateServiceAccount`, `SetIamPolicy`,
 * `io.k8s.core.v1.pods.exec.create`: the verb stands first in the last part of the name.
 */
export function gcpActivity(method: string): number {
  const last = method.slice(method.lastIndexOf('.') + 1).slice(0, 200)
  const first = /^[A-Z]?[a-z]+/.exec(last)?.[0].toLowerCase() ?? ''
  if (Object.hasOwn(VERBS, first)) return VERBS[first] as number
  const known = apiActivity(first.charAt(0).toUpperCase() + first.slice(1), undefined)
  return known === 99 ? (PAST.find(([pattern]) => pattern.test(last))?.[1] ?? 99) : known
}

/** Names of google.rpc status codes. */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** `PERMISSION_DENIED` of 7. */
export function rpcCode(code: number): string {
  return CODES[code] ?? String(code)
}
