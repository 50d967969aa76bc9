import { gunzipSync } from 'node:zlib'
import { isObject, type JsonRecord, setOwn } from './fields.js'

/** What stands around an audit event: where the cluster runs, and fields of the delivery that have no home. */
export type Wrapped = {
  /** The audit event, parsed; whatever was found if it is none. */
  readonly event: unknown
  /** Where it was found, for errors. */
  readonly path: string
  /** True if the wrapping itself says that there is an audit event inside. */
  readonly isNamed: boolean
  /** Set if the delivery is of another log than the audit log. */
  readonly drop?: string
  readonly provider?: string
  readonly account?: string
  readonly region?: string
  readonly cluster?: string
  readonly log_name?: string
  /** ms since 1970. */
  readonly logged_time?: number
  /** Name of the machine that wrote it. */
  readonly reporter?: string
  readonly rest?: JsonRecord
}

/** A CloudWatch Logs message decompresses to at most this. */
const MAX_INFLATED_BYTES = 32 * 1024 * 1024

/**
 * The records inside a list: an EventList (what the webhook sends), a JSON array, an Azure `records` batch, a CloudWatch
 * Logs subscription (also compressed, as Lambda gets it). Undefined if the record is none. Never throws.
 */
export function splitEnvelope(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return undefined
  if (Array.isArray(value.items) && (value.kind === 'EventList' || value.kind === undefined)) return value.items
  if (Array.isArray(value.records)) return value.records
  if (isObject(value.awslogs) && typeof value.awslogs.data === 'string') {
    const inner = inflate(value.awslogs.data)
    return inner === undefined ? undefined : splitEnvelope(inner)
  }
  if (Array.isArray(value.logEvents)) return value.logEvents.map((entry) => withStream(entry, value))
  return undefined
}

function inflate(base64: string): unknown {
  try {
    const bytes = gunzipSync(Buffer.from(base64, 'base64'), { maxOutputLength: MAX_INFLATED_BYTES })
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isObject(value) && Array.isArray(value.logEvents) ? value : undefined
  } catch {
    return undefined
  }
}

/** One message of a CloudWatch subscription, with what the subscription says about all of them. */
function withStream(entry: unknown, { owner, logGroup, logStream }: JsonRecord): unknown {
  return isObject(entry) ? { owner, logGroup, logStream, ...entry } : entry
}

