import { isIP } from 'node:net'
import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Metadata } from '../../ocsf/event.js'
import { defineFormat, type Format } from '../contract.js'
import { accountChange } from './cloudtrail-account.js'
import { splitEnvelope } from './cloudtrail-envelope.js'
import { accountOf, type Identity, identityOf } from './cloudtrail-identity.js'
import { insightDraft } from './cloudtrail-insight.js'
import { apiActivity, authenticationActivity } from './cloudtrail-operations.js'
import { authenticatedOf, resourcesOf } from './cloudtrail-resources.js'
import { workloadOf } from './cloudtrail-workload.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, ownEntry } from './fields.js'
import { sourceKeys, withKeys } from './source-keys.js'
import { isEventTime, parseTime } from './time.js'

const config = z.strictObject({
  function_roles: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'IAM role names that only functions assume, `*` stands for anything. Needed where a role is not named after its function: calls with its credentials are then the behaviour of the function, whoever makes them.',
    ),
})

const RECORD = sourceKeys(
  'eventVersion eventTime eventSource eventName eventType eventCategory eventID awsRegion sourceIPAddress userAgent errorCode errorMessage requestParameters responseElements additionalEventData requestID sharedEventID vpcEndpointId vpcEndpointAccountId recipientAccountId readOnly managementEvent resources userIdentity tlsDetails apiVersion insightDetails sessionCredentialFromConsole serviceEventDetails addendum eventContext edgeDeviceDetails',
)
const IDENTITY = sourceKeys(
  'type principalId arn accountId accessKeyId userName sessionContext invokedBy identityProvider credentialId onBehalfOf inScopeOf',
)

const CONTEXT = sourceKeys('attributes sessionIssuer webIdFederationData sourceIdentity ec2RoleDelivery')
const ATTRIBUTES = sourceKeys('creationDate mfaAuthenticated')

const MAPPING = `
A record, a file with \`Records\`, EventBridge, CloudTrail Lake and LookupEvents; column names in any case.
# API Activity 6003
eventTime | time
eventName, eventSource, apiVersion | api.operation, api.service.name, api.version | Activity by the verb of the name; readOnly is Read.
requestID, requestParameters | api.request.uid, api.request.data
readOnly, managementEvent, sessionCredentialFromConsole | api.request.flags
responseElements, serviceEventDetails | api.response.data
errorCode, errorMessage | status_code, status_detail, api.response.error, api.response.error_message | Either: Failure.
userIdentity | actor.user.name, actor.user.uid, actor.user.uid_alt, actor.user.type, actor.user.account.uid, actor.user.credential_uid
userIdentity.sessionContext | actor.session.issuer, actor.session.created_time, actor.session.is_mfa, actor.session.uid
userIdentity.invokedBy, userIdentity.identityProvider | actor.invoked_by, actor.idp.name
userIdentity.onBehalfOf.identityStoreArn, sessionContext.sourceIdentity | actor.idp.uid, actor.session.uid_alt
sourceIPAddress, vpcEndpointId, vpcEndpointAccountId | src_endpoint.ip, src_endpoint.svc_name, src_endpoint.domain, src_endpoint.uid, src_endpoint.owner.account.uid
userAgent | http_request.user_agent
tlsDetails.clientProvidedHostHeader | dst_endpoint.hostname
additionalEventData: x-amz-id-2, bytesTransferredIn | http_request.uid, http_request.body_length
resources, names in requestParameters, names in responseElements | resources[].uid, resources[].name, resources[].type, resources[].owner | Ids and ARNs are the uid, names the name.
awsRegion, recipientAccountId | cloud.region, cloud.account.uid
eventID, eventType, sharedEventID | metadata.uid, metadata.event_code, metadata.correlation_uid
addendum.originalEventID | metadata.original_event_uid
eventVersion, eventCategory | metadata.product.version, metadata.product.feature.name
role session of an instance or function, functionName, instanceId | workload
# Authentication 3002
ConsoleLogin, AssumeRole and their like; the rows above hold, and:
responseElements.assumedRoleUser, responseElements.credentials | user.uid, session.credential_uid, session.expiration_time
additionalEventData.MFAUsed, MFAIdentifier, CredentialType | is_mfa, auth_factors
additionalEventData.LoginTo | http_request.url
additionalEventData.UserName | user.name | Where the identity names nobody.
# Account Change 3001
Calls of IAM and Identity Center that change one user; the rows above hold, and:
requestParameters.userName, responseElements.user | user.name, user.uid
requestParameters.policyArn, requestParameters.policyName | policies[].uid, policies[].name
tlsDetails.clientProvidedHostHeader | http_request.http_headers
# Detection Finding 2004
Insights events:
insightDetails.insightType, sharedEventID | finding_info.analytic.name, finding_info.uid
insightDetails.state | activity_id, status_id | Start: Create, New. End: Close, Resolved.
insightDetails.eventName, insightDetails.eventSource, insightDetails.errorCode | evidences[].api
insightDetails.insightContext.statistics | evidences[].data, duration
`

