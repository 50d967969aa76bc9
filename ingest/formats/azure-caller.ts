import { defined, type Fields, isObject, type JsonRecord } from './fields.js'

/** The names of claims that say who somebody is, short and in the long form of the old token format. */
const CLAIMS = {
  name: ['name', 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name'],
  upn: ['upn', 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn', 'unique_name', 'preferred_username'],
  email: ['email', 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress'],
  oid: ['oid', 'http://schemas.microsoft.com/identity/claims/objectidentifier'],
  tenant: ['tid', 'http://schemas.microsoft.com/identity/claims/tenantid'],
  app: ['appid', 'azp'],
  session: ['sid', 'uti'],
  /** The resource whose managed identity called: a function app or a virtual machine. */
  resource: ['xms_mirid'],
  methods: ['amr', 'http://schemas.microsoft.com/claims/authnmethodsreferences'],
} as const

/** Who called Azure. */
export type AzureCaller = {
  actor: JsonRecord
  tenant: string | undefined
  /** Resource id of the managed identity's owner. */
  resource: string | undefined
}

/** Reads `identity` (activity log, storage and key vault logs), `claims` and `caller`. Fields that name nobody stay. */
export function azureCaller(record: Fields): AzureCaller {
  const identity = record.object('identity')
  const claims = identity?.object('claims') ?? record.object('claims') ?? parsedClaims(record)
  const requester = identity?.object('requester')
  const claim = (names: readonly string[]) => {
    for (const name of names) {
      const found = claims?.text(name)
      if (found !== undefined) return found
    }
    return undefined
  }
  const caller = record.text('caller')
  const upn = claim(CLAIMS.upn) ?? requester?.text('upn')
  const full = claim(CLAIMS.name)
  const email = claim(CLAIMS.email)
  const uid = claim(CLAIMS.oid) ?? requester?.text('objectId')
  const app = claim(CLAIMS.app) ?? requester?.text('appId')
  const tenant = claim(CLAIMS.tenant) ?? requester?.text('tenantId')
  const token = identity?.text('tokenHash')
  const kind = identity?.text('type')
  const name = upn ?? caller ?? email ?? full
  const isPerson = [upn, caller, email, full].some((text) => text?.includes('@'))
  const user = defined({
    name: name ?? (uid === undefined ? (app ?? kind) : undefined),
    uid: uid ?? (isPerson ? undefined : app),
    display_name: full === name ? undefined : full,
    email_addr: [email, upn, caller, full].find((text) => text?.includes('@')),
    type_id: isPerson ? 1 : app !== undefined || caller !== undefined ? 4 : undefined,
    type: kind,
    credential_uid: token,
    account: tenant === undefined ? undefined : { uid: tenant, type: 'Azure AD Account', type_id: 6 },
  })
  const isNamed = user.name !== undefined || user.uid !== undefined
  const session = claim(CLAIMS.session)
  return {
    actor: defined({
      user: isNamed ? user : undefined,
      app_uid: app,
      session: session === undefined ? undefined : { uid: session, ...mfaOf(claim(CLAIMS.methods)) },
      authorizations: authorizations(record, identity),
    }),
    tenant,
    resource: claim(CLAIMS.resource),
  }
}

function mfaOf(methods: string | undefined): { is_mfa?: boolean } {
  return methods === undefined ? {} : { is_mfa: /\bmfa\b/.test(methods.slice(0, 1000)) }
}

/** Tables keep the claims as JSON text. */
function parsedClaims(record: Fields): Fields | undefined {
  const text = record.any('claims')
  record.keep('claims')
  if (typeof text !== 'string' || !text.startsWith('{') || text.length > 100_000) return undefined
  try {
    const value = JSON.parse(text) as unknown
    return isObject(value) ? record.element('claims', 0, value) : undefined
  } catch {
    return undefined
  }
}

/** The permission that was used, and by which role assignment. */
function authorizations(record: Fields, identity: Fields | undefined): JsonRecord[] | undefined {
  const granted = identity?.object('authorization') ?? record.object('authorization')
  if (granted === undefined) return undefined
  const evidence = granted.object('evidence')
  const role = evidence?.text('role')
  const uid = evidence?.text('roleAssignmentId')
  const action = granted.text('action')
  const data = defined({
    action,
    scope: granted.text('scope'),
    role_definition_id: evidence?.text('roleDefinitionId'),
    role_assignment_scope: evidence?.text('roleAssignmentScope'),
    principal_id: evidence?.text('principalId'),
    principal_type: evidence?.text('principalType'),
  })
  if (role === undefined && uid === undefined && action === undefined) return undefined
  const policy = defined({ name: role ?? action, uid, type: role === undefined ? 'action' : 'role', data })
  return [{ decision: 'Allowed', policy }]
}
