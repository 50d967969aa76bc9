import { isObject, type JsonRecord, setOwn } from './fields.js'

/** Stands where a value was. */
const MASK = '(removed by Weir)'
/** What `kubectl apply` repeats the whole object in. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * An audit event without the values of secrets and tokens, where the policy of the cluster records bodies: names of keys
 * stay, since they tell what was read or changed. The event itself if there is nothing to remove. Never changes what it is
 * given.
 */
export function withoutSecretValues(event: JsonRecord): JsonRecord {
  if (isObject(event.protoPayload)) {
    const payload = event.protoPayload
    const masked = maskBodies(payload, 'request', 'response', kindOfCall(textOf(payload.resourceName)))
    return masked === payload ? event : { ...event, protoPayload: masked }
  }
  const { resource, subresource } = isObject(event.objectRef) ? event.objectRef : {}
  return maskBodies(
    event,
    'requestObject',
    'responseObject',
    kindOfCall(`/${textOf(resource)}/-/${textOf(subresource)}`),
  )
}

/** Of anything else the text may be endless to make: lists in lists. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

type Kind = 'secret' | 'token' | undefined

/** What a call is about by its path, for bodies that do not say it (patches). */
function kindOfCall(path: string): Kind {
  if (/\/secrets(\/|$)/.test(path)) return 'secret'
  return /\/tokenreviews(\/|$)|\/token$/.test(path) ? 'token' : undefined
}

function kindOf(body: unknown, of_call: Kind): Kind {
  if (!isObject(body)) return of_call
  const name = textOf(body.kind ?? body['@type'])
  if (/(^|\.)Secret(List)?$/.test(name)) return 'secret'
  return /(^|\.)Token(Review|Request)$/.test(name) ? 'token' : of_call
}

function maskBodies(event: JsonRecord, request: string, response: string, of_call: Kind): JsonRecord {
  let masked = event
  for (const key of [request, response]) {
    const body = event[key]
    const kind = kindOf(body, of_call)
    if (kind === undefined || body === undefined || body === null) continue
    masked = { ...masked, [key]: kind === 'secret' ? withoutData(body) : withoutTokens(body) }
  }
  return masked
}

/** A Secret, a list of them, or a patch of one. */
function withoutData(body: unknown, depth = 0): unknown {
  // A patch as a list of operations: any of their values may be one of the secret.
  if (Array.isArray(body)) return body.map((part) => (isObject(part) ? masking(part, ['value']) : MASK))
  // Lists of secrets have no lists in them.
  if (!isObject(body) || depth > 1) return MASK
  const masked: JsonRecord = masking(body, ['data', 'stringData'])
  if (Array.isArray(body.items)) masked.items = body.items.map((item) => withoutData(item, depth + 1))
  if (isObject(body.metadata) && isObject(body.metadata.annotations)) {
    masked.metadata = { ...body.metadata, annotations: masking(body.metadata.annotations, [LAST_APPLIED]) }
  }
  return masked
}

/** A TokenReview or TokenRequest: the token that was asked about, and the one that was given. */
function withoutTokens(body: unknown): unknown {
  if (!isObject(body)) return MASK
  const masked: JsonRecord = { ...body }
  for (const part of ['spec', 'status']) if (isObject(body[part])) masked[part] = masking(body[part], ['token'])
  return masked
}

/** The object with a mask for these keys; an object among them keeps the names of its own keys. */
function masking(object: JsonRecord, keys: readonly string[]): JsonRecord {
  const masked: JsonRecord = { ...object }
  for (const key of keys) {
    const value = masked[key]
    if (value === undefined || value === null) continue
    if (!isObject(value)) masked[key] = MASK
    else {
      const inner: JsonRecord = {}
      for (const name of Object.keys(value)) setOwn(inner, name, MASK)
      masked[key] = inner
    }
  }
  return masked
}
