import { gunzipSync } from 'node:zlib'
import { isObject, type JsonRecord, setOwn } from './fields.js'

/** A CloudWatch Logs subscription may hold 1 MB compressed; 16 MB unpacked is more than CloudWatch Logs sends. */
const MAX_UNZIPPED_BYTES = 16 * 1024 * 1024

/**
 * What AWS puts around log records, taken apart: a CloudWatch Logs subscription (`awslogs.data`, base64 and gzip, or
 * decoded with `logEvents`), an EventBridge event (`detail`), a Firehose or S3 object with `Records`, a plain array.
 * Undefined if the value is a record itself. `keep` names the key under which an inner record carries the rest of its
 * envelope; strings inside that are JSON objects are parsed.
 */
export function delivered(value: unknown, isOwn: (record: JsonRecord) => boolean): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value) || isOwn(value)) return undefined
  const logs = logsOf(value)
  if (logs !== undefined) return logs
  for (const key of ['Records', 'records', 'Findings', 'findings']) {
    const list = value[key]
    if (Array.isArray(list)) return list.flatMap((entry) => withRest(entry, value, key))
  }
  const { detail } = value
  if (isObject(detail)) {
    const list = detail.findings
    if (Array.isArray(list)) return list.map((entry) => withRest(entry, value, 'detail'))
    return [withRest(detail, value, 'detail')]
  }
  return undefined
}

/** The messages of a CloudWatch Logs subscription; each is `{ message, timestamp, id, ...group and owner }`. */
function logsOf(value: JsonRecord): readonly unknown[] | undefined {
  const payload = isObject(value.awslogs) ? unzipped(value.awslogs.data) : value
  if (!isObject(payload) || !Array.isArray(payload.logEvents)) return undefined
  // A subscription proves that it can deliver with a control message: it has no log of anybody.
  if (payload.messageType === 'CONTROL_MESSAGE') return []
  return payload.logEvents.map((entry) => withRest(entry, payload, 'logEvents'))
}

/** The JSON that CloudWatch Logs compressed; undefined if it is not that. */
export function unzipped(data: unknown): unknown {
  // `H4sI` is gzip's signature in base64: nothing else is worth decoding.
  if (typeof data !== 'string' || !data.startsWith('H4sI')) return undefined
  try {
    const bytes = gunzipSync(Buffer.from(data, 'base64'), { maxOutputLength: MAX_UNZIPPED_BYTES })
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

/** The record with what its envelope says besides, so that the delivery's own fields are kept. */
export function withRest(inner: unknown, outer: JsonRecord, key: string): unknown {
  if (!isObject(inner)) return inner
  const envelope: JsonRecord = {}
  for (const name of Object.keys(outer)) if (name !== key) setOwn(envelope, name, outer[name])
  if (Object.keys(envelope).length === 0) return inner
  const copy: JsonRecord = {}
  for (const name of Object.keys(inner)) setOwn(copy, name, inner[name])
  copy.envelope = envelope
  return copy
}

/** JSON in a text that looks like it; the text itself otherwise. */
export function jsonIn(text: string): unknown {
  const first = text.charCodeAt(0)
  if (first !== 123 && first !== 91) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
