import { type Outcome, ok } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { whole } from './app-events.js'
import { azureField, azureLevel } from './azure-envelope.js'
import { azureCloud } from './azure-resource.js'
import { readWord } from './azure-sign-in.js'
import { defined, Fields, isObject, type JsonRecord } from './fields.js'
import { severityOf } from './log-level.js'
import { endpointOf } from './network-address.js'
import { sourceTime } from './source-time.js'

/** One object that an audit record is about. */
type Target = { uid?: string; name?: string; display_name?: string; type?: string; changes: Changes }
type Changes = ReadonlyMap<string, { readonly before: string | undefined; readonly after: string | undefined }>

/** A directory audit record: account, group, privilege or other entity, by what was changed. */
export function directoryAudit(record: JsonRecord): Outcome<EventDraft[]> {
  const fields = new Fields(record, '')
  const properties = fields.object('properties') ?? fields
  const when = sourceTime('time', [properties.any('activityDateTime'), fields.any('time')])
  if (when.kind !== 'ok') return when
  const operation = properties.text('activityDisplayName') ?? azureField(fields, 'operationName') ?? 'Unknown'
  for (const source of [fields, properties]) {
    if (azureField(source, 'operationName') !== operation) source.keep('operationName')
  }
  const duration = fields.number('durationMs')
  const verb = properties.text('operationType')
  const targets = targetsOf(properties)
  const result = (properties.text('result') ?? azureField(fields, 'resultType'))?.toLowerCase()
  const initiator = initiatorOf(fields, properties)
  const tenant = fields.text('tenantId')
  const uid = properties.text('correlationId') ?? fields.text('correlationId')
  const service = properties.text('loggedByService')
  const agent = agentOf(properties)
  const draft: EventDraft = {
    ...subjectOf(operation, verb, targets, service),
    ...severityOf(azureLevel(fields)),
    ...defined({
      time: when.value.time,
      status_id: result === undefined ? undefined : result.startsWith('succe') || result === '0' ? 1 : 2,
      status_code: readWord(fields, 'resultSignature'),
      status_detail: properties.text('resultReason') ?? properties.text('resultDescription'),
      duration: whole(duration),
      src_endpoint: endpointOf(initiator.address),
      http_request: agent === undefined ? undefined : { user_agent: agent },
    }),
    actor: initiator.actor,
    api: defined({
      operation,
      version: azureField(fields, 'operationVersion'),
      service: service === undefined ? undefined : { name: service },
      request: uid === undefined ? undefined : { uid },
    }),
    cloud: azureCloud(undefined, tenant, undefined),
    metadata: metadataOf(fields, properties, operation, uid, when.value.original_time),
  }
  const unmapped = fields.rest()
  if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
  return ok([draft])
}

function metadataOf(
  fields: Fields,
  properties: Fields,
  event_code: string,
  correlation_uid: string | undefined,
  original_time: string | undefined,
) {
  const log_name = azureField(fields, 'category')
  const category = properties.text('category') ?? log_name
  const tenant = fields.text('tenantId') ?? properties.text('tenantId')
  fields.repeats('correlationId', correlation_uid)
  properties.repeats('tenantId', tenant)
  return defined({
    product: { name: 'Microsoft Entra ID', vendor_name: 'Microsoft', feature: { name: category ?? 'AuditLogs' } },
    profiles: ['cloud'],
    log_name,
    event_code,
    original_event_uid: properties.text('id'),
    correlation_uid,
    tenant_uid: tenant,
    original_time,
  })
}

function initiatorOf(fields: Fields, properties: Fields): { actor: JsonRecord; address: string | undefined } {
  const by = properties.object('initiatedBy')
  const user = by?.object('user')
  const app = by?.object('app')
  const address = user?.text('ipAddress') ?? app?.text('ipAddress') ?? fields.text('callerIpAddress')
  if (fields.text('callerIpAddress') !== address) fields.keep('callerIpAddress')
  const name = user?.text('userPrincipalName')
  const uid = user?.text('id')
  const display_name = user?.text('displayName') ?? (user === undefined ? undefined : fields.text('identity'))
  fields.repeats('identity', display_name)
  if (name !== undefined || uid !== undefined || display_name !== undefined) {
    const person = defined({
      name: name ?? display_name,
      uid,
      display_name,
      email_addr: name?.includes('@') ? name : undefined,
      type_id: 1,
    })
    return { actor: { user: person }, address }
  }
  const app_name = app?.text('displayName') ?? app?.text('servicePrincipalName')
  const app_uid = app?.text('appId')
  const principal = app?.text('servicePrincipalId')
  if (app_name === undefined && app_uid === undefined && principal === undefined) {
    return { actor: { user: { name: 'Unknown', type_id: 0 } }, address }
  }
  const service = defined({ name: app_name ?? app_uid ?? principal, uid: principal ?? app_uid, type_id: 4 })
  return { actor: defined({ user: service, app_name, app_uid }), address }
}

