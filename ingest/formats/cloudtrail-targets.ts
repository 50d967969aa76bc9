import { namesInstance } from './aws.js'
import { instancesOf } from './cloudtrail-workload.js'
import { isObject, type JsonRecord } from './fields.js'

/** One thing a call is about, as its parameters name it. */
export type Target = { uid?: string; name?: string; type: string }

/** What parameters name, by the parameter without `Name`, `Id`, `Arn` or `Identifier`, and its CloudFormation type. */
const TYPES: readonly (readonly [stem: string, type: string, service?: string])[] = [
  ['bucket', 'AWS::S3::Bucket'],
  ['function', 'AWS::Lambda::Function'],
  ['role', 'AWS::IAM::Role', 'iam.amazonaws.com'],
  ['user', 'AWS::IAM::User', 'iam.amazonaws.com'],
  ['group', 'AWS::IAM::Group', 'iam.amazonaws.com'],
  ['policy', 'AWS::IAM::Policy'],
  ['instanceProfile', 'AWS::IAM::InstanceProfile'],
  ['secret', 'AWS::SecretsManager::Secret'],
  ['key', 'AWS::KMS::Key', 'kms.amazonaws.com'],
  ['table', 'AWS::DynamoDB::Table'],
  ['queue', 'AWS::SQS::Queue'],
  ['topic', 'AWS::SNS::Topic'],
  ['instance', 'AWS::EC2::Instance', 'ec2.amazonaws.com'],
  ['group', 'AWS::EC2::SecurityGroup', 'ec2.amazonaws.com'],
  ['snapshot', 'AWS::EC2::Snapshot'],
  ['image', 'AWS::EC2::Image', 'ec2.amazonaws.com'],
  ['volume', 'AWS::EC2::Volume'],
  ['subnet', 'AWS::EC2::Subnet', 'ec2.amazonaws.com'],
  ['routeTable', 'AWS::EC2::RouteTable'],
  ['networkAcl', 'AWS::EC2::NetworkAcl'],
  ['networkInterface', 'AWS::EC2::NetworkInterface'],
  ['vpc', 'AWS::EC2::VPC'],
  ['dBInstance', 'AWS::RDS::DBInstance'],
  ['dBCluster', 'AWS::RDS::DBCluster'],
  ['dBSnapshot', 'AWS::RDS::DBSnapshot'],
  ['repository', 'AWS::ECR::Repository', 'ecr.amazonaws.com'],
  ['trail', 'AWS::CloudTrail::Trail'],
  ['', 'AWS::CloudTrail::Trail', 'cloudtrail.amazonaws.com'],
  ['cluster', 'AWS::EKS::Cluster', 'eks.amazonaws.com'],
  ['stack', 'AWS::CloudFormation::Stack'],
  ['logGroup', 'AWS::Logs::LogGroup'],
  ['parameter', 'AWS::SSM::Parameter', 'ssm.amazonaws.com'],
  ['rule', 'AWS::Events::Rule', 'events.amazonaws.com'],
  ['role', 'AWS::IAM::Role'],
]

/** Where in the table the parameter of a service stands. */
const KNOWN = new Map<string, { at: number; type: string; service: string | undefined }[]>()
for (const [at, [stem, type, service]] of TYPES.entries()) {
  const known = KNOWN.get(stem) ?? []
  known.push({ at, type, service })
  KNOWN.set(stem, known)
}

/** Of what the call is about. */
const PLAIN = /^(name|Name|arn|Arn|id|Id)$/

/** A longer word says more: `trafficMirrorFilterRule` beside `trafficMirrorFilter`. */
const MAX_NAME = 200

const ENDING = /^(.{0,64}?)(Name|Id|Identifier|Arn|ARN|Url)$/

/** What ends like a name and names no resource: the request itself, who asks, a property. */
const NO_TARGETS = new Set(
  'client request owner account principal attribute roleSession feature registry event display parameter engine option'.split(
    ' ',
  ),
)

/** Of these the callers write names into the id. */
const NAMED_BY_ID = new Set(['secret', 'key'])

/** AWS puts these in the place of what it does not record. */
const HIDDEN = /^(\*+$|<|HIDDEN_|Value hidden)/

/** The elements of one list that are looked at. */
const MAX_LISTED = 64

/** Ranks, the first the best: what the operation's name says (`CreateRouteTable`: routeTableId), what the table knows, anything else. */
const KNOWS = 1_000
const NAMES = 2_000

/** `targetDBSnapshotIdentifier` is a `dBSnapshot` too. */
const SIDE = /^(source|target)(?=[A-Z])/

type Found = { target: Target; rank: number; stem: string }

/**
 * What the parameters of a call name, the most telling first: what the name of the operation says too, what is known,
 * the instances. Whatever else ends like a name counts only where nothing better is there. The answer is read for what
 * the call made.
 */
export function targetsOf(service: string, operation: string, request: unknown, response: unknown): readonly Target[] {
  if (!isObject(request) && !isObject(response)) return []
  const search = new Search(service, operation)
  if (isObject(request)) search.read(unwrapped(request, operation, 'Request'), false)
  if (isObject(response)) search.answer(unwrapped(response, operation, 'Response'))
  const instances = isObject(request) ? instancesOf(request, response) : []
  return search.result(instances.map((uid) => ({ uid, type: 'AWS::EC2::Instance' })))
}

