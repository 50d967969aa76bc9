import type { JsonObject, Workload } from '../../ocsf/event.js'
import { containerWorkload, POD_LABELS } from '../../ocsf/workload.js'
import { isObject, type JsonRecord } from './fields.js'

/** Who the events of one engine are about when they are about no container: OCSF's device object of the engine's machine. */
export type EngineHost = JsonObject

/** What is known about a container; the id in full where the engine gave it. */
export type ContainerFacts = {
  readonly id: string
  readonly name: string | undefined
  /** Image reference as it was given to the engine. */
  readonly image: string | undefined
  /** Content digest of the image. */
  readonly image_id?: string | undefined
  readonly labels?: { readonly [key: string]: string }
  readonly runtime?: string | undefined
}

/** What is longer is no reference, and is kept as it is. */
const MAX_REFERENCE_CHARS = 4_096

const BARE_ID = /^(sha256:)?[0-9a-f]{12,64}$/

/**
 * A reference with its tag, as every other source writes it: `redis` is `redis:latest`. Digests and bare ids stay as
 * they are.
 */
function imageReference(image: string): string {
  if (image.length > MAX_REFERENCE_CHARS || BARE_ID.test(image) || image.includes('@')) return image
  return image.slice(image.lastIndexOf('/') + 1).includes(':') ? image : `${image}:latest`
}

/** OCSF image object of a reference; `uid` is the digest where it is known. */
export function imageObject(image: string, image_id?: string): JsonObject {
  const reference = imageReference(image)
  if (reference.length > MAX_REFERENCE_CHARS) return { name: reference, uid: image_id ?? reference }
  const [named = '', digest] = reference.split('@', 2)
  const colon = named.lastIndexOf(':')
  const tagged = colon > named.lastIndexOf('/') && !BARE_ID.test(named)
  return {
    name: tagged ? named.slice(0, colon) : named,
    ...(tagged ? { tag: named.slice(colon + 1) } : {}),
    uid: image_id ?? digest ?? reference,
  }
}

/** OCSF container object. */
export function containerObject({ id, name, image, image_id, labels, runtime }: ContainerFacts): JsonObject {
  return {
    uid: id,
    ...(name ? { name } : {}),
    ...(image ? { image: imageObject(image, image_id) } : {}),
    ...(runtime ? { runtime } : {}),
    ...(labels && Object.keys(labels).length > 0
      ? { labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`) }
      : {}),
  }
}

/** The container as workload: the same one whoever reports it. */
export function workloadOf({ id, name, image, labels }: ContainerFacts): Workload {
  const namespace = labels?.[POD_LABELS.namespace]
  return containerWorkload(id, name ?? id.slice(0, 12), {
    ...(namespace === undefined ? {} : { namespace }),
    ...(image ? { image: imageReference(image) } : {}),
    ...(labels && Object.keys(labels).length > 0 ? { labels: { ...labels } } : {}),
  })
}

/** The machine the container runs on; where nobody said which, the container itself is the device. */
export function deviceOf(host: EngineHost | undefined, container: ContainerFacts): JsonObject {
  if (host) return { ...host, container: containerObject(container) }
  return { type_id: 99, type: 'Container', uid: container.id, ...(container.name ? { name: container.name } : {}) }
}

/** True for the 12 to 64 hex digits of a container's id. */
export function isContainerId(id: unknown): id is string {
  return typeof id === 'string' && /^[0-9a-f]{12,64}$/.test(id)
}

/** The entries of an object whose values are texts; at most 64. */
export function textMap(value: unknown): { [key: string]: string } {
  const result: { [key: string]: string } = {}
  if (!isObject(value)) return result
  for (const [key, text] of Object.entries(value as JsonRecord).slice(0, 64)) {
    if (typeof text === 'string' && key !== '__proto__') result[key] = text
  }
  return result
}
