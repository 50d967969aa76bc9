import { withRest } from './aws-delivery.js'
import { isObject } from './fields.js'

/**
 * The records inside what AWS delivers: a log file's `Records`, an EventBridge event's `detail`, a CloudTrail Lake row's
 * `eventData`, a LookupEvents entry's `CloudTrailEvent`, a CloudWatch Logs message's `logEvents`. Undefined if it is a
 * record itself. An inner record that is not JSON stays the text it is, for the format to reject.
 */
export function splitEnvelope(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value) || typeof value.eventName === 'string') return undefined
  if (Array.isArray(value.Records)) return value.Records
  if (Array.isArray(value.Events)) return value.Events.map((entry) => innerOf(entry, 'CloudTrailEvent') ?? entry)
  if (Array.isArray(value.logEvents)) return value.logEvents.map((entry) => innerOf(entry, 'message') ?? entry)
  for (const key of ['detail', 'eventData', 'CloudTrailEvent']) {
    const inner = innerOf(value, key)
    if (inner !== undefined) return [withRest(inner, value, key)]
  }
  return undefined
}

function innerOf(value: unknown, key: string): unknown {
  if (!isObject(value) || !Object.hasOwn(value, key)) return undefined
  const inner = value[key]
  if (typeof inner !== 'string') return inner
  try {
    return JSON.parse(inner) as unknown
  } catch {
    return inner
  }
}
