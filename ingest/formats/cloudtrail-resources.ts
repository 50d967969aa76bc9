import { accountOf, type Identity } from './cloudtrail-identity.js'
import { instancesOf } from './cloudtrail-workload.js'
import { defined, type Fields, isObject, type JsonRecord } from './fields.js'

/** Resources in one event; bulk calls name thousands, and api.request.data has them all. */
const MAX_RESOURCES = 64

/** Request parameters that name what a call is about, and its CloudFormation type. */
const PARAMETERS: readonly (readonly [parameter: string, type: string, service?: string])[] = [
  ['bucketName', 'AWS::S3::Bucket'],
  ['functionName', 'AWS::Lambda::Function'],
  ['roleName', 'AWS::IAM::Role'],
  ['roleArn', 'AWS::IAM::Role'],
  ['userName', 'AWS::IAM::User', 'iam.amazonaws.com'],
  ['groupName', 'AWS::IAM::Group', 'iam.amazonaws.com'],
  ['policyArn', 'AWS::IAM::Policy'],
  ['instanceProfileName', 'AWS::IAM::InstanceProfile'],
  ['secretId', 'AWS::SecretsManager::Secret'],
  ['keyId', 'AWS::KMS::Key'],
  ['tableName', 'AWS::DynamoDB::Table'],
  ['queueUrl', 'AWS::SQS::Queue'],
  ['topicArn', 'AWS::SNS::Topic'],
  ['groupId', 'AWS::EC2::SecurityGroup', 'ec2.amazonaws.com'],
  ['snapshotId', 'AWS::EC2::Snapshot'],
  ['imageId', 'AWS::EC2::Image'],
  ['vpcId', 'AWS::EC2::VPC'],
  ['dBInstanceIdentifier', 'AWS::RDS::DBInstance'],
  ['dBClusterIdentifier', 'AWS::RDS::DBCluster'],
  ['dBSnapshotIdentifier', 'AWS::RDS::DBSnapshot'],
  ['repositoryName', 'AWS::ECR::Repository', 'ecr.amazonaws.com'],
  ['trailName', 'AWS::CloudTrail::Trail'],
  ['name', 'AWS::CloudTrail::Trail', 'cloudtrail.amazonaws.com'],
  ['clusterName', 'AWS::EKS::Cluster', 'eks.amazonaws.com'],
  ['stackName', 'AWS::CloudFormation::Stack'],
  ['logGroupName', 'AWS::Logs::LogGroup'],
]

const PARAMETER_AT = new Map(PARAMETERS.map(([parameter], at) => [parameter, at]))

/** What the call was about: CloudTrail's `resources`, then what its parameters name besides. */
export function resourcesOf(record: Fields, service: string, request: unknown, response: unknown): JsonRecord[] {
  const resources = listed(record)
  if (!isObject(request)) return resources.slice(0, MAX_RESOURCES)
  const found = parametersIn(request)
  const instances = instancesOf(request, response)
  if (found.length === 0 && instances.length === 0) return resources.slice(0, MAX_RESOURCES)
  const names = new Set(resources.flatMap(({ uid, name }) => [uid, name]))
  const add = (text: unknown, type: string) => {
    if (typeof text !== 'string' || text === '' || names.has(text)) return
    names.add(text)
    resources.push({ ...(text.startsWith('arn:') ? { uid: text } : { name: text }), type, role_id: 1, role: 'Target' })
  }
  for (const at of found) {
    const [parameter, type, only] = PARAMETERS[at] as (typeof PARAMETERS)[number]
    if (only === undefined || only === service) add(request[parameter], type)
  }
  for (const id of instances) add(id, 'AWS::EC2::Instance')
  return resources.slice(0, MAX_RESOURCES)
}

/** Where in the table the parameters of a request stand that are in it, in the table's order. */
function parametersIn(request: JsonRecord): number[] {
  const found: number[] = []
  for (const parameter in request) {
    const at = PARAMETER_AT.get(parameter)
    if (at !== undefined) found.push(at)
  }
  return found.length < 2 ? found : found.sort((a, b) => a - b)
}

function listed(record: Fields): JsonRecord[] {
  const resources: JsonRecord[] = []
  const entries = record.list('resources') ?? []
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
    } else record.keep('resources')
  }
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
