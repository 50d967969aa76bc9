import type { Workload } from '../../ocsf/event.js'
import { isIp } from '../../ocsf/text-formats.js'
import {
  type AwsPlace,
  arnOf,
  arnWorkload,
  awsAccount,
  awsContainer,
  awsTags,
  awsTime,
  instanceWorkload,
  namesInstance,
} from './aws.js'
import { defined, type Fields, isObject, type JsonRecord, lastPart } from './fields.js'
import { elements } from './security-hub-parts.js'

const ROLES: { readonly [role: string]: number } = { Target: 1, Actor: 2 }

export type FindingResources = {
  resources: JsonRecord[]
  actor: JsonRecord | undefined
  device: JsonRecord | undefined
  container: JsonRecord | undefined
  workload: Workload | undefined
}

/** Reads `Resources` of a Security Hub finding: the things, who acted, and the one workload it concerns. */
export function resourcesOf(finding: Fields, place: AwsPlace): FindingResources {
  const result: FindingResources = {
    resources: [],
    actor: undefined,
    device: undefined,
    container: undefined,
    workload: undefined,
  }
  for (const entry of elements(finding, 'Resources')) {
    const uid = entry.text('Id')
    const type = entry.text('Type')
    const region = entry.text('Region')
    const role = entry.text('ResourceRole')
    const details = entry.any('Details')
    if (uid === undefined) continue
    const where = { account: arnOf(uid)?.account ?? place.account, region: region ?? place.region }
    result.resources.push(
      defined({
        uid,
        type,
        cloud_partition: entry.text('Partition'),
        region,
        role_id: role === undefined ? undefined : Object.hasOwn(ROLES, role) ? ROLES[role] : 99,
        role,
        tags: awsTags(entry.any('Tags')),
        data: details,
      }),
    )
    concern(result, type, uid, isObject(details) ? details : {}, where)
  }
  return result
}

/** Takes from one resource what else it says: an instance, a container, a function, the key that was used. */
function concern(
  result: FindingResources,
  type: string | undefined,
  uid: string,
  details: JsonRecord,
  place: AwsPlace,
) {
  if (type === 'AwsEc2Instance') {
    const instance = inside(details, 'AwsEc2Instance')
    const id = lastPart(uid)
    const image = text(instance.ImageId)
    const role = lastPart(text(instance.IamInstanceProfileArn))
    result.device ??= deviceOf(id, instance, place)
    if (namesInstance(id)) result.workload ??= instanceWorkload(id, place, { image, role })
  } else if (type === 'Container' || type === 'AwsEcsContainer') {
    const container = inside(details, 'Container')
    const id = lastPart(lastPart(uid), ':')
    const name = text(container.Name)
    const image = text(container.ImageName) ?? text(container.ImageId)
    result.container ??= defined({
      uid: id,
      name,
      runtime: text(container.ContainerRuntime),
      image: image === undefined ? undefined : { uid: text(container.ImageId) ?? image, name: image },
    })
    result.workload ??= awsContainer(id, name, place, { image })
  } else if (type === 'AwsIamAccessKey') result.actor ??= keyActor(uid, inside(details, 'AwsIamAccessKey'))
  else result.workload ??= arnWorkload(uid, place)
}

function deviceOf(id: string, instance: JsonRecord, place: AwsPlace): JsonRecord {
  const ip = Array.isArray(instance.IpV4Addresses) ? text(instance.IpV4Addresses[0]) : undefined
  const image = text(instance.ImageId)
  return defined({
    type_id: 6,
    type: 'Virtual',
    uid: id,
    instance_uid: id,
    ip: ip !== undefined && isIp(ip) ? ip : undefined,
    region: place.region,
    model: text(instance.Type),
    image: image === undefined ? undefined : { uid: image },
    vpc_uid: text(instance.VpcId),
    subnet_uid: text(instance.SubnetId),
    created_time: awsTime(instance.LaunchedAt),
  })
}

function keyActor(uid: string, key: JsonRecord): JsonRecord {
  const type = text(key.PrincipalType)
  const context = inside(key, 'SessionContext')
  const issuer = inside(context, 'SessionIssuer')
  const attributes = inside(context, 'Attributes')
  const created = awsTime(attributes.CreationDate)
  const is_mfa = attributes.MfaAuthenticated
  const session = defined({
    issuer: text(issuer.Arn),
    created_time: created,
    is_mfa: typeof is_mfa === 'boolean' ? is_mfa : undefined,
  })
  const name = text(key.PrincipalName) ?? text(key.UserName) ?? text(issuer.UserName)
  return defined({
    user: defined({
      name,
      uid: text(key.PrincipalId),
      type,
      type_id: type === 'IAMUser' ? 1 : type === 'Root' ? 2 : type === undefined ? 0 : 99,
      account: awsAccount(text(key.AccountId)),
      credential_uid: text(key.AccessKeyId) ?? lastPart(uid, ':'),
      ...(name === undefined && text(key.PrincipalId) === undefined ? { uid } : {}),
    }),
    session: Object.keys(session).length === 0 ? undefined : session,
  })
}

function inside(value: JsonRecord, key: string): JsonRecord {
  const inner = Object.hasOwn(value, key) ? value[key] : undefined
  return isObject(inner) ? inner : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