function agentOf(properties: Fields): string | undefined {
  const own = properties.text('userAgent')
  if (own !== undefined) return own
  const details = properties.list('additionalDetails') ?? []
  properties.keep('additionalDetails')
  for (const entry of details.slice(0, 64)) {
    if (isObject(entry) && entry.key === 'User-Agent' && typeof entry.value === 'string') return entry.value
  }
  return undefined
}

function targetsOf(properties: Fields): Target[] {
  const targets: Target[] = []
  for (const [n, entry] of (properties.list('targetResources') ?? []).slice(0, 32).entries()) {
    if (!isObject(entry)) continue
    const fields = properties.element('targetResources', n, entry)
    const name = fields.text('userPrincipalName')
    const display_name = fields.text('displayName')
    const target = defined({
      uid: fields.text('id'),
      name: name ?? display_name,
      display_name: name === undefined ? undefined : display_name,
      type: fields.text('type'),
    })
    targets.push({ ...target, changes: changesOf(fields) })
  }
  return targets
}

function changesOf(fields: Fields): Changes {
  const changes = new Map<string, { before: string | undefined; after: string | undefined }>()
  for (const entry of (fields.list('modifiedProperties') ?? []).slice(0, 100)) {
    if (!isObject(entry) || typeof entry.displayName !== 'string') continue
    changes.set(entry.displayName, { before: plain(entry.oldValue), after: plain(entry.newValue) })
  }
  fields.keep('modifiedProperties')
  return changes
}

/** Values are JSON in text: `"\"Owner\""`. */
function plain(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value === 'null') return undefined
  const inner = /^"(.*)"$/s.exec(value)?.[1] ?? value
  return inner === '' ? undefined : inner
}

