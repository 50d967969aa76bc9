import { defined, isObject, type JsonRecord, setOwn } from './fields.js'
import { type SourceKeys, sourceKeys, withKeys } from './source-keys.js'

/** What a telemetry item of Application Insights is. */
export type AppKind = 'request' | 'dependency' | 'trace' | 'exception' | 'event' | 'metric' | 'log'

const KINDS: { readonly [type: string]: AppKind } = {
  apprequests: 'request',
  requests: 'request',
  request: 'request',
  requestdata: 'request',
  appdependencies: 'dependency',
  dependencies: 'dependency',
  dependency: 'dependency',
  remotedependency: 'dependency',
  remotedependencydata: 'dependency',
  apptraces: 'trace',
  traces: 'trace',
  trace: 'trace',
  messagedata: 'trace',
  appexceptions: 'exception',
  exceptions: 'exception',
  exception: 'exception',
  exceptiondata: 'exception',
  appevents: 'event',
  customevents: 'event',
  customevent: 'event',
  eventdata: 'event',
  appavailabilityresults: 'event',
  availabilityresults: 'event',
  apppageviews: 'event',
  pageviews: 'event',
  appmetrics: 'metric',
  custommetrics: 'metric',
  metricdata: 'metric',
  appperformancecounters: 'metric',
  performancecounters: 'metric',
  functionapplogs: 'log',
  appserviceconsolelogs: 'log',
  appserviceapplogs: 'log',
}

/** One name for a field in the tables, the export, the telemetry protocol and the query API. */
const KEYS: SourceKeys = sourceKeys(
  `time resourceId category Type type itemType operationName operationId parentId id name url success resultCode durationMs duration
   roleName roleInstance appVersion appId clientIp clientCity clientState clientCountry target data message
   severityLevel level properties measurements customDimensions exceptionType outerMessage innermostMessage
   exceptionMessage exceptionDetails details functionName invocationId appName hostInstanceId hostVersion processId
   location tenantId source sdkVersion ikey itemCount sum value min max count logCategory userId sessionId problemId`,
  {
    timegenerated: 'time',
    timestamp: 'time',
    _resourceid: 'resourceId',
    operation_name: 'operationName',
    operation_id: 'operationId',
    operation_parentid: 'parentId',
    responsecode: 'resultCode',
    approlename: 'roleName',
    cloud_rolename: 'roleName',
    approleinstance: 'roleInstance',
    cloud_roleinstance: 'roleInstance',
    application_version: 'appVersion',
    client_ip: 'clientIp',
    client_city: 'clientCity',
    client_stateorprovince: 'clientState',
    clientstateorprovince: 'clientState',
    client_countryorregion: 'clientCountry',
    clientcountryorregion: 'clientCountry',
    dependencytype: 'dependencyType',
    functioninvocationid: 'invocationId',
    valuesum: 'sum',
  },
)

/** The kind and the fields of one telemetry item, under one set of names; undefined if it is none. */
export function appRecord(record: JsonRecord): { kind: AppKind; fields: JsonRecord } | undefined {
  const exported = exportedItem(record)
  if (exported !== undefined) return exported
  const base = isObject(record.data) && isObject(record.data.baseData) ? record.data : undefined
  if (base !== undefined) return protocolItem(record, base)
  const named = withKeys(record, KEYS)
  const properties = propertiesOf(named.properties)
  const kind = kindOf(named.Type) ?? kindOf(named.itemType) ?? kindOf(named.category) ?? kindOf(named.type)
  if (kind === undefined) return undefined
  if (kind !== 'log') return { kind, fields: defined({ ...named, properties }) }
  // A resource log keeps its fields in properties, whose category and level are the logger's.
  const inner = withKeys(isObject(properties) ? properties : {}, KEYS)
  const fields: JsonRecord = {}
  for (const key of Object.keys(named)) if (key !== 'properties') setOwn(fields, key, named[key])
  for (const key of Object.keys(inner)) setOwn(fields, key === 'category' ? 'logCategory' : key, inner[key])
  if (!isObject(properties) && properties !== undefined) fields.properties = properties
  return { kind, fields }
}

function kindOf(type: unknown): AppKind | undefined {
  if (typeof type !== 'string' || type.length > 64) return undefined
  const key = type.toLowerCase()
  return Object.hasOwn(KINDS, key) ? KINDS[key] : undefined
}

/** FunctionAppLogs write properties as text, in the notation of Python (single quotes). */
function propertiesOf(value: unknown): unknown {
  if (typeof value !== 'string' || value.length > 1_000_000 || !/^\s*\{/.test(value)) return value
  for (const text of [value, value.replaceAll("'", '"')]) {
    try {
      return JSON.parse(text) as unknown
    } catch {
      // The next notation.
    }
  }
  return value
}

const ITEMS = {
  request: 'request',
  remoteDependency: 'dependency',
  message: 'trace',
  basicException: 'exception',
  event: 'event',
} as const
const EXPORTED = Object.keys(ITEMS) as (keyof typeof ITEMS)[]

/** Continuous export: `{ request: [{...}], internal, context }`. */
function exportedItem(record: JsonRecord): { kind: AppKind; fields: JsonRecord } | undefined {
  if (!isObject(record.context)) return undefined
  const key = EXPORTED.find((name) => Array.isArray(record[name]))
  const item = key === undefined ? undefined : (record[key] as unknown[])[0]
  if (key === undefined || !isObject(item)) return undefined
  const { context } = record
  const part = (name: string): JsonRecord => (isObject(context[name]) ? (context[name] as JsonRecord) : {})
  const duration = isObject(item.durationMetric) ? item.durationMetric.value : undefined
  const { durationMetric: _, ...rest } = item
  const fields: JsonRecord = {
    ...withKeys(rest, KEYS),
    time: part('data').eventTime,
    operationId: part('operation').id,
    operationName: part('operation').name,
    parentId: part('operation').parentId,
    roleName: part('device').roleName ?? part('cloud').roleName,
    roleInstance: part('device').roleInstance,
    clientIp: part('location').clientip,
    clientCity: part('location').city,
    clientState: part('location').province,
    clientCountry: part('location').country,
    appVersion: part('application').version,
    context,
    internal: record.internal,
  }
  // Durations are in units of 100 ns.
  if (typeof duration === 'number') fields.durationMs = duration / 10_000
  return { kind: ITEMS[key], fields: defined(fields) }
}

/** The protocol of the SDKs: `{ name, time, iKey, tags, data: { baseType, baseData } }`. */
function protocolItem(record: JsonRecord, base: JsonRecord): { kind: AppKind; fields: JsonRecord } | undefined {
  const kind = kindOf(base.baseType)
  if (kind === undefined) return undefined
  const tags = isObject(record.tags) ? record.tags : {}
  const { data: _, tags: _tags, name: envelope, time, ...outer } = record
  const { type, ...inner } = base.baseData as JsonRecord
  const fields: JsonRecord = {
    ...outer,
    ...withKeys(inner, KEYS),
    time,
    envelope,
    dependencyType: type,
    roleName: tags['ai.cloud.role'] ?? tags['ai.cloud.roleName'],
    roleInstance: tags['ai.cloud.roleInstance'],
    operationId: tags['ai.operation.id'],
    operationName: tags['ai.operation.name'],
    parentId: tags['ai.operation.parentId'],
    clientIp: tags['ai.location.ip'],
    appVersion: tags['ai.application.ver'],
    tags,
  }
  return { kind, fields: defined(fields) }
}
