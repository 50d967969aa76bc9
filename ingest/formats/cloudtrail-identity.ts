import { defined, type Fields, type JsonRecord } from './fields.js'
import { parseTime } from './time.js'

/** Who made a call, as far as CloudTrail says. */
export type Identity = {
  /** OCSF `actor`. */
  actor: JsonRecord
  /** OCSF `actor.user`. */
  user: JsonRecord
  /** userIdentity.type, or `Unknown`. */
  type: string
  account: string | undefined
  /** The role's name, where one was assumed. */
  role: string | undefined
  /** The role session's name: `i-0abc` for an instance, the function's name for a function. */
  session: string | undefined
  invoked_by: string | undefined
  /** The service and resource that the credentials were issued to, where AWS says so. */
  scope: { type: string | undefined; issued_to: string | undefined }
}

/** OCSF user types: 1 user, 2 admin, 4 service, 99 other. A role is none of OCSF's; its own word stands in `type`. */
const USER_TYPES: { readonly [type: string]: number } = {
  IAMUser: 1,
  IdentityCenterUser: 1,
  SAMLUser: 1,
  WebIdentityUser: 1,
  FederatedUser: 1,
  Root: 2,
  AWSService: 4,
  Unknown: 0,
}

/** The root user has a name in CloudTrail only where its account has an alias. */
const ROOT = 'root'

/** Reads userIdentity (any of its types) into OCSF's actor. */
export function identityOf(record: Fields): Identity {
  const identity = record.object('userIdentity')
  const type = identity?.text('type') ?? 'Unknown'
  const account = identity?.text('accountId')
  const invoked_by = identity?.text('invokedBy')
  const principal = identity?.text('principalId')
  const key = identity?.text('accessKeyId') ?? identity?.text('credentialId')
  const context = identity?.object('sessionContext')
  const issuer = context?.object('sessionIssuer')
  const issued = issuer?.text('userName')
  const named = issued !== undefined && principal !== undefined ? NOBODY : namesOf(identity?.text('arn'))
  const role = issued ?? named.role
  if (issuer !== undefined) readRepeated(issuer, account, principal)
  const person = identity?.object('onBehalfOf')
  const user = userOf({ identity, person, type, account, invoked_by, principal, key, role: role ?? named.user })
  const session_name = sessionName(principal) ?? named.session
  const session = sessionOf(context, issuer, key, session_name)
  const idp = identityProvider(identity, context, person)
  const scope = identity?.object('inScopeOf')
  const actor: JsonRecord = { user }
  if (session !== undefined) actor.session = session
  if (invoked_by !== undefined) actor.invoked_by = invoked_by
  if (idp !== undefined) actor.idp = idp
  return {
    actor,
    user,
    type,
    account,
    role,
    session: type === 'AssumedRole' ? session_name : undefined,
    invoked_by,
    scope: { type: scope?.text('issuerType'), issued_to: scope?.text('credentialsIssuedTo') },
  }
}

/** Of the role behind a session, the account, id and type are mostly said already: by the user, and by its ARN. */
function readRepeated(issuer: Fields, account: string | undefined, principal: string | undefined) {
  if (issuer.text('accountId') !== account) issuer.keep('accountId')
  const id = issuer.text('principalId')
  if (id !== undefined && principal?.startsWith(id) !== true) issuer.keep('principalId')
  if (issuer.text('type') !== 'Role' || issuer.text('arn')?.includes(':role/') !== true) issuer.keep('type')
}

type UserParts = {
  identity: Fields | undefined
  /** The person a session acts for. */
  person: Fields | undefined
  type: string
  account: string | undefined
  invoked_by: string | undefined
  principal: string | undefined
  key: string | undefined
  /** What the session's issuer or the ARN calls the caller. */
  role: string | undefined
}

function userOf({ identity, person, type, account, invoked_by, principal, key, role }: UserParts): JsonRecord {
  const uid = identity?.text('arn') ?? person?.text('userId')
  const own = type === 'Root' ? ROOT : type === 'AWSService' ? invoked_by : undefined
  const name = identity?.text('userName') ?? role ?? own
  const isIdentified = name !== undefined || uid !== undefined || account !== undefined
  const user: JsonRecord = {}
  // OCSF wants a user identified; principalId alone is an identity, and Unknown is what CloudTrail calls the rest.
  const identified = isIdentified ? name : (principal ?? type)
  if (identified !== undefined) user.name = identified
  if (uid !== undefined) user.uid = uid
  if (principal !== undefined) user.uid_alt = principal
  user.type = type
  user.type_id = Object.hasOwn(USER_TYPES, type) ? USER_TYPES[type] : 99
  if (account !== undefined) user.account = accountOf(account)
  if (key !== undefined) user.credential_uid = key
  return user
}

function sessionOf(context: Fields | undefined, issuer: Fields | undefined, key?: string, uid?: string) {
  const attributes = context?.object('attributes')
  const is_mfa = attributes?.boolean('mfaAuthenticated')
  const created = attributes?.text('creationDate')
  const created_time = created === undefined ? undefined : parseTime(created)
  if (created !== undefined && created_time === undefined) attributes?.keep('creationDate')
  const arn = issuer?.text('arn')
  const source = context?.text('sourceIdentity')
  const session: JsonRecord = {}
  if (uid !== undefined) session.uid = uid
  // Set when the role was assumed, and kept through every further one: who it was in the end.
  if (source !== undefined) session.uid_alt = source
  if (arn !== undefined) session.issuer = arn
  if (created_time !== undefined) session.created_time = created_time
  if (is_mfa !== undefined) session.is_mfa = is_mfa
  if (key !== undefined) session.credential_uid = key
  return Object.keys(session).length === 0 ? undefined : session
}

type Names = { user?: string; role?: string; session?: string }
const NOBODY: Names = {}

/** `:user/path/NAME`, `:assumed-role/ROLE/SESSION`: the same names, where the record has them nowhere else. */
function namesOf(arn: string | undefined): Names {
  if (arn === undefined || arn.length > 2048) return NOBODY
  const [kind, name, ...rest] = arn.slice(arn.lastIndexOf(':') + 1).split('/')
  if (kind === 'user') return defined({ user: rest.at(-1) ?? name })
  return kind === 'assumed-role' ? defined({ role: name, session: rest[0] }) : NOBODY
}

/** `AROAEXAMPLEID:session-name`: the id of the role, then the name of the session. */
function sessionName(principal: string | undefined): string | undefined {
  const at = principal?.indexOf(':') ?? -1
  return principal === undefined || at < 1 || at === principal.length - 1 ? undefined : principal.slice(at + 1)
}

function identityProvider(
  identity: Fields | undefined,
  context: Fields | undefined,
  person: Fields | undefined,
): JsonRecord | undefined {
  const name = identity?.text('identityProvider') ?? context?.object('webIdFederationData')?.text('federatedProvider')
  const uid = person?.text('identityStoreArn')
  return name === undefined && uid === undefined ? undefined : defined({ name, uid })
}

/** OCSF's account object of an AWS account id. */
export function accountOf(id: string | undefined): JsonRecord | undefined {
  return id === undefined ? undefined : { uid: id, type: 'AWS Account', type_id: 10 }
}
