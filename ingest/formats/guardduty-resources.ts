import type { Workload } from '../../ocsf/event.js'
import { isIp } from '../../ocsf/text-formats.js'
import {
  type AwsPlace,
  arnWorkload,
  awsContainer,
  awsTags,
  awsTime,
  containerId,
  instanceWorkload,
  isInstanceId,
  lambdaWorkload,
  namesInstance,
} from './aws.js'
import { defined, type Fields, isObject, type JsonRecord, lastPart } from './fields.js'

/** What a finding's `resource` says about the things and the person concerned. */
export type Concerned = {
  resources: JsonRecord[]
  /** The instance, as OCSF's device. */
  device: JsonRecord | undefined
  container: JsonRecord | undefined
  actor: JsonRecord | undefined
  workload: Workload | undefined
}

const TARGET = { role_id: 1, role: 'Target' }

/** Reads the resource of a GuardDuty finding. */
export function concernedBy(resource: Fields | undefined, place: AwsPlace): Concerned {
  const resources: JsonRecord[] = []
  if (resource === undefined) {
    return { resources, device: undefined, container: undefined, actor: undefined, workload: undefined }
  }
  const instance = instanceOf(resource.object('instanceDetails'), place)
  if (instance) resources.push(instance.resource)
  const lambda = lambdaOf(resource.object('lambdaDetails'), place)
  if (lambda) resources.push(lambda.resource)
  const cluster = clusterOf(resource.object('eksClusterDetails'), 'AWS::EKS::Cluster')
  const tasks = resource.object('ecsClusterDetails')
  const ecs = clusterOf(tasks, 'AWS::ECS::Cluster')
  for (const entry of [cluster, ecs]) if (entry) resources.push(entry)
  const kubernetes = resource.object('kubernetesDetails')
  const pod = kubernetes?.object('kubernetesWorkloadDetails')
  const namespace = pod?.text('namespace')
  const podName = pod?.text('name')
  if (pod && podName !== undefined) {
    resources.push(defined({ name: podName, uid: pod.text('uid'), type: pod.text('type'), namespace, ...TARGET }))
  }
  const where = { cluster: (cluster ?? ecs)?.name as string | undefined, namespace }
  const container =
    containerOf(resource.object('containerDetails'), place, where) ??
    firstContainer(pod, place, where) ??
    firstContainer(tasks?.object('taskDetails'), place, where)
  for (const bucket of elements(resource, 's3BucketDetails')) resources.push(bucketOf(bucket))
  const database = databaseOf(resource)
  if (database) resources.push(database)
  const actor = actorOf(resource, kubernetes)
  if (actor?.key !== undefined)
    resources.push({ uid: actor.key, type: 'AWS::IAM::AccessKey', role_id: 2, role: 'Actor' })
  return {
    resources,
    device: instance?.device,
    container: container?.object,
    actor: actor?.object,
    workload: lambda?.workload ?? container?.workload ?? instance?.workload ?? actor?.workload(place),
  }
}

function* elements(fields: Fields, key: string): Generator<Fields> {
  for (const [n, entry] of (fields.list(key) ?? []).slice(0, 32).entries()) {
    if (isObject(entry)) yield fields.element(key, n, entry)
  }
}

function instanceOf(details: Fields | undefined, place: AwsPlace) {
  const id = details?.text('instanceId')
  if (!details || id === undefined) return undefined
  const image = details.text('imageId')
  const profile = details.object('iamInstanceProfile')
  const role = lastPart(profile?.text('arn'))
  const tags = awsTags(details.any('tags'))
  const launched = details.text('launchTime')
  const nic = elements(details, 'networkInterfaces').next().value as Fields | undefined
  const ip = nic?.text('privateIpAddress')
  const hostname = nic?.text('privateDnsName')
  const name = tags?.find((tag) => tag.name === 'Name')?.value
  const groups: JsonRecord[] = []
  if (nic) {
    for (const group of elements(nic, 'securityGroups')) {
      const uid = group.text('groupId')
      const label = group.text('groupName')
      if (uid !== undefined) groups.push(defined({ uid, name: label, type: 'AWS::EC2::SecurityGroup' }))
    }
  }
  const device = defined({
    type_id: 6,
    type: 'Virtual',
    uid: id,
    instance_uid: id,
    name: typeof name === 'string' ? name : undefined,
    hostname,
    ip: ip !== undefined && isIp(ip) ? ip : undefined,
    region: place.region,
    zone: details.text('availabilityZone'),
    model: details.text('instanceType'),
    image: image === undefined ? undefined : defined({ uid: image, name: details.text('imageDescription') }),
    interface_uid: nic?.text('networkInterfaceId'),
    subnet_uid: nic?.text('subnetId'),
    vpc_uid: nic?.text('vpcId'),
    groups: groups.length === 0 ? undefined : groups,
    created_time: launched === undefined ? undefined : awsTime(launched),
  })
  const extra = { role, image, name: typeof name === 'string' ? name : undefined }
  return {
    device,
    resource: defined({ uid: id, name, type: 'AWS::EC2::Instance', tags, ...TARGET }),
    workload: namesInstance(id) ? instanceWorkload(id, place, extra) : undefined,
  }
}