/**
 * AWS CloudTrail records: one record, a file or message with `Records`, EventBridge events (`detail`) and CloudTrail
 * Lake rows (`eventData`). Sign-ins and role switches become Authentication, every other call API Activity.
 */
export const cloudtrail = defineFormat({
  name: 'cloudtrail',
  summary:
    'AWS CloudTrail records (also Records files, EventBridge, CloudTrail Lake) as API activity and authentication',
  config,
  example: { function_roles: ['prod-lambda-*'] },
  input: 'json',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const inner = splitEnvelope(record)
    const first = inner === undefined ? record : inner[0]
    const sample = isObject(first) ? withKeys(first, RECORD) : first
    if (isObject(sample) && isObject(sample.insightDetails)) return 0.9
    if (!isObject(sample) || typeof sample.eventName !== 'string') return 0
    if (typeof sample.eventSource !== 'string') return isCall(sample) ? 0.6 : 0
    return 'userIdentity' in sample || 'awsRegion' in sample ? 0.95 : 0.6
  },
  split: splitEnvelope,
  create({ function_roles }) {
    const patterns = function_roles.map(globOf)
    const isFunctionRole = (role: string) => patterns.some((pattern) => pattern.test(role))
    const one: Format = (record) => normalise(record, isFunctionRole)
    return (record, context) => {
      const inner = splitEnvelope(record)
      if (inner === undefined) return one(record, context)
      // A runner that does not split gets all events of an envelope or the first reason against one of them.
      const drafts: EventDraft[] = []
      for (const entry of inner) {
        const outcome = one(entry, context)
        if (outcome.kind !== 'ok') return outcome
        const raw_data = jsonOf(entry)
        if (raw_data === undefined) return reject('too_deep', 'a record is nested too deep to be kept as text')
        for (const draft of outcome.value) drafts.push({ ...draft, raw_data })
      }
      return ok(drafts)
    }
  },
})

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** `*` stands for any text; everything else for itself. */
function globOf(pattern: string): RegExp {
  const literal = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${literal.join('.*')}$`)
}

function normalise(record: unknown, isFunctionRole: (role: string) => boolean): Outcome<EventDraft[]> {
  if (!isObject(record))
    return reject('not_cloudtrail', `expected an object with eventSource and eventName, found ${kindOf(record)}`)
  const named = renamed(record)
  const fields = new Fields(named, '')
  if (isObject(record.insightDetails)) return insight(fields)
  // The name of the call says what the record is: nothing but a text is taken for it.
  for (const key of ['eventName', 'eventSource']) {
    const value = named[key]
    if (value !== undefined && value !== null && typeof value !== 'string')
      return reject('wrong_type', fields.lacks(key))
  }
  const operation = fields.text('eventName')
  const service = fields.text('eventSource') ?? (isCall(named) ? 'unknown' : undefined)
  if (service === undefined || operation === undefined) {
    return reject('not_cloudtrail', fields.lacks(service === undefined ? 'eventSource' : 'eventName'))
  }
  const original_time = fields.text('eventTime')
  const time = original_time === undefined ? undefined : parseTime(original_time)
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `eventTime: expected a date from 1970 to 2200, found ${kindOf(original_time)}`)
  }
  const draft = draftOf({ fields, service, operation, original_time, time, isFunctionRole })
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** Exports may leave the service out: who called from where says that it is a call of an API of AWS. */
function isCall(record: JsonRecord): boolean {
  return typeof record.awsRegion === 'string' && (isObject(record.userIdentity) || 'sourceIPAddress' in record)
}

/** Tables of Athena and of log shippers have the names of columns in lower case. */
function renamed(record: JsonRecord): JsonRecord {
  const named = withKeys(record, RECORD)
  return inside(named, 'userIdentity', (identity) =>
    inside(withKeys(identity, IDENTITY), 'sessionContext', (context) =>
      inside(
        inside(withKeys(context, CONTEXT), 'sessionIssuer', (issuer) => withKeys(issuer, IDENTITY)),
        'attributes',
        (attributes) => withKeys(attributes, ATTRIBUTES),
      ),
    ),
  )
}

/** The record with one of its objects changed; the same record if nothing is. */
function inside(record: JsonRecord, key: string, change: (inner: JsonRecord) => JsonRecord): JsonRecord {
  const inner = Object.hasOwn(record, key) ? record[key] : undefined
  if (!isObject(inner)) return record
  const changed = change(inner)
  return changed === inner ? record : { ...record, [key]: changed }
}

function insight(fields: Fields): Outcome<EventDraft[]> {
  const original_time = fields.text('eventTime')
  const time = original_time === undefined ? undefined : parseTime(original_time)
  if (time !== undefined && !isEventTime(time)) {
    return reject('bad_time', `eventTime: expected a date from 1970 to 2200, found ${kindOf(original_time)}`)
  }
  const draft = insightDraft(fields, time, original_time)
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

type Parts = {
  fields: Fields
  service: string
  operation: string
  original_time: string | undefined
  time: number | undefined
  isFunctionRole: (role: string) => boolean
}

function draftOf({ fields, service, operation, original_time, time, isFunctionRole }: Parts): EventDraft {
  const identity = identityOf(fields)
  const request = fields.any('requestParameters')
  const response = fields.any('responseElements') ?? fields.any('serviceEventDetails')
  const user_agent = fields.text('userAgent')
  const source_address = fields.text('sourceIPAddress')
  const region = fields.text('awsRegion')
  const account = fields.text('recipientAccountId') ?? identity.account
  const error = fields.text('errorCode')
  const error_message = fields.text('errorMessage')
  const readOnly = fields.boolean('readOnly')
  const failed = error !== undefined || error_message !== undefined || answersFailure(response, operation)
  const logon = authenticationActivity(service, operation)
  const change = logon === undefined ? accountChange(service, operation, request, response, identity) : undefined
  // Authentication and Account Change have no resources in OCSF: their `user` is what was asked for.
  const isActivity = logon === undefined && change === undefined
  const resources = isActivity ? resourcesOf(fields, { service, operation, region, request, response }) : []
  const call = { identity, service, user_agent, source_address, account, region, request, response }
  const workload = workloadOf(call, isFunctionRole)
  const additional = additionalOf(fields)
  const [class_uid, activity_id] =
    change !== undefined
      ? [CLASS.account_change, change.activity_id]
      : logon === undefined
        ? [CLASS.api_activity, apiActivity(operation, readOnly)]
        : [CLASS.authentication, logon]
  const draft: EventDraft = {
    class_uid,
    activity_id,
    severity_id: 1,
    status_id: failed ? 2 : 1,
    actor: identity.actor,
    api: apiOf({ fields, service, operation, request, response, error, error_message, readOnly }),
    cloud: defined({ provider: 'AWS', account: accountOf(account), region }),
    src_endpoint: sourceOf(fields, additional, source_address, identity),
  }
  const host = fields.object('tlsDetails')?.text('clientProvidedHostHeader')
  if (change === undefined) draft.dst_endpoint = defined({ svc_name: service, hostname: host })
  draft.metadata = metadataOf(fields, original_time)
  // OCSF: 99 is named as the source names it.
  if (activity_id === 99) draft.activity_name = operation
  if (time !== undefined) draft.time = time
  if (error !== undefined) draft.status_code = error
  if (error_message !== undefined) draft.status_detail = error_message
  const http = httpOf(user_agent, additional, change === undefined ? undefined : host)
  if (http !== undefined) draft.http_request = http
  if (resources.length > 0) draft.resources = resources
  if (workload !== undefined) draft.workload = workload
  if (change !== undefined) Object.assign(draft, defined({ user: change.user, policies: change.policies }))
  if (logon !== undefined) addAuthentication(draft, { fields, additional, identity, request, response })
  return draft
}

/** What a service says beyond the record's fields; S3 and the sign-in services say what OCSF has a place for. */
function additionalOf(fields: Fields): Fields | undefined {
  return fields.has('additionalEventData') ? fields.object('additionalEventData') : undefined
}

function httpOf(user_agent: string | undefined, additional: Fields | undefined, host: string | undefined) {
  const http: JsonRecord = {}
  if (user_agent !== undefined) http.user_agent = user_agent
  if (host !== undefined) http.http_headers = [{ name: 'Host', value: host }]
  if (additional !== undefined) {
    const uid = additional.text('x-amz-id-2')
    const body_length = additional.whole('bytesTransferredIn', 2_147_483_647)
    const target = additional.text('LoginTo')
    if (uid !== undefined) http.uid = uid
    if (body_length !== undefined) http.body_length = body_length
    if (target !== undefined) http.url = { url_string: target }
  }
  for (const _ in http) return http
  return undefined
}

/** OCSF factors by what the sign-in services call the credential that was checked. */
const FACTORS: { readonly [type: string]: number } = {
  PASSWORD: 11,
  TOTP: 7,
  WEBAUTHN: 10,
  EMAIL_OTP: 8,
  EXTERNAL_IDP: 99,
  RESYNC_TOTP: 7,
}

/** The device of a second factor (`arn:aws:iam::123456789012:mfa/alice`, `...:u2f/user/...`), and the kind of credential. */
function factorsOf(additional: Fields | undefined): JsonRecord[] | undefined {
  const type = additional?.text('CredentialType')
  const device = additional?.text('MFAIdentifier')
  const factors: JsonRecord[] = []
  if (type !== undefined) factors.push({ factor_type_id: ownEntry(FACTORS, type) ?? 99, factor_type: type })
  if (device !== undefined) {
    const factor_type_id = device.includes(':u2f/') ? 9 : device.includes(':mfa/') ? 7 : 6
    factors.push({ factor_type_id, device: { uid: device, type_id: 0 } })
  }
  return factors.length === 0 ? undefined : factors
}

/** CloudTrail lists the role that was assumed once more; Authentication has no resources, but the event names the role. */
function readRoles(fields: Fields, user: JsonRecord, session: JsonRecord | undefined) {
  const entries = fields.list('resources') ?? []
  const known = (entry: unknown) =>
    isObject(entry) && [user.uid, session?.issuer].includes(text(entry.ARN) ?? text(entry.arn) ?? 'none')
  if (!entries.every(known)) fields.keep('resources')
}

/**
 * The sign-in services answer a failed sign-in without an error code: `{ ConsoleLogin: 'Failure' }`, and in
 * serviceEventDetails `{ CredentialVerification: 'Failure' }`.
 */
function answersFailure(response: unknown, operation: string): boolean {
  return isObject(response) && Object.hasOwn(response, operation) && response[operation] === 'Failure'
}

/** What Authentication has besides: who is now signed in, by what means. */
function addAuthentication(draft: EventDraft, { fields, additional, identity, request, response }: LogonParts) {
  const { user, session } = authenticatedOf(identity, request, response)
  readRoles(fields, user, session)
  const mfa = additional?.text('MFAUsed')
  const login = additional?.text('UserName')
  const factors = factorsOf(additional)
  const operation: string = draft.api.operation
  // Identity Center names who signs in only here: its userIdentity is `Unknown`.
  const provider = additional?.text('SamlProviderArn')
  if (provider !== undefined) draft.actor.idp = { ...(identity.actor.idp as JsonRecord | undefined), uid: provider }
  draft.user = login !== undefined && identity.type === 'Unknown' ? { ...user, name: login } : user
  if (login !== undefined && draft.user.name !== login) additional?.keep('UserName')
  if (factors !== undefined) draft.auth_factors = factors
  draft.service = draft.api.service
  draft.is_remote = true
  if (session !== undefined) draft.session = session
  if (mfa === 'Yes' || mfa === 'No') draft.is_mfa = mfa === 'Yes'
  if (operation.endsWith('WithSAML')) Object.assign(draft, { auth_protocol_id: 5, auth_protocol: 'SAML' })
  if (operation.endsWith('WithWebIdentity')) Object.assign(draft, { auth_protocol_id: 4, auth_protocol: 'OpenID' })
  // Like su: the caller goes on as somebody else.
  if (draft.activity_id === 7)
    Object.assign(draft, { account_switch_type_id: 1, account_switch_type: 'Substitute User' })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

type LogonParts = {
  fields: Fields
  additional: Fields | undefined
  identity: Identity
  request: unknown
  response: unknown
}

type ApiParts = {
  fields: Fields
  service: string
  operation: string
  request: unknown
  response: unknown
  error: string | undefined
  error_message: string | undefined
  readOnly: boolean | undefined
}

function apiOf({
  fields,
  service,
  operation,
  request,
  response,
  error,
  error_message,
  readOnly,
}: ApiParts): JsonRecord {
  const version = fields.text('apiVersion')
  const uid = fields.text('requestID')
  const flags: string[] = []
  for (const flag of ['readOnly', 'managementEvent', 'sessionCredentialFromConsole']) {
    const value = flag === 'readOnly' ? readOnly : fields.boolean(flag)
    if (value) flags.push(flag)
    else fields.keep(flag)
  }
  // OCSF wants every request identified; a few services leave requestID out.
  const asked: JsonRecord = { uid: uid ?? 'unknown' }
  if (flags.length > 0) asked.flags = flags
  if (request !== undefined) asked.data = request
  const api: JsonRecord = { operation, service: { name: service } }
  if (version !== undefined) api.version = version
  api.request = asked
  const answer: JsonRecord = {}
  if (error !== undefined) answer.error = error
  if (error_message !== undefined) answer.error_message = error_message
  if (response !== undefined) answer.data = response
  if (error !== undefined || error_message !== undefined || response !== undefined) api.response = answer
  return api
}

/** An address, or the name of the AWS service that called on somebody's behalf (`AWS Internal` has none). */
function sourceOf(
  fields: Fields,
  additional: Fields | undefined,
  address: string | undefined,
  identity: Identity,
): JsonRecord {
  // Before version 1.06 it stands with what the service says.
  const uid = fields.text('vpcEndpointId') ?? additional?.text('vpcEndpointId')
  const owner = fields.text('vpcEndpointAccountId')
  const isAddress = address !== undefined && isIP(address) !== 0
  const name = address ?? identity.invoked_by ?? 'unknown'
  const source: JsonRecord = isAddress ? { ip: address } : { svc_name: name }
  if (!isAddress && /^[\w.-]+\.amazonaws\.com(\.cn)?$/.test(name)) source.domain = name
  if (uid !== undefined) source.uid = uid
  if (owner !== undefined) source.owner = { account: { uid: owner } }
  return source
}

function metadataOf(fields: Fields, original_time: string | undefined): Partial<Metadata> {
  const uid = fields.text('eventID')
  const event_code = fields.text('eventType')
  const version = fields.text('eventVersion')
  const category = fields.text('eventCategory')
  const correlation_uid = fields.text('sharedEventID')
  const original_event_uid = fields.object('addendum')?.text('originalEventID')
  const product: Metadata['product'] = { name: 'CloudTrail', vendor_name: 'AWS' }
  if (version !== undefined) product.version = version
  if (category !== undefined) product.feature = { name: category }
  const metadata: Partial<Metadata> = { product, profiles: ['cloud'], log_name: 'cloudtrail' }
  if (uid !== undefined) metadata.uid = uid
  if (event_code !== undefined) metadata.event_code = event_code
  if (original_event_uid !== undefined) metadata.original_event_uid = original_event_uid
  if (correlation_uid !== undefined) metadata.correlation_uid = correlation_uid
  if (original_time !== undefined) metadata.original_time = original_time
  return metadata
}