const PRIVILEGE = /\b(?:role|consent|permission grant|owner|entitlement|app role assignment)\b/i
const ACCOUNT: readonly (readonly [pattern: RegExp, activity: number])[] = [
  [/^(?:add user|create user|invite external user|bulk invite users|add users? \()/i, 1],
  [/^(?:restore user|enable account|enable user)/i, 2],
  [/^change (?:user )?password/i, 3],
  [/^(?:self-service password reset|reset (?:user )?password|admin reset|set (?:force change )?user password)/i, 4],
  [/^(?:disable account|disable user|block user)/i, 5],
  [/^(?:hard )?delete user/i, 6],
  [/^(?:unlock|user unlocked)/i, 12],
  [/^(?:lock|user locked|user account locked)/i, 9],
  [/^(?:user registered|admin registered|enable strong authentication|register )/i, 10],
  [/^(?:user deleted security|admin deleted security|disable strong authentication)/i, 11],
]

/** The class and the object of the change: what the operation is named after decides, then the type of the target. */
function subjectOf(
  operation: string,
  verb: string | undefined,
  targets: readonly Target[],
  service: string | undefined,
): EventDraft & { class_uid: number; activity_id: number } {
  const person = targets.find(({ type }) => type === 'User') ?? targets.find(({ type }) => type === 'ServicePrincipal')
  const group = targets.find(({ type }) => type === 'Group')
  const isRemoval = /^(?:remove|delete|revoke|hard delete|unassign)/i.test(operation)
  if (/\bmember\b.*\bgroup\b|\bgroup\b.*\bmember\b/i.test(operation) || (group && !person)) {
    return groupChange(operation, verb, group, person, isRemoval)
  }
  if (PRIVILEGE.test(operation) && person !== undefined && !/^(?:add|update|delete) role definition/i.test(operation)) {
    return privilegeChange(person, targets, isRemoval)
  }
  if (person?.type === 'User') {
    const activity_id = ACCOUNT.find(([pattern]) => pattern.test(operation))?.[1] ?? 99
    const draft = { class_uid: CLASS.account_change, activity_id, user: userOf(person), severity_id: 1 }
    return activity_id === 99 ? { ...draft, activity_name: operation } : draft
  }
  return entityChange(operation, verb, targets[0], service)
}

function userOf(target: Target): JsonRecord {
  const { uid, name, display_name, type } = target
  return defined({
    name: name ?? (uid === undefined ? 'Unknown' : undefined),
    uid,
    display_name,
    email_addr: name?.includes('@') ? name : undefined,
    type_id: type === 'User' ? 1 : 4,
    type,
  })
}

function groupChange(
  operation: string,
  verb: string | undefined,
  group: Target | undefined,
  person: Target | undefined,
  isRemoval: boolean,
) {
  // Adding a member names the user as the target, and the group only among the changes.
  const names = person?.changes
  const pick = (key: string) => names?.get(key)?.after ?? names?.get(key)?.before
  const uid = group?.uid ?? pick('Group.ObjectID')
  const name = group?.name ?? pick('Group.DisplayName')
  const isMember = /\bmember\b/i.test(operation)
  const byVerb = isRemoval || verb === 'Delete' ? 5 : /^(?:add|create)/i.test(operation) ? 6 : 99
  const activity_id = isMember ? (isRemoval ? 4 : 3) : byVerb
  return defined({
    class_uid: CLASS.group_management,
    activity_id,
    activity_name: activity_id === 99 ? operation : undefined,
    group: defined({ uid, name: name ?? (uid === undefined ? 'Unknown' : undefined) }),
    user: person === undefined ? undefined : userOf(person),
    severity_id: 1,
  })
}

function privilegeChange(person: Target, targets: readonly Target[], isRemoval: boolean) {
  const privileges: string[] = []
  for (const { changes, type, name } of targets) {
    for (const key of [
      'Role.DisplayName',
      'AppRole.Value',
      'DelegatedPermissionGrant.Scope',
      'ConsentAction.Permissions',
    ]) {
      const found = changes.get(key)
      const text = (isRemoval ? (found?.before ?? found?.after) : (found?.after ?? found?.before))?.slice(0, 1000)
      if (text !== undefined && !privileges.includes(text)) privileges.push(text)
    }
    if (type === 'Role' && name !== undefined && !privileges.includes(name)) privileges.push(name)
  }
  const others = targets.filter((target) => target !== person && (target.uid ?? target.name) !== undefined)
  return defined({
    class_uid: CLASS.user_access,
    activity_id: isRemoval ? 2 : 1,
    user: userOf(person),
    privileges: privileges.length === 0 ? ['unknown'] : privileges,
    resources:
      others.length === 0 ? undefined : others.map(({ uid, name, type }) => defined({ uid, name, type, role_id: 1 })),
    severity_id: 1,
  })
}

const ENTITY_VERBS: readonly (readonly [pattern: RegExp, activity: number])[] = [
  [/^(?:add|create|register|import|new)/i, 1],
  [/^(?:delete|remove|hard delete|unregister)/i, 4],
  [/^enable/i, 8],
  [/^disable/i, 9],
  [/^(?:get|read|view|list|export|download)/i, 2],
  [/^(?:update|set|change|modify|assign|unassign|restore|reset|rotate|verify|patch)/i, 3],
]
const ENTITY_TYPES: { readonly [type: string]: readonly [id: number, key?: 'policy' | 'device' | 'group' | 'user'] } = {
  Policy: [5, 'policy'],
  Device: [1, 'device'],
  Group: [3, 'group'],
  User: [2, 'user'],
  Directory: [4],
  Organization: [4],
  Tenant: [4],
}

function entityChange(
  operation: string,
  verb: string | undefined,
  target: Target | undefined,
  service: string | undefined,
) {
  const find = (text: string | undefined) => ENTITY_VERBS.find(([pattern]) => pattern.test(text ?? ''))?.[1]
  const activity_id = find(verb) ?? find(operation) ?? 99
  const { uid, name, type, changes } = target ?? { name: service ?? operation, type: 'Service', changes: undefined }
  const [type_id, key] = ENTITY_TYPES[type !== undefined && Object.hasOwn(ENTITY_TYPES, type) ? type : ''] ?? [99]
  const isNamed = (uid ?? name) !== undefined
  const inner = key === 'device' ? defined({ uid, name, type_id: 2 }) : defined({ uid, name })
  const all = [...(changes ?? [])]
  const after = all.map(([attribute, change]) => [attribute, change.after ?? null])
  const before = all.flatMap(([attribute, { before }]) => (before === undefined ? [] : [[attribute, before]]))
  return defined({
    class_uid: CLASS.entity_management,
    activity_id,
    activity_name: activity_id === 99 ? operation : undefined,
    entity: defined({
      data: before.length === 0 ? undefined : Object.fromEntries(before),
      uid,
      name: name ?? (uid === undefined ? 'Unknown' : undefined),
      type: type ?? 'Unknown',
      type_id,
      ...(key !== undefined && isNamed ? { [key]: inner } : {}),
    }),
    entity_result:
      after.length === 0
        ? undefined
        : defined({ uid, name: name ?? uid ?? 'Unknown', data: Object.fromEntries(after) }),
    severity_id: 1,
  })
}
