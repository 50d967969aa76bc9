import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Workload } from '../../ocsf/event.js'
import { functionWorkload, vmWorkload } from '../../ocsf/workload.js'
import { defineFormat } from '../contract.js'
import { httpCode } from './app-events.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { gcpActivity } from './gcp-operations.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { sourceTime } from './source-time.js'

/** Events of IBM Cloud's Activity Tracker (CADF), bare, or as Cloud Logs and Log Analysis export them. */
export const ibmActivityTracker = defineFormat({
  name: 'ibm_activity_tracker',
  summary: 'IBM Cloud Activity Tracker events (CADF) as API activity, sign-ins to IAM as authentication',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    # API Activity 6003
    eventTime | time, metadata.original_time
    action | api.operation, api.service.name, activity_id, metadata.event_code
    outcome, reason.reasonCode, reason.reasonType, reason.reasonForFailure | status_id, status_code, status_detail, api.response.code
    message | message
    severity | severity_id
    initiator.id, initiator.name, initiator.typeURI | actor.user.uid, actor.user.name, actor.user.type_id
    initiator.credential.type | actor.user.type
    initiator.host.address, initiator.host.agent | src_endpoint.ip, http_request.user_agent
    target.id, target.name, target.typeURI | resources.uid, resources.name, resources.type, workload.uid
    requestData, responseData | api.request.data, api.response.data
    correlationId, requestId | metadata.correlation_uid, api.request.uid
    logSourceCRN | cloud.account.uid, cloud.region, metadata.log_source
    # Authentication 3002
    Actions that end in login or logout.
    initiator | user.name, user.uid
  `,
  detect(record) {
    const inner = unwrap(record)
    if (!isObject(inner) || typeof inner.action !== 'string' || !isObject(inner.initiator)) return 0
    return 'outcome' in inner && isObject(inner.target) ? 0.95 : 0.6
  },
  create: () => (record) => {
    const inner = unwrap(record)
    if (!isObject(inner))
      return reject('not_activity_tracker', `expected an object with action, found ${kindOf(inner)}`)
    return normalise(inner)
  },
})

/** Log Analysis keeps the event under `_source`, or as text under `_line`. */
function unwrap(record: unknown): unknown {
  if (!isObject(record)) return record
  if (isObject(record._source)) return unwrapText(record._source)
  return unwrapText(record)
}

function unwrapText(record: JsonRecord): unknown {
  const { _line } = record
  if ('action' in record || typeof _line !== 'string') return record
  try {
    const inner = JSON.parse(_line) as unknown
    if (!isObject(inner)) return record
    const { _line: _, ...envelope } = record
    return { ...inner, envelope }
  } catch {
    return record
  }
}

function normalise(record: JsonRecord): Outcome<EventDraft[]> {
  const fields = new Fields(record, '')
  const action = fields.text('action')
  if (action === undefined) return reject('not_activity_tracker', 'action: required, not found')
  const when = sourceTime('eventTime', [fields.any('eventTime'), fields.any('timestamp')])
  if (when.kind !== 'ok') return when
  const initiator = fields.object('initiator')
  const host = initiator?.object('host')
  const target = fields.object('target')
  const target_id = target?.text('id')
  const crn = crnOf(target_id)
  const source = fields.text('logSourceCRN')
  const place = crnOf(source)
  const user = userOf(initiator)
  const reason = fields.object('reason')
  const code = reason?.number('reasonCode')
  const login = /(?:^|[.\-_])(login|logout)$/.exec(action.slice(-64))?.[1]
  const activity_id = login === undefined ? gcpActivity(action) : login === 'login' ? 1 : 2
  const correlation = fields.text('correlationId') ?? fields.text('requestId')
  const service = action.split('.', 1)[0]
  const agent = host?.text('agent')
  const outcome = fields.text('outcome')
  const account = place?.account ?? crn?.account
  const failed = outcome === 'failure'
  const draft: EventDraft = {
    class_uid: login === undefined ? CLASS.api_activity : CLASS.authentication,
    activity_id,
    ...severityOf(fields.text('severity')),
    ...defined({
      time: when.value.time,
      message: fields.text('message'),
      status_id: outcome === undefined ? undefined : outcome === 'success' ? 1 : failed ? 2 : 99,
      status: outcome === undefined || outcome === 'success' || failed ? undefined : outcome,
      status_code: code === undefined ? undefined : String(code),
      status_detail: reason?.text('reasonForFailure') ?? reason?.text('reasonType'),
      http_request: agent === undefined ? undefined : { user_agent: agent },
      workload: workloadOf(crn, target?.text('name')),
    }),
    actor: { user },
    api: defined({
      operation: action,
      service: { name: service ?? action },
      request: defined({ uid: correlation ?? 'unknown', data: json(fields.any('requestData')) }),
      response: responseOf(httpCode(code), failed ? (reason?.text('reasonType') ?? outcome) : undefined, fields),
    }),
    src_endpoint: endpointOf(host?.text('address')) ?? { name: 'unknown' },
    dst_endpoint: { svc_name: service ?? action },
    cloud: defined({
      provider: 'IBM Cloud',
      account: account === undefined ? undefined : { uid: account },
      region: place?.region ?? crn?.region,
    }),
    metadata: defined({
      product: { name: 'Activity Tracker', vendor_name: 'IBM' },
      profiles: ['cloud'],
      log_name: 'activity tracker',
      log_source: source,
      event_code: action,
      correlation_uid: correlation,
      original_time: when.value.original_time,
    }),
  }
  if (activity_id === 99) draft.activity_name = action
  if (login !== undefined) Object.assign(draft, { user, is_remote: true, service: { name: service ?? action } })
  else if (target_id !== undefined || target?.text('name') !== undefined) {
    const name = target?.text('name')
    const type = target?.text('typeURI')
    draft.resources = [defined({ uid: target_id, name, type, role_id: 1, role: 'Target' })]
  }
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function userOf(initiator: Fields | undefined): JsonRecord {
  const uid = initiator?.text('id')
  const name = initiator?.text('name')
  const kind = initiator?.text('typeURI')
  const credential = initiator?.object('credential')?.text('type')
  if (uid === undefined && name === undefined) return { name: 'Unknown', type_id: 0 }
  const isUser = kind === undefined ? uid?.startsWith('IBMid-') : kind.endsWith('/user')
  return defined({
    name,
    uid,
    email_addr: name?.includes('@') ? name : undefined,
    type_id: isUser ? 1 : 4,
    type: credential,
  })
}

function responseOf(code: number | undefined, error: string | undefined, fields: Fields): JsonRecord | undefined {
  const response = defined({ code, error, data: json(fields.any('responseData')) })
  return Object.keys(response).length === 0 ? undefined : response
}

/** Older events have the data as JSON text. */
function json(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[[{]/.test(value)) return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

type Crn = { service: string; region?: string; account?: string; instance: string; kind: string; resource: string }

/** `crn:v1:bluemix:public:SERVICE:REGION:a/ACCOUNT:INSTANCE:TYPE:RESOURCE` */
function crnOf(text: string | undefined): Crn | undefined {
  if (text === undefined || text.length > 2048 || !text.startsWith('crn:v1:')) return undefined
  const [, , , , service = '', region, scope, instance = '', kind = '', ...resource] = text.split(':')
  const account = scope?.startsWith('a/') ? scope.slice(2) : undefined
  return { service, instance, kind, resource: resource.join(':'), ...defined({ region: region || undefined, account }) }
}

function workloadOf(crn: Crn | undefined, name: string | undefined): Workload | undefined {
  if (crn === undefined || crn.resource === '') return undefined
  const { service, account, region, kind, resource } = crn
  if (service === 'is' && kind === 'instance') {
    return vmWorkload(resource, name ?? resource, defined({ provider: 'ibm', account, region }))
  }
  if (service === 'functions' && kind === 'action' && crn.instance !== '') {
    const { region: _, ...rest } = functionWorkload('openwhisk', crn.instance, 'global', resource)
    return rest
  }
  return undefined
}
