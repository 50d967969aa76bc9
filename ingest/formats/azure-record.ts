import { type Outcome, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { activityLog } from './azure-activity-log.js'
import { appRecord } from './azure-app-record.js'
import { appTelemetry } from './azure-app-telemetry.js'
import { directoryAudit } from './azure-directory-audit.js'
import { azureRecord, azureText } from './azure-envelope.js'
import { signIn } from './azure-sign-in.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'

type AzureKind = 'activity' | 'sign_in' | 'audit' | 'app'

const AUDIT_CATEGORIES =
  /^(?:AuditLogs|.*Management|Policy|Authorization|Authentication|Provisioning(?:Logs)?|AdministrativeUnit|Agreement|Other)$/

/** What a record of Azure is about; undefined if it is none. */
function azureKind(record: JsonRecord): AzureKind | undefined {
  if (appRecord(record) !== undefined) return 'app'
  const category = azureText(record.category) ?? (typeof record.Type === 'string' ? record.Type : '')
  const properties = isObject(record.properties) ? record.properties : record
  if (/sign-?in/i.test(category.slice(0, 100))) return 'sign_in'
  if (isObject(properties.initiatedBy) || 'loggedByService' in properties) return 'audit'
  if ('conditionalAccessStatus' in properties || 'authenticationRequirement' in properties) return 'sign_in'
  const operation = azureText(record.operationName) ?? azureText(record.eventName)
  if (operation === undefined) return undefined
  const { resourceId } = record
  const isDirectory = typeof resourceId === 'string' && /\/providers\/microsoft\.aadiam/i.test(resourceId)
  if (isDirectory && operation === 'Sign-in activity') return 'sign_in'
  return isDirectory && AUDIT_CATEGORIES.test(category) ? 'audit' : 'activity'
}

/**
 * Any record of Azure Monitor: an event hub carries all categories of a subscription mixed, so each Azure format reads
 * them all.
 */
export function azureEvents(value: unknown): Outcome<EventDraft[]> {
  const record = azureRecord(value)
  if (record === undefined) return reject('not_azure', `expected an object with operationName, found ${kindOf(value)}`)
  const app = appRecord(record)
  if (app !== undefined) return appTelemetry(app.kind, app.fields)
  const kind = azureKind(record)
  if (kind === 'sign_in') return signIn(record)
  return kind === 'audit' ? directoryAudit(record) : activityLog(record)
}

/** How sure one may be that a value is a record (or envelope) of this kind. */
export function sureOfAzure(value: unknown, wanted: readonly AzureKind[]): number {
  const inner = isObject(value) && Array.isArray(value.records) ? value.records[0] : value
  const record = azureRecord(inner)
  if (record === undefined) return 0
  const kind = azureKind(record)
  if (kind === undefined) return 0
  if (kind === 'app' && typeof record.type === 'string' && !('operation_Id' in record) && !('operationId' in record)) {
    return isObject(record.data) ? 0.9 : 0.3
  }
  const resource = record.resourceId
  const isAzure =
    (typeof resource === 'string' && /^\/(?:subscriptions|tenants|providers)\//i.test(resource)) ||
    'tenantId' in record ||
    kind !== 'activity' ||
    (typeof record.category === 'string' && record.category.startsWith('Storage')) ||
    /^microsoft\.[a-z]+\//i.test((azureText(record.operationName) ?? '').slice(0, 100))
  const sure = isAzure ? 0.9 : 'callerIpAddress' in record ? 0.7 : 0
  return wanted.includes(kind) ? sure : sure / 2
}
