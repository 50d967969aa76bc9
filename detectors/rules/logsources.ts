import { CLASS, type OcsfEvent } from '../../ocsf/event.js'
import type { FieldPlace } from './fields.js'
import type { LogSource } from './rule.js'

/** Where the events of a Sigma log source are, and where its fields are in them. */
export type Source = {
  readonly classes: readonly number[]
  /** True for the events of these classes that are meant. */
  includes(event: OcsfEvent): boolean
  /** Sigma field -> place. Any other field must be an OCSF path, or falls to `other`. */
  readonly fields: { readonly [field: string]: FieldPlace | readonly string[] }
  /** Where a field that is not listed is looked for: the source's own records, mapped or not. `$` is the field. */
  readonly other?: readonly string[]
  /** Where keywords are looked for. */
  readonly keywords: readonly string[]
}

const everyEvent = () => true
const text = ['raw_data', 'message']
const parent = (path: string) => [`process.parent_process.${path}`, `actor.process.${path}`]
const file = (...paths: string[]): FieldPlace => ({ paths, is_file: true })
const image = file('actor.process.file.path', 'actor.process.path', 'actor.process.name')
const hash = ['process.file.hashes.value']

const processCreation: Source = {
  classes: [CLASS.process_activity],
  // Programs that ran already when Weir started count: an attack may be older than its detection.
  includes: (event) => event.activity_id === 1 || event.activity_name === 'Existing',
  keywords: text,
  fields: {
    Image: file('process.file.path', 'process.path', 'process.name'),
    CommandLine: ['process.cmd_line'],
    CurrentDirectory: ['process.working_directory'],
    User: ['process.user.name', 'actor.user.name'],
    LogonId: ['process.session.uid', 'actor.session.uid'],
    ProcessId: ['process.pid'],
    ParentImage: file(...parent('file.path'), ...parent('path'), ...parent('name')),
    ParentCommandLine: parent('cmd_line'),
    ParentUser: parent('user.name'),
    ParentProcessId: parent('pid'),
    Hashes: hash,
    md5: hash,
    sha1: hash,
    sha256: hash,
  },
}

const networkConnection: Source = {
  classes: [CLASS.network_activity],
  includes: (event) => event.activity_id === 1 || event.activity_id === 4 || event.activity_id === 6,
  keywords: text,
  fields: {
    Image: image,
    CommandLine: ['actor.process.cmd_line'],
    User: ['actor.process.user.name', 'actor.user.name'],
    ProcessId: ['actor.process.pid'],
    DestinationIp: ['dst_endpoint.ip'],
    DestinationPort: ['dst_endpoint.port'],
    DestinationHostname: ['dst_endpoint.hostname', 'dst_endpoint.domain'],
    SourceIp: ['src_endpoint.ip'],
    SourcePort: ['src_endpoint.port'],
    SourceHostname: ['src_endpoint.hostname'],
    Protocol: ['connection_info.protocol_name'],
    Initiated: { paths: ['connection_info.direction_id'], values: { 1: false, 2: true } },
  },
}

const fileEvent: Source = {
  classes: [CLASS.file_activity],
  includes: everyEvent,
  keywords: text,
  fields: {
    TargetFilename: ['file.path'],
    Image: image,
    CommandLine: ['actor.process.cmd_line'],
    User: ['actor.process.user.name', 'actor.user.name'],
  },
}

const cloudtrail: Source = {
  classes: [CLASS.api_activity, CLASS.authentication, CLASS.account_change],
  includes: (event) => event.metadata.product.name === 'CloudTrail',
  keywords: text,
  fields: {
    eventName: ['api.operation'],
    eventSource: ['api.service.name'],
    eventType: ['metadata.event_code'],
    eventCategory: ['metadata.product.feature.name'],
    errorCode: ['status_code'],
    errorMessage: ['status_detail'],
    awsRegion: ['cloud.region'],
    sourceIPAddress: ['src_endpoint.ip', 'src_endpoint.svc_name'],
    userAgent: ['http_request.user_agent'],
    recipientAccountId: ['cloud.account.uid'],
    vpcEndpointId: ['src_endpoint.uid'],
    requestParameters: ['api.request.data'],
    responseElements: ['api.response.data'],
    'userIdentity.type': ['actor.user.type'],
    'userIdentity.arn': ['actor.user.uid'],
    'userIdentity.userName': ['actor.user.name'],
    'userIdentity.principalId': ['actor.user.uid_alt'],
    'userIdentity.accountId': ['actor.user.account.uid'],
    'userIdentity.accessKeyId': ['actor.user.credential_uid'],
    'userIdentity.invokedBy': ['actor.invoked_by'],
    'userIdentity.sessionContext.attributes.mfaAuthenticated': ['actor.session.is_mfa'],
    'userIdentity.sessionContext.sessionIssuer.arn': ['actor.session.issuer'],
    'userIdentity.sessionContext.sessionIssuer.userName': ['actor.user.name'],
  },
  other: ['unmapped.$'],
}

const kubernetesAudit: Source = {
  classes: [CLASS.api_activity],
  includes: (event) => event.metadata.product.name === 'Kubernetes',
  keywords: text,
  fields: {
    verb: ['api.operation'],
    apiGroup: ['api.group.name'],
    requestURI: ['http_request.url.path', 'unmapped.requestURI'],
    userAgent: ['http_request.user_agent'],
    'user.username': ['actor.user.name'],
    'objectRef.resource': ['resources.type'],
    'objectRef.name': ['resources.name'],
    'objectRef.namespace': ['resources.namespace'],
    'objectRef.apiGroup': ['resources.group.name', 'api.group.name'],
    'objectRef.subresource': ['resources.data.subresource'],
    'responseStatus.code': ['api.response.code'],
    sourceIPs: ['src_endpoint.ip'],
  },
  other: ['unmapped.$', 'api.request.data.$'],
}

