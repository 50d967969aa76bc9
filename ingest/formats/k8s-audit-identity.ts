import type { Fields, JsonRecord } from './fields.js'

/** Who called, and what is known about where from. */
export type Identity = {
  /** OCSF user; undefined if the event names nobody. */
  readonly user?: JsonRecord
  readonly session?: JsonRecord
  /** Headers by which the caller asked to act as somebody else. */
  readonly impersonation?: readonly { name: string; value: string }[]
  /** The pod whose service account token was used, as far as the token says. */
  readonly pod?: { readonly name: string; readonly uid?: string; readonly namespace?: string }
  /** The node that called, or on which the calling pod runs. */
  readonly node?: string
  readonly is_node: boolean
  /** The cloud's id of the calling node. */
  readonly instance?: string
  readonly account?: string
  readonly is_aws: boolean
}

/** The authenticated user of an audit event, and whom it acts as. */
export function identityOf(event: Fields): Identity {
  const fields = event.object('user')
  const impersonated = event.object('impersonatedUser')
  const impersonation = impersonated === undefined ? [] : headersOf(impersonated)
  const extra = extraOf(fields?.object('extra'))
  const name = fields?.text('username')
  const uid = fields?.text('uid')
  const groups = fields === undefined ? [] : fields.texts('groups')
  const token = tokenOf(extra, name)
  const arn = extra.take('arn')
  const issuer = extra.take('canonicalArn')
  const credential_uid = extra.take('accessKeyId') ?? extra.take('authentication.kubernetes.io/credential-id')
  const session_uid = extra.take('sessionName')
  const uid_alt = arn ?? extra.take('oid') ?? extra.take('principalId')
  const known = arn ?? uid
  const account = known === undefined ? undefined : /:(\d{12}):/.exec(known)?.[1]
  const user = userOf({ name, uid, groups, credential_uid, uid_alt, account })
  const is_aws = arn !== undefined || (uid !== undefined && /^(aws-iam|heptio)-authenticator/.test(uid))
  const identity: { -readonly [K in keyof Identity]: Identity[K] } = { is_node: token.is_node, is_aws }
  if (user !== undefined) identity.user = user
  if (session_uid !== undefined || issuer !== undefined) {
    const session: JsonRecord = {}
    if (session_uid !== undefined) session.uid = session_uid
    if (issuer !== undefined) session.issuer = issuer
    if (credential_uid !== undefined) session.credential_uid = credential_uid
    identity.session = session
  }
  if (impersonation.length > 0) identity.impersonation = impersonation
  if (token.pod !== undefined) identity.pod = token.pod
  if (token.node !== undefined) identity.node = token.node
  if (token.is_node && session_uid !== undefined && /^i-[0-9a-f]{8,17}$/.test(session_uid)) {
    identity.instance = session_uid
  }
  if (account !== undefined) identity.account = account
  return identity
}

type Known = {
  name: string | undefined
  uid: string | undefined
  groups: readonly string[]
  credential_uid?: string | undefined
  uid_alt?: string | undefined
  account?: string | undefined
}

/** OCSF user of a Kubernetes user name: people, service accounts and parts of the cluster have one name space. */
export function userOf({ name, uid, groups, credential_uid, uid_alt, account }: Known): JsonRecord | undefined {
  if (name === undefined && uid === undefined) return undefined
  const user: JsonRecord = {}
  if (name !== undefined) user.name = name
  if (uid !== undefined) user.uid = uid
  const { type_id, type } = typeOf(name ?? '', groups)
  user.type_id = type_id
  user.type = type
  if (groups.length > 0) user.groups = groups.map((group) => ({ name: group }))
  if (credential_uid !== undefined) user.credential_uid = credential_uid
  if (uid_alt !== undefined) user.uid_alt = uid_alt
  if (account !== undefined) user.account = { uid: account, type_id: 10, type: 'AWS Account' }
  if (name?.includes('@') && /^[^\s@:]{1,64}@[^\s@:]{1,255}$/.test(name)) user.email_addr = name
  return user
}

function typeOf(name: string, groups: readonly string[]): { type_id: number; type: string } {
  if (name === 'system:anonymous') return { type_id: 99, type: 'Anonymous' }
  if (name.startsWith('system:serviceaccount:')) return { type_id: 4, type: 'Service' }
  if (name.startsWith('system:') || name.startsWith('eks:') || name.startsWith('aks')) {
    return { type_id: 3, type: 'System' }
  }
  return groups.includes('system:masters') ? { type_id: 2, type: 'Admin' } : { type_id: 1, type: 'User' }
}

/** Impersonation is asked for by headers; the audit log has them as a second user. */
function headersOf(fields: Fields): { name: string; value: string }[] {
  const headers: { name: string; value: string }[] = []
  const name = fields.text('username')
  const uid = fields.text('uid')
  if (name !== undefined) headers.push({ name: 'Impersonate-User', value: name })
  if (uid !== undefined) headers.push({ name: 'Impersonate-Uid', value: uid })
  for (const group of fields.texts('groups')) headers.push({ name: 'Impersonate-Group', value: group })
  return headers
}

type Extra = { take(key: string): string | undefined }

const NO_EXTRA: Extra = { take: () => undefined }

/** Extra values are lists of texts; some exports write `/` and `.` in their names differently. */
function extraOf(fields: Fields | undefined): Extra {
  if (fields === undefined) return NO_EXTRA
  const keys = new Map<string, string>()
  for (const key of fields.unread()) keys.set(key.replaceAll('_slash_', '/').replaceAll('_', '.'), key)
  return {
    take(key) {
      const found = keys.get(key)
      if (found === undefined) return undefined
      const value = fields.any(found)
      const first: unknown = Array.isArray(value) ? value[0] : value
      if (typeof first === 'string' && first !== '' && (!Array.isArray(value) || value.length === 1)) return first
      fields.keep(found)
      return undefined
    },
  }
}

const ACCOUNT = /^system:serviceaccount:([^:]{1,63}):/

function tokenOf(extra: Extra, name: string | undefined): Pick<Identity, 'pod' | 'node' | 'is_node'> {
  const pod = extra.take('authentication.kubernetes.io/pod-name')
  const uid = extra.take('authentication.kubernetes.io/pod-uid')
  const is_node = name?.startsWith('system:node:') === true
  const node = is_node ? name?.slice('system:node:'.length) : extra.take('authentication.kubernetes.io/node-name')
  const token: { -readonly [K in keyof Identity]?: Identity[K] } & { is_node: boolean } = { is_node }
  if (node !== undefined && node !== '') token.node = node
  if (pod === undefined) return token
  const namespace = ACCOUNT.exec(name ?? '')?.[1]
  token.pod = {
    name: pod,
    ...(uid === undefined ? {} : { uid }),
    ...(namespace === undefined ? {} : { namespace }),
  }
  return token
}