/** Takes what EKS, AKS and log shippers wrap around one event off it. The record itself if nothing is around it. */
export function unwrap(record: JsonRecord): Wrapped {
  if (typeof record.verb === 'string') return { event: record, path: 'record', isNamed: false }
  if (isObject(record.properties) || typeof record.properties === 'string') return fromAzure(record)
  if (typeof record.log_s === 'string') return fromAzure({ ...record, properties: { log: record.log_s } })
  if (typeof record.Verb === 'string') return fromAksTable(record)
  if (typeof record.logGroup === 'string' || '@message' in record) return fromCloudWatch(record)
  // Fluent Bit, Docker's json-file and most shippers put a line of a log here.
  for (const key of ['log', 'message', 'textPayload', 'event']) {
    const inner = record[key]
    if (isObject(inner) || (typeof inner === 'string' && /^\s*\{/.test(inner))) {
      return { event: parsed(inner), path: key, isNamed: false, rest: without(record, key) }
    }
  }
  return { event: record, path: 'record', isNamed: false }
}

function fromCloudWatch(record: JsonRecord): Wrapped {
  const key = '@message' in record ? '@message' : 'message'
  const group = text(record.logGroup) ?? text(record['@log'])
  const stream = text(record.logStream) ?? text(record['@logStream'])
  // /aws/eks/NAME/cluster holds the logs of every part of the control plane; only one of them is the audit log.
  const cluster = /\/aws\/eks\/([^/]{1,128})\/cluster$/.exec(group ?? '')?.[1]
  const isOther = stream !== undefined && cluster !== undefined && !stream.startsWith('kube-apiserver-audit')
  const time = typeof record.timestamp === 'object' ? Number.NaN : Number(record.timestamp)
  const owner = text(record.owner)
  return {
    event: parsed(record[key]),
    path: key,
    isNamed: cluster !== undefined,
    ...(isOther ? { drop: 'other_log_stream' } : {}),
    provider: 'AWS',
    ...(owner === undefined ? {} : { account: owner }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(group === undefined ? {} : { log_name: group }),
    ...(Number.isSafeInteger(time) && time > 0 ? { logged_time: time } : {}),
    rest: without(record, key, 'owner', 'logGroup', '@log', 'timestamp'),
  }
}

/** Diagnostic settings of AKS: the event is text in `properties.log`. */
function fromAzure(record: JsonRecord): Wrapped {
  const properties = parsed(record.properties)
  const inner = isObject(properties) ? properties : {}
  const category = text(record.category) ?? text(record.Category)
  const resource = text(record.resourceId) ?? text(record.ResourceId) ?? text(record._ResourceId)
  const isAudit = category === undefined || category.startsWith('kube-audit')
  const pod = text(inner.pod)
  const rest = without(record, 'properties', 'resourceId', 'ResourceId', '_ResourceId', 'category', 'log_s')
  for (const key of Object.keys(inner))
    if (key !== 'log' && key !== 'pod') setOwn(rest, `properties.${key}`, inner[key])
  return {
    event: parsed(inner.log),
    path: 'properties.log',
    isNamed: category?.startsWith('kube-audit') === true,
    ...(isAudit ? {} : { drop: 'other_log_category' }),
    ...azureOf(resource),
    ...(category === undefined ? {} : { log_name: category }),
    ...(pod === undefined ? {} : { reporter: pod }),
    rest,
  }
}

/** The resource id names subscription, resource group and cluster, in any case. */
function azureOf(resource: string | undefined): Pick<Wrapped, 'provider' | 'account' | 'cluster'> {
  const parts = (resource ?? '').slice(0, 512).split('/')
  const after = (word: string) => parts[parts.findIndex((part) => part.toLowerCase() === word) + 1]
  const has = (word: string) => parts.some((part) => part.toLowerCase() === word)
  const account = has('subscriptions') ? after('subscriptions')?.toLowerCase() : undefined
  const cluster = has('managedclusters') ? after('managedclusters')?.toLowerCase() : undefined
  return { provider: 'Azure', ...(account ? { account } : {}), ...(cluster ? { cluster } : {}) }
}

/** Columns of Log Analytics' own tables for the audit log (AKSAudit, AKSAuditAdmin), by what the API calls them. */
const AKS_COLUMNS: { readonly [column: string]: string } = {
  AuditId: 'auditID',
  Level: 'level',
  Stage: 'stage',
  RequestUri: 'requestURI',
  Verb: 'verb',
  User: 'user',
  ImpersonatedUser: 'impersonatedUser',
  SourceIps: 'sourceIPs',
  UserAgent: 'userAgent',
  ObjectRef: 'objectRef',
  ResponseStatus: 'responseStatus',
  RequestObject: 'requestObject',
  ResponseObject: 'responseObject',
  RequestReceivedTime: 'requestReceivedTimestamp',
  StageReceivedTime: 'stageTimestamp',
  Annotations: 'annotations',
}

function fromAksTable(record: JsonRecord): Wrapped {
  const event: JsonRecord = {}
  const rest: JsonRecord = {}
  for (const key of Object.keys(record)) {
    const name = Object.hasOwn(AKS_COLUMNS, key) ? AKS_COLUMNS[key] : undefined
    if (name !== undefined) event[name] = typeof record[key] === 'string' ? parsed(record[key]) : record[key]
    else if (key !== '_ResourceId' && key !== 'PodName') setOwn(rest, key, record[key])
  }
  const pod = text(record.PodName)
  return {
    event,
    path: 'record',
    isNamed: true,
    ...azureOf(text(record._ResourceId)),
    log_name: text(record.Type) ?? 'AKSAudit',
    ...(pod === undefined ? {} : { reporter: pod }),
    rest,
  }
}

/** JSON in a text, or the value itself. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value
  }
}

function without(record: JsonRecord, ...keys: string[]): JsonRecord {
  const rest: JsonRecord = {}
  for (const key of Object.keys(record)) {
    if (!keys.includes(key) && record[key] !== null && record[key] !== undefined) setOwn(rest, key, record[key])
  }
  return rest
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