const falco: Source = {
  classes: [CLASS.detection_finding],
  includes: (event) => event.metadata.product.name === 'Falco',
  keywords: text,
  fields: {
    rule: ['finding_info.analytic.name', 'finding_info.title'],
    output: ['message', 'finding_info.desc'],
    priority: ['unmapped.priority', 'severity'],
    source: ['metadata.log_name'],
    tags: ['metadata.labels'],
  },
  other: ['unmapped.$', 'unmapped.output_fields.$'],
}

const docker: Source = {
  classes: [CLASS.container_lifecycle, CLASS.inventory_info],
  includes: (event) => event.metadata.product.vendor_name === 'Docker',
  keywords: text,
  fields: {
    ContainerName: ['container.name', 'device.name'],
    Image: ['container.image.name', 'device.container.image.name'],
    Action: ['metadata.event_code'],
  },
  // What an inspected container may do: privileged, mounts_host_root, host_namespaces, capabilities_added ...
  other: ['unmapped.configuration.$'],
}

/** One entry a log source: the first whose words are all in the rule's log source is taken. */
const table: readonly (readonly [LogSource, Source])[] = [
  [{ product: 'linux', category: 'process_creation' }, processCreation],
  [{ product: 'linux', category: 'network_connection' }, networkConnection],
  [{ product: 'linux', category: 'file_event' }, fileEvent],
  [{ product: 'aws', service: 'cloudtrail' }, cloudtrail],
  [{ product: 'kubernetes', service: 'audit' }, kubernetesAudit],
  [{ product: 'docker', category: 'container' }, docker],
  [{ product: 'falco' }, falco],
]

/** OCSF classes by name, for rules written for OCSF itself: `product: ocsf, category: api_activity`. */
const classes: { readonly [name: string]: number } = CLASS

/** A log source nobody collects: every field is taken as it is, so that the rest of the rule can still be checked. */
export const anySource: Source = {
  classes: [],
  includes: () => false,
  keywords: text,
  fields: {},
  other: ['unmapped.$'],
}

/** The events a rule is about; undefined if Weir has no format that makes them. */
export function sourceOf(logsource: LogSource): Source | undefined {
  if (logsource.product === 'ocsf') {
    const class_uid = classes[logsource.category ?? '']
    return class_uid === undefined
      ? undefined
      : { classes: [class_uid], includes: everyEvent, keywords: text, fields: {} }
  }
  // Categories without a product mean every system that has them.
  const product = logsource.product ?? (logsource.category === undefined ? undefined : 'linux')
  const asked: LogSource = product === undefined ? logsource : { ...logsource, product }
  return table.find(([words]) =>
    Object.entries(words).every(([key, word]) => asked[key as keyof LogSource] === word),
  )?.[1]
}

/** The log sources that are known, as a rule writes them. */
export const knownSources: readonly string[] = [
  ...table.map(([words]) =>
    Object.entries(words)
      .map(([key, word]) => `${key}: ${word}`)
      .join(', '),
  ),
  'product: ocsf, category: <class, e.g. api_activity>',
]

const roots = new Set([
  'activity_id',
  'activity_name',
  'actor',
  'api',
  'authorizations',
  'class_uid',
  'cloud',
  'confidence_score',
  'connection_info',
  'container',
  'device',
  'dst_endpoint',
  'exit_code',
  'file',
  'finding_info',
  'http_request',
  'http_response',
  'is_mfa',
  'is_remote',
  'message',
  'metadata',
  'network',
  'process',
  'proxy_endpoint',
  'query',
  'raw_data',
  'resources',
  'severity',
  'severity_id',
  'src_endpoint',
  'status',
  'status_code',
  'status_detail',
  'status_id',
  'tls',
  'type_uid',
  'unmapped',
  'url',
  'user',
  'web_resources',
  'workload',
  'compliance',
  'remediation',
  'evidences',
  'api_exposure',
  'service',
  'auth_protocol',
  'logon_type',
  'metrics',
])

/** Where a field of a rule is; undefined if the source does not have it. */
export function placeOf(source: Source, field: string): FieldPlace | undefined {
  if (field === '') return { paths: source.keywords }
  const listed = Object.hasOwn(source.fields, field) ? source.fields[field] : prefixed(source, field)
  if (listed !== undefined) return isPlace(listed) ? listed : { paths: listed }
  if (roots.has(field.split('.')[0] ?? '')) return { paths: [field] }
  return source.other === undefined ? undefined : { paths: source.other.map((path) => path.replace('$', field)) }
}

function isPlace(value: FieldPlace | readonly string[]): value is FieldPlace {
  return !Array.isArray(value)
}

/** `requestParameters.bucketName` is below where `requestParameters` is. */
function prefixed(source: Source, field: string): readonly string[] | undefined {
  for (let dot = field.lastIndexOf('.'); dot > 0; dot = field.lastIndexOf('.', dot - 1)) {
    const head = field.slice(0, dot)
    const listed = Object.hasOwn(source.fields, head) ? source.fields[head] : undefined
    if (listed === undefined) continue
    const paths = isPlace(listed) ? listed.paths : listed
    return [...paths, ...(source.other ?? []).map((path) => path.replace('$', head))].map(
      (path) => `${path}${field.slice(dot)}`,
    )
  }
  return undefined
}