class Search {
  readonly #service: string
  readonly #said: string
  /** `cluster` of DescribeCluster: what `name` and `arn` are of. */
  readonly #noun: string
  readonly #found: Found[] = []

  constructor(service: string, operation: string) {
    this.#service = service
    this.#said = operation.toLowerCase()
    this.#noun = lowerFirst(/^(?!List|Search|Lookup)[A-Z][a-z]+([A-Z][A-Za-z]*)/.exec(operation)?.[1] ?? '')
  }

  /** Takes what the entries of a record name; `onlySaid`: only what the operation's name says. */
  read(record: JsonRecord, onlySaid: boolean) {
    for (const key in record) {
      if (!Object.hasOwn(record, key)) continue
      const value = record[key]
      if (typeof value === 'string') this.#take(key, value, onlySaid, this.#noun)
      else if (key.endsWith('Set') && isObject(value)) this.#readSet(value)
    }
  }

  /** `vpc: { vpcId }`, `role: { arn, roleName }`, `groupId`. What has a name already is not named again. */
  answer(record: JsonRecord) {
    const isNamed = this.#found.some(({ stem, rank }) => rank < NAMES && stem !== this.#noun)
    for (const key in record) {
      if (!Object.hasOwn(record, key)) continue
      const value = record[key]
      if (typeof value === 'string') {
        if (!isNamed || !PLAIN.test(key)) this.#take(key, value, true, this.#noun)
      } else if (key.endsWith('Set') && isObject(value)) this.#readSet(value)
      else if (isObject(value) && this.#isSaid(key)) {
        for (const inner in value) {
          const text = value[inner]
          if (typeof text === 'string') this.#take(inner, text, true, lowerFirst(key))
        }
      }
    }
  }

  result(instances: Target[]): readonly Target[] {
    const found = this.#found.sort((a, b) => a.rank - b.rank)
    const best = found.filter(({ rank }) => rank < NAMES)
    const taken = best.length + instances.length > 0 ? best : found
    return [...taken.map(({ target }) => target), ...instances]
  }

  /** EC2's lists: `volumeSet: { items: [{ volumeId }] }`. */
  #readSet(set: JsonRecord) {
    if (!Array.isArray(set.items)) return
    for (const item of set.items.slice(0, MAX_LISTED)) {
      if (!isObject(item)) continue
      for (const key in item) {
        const value = item[key]
        if (typeof value === 'string' && !PLAIN.test(key)) this.#take(key, value, true, '', true)
      }
    }
  }

  #isSaid(stem: string): boolean {
    return stem.length > 2 && this.#said.includes(stem.toLowerCase())
  }

  /** `of`: what `name`, `id` and `arn` are of. */
  #take(parameter: string, value: string, onlySaid: boolean, of: string, isOneOfMany = false) {
    const isPlain = PLAIN.test(parameter)
    const [, stem = '', ending = ''] = isPlain
      ? [parameter, of, upperFirst(parameter)]
      : (ENDING.exec(lowerFirst(parameter)) ?? [])
    if (ending === '' || value === '' || value.length > 2048 || HIDDEN.test(value)) return
    if (!isPlain && NO_TARGETS.has(stem)) return
    const about = stem.replace(SIDE, '')
    const kind = lowerFirst(about)
    const isSaid = this.#isSaid(kind)
    if (onlySaid && !isSaid) return
    const known = this.#known(kind)
    const rank = (isSaid ? 0 : known ? KNOWS : NAMES) + (known?.at ?? MAX_NAME - kind.length)
    const isArn = value.startsWith('arn:')
    const isUid = isArn || /^(Arn|Url)$/i.test(ending) || (/^Id$/.test(ending) && !NAMED_BY_ID.has(kind))
    const same = isOneOfMany ? undefined : this.#found.find((other) => other.stem === stem)
    if (same === undefined) {
      const type =
        kind === 'instance' && namesInstance(value) ? 'AWS::EC2::Instance' : (known?.type ?? upperFirst(kind))
      const target: Target = isUid ? { uid: value, type } : { name: value, type }
      this.#found.push({ target, rank, stem })
    } else if (isUid) {
      if (same.target.uid === undefined || isArn) same.target.uid = value
    } else same.target.name ??= value
  }

  #known(stem: string) {
    const service = this.#service
    const known = KNOWN.get(stem)
    if (known !== undefined) return known.find((one) => one.service === undefined || one.service === service)
    return stem === this.#noun ? KNOWN.get('')?.find((one) => one.service === service) : undefined
  }
}

/** EC2's newer calls put everything into one object of the operation's name, and ids into `{ tag, content }`. */
function unwrapped(record: JsonRecord, operation: string, what: 'Request' | 'Response'): JsonRecord {
  const key = `${operation}${what}`
  const inner = Object.hasOwn(record, key) ? record[key] : undefined
  if (!isObject(inner)) return record
  const plain: JsonRecord = {}
  for (const [name, value] of Object.entries(inner)) {
    plain[lowerFirst(name)] = isObject(value) && typeof value.content === 'string' ? value.content : value
  }
  return plain
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