function lambdaOf(details: Fields | undefined, place: AwsPlace) {
  const arn = details?.text('functionArn')
  const name = details?.text('functionName')
  if (!details || (arn ?? name) === undefined) return undefined
  const version = details.text('functionVersion')
  const resource = defined({
    uid: arn,
    name,
    type: 'AWS::Lambda::Function',
    version,
    tags: awsTags(details.any('tags')),
    ...TARGET,
  })
  const versioned =
    arn !== undefined && version !== undefined && arn.split(':', 8).length === 7 ? `${arn}:${version}` : arn
  return {
    resource,
    workload: arnWorkload(versioned, place) ?? (name === undefined ? undefined : lambdaWorkload(name, place, version)),
  }
}

function clusterOf(details: Fields | undefined, type: string): JsonRecord | undefined {
  const name = details?.text('name')
  const uid = details?.text('arn')
  if (!details || (name ?? uid) === undefined) return undefined
  return defined({ uid, name, type, tags: awsTags(details.any('tags')), ...TARGET })
}

type Inside = { cluster: string | undefined; namespace: string | undefined }

function firstContainer(details: Fields | undefined, place: AwsPlace, where: Inside) {
  if (!details) return undefined
  for (const container of elements(details, 'containers')) return containerOf(container, place, where)
  return undefined
}

function containerOf(details: Fields | undefined, place: AwsPlace, where: Inside) {
  const id = details?.text('id')
  const name = details?.text('name')
  if (!details || (id ?? name) === undefined) return undefined
  const image = details.text('image')
  const object = defined({
    uid: id === undefined ? undefined : containerId(id),
    name,
    runtime: details.text('containerRuntime'),
    image: image === undefined ? undefined : { uid: image, name: image },
  })
  return { object, workload: id === undefined ? undefined : awsContainer(id, name, place, { image, ...where }) }
}

function bucketOf(bucket: Fields): JsonRecord {
  const owner = bucket.object('owner')?.text('id')
  const created = bucket.any('createdAt')
  return defined({
    uid: bucket.text('arn'),
    name: bucket.text('name') ?? 'unknown',
    type: 'AWS::S3::Bucket',
    owner: owner === undefined ? undefined : { uid: owner },
    created_time: awsTime(created),
    tags: awsTags(bucket.any('tags')),
    ...TARGET,
  })
}

function databaseOf(resource: Fields): JsonRecord | undefined {
  const details = resource.object('rdsDbInstanceDetails')
  const name = details?.text('dbInstanceIdentifier')
  const uid = details?.text('dbInstanceArn')
  if (!details || (name ?? uid) === undefined) return undefined
  return defined({ uid, name, type: 'AWS::RDS::DBInstance', version: details.text('engineVersion'), ...TARGET })
}

/** Whose credentials were used: an access key, a Kubernetes user or a database user. */
function actorOf(resource: Fields, kubernetes: Fields | undefined) {
  const key = resource.object('accessKeyDetails')
  const principal = key?.text('principalId')
  const name = key?.text('userName')
  const credential_uid = key?.text('accessKeyId')
  const type = key?.text('userType')
  if ((principal ?? name) !== undefined) {
    const user = defined({
      name,
      uid: principal,
      type,
      type_id: type === 'IAMUser' ? 1 : type === 'Root' ? 2 : type === undefined ? 0 : 99,
      credential_uid,
    })
    const session = principal?.split(':', 2)[1]
    return {
      object: { user },
      key: credential_uid,
      workload: (place: AwsPlace) =>
        session !== undefined && isInstanceId(session) ? instanceWorkload(session, place, { role: name }) : undefined,
    }
  }
  const person = kubernetes?.object('kubernetesUserDetails')
  const username = person?.text('username') ?? resource.object('rdsDbUserDetails')?.text('user')
  if (username === undefined) return undefined
  const groups = (person?.list('groups') ?? []).filter((group): group is string => typeof group === 'string')
  const user = defined({
    name: username,
    uid: person?.text('uid'),
    groups: groups.length === 0 ? undefined : groups.map((group) => ({ name: group })),
  })
  return { object: { user }, key: undefined, workload: () => undefined }
}
