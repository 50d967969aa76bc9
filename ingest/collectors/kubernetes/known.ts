import { createHash } from 'node:crypto'
import type { RawRecord } from '../../contract.js'
import { statesOf } from '../../formats/kubernetes-inventory.js'
import { withoutSecrets } from '../../formats/kubernetes-objects.js'

type Json = { [key: string]: unknown }

/** What is remembered of an object. */
type Known = {
  /** Of all that is configuration: a node's heartbeat or a pod's condition changes nothing. */
  digest: string
  /** What its containers did already. */
  states?: string[]
  /** Enough of it to say that it is gone when it went unseen. */
  about: Json
}

/** Objects of one resource by uid, as JSON keeps them. */
export type KnownObjects = { [uid: string]: Known }

/** The objects of one resource and what of them was told. */
export function createKnown(kept: KnownObjects, cluster: string | undefined) {
  const known = new Map(Object.entries(kept))
  const record = (type: string, object: Json, position: string, container?: string): RawRecord => ({
    data: {
      type,
      ...(cluster === undefined ? {} : { cluster }),
      ...(container === undefined ? {} : { container }),
      object,
    },
    position,
  })

  /** Containers that started or ended since the pod was seen last. */
  function lifecycle(object: Json, entry: Known, isFirst: boolean): RawRecord[] {
    if (object.kind !== 'Pod') return []
    const records: RawRecord[] = []
    const told = new Set(entry.states)
    const states = new Set<string>()
    for (const status of statusesOf(object)) {
      for (const { id, running, terminated } of statesOf(status)) {
        for (const type of [...(running || terminated ? ['STARTED'] : []), ...(terminated ? ['TERMINATED'] : [])]) {
          const state = `${id}/${type}`
          states.add(state)
          if (!told.has(state) && !isFirst) records.push(record(type, object, `container/${state}`, id))
        }
      }
    }
    if (states.size > 0) entry.states = [...states]
    return records
  }

  return {
    /** Records of an object of a list. `isFirst`: nothing was seen before, so that it is inventory and no news. */
    listed(object: Json, isFirst: boolean): RawRecord[] {
      return isFirst && !known.has(uidOf(object)) ? this.seen('LISTED', object) : this.seen('ADDED', object)
    },

    /** Records of a watch event. What is known already makes none. */
    seen(type: string, given: Json): RawRecord[] {
      const object = withoutSecrets(given)
      const uid = uidOf(object)
      const { resourceVersion } = metadataOf(object)
      const before = known.get(uid)
      if (type === 'DELETED') {
        const ended = before ? lifecycle(object, before, false) : []
        known.delete(uid)
        return [...ended, record('DELETED', object, `${uid}@deleted`)]
      }
      const digest = digestOf(object)
      const entry: Known = { digest, about: aboutOf(object), ...(before?.states ? { states: before.states } : {}) }
      known.set(uid, entry)
      const told = before === undefined ? type : 'MODIFIED'
      const change =
        before?.digest === digest
          ? []
          : [record(told, object, `${uid}@${String(resourceVersion)}${type === 'LISTED' ? ':listed' : ''}`)]
      return [...change, ...lifecycle(object, entry, type === 'LISTED')]
    },

    /** Records of what a whole list no longer has. */
    gone(present: ReadonlySet<string>): RawRecord[] {
      return [...known].flatMap(([uid, { about }]) => {
        if (present.has(uid)) return []
        known.delete(uid)
        return [record('DELETED', about, `${uid}@deleted`)]
      })
    },

    kept: (): KnownObjects => Object.fromEntries(known),
    size: () => known.size,
  }
}

/** The uid of an object; its name where it has none, as some aggregated APIs. */
export function uidOf(object: Json): string {
  const { uid, namespace, name } = metadataOf(object)
  return typeof uid === 'string' ? uid : `${String(object.kind)}/${String(namespace ?? '')}/${String(name)}`
}

function aboutOf(object: Json): Json {
  const { name, namespace, uid } = metadataOf(object)
  return { apiVersion: object.apiVersion, kind: object.kind, metadata: { name, namespace, uid } }
}

function digestOf({ status, metadata, ...configuration }: Json): string {
  const { resourceVersion: _, generation: __, changed: ___, ...meta } = metadata as Json
  const { nodeInfo, podIP } = asObject(status)
  const containers = statusesOf({ status }).map(({ containerID, image, imageID }) => [containerID, image, imageID])
  return createHash('sha256')
    .update(JSON.stringify([meta, configuration, nodeInfo, podIP, containers]))
    .digest('base64url')
    .slice(0, 22)
}

function statusesOf({ status }: Json): Json[] {
  const fields = asObject(status)
  return ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'].flatMap((key) =>
    (Array.isArray(fields[key]) ? (fields[key] as unknown[]) : []).map(asObject),
  )
}

function metadataOf({ metadata }: Json): Json {
  return asObject(metadata)
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}
