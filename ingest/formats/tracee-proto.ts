import { firstOf, isObject, type JsonRecord, setOwn } from './fields.js'

/** True for a v1beta1 event (gRPC, and JSON outputs made from it): name, and data or a context. */
export function isProto(record: JsonRecord): boolean {
  const context = record.workload ?? record.context
  return (
    typeof record.name === 'string' && isObject(context) && (isObject(context.process) || isObject(context.container))
  )
}

/** The v1beta1 event in the words of the flat one, so that there is one reader. */
export function flattened(record: JsonRecord): JsonRecord {
  const context = (record.workload ?? record.context) as JsonRecord
  const process = objectIn(context, 'process')
  const thread = objectIn(process, 'thread')
  const container = objectIn(context, 'container')
  const image = objectIn(container, 'image')
  const k8s = objectIn(context, 'k8s')
  const pod = objectIn(k8s, 'pod')
  const [parent] = ancestorsOf(process)
  const flat: JsonRecord = {
    eventName: record.name,
    eventId: record.id,
    timestamp: nanoseconds(record.timestamp),
    matchedPolicies: objectIn(record, 'policies').matched,
    args: dataOf(record.data ?? record.event_data),
    processName: thread.name,
    executable: process.executable,
    processId: unwrapped(process.namespaced_pid ?? process.namespacedPid),
    hostProcessId: unwrapped(process.pid),
    processEntityId: unwrapped(process.entity_id ?? process.entityId ?? process.unique_id ?? process.uniqueId),
    threadId: unwrapped(thread.namespaced_tid ?? thread.namespacedTid),
    hostThreadId: unwrapped(thread.tid),
    syscall: thread.syscall,
    userId: unwrapped(objectIn(process, 'real_user').id ?? objectIn(process, 'realUser').id),
    hostParentProcessId: unwrapped(parent?.pid),
    parentEntityId: unwrapped(parent?.entity_id ?? parent?.entityId ?? parent?.unique_id ?? parent?.uniqueId),
    container: {
      id: container.id,
      name: container.name,
      image: image.name,
      imageDigest: firstOf(image.repo_digests ?? image.repoDigests),
    },
    kubernetes: {
      podName: pod.name,
      podUID: pod.uid,
      podNamespace: objectIn(k8s, 'namespace').name,
      labels: pod.labels,
    },
  }
  if (record.threat !== undefined) flat.threat = record.threat
  const known = ['name', 'id', 'timestamp', 'policies', 'data', 'event_data', 'workload', 'context', 'threat']
  for (const key of Object.keys(record)) if (!known.includes(key)) setOwn(flat, key, record[key])
  return flat
}

function ancestorsOf(process: JsonRecord): JsonRecord[] {
  if (Array.isArray(process.ancestors)) return process.ancestors.filter(isObject)
  return isObject(process.parent) ? [process.parent] : []
}

function objectIn(record: JsonRecord, key: string): JsonRecord {
  const value = record[key]
  return isObject(value) ? value : {}
}

/** Wrapped numbers are `{ "value": 7 }` in some encoders. */
function unwrapped(value: unknown): unknown {
  return isObject(value) && 'value' in value ? value.value : value
}

/** Nanoseconds, as the flat event has them; from a text of RFC 3339 or seconds and nanos. */
function nanoseconds(value: unknown): unknown {
  if (typeof value === 'string') {
    const ms = Date.parse(value.slice(0, 40))
    return Number.isNaN(ms) ? value : ms * 1e6
  }
  if (isObject(value)) return Number(value.seconds ?? 0) * 1e9 + Number(value.nanos ?? 0)
  return value
}

/** Each value stands in a field named after its type: `{ "name": "pathname", "str": "/bin/sh" }`. */
function dataOf(data: unknown): unknown[] {
  if (Array.isArray(data)) {
    return data.filter(isObject).map((entry) => {
      const type = Object.keys(entry).find((key) => key !== 'name')
      const value = type === undefined ? undefined : entry[type]
      return { name: entry.name, value: type === 'value' ? inner(value) : plain(value) }
    })
  }
  return isObject(data) ? Object.entries(data).map(([name, value]) => ({ name, value: inner(value) })) : []
}

function inner(value: unknown): unknown {
  if (!isObject(value)) return value
  const [first] = Object.values(value)
  return plain(first)
}

/** Lists are wrapped: `{ "value": ["sh", "-c"] }`. */
function plain(value: unknown): unknown {
  return isObject(value) && Array.isArray(value.value) ? value.value : value
}
