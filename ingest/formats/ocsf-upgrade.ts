import { isObject, type JsonRecord, setOwn } from './fields.js'
import { parseTime } from './time.js'

/** Attributes that a later 1.x deprecated in favour of another one of the same or an array type. */
const SUCCESSORS: readonly {
  readonly from: string
  readonly to: string
  readonly array?: true
  readonly classes?: readonly number[]
}[] = [
  { from: 'proxy', to: 'proxy_endpoint' },
  { from: 'ticket', to: 'tickets', array: true },
  { from: 'resource', to: 'resources', array: true, classes: [2002, 2003, 3005] },
]

/**
 * Brings an event of another 1.x version to 1.8.0, in place: attributes with a documented successor move there, times
 * that exist only as `_dt` text (the datetime profile) get their number. The version it had is kept in
 * `metadata.log_version`. Nothing valid in 1.0 was removed up to 1.8, so the rest needs no change.
 */
export function upgrade(event: JsonRecord, metadata: JsonRecord) {
  metadata.log_version ??= metadata.version
  metadata.version = '1.8.0'
  for (const { from, to, array, classes } of SUCCESSORS) {
    const value = event[from]
    if (value === undefined || event[to] !== undefined) continue
    if (classes && !classes.includes(event.class_uid as number)) continue
    event[to] = array ? [value] : value
    delete event[from]
  }
  moveStatusCode(event)
  moveProduct(event.finding_info)
  if (Array.isArray(metadata.profiles) && metadata.profiles.includes('datetime')) addTimes(event, 0)
}

/** http_activity: `http_status` became `http_response.code`. */
function moveStatusCode(event: JsonRecord) {
  if (event.class_uid !== 4002 || !Number.isInteger(event.http_status)) return
  event.http_response ??= {}
  if (!isObject(event.http_response) || event.http_response.code !== undefined) return
  event.http_response.code = event.http_status
  delete event.http_status
}

/** finding_info: `product_uid` became `product.uid`. */
function moveProduct(finding: unknown) {
  if (!isObject(finding) || typeof finding.product_uid !== 'string' || finding.product !== undefined) return
  finding.product = { uid: finding.product_uid }
  delete finding.product_uid
}

/** Every `x_dt` text gives `x` its ms where `x` is missing. The text itself is unknown to 1.8.0's core and goes to unmapped. */
function addTimes(node: JsonRecord, depth: number) {
  if (depth > 16) return
  for (const key of Object.keys(node)) {
    if (key === 'unmapped') continue
    const value = node[key]
    if (Array.isArray(value)) for (const element of value) isObject(element) && addTimes(element, depth + 1)
    else if (isObject(value)) addTimes(value, depth + 1)
    else if (key.endsWith('_dt') && typeof value === 'string') {
      const base = key.slice(0, -3)
      const ms = Object.hasOwn(node, base) ? undefined : parseTime(value)
      if (ms !== undefined) setOwn(node, base, ms)
    }
  }
}
