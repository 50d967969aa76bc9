import { type Fields, isObject, type JsonRecord, ownEntry, setOwn } from './fields.js'
import { sourceKeys, withKeys } from './source-keys.js'

const ENVELOPE = sourceKeys(
  `time resourceId operationName operationVersion category resultType resultSignature resultDescription durationMs
   callerIpAddress correlationId identity level location properties tenantId authorization claims caller channels
   description eventDataId eventName eventTimestamp httpRequest status subStatus submissionTimestamp subscriptionId
   operationId statusCode statusText uri protocol schemaVersion resourceGroupName resourceProviderName resourceType
   initiatedBy targetResources additionalDetails activityDateTime activityDisplayName createdDateTime loggedByService
   operationType result resultReason userPrincipalName userId userDisplayName appId appDisplayName ipAddress status
   deviceDetail isInteractive id userAgent location autonomousSystemNumber authenticationDetails sessionId
   authenticationRequirement authenticationProtocol riskLevelAggregated riskLevelDuringSignIn resourceDisplayName
   servicePrincipalId servicePrincipalName servicePrincipalCredentialKeyId uniqueTokenIdentifier riskDetail
   conditionalAccessStatus`,
  {
    timegenerated: 'time',
    eventtimestamp: 'time',
    operationnamevalue: 'operationName',
    categoryvalue: 'category',
    activitystatusvalue: 'resultType',
    activitysubstatusvalue: 'resultSignature',
    _resourceid: 'resourceId',
    resourceuri: 'resourceId',
    aadtenantid: 'tenantId',
    locationdetails: 'location',
    useragentheader: 'userAgent',
  },
)

/** The records of a message to an event hub, of a diagnostic-settings blob, or of an answer of the REST API. */
export function splitAzure(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value)) return undefined
  if (Array.isArray(value.records)) return value.records
  if (Array.isArray(value.value) && !('operationName' in value)) return value.value
  return undefined
}

/**
 * One record under documented names, taken out of an Event Grid event or CloudEvent (`data`), which stays beside it as
 * `envelope`. Undefined if it is no record of Azure.
 */
export function azureRecord(value: unknown): JsonRecord | undefined {
  if (!isObject(value)) return undefined
  const { data } = value
  const type = value.eventType ?? value.type
  if (!isObject(data) || typeof type !== 'string' || !type.startsWith('Microsoft.')) return flat(value)
  const record: JsonRecord = {}
  const inner = flat(data)
  for (const key of Object.keys(inner)) setOwn(record, key, inner[key])
  const { data: _, eventTime, time, ...envelope } = value
  record.time ??= eventTime ?? time
  record.category ??= 'Administrative'
  if (typeof envelope.tenantId === 'string') record.tenantId ??= envelope.tenantId
  setOwn(record, 'envelope', envelope)
  return record
}

/** Tables write every first letter large, and objects as JSON text. */
function flat(record: JsonRecord): JsonRecord {
  const named = withKeys(record, ENVELOPE)
  let copy: JsonRecord | undefined
  for (const key of WRITTEN) {
    const text = named[key]
    if (typeof text !== 'string' || !/^[[{]/.test(text)) continue
    try {
      const value = JSON.parse(text) as unknown
      copy ??= { ...named }
      copy[key] = value
    } catch {
      // It stays the text it is.
    }
  }
  return copy ?? named
}

/** Objects that tables keep as JSON text. */
const WRITTEN = [
  'properties',
  'initiatedBy',
  'targetResources',
  'additionalDetails',
  'deviceDetail',
  'location',
  'status',
  'authenticationDetails',
] as const

/** The text of a field that may be `{ value: X }`; anything else in it stays unmapped. */
export function azureField(fields: Fields, key: string): string | undefined {
  const text = azureText(fields.any(key))
  if (text === undefined) fields.keep(key)
  return text
}

/** The text of `X`, or of `{ value: X }`, as the REST API writes names. */
export function azureText(value: unknown): string | undefined {
  const inner = isObject(value) ? (value.value ?? value.localizedValue) : value
  if (typeof inner === 'number') return String(inner)
  return typeof inner === 'string' && inner !== '' ? inner : undefined
}

/** Numbers that resource logs write for the levels of Event Tracing. */
const LEVELS: { readonly [level: string]: string } = {
  '0': 'informational',
  '1': 'critical',
  '2': 'error',
  '3': 'warning',
  '4': 'informational',
  '5': 'verbose',
}

/** The level as a word. */
export function azureLevel(fields: Fields): string | undefined {
  const level = azureField(fields, 'level') ?? azureField(fields, 'Level')
  return level === undefined ? undefined : (ownEntry(LEVELS, level) ?? level)
}
