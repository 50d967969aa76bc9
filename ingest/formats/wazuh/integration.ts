import { isIP } from 'node:net'
import { type Outcome, ok, reject } from '../../../core/outcome.js'
import { CLASS, type EventDraft } from '../../../ocsf/event.js'
import type { FormatContext, FormatDefinition } from '../../contract.js'
import { cloudtrail } from '../cloudtrail.js'
import { dockerEvents } from '../docker_events.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, ownEntry, setOwn } from '../fields.js'
import { gcpAudit } from '../gcp_audit.js'
import { gcpFunctions } from '../gcp_functions.js'
import { gcpVpcFlow } from '../gcp_vpc_flow.js'
import { guardduty } from '../guardduty.js'
import { isEventTime, parseTime } from '../time.js'

/** Formats of what Wazuh's integrations fetch and hand on under their name. */
const INNER: readonly FormatDefinition[] = [gcpAudit, gcpFunctions, gcpVpcFlow, cloudtrail, guardduty, dockerEvents]

/** `{ integration: 'gcp', gcp: {...} }`: what a cloud or docker module of Wazuh read, before any rule. */
export function integrationOf(record: JsonRecord): { name: string; inner: JsonRecord } | undefined {
  const { integration } = record
  if (typeof integration !== 'string' || !Object.hasOwn(record, integration)) return undefined
  const inner = record[integration]
  return isObject(inner) ? { name: integration, inner } : undefined
}

/** The event of such a record: by the format of its source, else as a request, else as what an application reported. */
export function integrationOutcome(name: string, inner: JsonRecord, context: FormatContext): Outcome<EventDraft[]> {
  const [best] = INNER.map((definition) => ({ definition, sure: definition.detect(inner) })).sort(
    (a, b) => b.sure - a.sure,
  )
  if (best && best.sure >= 0.5) {
    const parts = best.definition.split?.(inner) ?? [inner]
    const outcome =
      parts.length === 1 ? best.definition.create(best.definition.config.parse({}))(parts[0], context) : undefined
    if (outcome?.kind === 'ok') return outcome
  }
  const fields = new Fields(inner, name)
  const request = fields.object('httpRequest')
  const draft = request || inner.cs_method !== undefined ? requestDraft(fields, request) : messageDraft(name)
  const time = timeOf(fields)
  if (time !== undefined) draft.time = time
  const severity = fields.any('severity')
  const project = fields.object('resource')?.object('labels')?.any('project_id')
  if (name === 'gcp')
    draft.cloud = defined({ provider: 'GCP', project_uid: typeof project === 'string' ? project : undefined })
  if (draft.severity_id === undefined) return reject('not_wazuh', `expected an object, found ${kindOf(inner)}`)
  draft.severity_id = ownEntry(SEVERITIES, textOf(severity) ?? '') ?? draft.severity_id
  const uid = fields.any('insertId') ?? fields.any('s_request_id')
  draft.metadata = defined({
    product: { name: name === 'gcp' ? 'Google Cloud' : name, vendor_name: name === 'gcp' ? 'Google' : name },
    log_name: textOf(fields.any('logName')) ?? textOf(fields.any('source')) ?? name,
    original_event_uid: textOf(uid),
    profiles: draft.cloud === undefined ? undefined : ['cloud'],
  })
  const unmapped: JsonRecord = {}
  for (const [key, value] of Object.entries(fields.rest())) setOwn(unmapped, key, value)
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

const SEVERITIES: { readonly [word: string]: number } = {
  NOTICE: 2,
  WARNING: 3,
  ERROR: 4,
  CRITICAL: 5,
  ALERT: 5,
  EMERGENCY: 6,
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined
}

function timeOf(fields: Fields): number | undefined {
  const written = textOf(fields.any('timestamp')) ?? textOf(fields.any('time'))
  const micros = Number(textOf(fields.any('time_micros')) ?? Number.NaN)
  const ms = Number.isFinite(micros)
    ? Math.floor(micros / 1000)
    : written === undefined
      ? undefined
      : parseTime(written)
  return ms !== undefined && isEventTime(ms) ? ms : undefined
}

/** A count of 31 bits, as these logs write it. */
function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : undefined
}

const METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'TRACE', 'PATCH'])
const ACTIVITIES = ['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'TRACE', 'PATCH']

/** A load balancer's request, or one in the usage log of a storage bucket. */
function requestDraft(fields: Fields, request: Fields | undefined): EventDraft {
  const word = (a: string, b: string) => textOf(request ? request.any(a) : fields.any(b))
  const method = word('requestMethod', 'cs_method') ?? ''
  const status = countOf(word('status', 'sc_status'))
  const ip = word('remoteIp', 'c_ip')
  const agent = word('userAgent', 'cs_user_agent')
  const referrer = word('referer', 'cs_referer')
  const url = word('requestUrl', 'cs_uri')
  const host = textOf(fields.any('cs_host'))
  const length = countOf(word('responseSize', 'sc_bytes'))
  const sent = countOf(word('requestSize', 'cs_bytes'))
  const target = word('serverIp', 'cs_bucket')
  const micros = countOf(textOf(fields.any('time_taken_micros')))
  const path = url?.startsWith('/') ? url.split('?', 1)[0] : undefined
  return defined({
    class_uid: CLASS.http_activity,
    activity_id: METHODS.has(method) ? ACTIVITIES.indexOf(method) + 1 : 0,
    severity_id: 1,
    status_id: status === undefined ? 0 : status < 400 ? 1 : 2,
    duration: micros === undefined ? undefined : Math.round(micros / 1000),
    http_request: defined({
      http_method: METHODS.has(method) ? method : undefined,
      user_agent: agent,
      referrer,
      length: sent,
      url:
        path === undefined
          ? url === undefined
            ? undefined
            : { url_string: url }
          : defined({
              path,
              query_string: url?.includes('?') ? url.slice(url.indexOf('?') + 1) : undefined,
              hostname: host,
            }),
    }),
    http_response: status === undefined ? undefined : defined({ code: status, length }),
    src_endpoint: ip !== undefined && isIP(ip) !== 0 ? { ip } : { name: ip ?? 'unknown' },
    dst_endpoint:
      target === undefined
        ? host === undefined
          ? undefined
          : { hostname: host }
        : isIP(target) === 0
          ? { name: target }
          : { ip: target },
  }) as EventDraft
}

function messageDraft(name: string): EventDraft {
  return {
    class_uid: CLASS.application_lifecycle,
    activity_id: 99,
    activity_name: 'Message',
    severity_id: 1,
    app: { name },
  }
}
