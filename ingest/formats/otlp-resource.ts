import type { Workload } from '../../ocsf/event.js'
import { containerWorkload, functionWorkload, vmWorkload } from '../../ocsf/workload.js'
import { azureFunction, azureRegion, azureResource, azureWorkload } from './azure-resource.js'
import { defined, Fields, isObject, type JsonRecord, setOwn } from './fields.js'
import { gcpFunction, gcpMachine } from './gcp-entry.js'

/** Deeper values are cut off: the validator would refuse the event for them. */
const MAX_DEPTH = 32

/** `[{ key, value: AnyValue }]` as an object. */
export function attributesOf(list: unknown): JsonRecord {
  const attributes: JsonRecord = {}
  if (!Array.isArray(list)) return attributes
  for (const entry of list) {
    if (isObject(entry) && typeof entry.key === 'string') setOwn(attributes, entry.key, anyValue(entry.value))
  }
  return attributes
}

/** The JSON value of an AnyValue; integers beyond 2^53 stay text. */
export function anyValue(value: unknown, depth = 0): unknown {
  if (!isObject(value)) return undefined
  if (typeof value.stringValue === 'string') return value.stringValue
  if (typeof value.boolValue === 'boolean') return value.boolValue
  if (typeof value.doubleValue === 'number')
    return Number.isFinite(value.doubleValue) ? value.doubleValue : String(value.doubleValue)
  if (typeof value.intValue === 'number' || typeof value.intValue === 'string') {
    const number = Number(value.intValue)
    return Number.isSafeInteger(number) ? number : String(value.intValue)
  }
  if (value.bytesValue !== undefined) return value.bytesValue
  if (depth >= MAX_DEPTH) return '(nested too deep)'
  if (isObject(value.arrayValue)) {
    const { values } = value.arrayValue
    if (!Array.isArray(values)) return []
    // What is no list of AnyValues is kept as it is.
    return values.some(isObject) ? values.map((inner) => anyValue(inner, depth + 1) ?? null) : values
  }
  if (isObject(value.kvlistValue)) {
    const object: JsonRecord = {}
    const { values } = value.kvlistValue
    for (const entry of Array.isArray(values) ? values : []) {
      if (isObject(entry) && typeof entry.key === 'string')
        setOwn(object, entry.key, anyValue(entry.value, depth + 1) ?? null)
    }
    return object
  }
  return undefined
}

/** What the attributes of a resource say, by the semantic conventions. */
export type OtlpResource = {
  workload: Workload | undefined
  cloud: JsonRecord | undefined
  /** OCSF `app`: the service. */
  app: JsonRecord
  fields: Fields
}

/** Reads a resource; what is not read of it stays below `resource.attributes`. */
export function resourceOf(resource: unknown): OtlpResource {
  const list = isObject(resource) ? resource.attributes : undefined
  const fields = new Fields(attributesOf(list), 'resource.attributes')
  const provider = fields.text('cloud.provider')
  const account = fields.text('cloud.account.id')
  const region = fields.text('cloud.region')
  const zone = fields.text('cloud.availability_zone')
  const where = defined({ provider, account, region })
  const name = fields.text('service.name')
  const namespace = fields.text('service.namespace')
  const cloud =
    provider === undefined
      ? undefined
      : defined({
          provider: provider === 'aws' || provider === 'gcp' ? provider.toUpperCase() : provider,
          account: account === undefined ? undefined : { uid: account },
          region,
          zone,
        })
  return {
    workload: functionOf(fields, where) ?? containerOf(fields, where) ?? machineOf(fields, where, zone),
    cloud,
    app: defined({
      name: (namespace === undefined ? name : name && `${namespace}/${name}`) ?? 'unknown',
      uid: fields.text('service.instance.id'),
      version: fields.text('service.version'),
      lang: fields.text('telemetry.sdk.language'),
    }),
    fields,
  }
}

type Where = { provider?: string; account?: string; region?: string }

function functionOf(fields: Fields, { provider, account, region }: Where): Workload | undefined {
  const name = fields.text('faas.name')
  const version = fields.text('faas.version')
  const uid = fields.text('cloud.resource_id') ?? fields.text('faas.id')
  if (name === undefined) {
    if (uid === undefined) return undefined
    fields.keep('cloud.resource_id')
    return provider === 'azure' ? azureWorkload(azureResource(uid), azureRegion(region)) : undefined
  }
  if (provider === 'azure') {
    // `app/function` in newer conventions: the app is the unit.
    return azureFunction(
      azureResource(uid)?.subscription ?? account,
      name.split('/', 1)[0] as string,
      azureRegion(region),
    )
  }
  if (provider === 'gcp') return gcpFunction(account ?? 'unknown', region ?? 'unknown', name, version)
  const isVersion = version !== undefined && /^\d+$/.test(version)
  return functionWorkload(
    provider ?? 'unknown',
    account ?? accountOfArn(uid) ?? 'unknown',
    region ?? 'unknown',
    name,
    isVersion ? { version } : {},
  )
}

function accountOfArn(arn: string | undefined): string | undefined {
  return arn?.startsWith('arn:') ? arn.split(':', 5)[4] || undefined : undefined
}

function containerOf(fields: Fields, where: Where): Workload | undefined {
  const id = fields.text('container.id')
  if (id === undefined) return undefined
  const pod = fields.text('k8s.pod.name')
  const name = fields.text('k8s.container.name') ?? fields.text('container.name') ?? pod ?? id
  const image = fields.text('container.image.name')
  const tags = fields.any('container.image.tags') ?? fields.any('container.image.tag')
  const tag = Array.isArray(tags) ? tags[0] : tags
  return containerWorkload(
    id,
    name,
    defined({
      ...where,
      image: image === undefined ? undefined : typeof tag === 'string' ? `${image}:${tag}` : image,
      namespace: fields.text('k8s.namespace.name'),
      cluster: fields.text('k8s.cluster.name'),
    }),
  )
}

function machineOf(fields: Fields, where: Where, zone: string | undefined): Workload | undefined {
  const id = fields.text('host.id')
  const name = fields.text('host.name')
  const role = fields.text('host.image.name') ?? fields.text('host.image.id')
  if (where.provider === 'gcp' && where.account !== undefined && zone !== undefined && name !== undefined) {
    return gcpMachine(where.account, zone, name.split('.', 1)[0] as string)
  }
  const found = id ?? name
  if (found === undefined) return undefined
  return vmWorkload(found, name ?? found, defined({ ...where, role }))
}
