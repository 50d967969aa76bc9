import { accountOf, type Identity } from './cloudtrail-identity.js'
import { type Target, targetsOf } from './cloudtrail-targets.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'

/** Resources in one event; bulk calls name thousands, and api.request.data has them all. */
const MAX_RESOURCES = 64

/** A call, as far as it says what it is about. */
type Asked = { service: string; operation: string; region: string | undefined; request: unknown; response: unknown }

/** What the call was about: CloudTrail's `resources`, then what its parameters and its answer name besides. */
export function resourcesOf(record: Fields, call: Asked): JsonRecord[] {
  const resources = listed(record)
  const object = objectOf(call)
  if (object !== undefined && !resources.some(({ type }) => type === OBJECT)) resources.unshift(object)
  for (const target of targetsOf(call.service, call.operation, call.request, call.response)) {
    const same = resources.find((resource) => isSame(resource, target))
    if (same === undefined) resources.push({ ...target, role_id: 1, role: 'Target' })
    else if (same.name === undefined && target.name !== undefined) same.name = target.name
    if (resources.length >= MAX_RESOURCES) break
  }
  return resources.slice(0, MAX_RESOURCES)
}

/** An ARN ends with the name or the id of what it names: `:key/1234-abcd`, `:function:orders`, `:::bucket`. */
function isSame(resource: JsonRecord, { uid, name }: Target): boolean {
  const known = resource.uid
  if (typeof known !== 'string') return resource.name === (name ?? uid)
  return [uid, name].some((text) => text !== undefined && (known === text || endsWithPart(known, text)))
}

function endsWithPart(arn: string, part: string): boolean {
  const before = arn.charAt(arn.length - part.length - 1)
  return arn.endsWith(part) && (before === ':' || before === '/') && arn.startsWith('arn:')
}

const OBJECT = 'AWS::S3::Object'

/** The object that a call of S3 reads or writes, of which only some records list the ARN. */
function objectOf({ service, region, request }: Asked): JsonRecord | undefined {
  if (service !== 's3.amazonaws.com' || !isObject(request)) return undefined
  const bucket = text(request.bucketName)
  const key = text(request.key)
  if (bucket === undefined || key === undefined) return undefined
  const partition = region?.startsWith('cn-') ? 'aws-cn' : region?.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  return { uid: `arn:${partition}:s3:::${bucket}/${key}`, type: OBJECT, role_id: 1, role: 'Target' }
}

function listed(record: Fields): JsonRecord[] {
  const resources: JsonRecord[] = []
  const entries = record.list('resources') ?? []
  let isWhole = true
  for (let n = 0; n < entries.length; n++) {
    const entry = entries[n]
    if (typeof entry === 'string') resources.push(entry.startsWith('arn:') ? { uid: entry } : { name: entry })
    else if (isObject(entry)) {
      const fields = record.element('resources', n, entry)
      const uid = fields.text('ARN') ?? fields.text('arn') ?? fields.text('ARNPrefix')
      const type = fields.text('type')
      const account = fields.text('accountId')
      if (uid === undefined && type === undefined) continue
      const resource: JsonRecord = uid === undefined ? { name: type } : { uid }
      if (type !== undefined) resource.type = type
      if (account !== undefined) resource.owner = { account: { uid: account } }
      resource.role_id = 1
      resource.role = 'Target'
      resources.push(resource)
    } else isWhole = false
    if (resources.length >= MAX_RESOURCES) break
  }
  if (!isWhole || entries.length > MAX_RESOURCES) record.keep('resources')
  return resources
}

/**
 * Who a sign-in or role switch is for: the assumed role's session where AWS answered with one, the role asked for where
 * it refused, else the caller. With it the session that was opened, so that its credentials can be followed.
 */
export function authenticatedOf(
  identity: Identity,
  request: unknown,
  response: unknown,
): { user: JsonRecord; session?: JsonRecord } {
  const answer = isObject(response) ? response : {}
  const asked = isObject(request) ? request : {}
  const assumed = isObject(answer.assumedRoleUser) ? answer.assumedRoleUser : answer.federatedUser
  const session = issuedSession(answer, asked)
  const role = text(asked.roleArn)
  if (isObject(assumed) && text(assumed.arn) !== undefined) {
    const uid = text(assumed.arn) as string
    const uid_alt = text(assumed.assumedRoleId) ?? text(assumed.federatedUserId)
    const name = /:assumed-role\/([^/]+)\//.exec(uid)?.[1]
    const user = defined({ uid, name, uid_alt, ...roleType(uid) })
    return defined({ user, session })
  }
  const user =
    role === undefined ? identity.user : { uid: role, name: role.slice(role.lastIndexOf('/') + 1), ...roleType(role) }
  return defined({ user, session })
}

function roleType(arn: string): JsonRecord {
  const account = arn.split(':', 5)[4]
  return defined({
    type: 'AssumedRole',
    type_id: 99,
    account: accountOf(account || undefined),
  })
}

function issuedSession(answer: JsonRecord, asked: JsonRecord): JsonRecord | undefined {
  const credentials = isObject(answer.credentials) ? answer.credentials : {}
  const credential_uid = text(credentials.accessKeyId)
  const uid = text(asked.roleSessionName)
  const issuer = text(asked.roleArn)
  if ((credential_uid ?? uid ?? issuer) === undefined) return undefined
  // `Jul 30, 2024, 9:46:15 PM`, always UTC.
  const expires = Date.parse(`${text(credentials.expiration)?.slice(0, 64) ?? ''} UTC`)
  return defined({
    uid,
    issuer,
    credential_uid,
    expiration_time: Number.isNaN(expires) || expires < 0 ? undefined : expires,
  })
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
