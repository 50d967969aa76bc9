import { type Outcome, ok } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { azureField, azureLevel } from './azure-envelope.js'
import { azureCloud } from './azure-resource.js'
import { defined, Fields, isObject, type JsonRecord } from './fields.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { profilesOf } from './profiles.js'
import { sourceTime } from './source-time.js'

/** OCSF auth_protocol_id of Entra's names; ROPC and device code are ways to get an OAuth token. */
const PROTOCOLS: { readonly [name: string]: number } = {
  oauth2: 6,
  ropc: 6,
  rpoc: 6,
  devicecode: 6,
  authenticationtransfer: 6,
  saml20: 5,
  saml11: 5,
  openidconnect: 4,
  wsfederation: 99,
}
const RISKS: { readonly [level: string]: number } = { none: 0, low: 1, medium: 2, high: 3, hidden: 99 }
const FACTORS: readonly (readonly [part: string, factor: number])[] = [
  ['password', 11],
  ['text message', 1],
  ['sms', 1],
  ['phone call', 3],
  ['app notification', 5],
  ['fido', 10],
  ['passkey', 10],
  ['windows hello', 10],
  ['oath', 7],
  ['verification code', 7],
  ['one-time', 7],
  ['email', 8],
  ['certificate', 99],
]

/** An interactive, non-interactive, service principal or managed identity sign-in as Authentication. */
export function signIn(record: JsonRecord): Outcome<EventDraft[]> {
  const fields = new Fields(record, '')
  // Microsoft Graph and tables have the properties in the record itself.
  const properties = fields.object('properties') ?? fields
  const when = sourceTime('time', [
    properties.any('createdDateTime'),
    properties.any('activityDateTime'),
    fields.any('time'),
  ])
  if (when.kind !== 'ok') return when
  const status = properties.object('status')
  const error = status?.number('errorCode')
  const result = azureField(fields, 'resultType')
  const signature = readWord(fields, 'resultSignature')
  const status_id = outcomeOf(error, result)
  const category = azureField(fields, 'category')
  const tenant = properties.text('resourceTenantId') ?? fields.text('tenantId')
  const requirement = properties.text('authenticationRequirement')
  const interactive = properties.boolean('isInteractive')
  const risk = riskOf(properties.text('riskLevelAggregated'))
  const protocol = protocolOf(properties.text('authenticationProtocol'))
  const agent = properties.text('userAgent')
  const user_session = properties.text('sessionId')
  const token = properties.text('uniqueTokenIdentifier')
  const is_mfa = requirement === undefined ? undefined : requirement === 'multiFactorAuthentication'
  const session = defined({ uid: user_session, credential_uid: token })
  const factors = factorsOf(properties)
  const detail = properties.object('deviceDetail')
  const device = detail === undefined ? undefined : deviceOf(detail)
  const draft: EventDraft = {
    class_uid: CLASS.authentication,
    activity_id: 1,
    ...severityOf(azureLevel(fields)),
    ...defined({
      time: when.value.time,
      message: fields.text('resultDescription'),
      duration: durationOf(fields, properties),
      status_id,
      status_code: error === undefined ? (result ?? signature) : String(error),
      status_detail: status?.text('failureReason') ?? status?.text('additionalDetails'),
      is_mfa,
      logon_type_id: interactive === undefined ? undefined : interactive ? 2 : 3,
      session: Object.keys(session).length === 0 ? undefined : session,
      http_request: agent === undefined ? undefined : { user_agent: agent },
      auth_factors: factors.length === 0 ? undefined : factors,
      actor: actorOf(properties),
      device,
      risk_details: riskDetail(properties),
      authorizations: authorizationsOf(properties),
      authentication_token: tokenOf(properties),
      ...risk,
      ...protocol,
    }),
    is_remote: true,
    user: userOf(fields, properties),
    service: serviceOf(properties),
    src_endpoint: sourceOf(fields, properties, detail),
    cloud: azureCloud(undefined, tenant, undefined),
    metadata: metadataOf(fields, properties, category, when.value.original_time),
  }
  draft.metadata = { ...draft.metadata, profiles: profilesOf(CLASS.authentication, draft) ?? [] }
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

/** `None` and `SUCCESS` say nothing that the result has not said. */
export function readWord(fields: Fields, key: string): string | undefined {
  const word = azureField(fields, key)
  return word === undefined || /^(?:none|success)$/i.test(word) ? undefined : word
}

function outcomeOf(error: number | undefined, result: string | undefined): number | undefined {
  const word = result?.toLowerCase()
  if (error !== undefined) return error === 0 ? 1 : 2
  if (word === undefined) return undefined
  return word === '0' || word.startsWith('succe') ? 1 : 2
}

function durationOf(fields: Fields, properties: Fields): number | undefined {
  const own = properties.number('processingTimeInMilliseconds')
  const ms = fields.number('durationMs') || own
  return ms === undefined || ms < 0 || ms > 4e9 ? undefined : Math.round(ms)
}

function riskOf(level: string | undefined): JsonRecord {
  if (level === undefined) return {}
  const id = Object.hasOwn(RISKS, level.toLowerCase()) ? RISKS[level.toLowerCase()] : 99
  return { risk_level_id: id, risk_level: level }
}

/** How a risk ended, in which state it is, and what was detected: `userPassedMFADrivenByRiskBasedPolicy, anomalousToken`. */
function riskDetail(properties: Fields): string | undefined {
  const words = [properties.text('riskDetail'), properties.text('riskState')]
  words.push(...properties.texts('riskEventTypes_v2').slice(0, 32), ...properties.texts('riskEventTypes').slice(0, 32))
  const found = new Set(words.filter((word) => word !== undefined && word !== 'none'))
  return found.size === 0 ? undefined : [...found].join(', ')
}

/** The policies of conditional access that were applied, else what they decided together. */
function authorizationsOf(properties: Fields): JsonRecord[] | undefined {
  const decision = properties.text('conditionalAccessStatus')
  const found: JsonRecord[] = []
  const list = properties.list('appliedConditionalAccessPolicies') ?? []
  for (const [n, entry] of list.slice(0, 64).entries()) {
    if (!isObject(entry)) continue
    const policy = properties.element('appliedConditionalAccessPolicies', n, entry)
    const name = policy.text('displayName')
    const uid = policy.text('id')
    const result = policy.text('result')
    if (name === undefined && uid === undefined) continue
    found.push(defined({ decision: result, policy: defined({ name, uid, type: 'Conditional Access' }) }))
  }
  if (found.length > 0) return found
  return decision === undefined ? undefined : [{ decision, policy: { name: 'Conditional Access' } }]
}

/** The kind of token that was shown instead of a password. */
function tokenOf(properties: Fields): JsonRecord | undefined {
  const type = properties.text('incomingTokenType')
  if (type === undefined || type === 'none') return undefined
  const type_id = /refreshtoken/i.test(type) ? 4 : /^saml/i.test(type) ? 5 : 99
  return { type, type_id }
}

function protocolOf(name: string | undefined): JsonRecord {
  if (name === undefined || name === 'none') return {}
  const key = name.toLowerCase()
  return { auth_protocol_id: Object.hasOwn(PROTOCOLS, key) ? PROTOCOLS[key] : 99, auth_protocol: name }
}

/** Who signed in: the person, or the service principal where an application signed in as itself. */
function userOf(fields: Fields, properties: Fields): JsonRecord {
  const principal = properties.text('servicePrincipalId')
  const principal_name = properties.text('servicePrincipalName')
  const credential = properties.text('servicePrincipalCredentialKeyId')
  const home = properties.text('homeTenantId')
  const account = home === undefined ? undefined : { uid: home, type: 'Azure AD Account', type_id: 6 }
  const name = properties.text('userPrincipalName')
  const uid = properties.text('userId')
  const display_name = properties.text('userDisplayName')
  if (name === undefined && uid === undefined && (principal ?? principal_name) !== undefined) {
    return defined({
      name: principal_name,
      uid: principal,
      type_id: 4,
      type: 'ServicePrincipal',
      credential_uid: credential,
      account,
      ...riskOf(properties.text('riskLevelDuringSignIn')),
    })
  }
  const identity = fields.text('identity')
  const type = properties.text('userType')
  const risk = riskOf(properties.text('riskLevelDuringSignIn'))
  const user = defined({
    name: name ?? identity ?? display_name,
    uid,
    display_name: display_name ?? (name === undefined ? undefined : identity),
    email_addr: name?.includes('@') ? name : undefined,
    type_id: 1,
    type,
    account,
    ...risk,
  })
  if (user.name !== undefined || user.uid !== undefined || user.account !== undefined) return user
  const app = properties.text('appDisplayName') ?? properties.text('appId')
  return defined({ name: app ?? 'Unknown', type_id: app === undefined ? 0 : 4, ...risk })
}

function actorOf(properties: Fields): JsonRecord | undefined {
  const app_name = properties.text('appDisplayName')
  const app_uid = properties.text('appId')
  const issuer = properties.text('tokenIssuerName') ?? properties.text('tokenIssuerType')
  if (app_name === undefined && app_uid === undefined) return undefined
  return defined({ app_name, app_uid, idp: issuer === undefined ? undefined : { name: issuer } })
}

function serviceOf(properties: Fields): JsonRecord {
  const name = properties.text('resourceDisplayName')
  const uid = properties.text('resourceId')
  return name === undefined && uid === undefined ? { name: 'Microsoft Entra ID' } : defined({ name, uid })
}

function sourceOf(fields: Fields, properties: Fields, detail: Fields | undefined): JsonRecord {
  const address = properties.text('ipAddress') ?? fields.text('callerIpAddress')
  if (fields !== properties && fields.text('callerIpAddress') !== address) fields.keep('callerIpAddress')
  const number = properties.number('autonomousSystemNumber')
  return defined({
    ...(endpointOf(address) ?? { name: 'unknown' }),
    location: locationOf(fields, properties),
    os: osOf(detail?.text('operatingSystem')),
    autonomous_system: number === undefined || !Number.isInteger(number) ? undefined : { number },
  })
}

function osOf(os: string | undefined): JsonRecord | undefined {
  return os === undefined ? undefined : { name: os, type_id: osType(os) }
}

function locationOf(fields: Fields, properties: Fields): JsonRecord | undefined {
  const outer = fields === properties ? undefined : fields.text('location')
  const location = properties.object('location')
  if (location === undefined) return outer === undefined ? undefined : { country: outer }
  if (location.text('countryOrRegion') !== outer) fields.keep('location')
  const geo = location.object('geoCoordinates')
  const lat = geo?.number('latitude')
  const long = geo?.number('longitude')
  const found = defined({
    city: location.text('city'),
    region: location.text('state'),
    country: location.text('countryOrRegion'),
    lat,
    long,
  })
  return (found.city ?? found.region ?? found.country) ? found : undefined
}

function factorOf(method: string): JsonRecord {
  const lower = method.toLowerCase()
  return { factor_type_id: FACTORS.find(([part]) => lower.includes(part))?.[1] ?? 99, factor_type: method }
}

function factorsOf(properties: Fields): JsonRecord[] {
  const factors: JsonRecord[] = []
  for (const entry of (properties.list('authenticationDetails') ?? []).slice(0, 32)) {
    const method = isObject(entry) ? entry.authenticationMethod : undefined
    if (typeof method !== 'string' || method === '' || method === 'Previously satisfied') continue
    factors.push(factorOf(method))
  }
  // What each step answered has no home.
  properties.keep('authenticationDetails')
  const mfa = properties.object('mfaDetail')
  const method = mfa?.text('authMethod')
  if (method !== undefined) factors.push(defined({ ...factorOf(method), phone_number: mfa?.text('authDetail') }))
  // What an application shows instead of a password: clientSecret, clientAssertion, federatedIdentityCredential.
  const credential = properties.text('clientCredentialType')
  if (credential !== undefined && credential !== 'none') factors.push(factorOf(credential))
  return factors
}

/** The client's device. Its type keeps it from being taken for a workload (ocsf/derive-workload.ts). */
function deviceOf(detail: Fields): JsonRecord | undefined {
  const uid = detail.text('deviceId')
  const name = detail.text('displayName')
  const os = detail.text('operatingSystem')
  if (uid === undefined && name === undefined) return undefined
  const isMobile = os !== undefined && /ios|android/i.test(os)
  return defined({
    uid,
    name,
    type_id: isMobile ? 5 : 2,
    os: osOf(os),
    is_compliant: detail.boolean('isCompliant'),
    is_managed: detail.boolean('isManaged'),
  })
}

function osType(name: string): number {
  const lower = name.toLowerCase()
  if (lower.startsWith('windows')) return 100
  if (lower.startsWith('mac')) return 300
  if (lower.startsWith('ios')) return 301
  if (lower.startsWith('android')) return 201
  return lower.startsWith('linux') ? 200 : 99
}

function metadataOf(
  fields: Fields,
  properties: Fields,
  category: string | undefined,
  original_time: string | undefined,
) {
  const correlation = properties.text('correlationId') ?? fields.text('correlationId')
  const tenant = fields.text('tenantId') ?? properties.text('tenantId')
  fields.repeats('correlationId', correlation)
  properties.repeats('tenantId', tenant)
  const version = azureField(fields, 'operationVersion')
  return defined({
    product: { name: 'Microsoft Entra ID', vendor_name: 'Microsoft', feature: { name: category ?? 'SignInLogs' } },
    log_name: category,
    log_version: version,
    event_code: azureField(fields, 'operationName'),
    original_event_uid: properties.text('id'),
    correlation_uid: correlation,
    tenant_uid: tenant,
    original_time,
  })
}
