import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { azureCaller } from './azure-caller.js'
import { azureField, azureLevel } from './azure-envelope.js'
import {
  type AzureResource,
  azureCloud,
  azureRegion,
  azureResource,
  azureTarget,
  azureWorkload,
} from './azure-resource.js'
import { apiActivity } from './cloudtrail-operations.js'
import { defined, Fields, isObject, type JsonRecord } from './fields.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { profilesOf } from './profiles.js'
import { sourceTime } from './source-time.js'

/** Some resource logs do not say who called. */
const UNKNOWN_USER = { name: 'Unknown', type_id: 0 }

/** An activity log record or resource log record (storage, key vault, ...) as API Activity. */
export function activityLog(record: JsonRecord): Outcome<EventDraft[]> {
  const fields = new Fields(record, '')
  const operation = azureField(fields, 'operationName') ?? azureField(fields, 'eventName')
  if (operation === undefined) {
    return reject('not_azure', 'operationName: required, not found in the record, nor a list under records')
  }
  const when = sourceTime('time', [fields.any('time'), fields.any('eventTimestamp')])
  if (when.kind !== 'ok') return when
  const properties = fields.object('properties') ?? new Fields({}, '')
  const target = azureResource(fields.text('resourceId'))
  const caller = azureCaller(fields)
  const region = azureRegion(fields.text('location') ?? properties.text('resourceLocation'))
  const subscription = fields.text('subscriptionId') ?? target?.subscription
  const tenant = fields.text('tenantId') ?? caller.tenant
  const request = fields.object('httpRequest') ?? fields.object('HTTPRequest')
  const source = endpointOf(
    fields.text('callerIpAddress') ?? request?.text('clientIpAddress') ?? properties.text('clientIP'),
  )
  const result = resultOf(fields, properties)
  const activity_id = activityOf(operation, result)
  const workload = azureWorkload(azureResource(caller.resource), region) ?? azureWorkload(target, region)
  const provider = operation.includes('/') ? operation.slice(0, operation.indexOf('/')) : target?.type?.split('/', 1)[0]
  const level = azureLevel(fields)
  const message = descriptionOf(fields, properties)
  const draft: EventDraft = {
    class_uid: CLASS.api_activity,
    activity_id,
    ...severityOf(level),
  }
  const duration = wholeNumber(fields.number('durationMs'))
  const http_request = httpRequest(fields, properties, request)
  if (when.value.time !== undefined) draft.time = when.value.time
  if (message !== undefined) draft.message = message
  if (duration !== undefined) draft.duration = duration
  if (result.status_id !== undefined) draft.status_id = result.status_id
  if (result.status_id === 99 && result.status !== undefined) draft.status = result.status
  if (result.code !== undefined) draft.status_code = result.code
  if (result.detail !== undefined) draft.status_detail = result.detail
  if (workload !== undefined) draft.workload = workload
  if (http_request !== undefined) draft.http_request = http_request
  draft.actor = caller.actor.user || caller.actor.app_uid ? caller.actor : { ...caller.actor, user: UNKNOWN_USER }
  draft.api = api(fields, properties, operation, provider, result)
  draft.cloud = azureCloud(subscription, tenant, region)
  draft.src_endpoint = source ?? { name: 'unknown' }
  draft.metadata = metadata(fields, when.value.original_time, level, operation)
  if (activity_id === 99) draft.activity_name = operation
  if (provider !== undefined) draft.dst_endpoint = { svc_name: provider }
  const policies = policiesOf(properties)
  if (policies !== undefined) draft.authorizations = policies
  draft.metadata = { ...draft.metadata, profiles: profilesOf(CLASS.api_activity, draft) ?? [] }
  const resources = targets(target, properties)
  if (resources.length > 0) draft.resources = resources
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function wholeNumber(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 && value <= 4e9 ? Math.round(value) : undefined
}

/** `Microsoft.Storage/storageAccounts/listKeys/action` is named by its last words, `GetBlob` by its first. */
function activityOf(operation: string, { code, detail }: Result): number {
  const parts = operation.slice(-512).split('/')
  const last = parts.at(-1)?.toLowerCase()
  // Azure writes what it creates; the answer 201 tells.
  if (last === 'write') return code === '201' || saysCreated(code, detail) ? 1 : 3
  if (last === 'read') return 2
  if (last === 'delete') return 4
  const verb = parts.at(last === 'action' ? -2 : -1) ?? ''
  // `GetBlob` begins with its verb, Key Vault's `SecretGet` ends with it.
  return byVerb(verb) ?? byVerb(/[A-Z][a-z]+$/.exec(verb.slice(-32))?.[0] ?? '') ?? 99
}

function saysCreated(code: string | undefined, detail: string | undefined): boolean {
  return (code !== undefined || detail !== undefined) && /\bcreated\b/i.test(`${code} ${detail}`.slice(0, 200))
}

function byVerb(verb: string): number | undefined {
  const lower = verb.toLowerCase()
  for (const [activity, beginnings] of VERBS) {
    if (beginnings.some((beginning) => lower.startsWith(beginning))) return activity
  }
  const known = apiActivity(verb.charAt(0).toUpperCase() + verb.slice(1), undefined)
  return known === 99 ? undefined : known
}

/** Beginnings of Azure's own action names, whose case cannot be relied on. */
const VERBS: readonly (readonly [activity: number, beginnings: readonly string[]])[] = [
  [99, ['run', 'invoke', 'execute', 'deploy', 'connect', 'audit', 'available']],
  [2, ['get', 'list', 'read', 'query', 'begingetaccess', 'check', 'validate', 'export', 'sign', 'decrypt', 'unwrap']],
  [4, ['delete', 'purge', 'remove', 'deallocate', 'endgetaccess', 'revoke']],
  [1, ['create', 'put', 'add', 'generate', 'import', 'register', 'copy', 'capture']],
  [
    3,
    [
      'set',
      'update',
      'regenerate',
      'restart',
      'start',
      'stop',
      'poweroff',
      'reset',
      'enable',
      'disable',
      'assign',
    ].concat([
      'extend',
      'lock',
      'recover',
      'restore',
      'rotate',
      'elevate',
      'move',
      'patch',
      'redeploy',
      'reimage',
      'append',
      'undelete',
    ]),
  ],
]

type Result = { status_id?: number; status?: string; code?: string; detail?: string }

const SUCCESS = new Set(['success', 'succeeded', 'ok', 'resolved', 'succeed', 'completed', 'created'])
const FAILURE = new Set([
  'failed',
  'failure',
  'fail',
  'error',
  'denied',
  'canceled',
  'cancelled',
  'timeout',
  'clienterror',
])

/** The outcome: resultType, the REST API's status, a storage log's statusCode, or its metricResponseType. */
function resultOf(fields: Fields, properties: Fields): Result {
  const type = azureField(fields, 'resultType') ?? azureField(fields, 'status')
  const sub = azureField(fields, 'resultSignature') ?? azureField(fields, 'subStatus')
  const code = fields.number('statusCode')
  const text = fields.text('statusText')
  const metric = properties.text('metricResponseType')
  const status = type ?? metric
  const status_code = code === undefined ? sub : String(code)
  const detail = text ?? (status_code === sub ? undefined : sub) ?? (type === undefined ? undefined : metric)
  const status_id = outcomeOf(status, code) ?? outcomeOf(sub?.split('.', 1)[0], undefined)
  return defined({ status_id: status_id ?? (status === undefined ? undefined : 99), status, code: status_code, detail })
}

function outcomeOf(status: string | undefined, code: number | undefined): number | undefined {
  if (code !== undefined) return code < 400 ? 1 : 2
  const word = status?.toLowerCase()
  if (word === undefined) return undefined
  if (SUCCESS.has(word) || word === '0') return 1
  return FAILURE.has(word) || /(?:error|failure)$/.test(word) || /^[1-9]\d*$/.test(word) ? 2 : undefined
}

function descriptionOf(fields: Fields, properties: Fields): string | undefined {
  return (
    fields.text('description') ??
    fields.text('resultDescription') ??
    properties.text('recommendationName') ??
    properties.text('message')
  )
}

/** What Azure Policy found of a resource: `policies`, a list as JSON text. */
function policiesOf(properties: Fields): JsonRecord[] | undefined {
  const policies = json(properties.any('policies'))
  const found: JsonRecord[] = []
  for (const entry of Array.isArray(policies) ? policies.slice(0, 64) : []) {
    if (!isObject(entry)) continue
    const { policyDefinitionId: uid, policyDefinitionName: name, policyDefinitionEffect: decision, ...data } = entry
    if (typeof uid !== 'string') continue
    const policy = { uid, name: typeof name === 'string' ? name : undefined, type: 'Azure Policy', data }
    found.push(defined({ decision: typeof decision === 'string' ? decision : undefined, policy: defined(policy) }))
  }
  if (found.length > 0) return found
  properties.keep('policies')
  return undefined
}

function api(fields: Fields, properties: Fields, operation: string, provider: string | undefined, result: Result) {
  const uid =
    fields.text('operationId') ?? fields.text('correlationId') ?? properties.text('clientRequestId') ?? 'unknown'
  const body = properties.any('requestbody') ?? properties.any('requestBody')
  const answer = properties.any('responseBody') ?? properties.any('responsebody')
  const code = Number(result.code)
  return defined({
    operation,
    version: azureField(fields, 'operationVersion'),
    service: provider === undefined ? undefined : { name: provider },
    request: defined({ uid, data: json(body) }),
    response: emptyToNothing(
      defined({
        code: Number.isInteger(code) && code >= 100 && code < 1000 ? code : undefined,
        error: result.status_id === 2 ? (result.detail ?? result.code ?? result.status) : undefined,
        message: properties.text('statusMessage'),
        data: json(answer),
      }),
    ),
  })
}

/** The value of JSON text, else the text. */
function json(text: unknown): unknown {
  if (typeof text !== 'string' || !/^[[{]/.test(text)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function emptyToNothing(object: JsonRecord): JsonRecord | undefined {
  return Object.keys(object).length === 0 ? undefined : object
}

function httpRequest(fields: Fields, properties: Fields, request: Fields | undefined): JsonRecord | undefined {
  const url = fields.text('uri') ?? request?.text('uri') ?? properties.text('requestUri')
  return emptyToNothing(
    defined({
      user_agent: properties.text('userAgentHeader') ?? properties.text('userAgent') ?? fields.text('userAgent'),
      http_method: request?.text('method') ?? properties.text('requestMethod'),
      uid: request?.text('clientRequestId') ?? properties.text('clientRequestId'),
      referrer: properties.text('referrerHeader'),
      url: url === undefined ? undefined : { url_string: url },
    }),
  )
}

/** The resource, the blob or secret inside of it, and whom a role was given to. */
function targets(target: AzureResource | undefined, properties: Fields): JsonRecord[] {
  const resources: JsonRecord[] = target === undefined ? [] : [azureTarget(target)]
  const object = properties.text('objectKey')
  const account = properties.text('accountName')
  if (object !== undefined) {
    resources.push(defined({ name: object, type: 'object', namespace: account, role_id: 1, role: 'Target' }))
  } else if (account !== undefined && target === undefined) {
    resources.push({ name: account, type: 'Microsoft.Storage/storageAccounts', role_id: 1, role: 'Target' })
  }
  const entity = properties.text('entity')
  if (entity !== undefined && entity !== target?.id) {
    const affected = azureResource(entity)
    resources.push(affected === undefined ? { name: entity } : azureTarget(affected))
  }
  const secret = properties.text('id')
  if (secret?.startsWith('https://')) resources.push({ uid: secret, role_id: 1, role: 'Target' })
  else properties.keep('id')
  return resources
}

function metadata(
  fields: Fields,
  original_time: string | undefined,
  log_level: string | undefined,
  event_code: string,
) {
  const category = azureField(fields, 'category')
  const envelope = fields.object('envelope')
  return defined({
    product: {
      name: 'Azure Monitor',
      vendor_name: 'Microsoft',
      ...(category === undefined ? {} : { feature: { name: category } }),
    },
    log_name: category,
    log_provider: azureField(fields, 'resourceProviderName'),
    log_level,
    log_version: azureField(fields, 'schemaVersion'),
    uid: fields.text('eventDataId') ?? envelope?.text('id'),
    event_code,
    correlation_uid: fields.text('correlationId'),
    tenant_uid: fields.text('tenantId'),
    original_time,
    logged_time: loggedTime(fields),
  })
}

function loggedTime(fields: Fields): number | undefined {
  const written = sourceTime('submissionTimestamp', [fields.any('submissionTimestamp')])
  return written.kind === 'ok' ? written.value.time : undefined
}
