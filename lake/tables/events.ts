import { type Column, ingested_time, moment, type Table, text, whole, word, workload_columns } from './table.js'

/** The uid as text: rebuilt from time and tail where the uid was made by ocsf/uid.ts. */
const uid_expression =
  "if(uid_text = '', UUIDNumToString(toFixedString(concat(substring(reinterpretAsFixedString(byteSwap(toUInt64(toUnixTimestamp64Milli(time)))), 3, 6), uid_tail), 16)), uid_text)"

const process = (prefix: string, path: string, who: string): Column[] => [
  word(`${prefix}_name`, `Name of ${who}`, `${path}.name`),
  whole(`${prefix}_pid`, 'UInt32', `Process id of ${who}`, `${path}.pid`),
  text(`${prefix}_uid`, `Unique id of ${who}`, `${path}.uid`),
  word(`${prefix}_cmd_line`, `Command line of ${who}`, `${path}.cmd_line`),
  word(`${prefix}_file_path`, `Executable of ${who}`, `${path}.file.path`),
  word(`${prefix}_file_name`, `File name of the executable of ${who}`, `${path}.file.name`),
]

const user = (prefix: string, path: string, who: string): Column[] => [
  word(`${prefix}_name`, `Name of ${who}`, `${path}.name`),
  word(`${prefix}_uid`, `Id of ${who}`, `${path}.uid`),
  word(`${prefix}_type`, `Kind of ${who}`, `${path}.type`),
  whole(`${prefix}_type_id`, 'UInt8', `Kind of ${who}: 1 user, 2 admin, 3 system`, `${path}.type_id`),
]

const endpoint = (prefix: string, who: string): Column[] => [
  word(`${prefix}_ip`, `Address of ${who}`, `${prefix}.ip`),
  whole(`${prefix}_port`, 'UInt16', `Port of ${who}`, `${prefix}.port`),
  word(`${prefix}_hostname`, `Host name of ${who}`, `${prefix}.hostname`),
]

const identity: Column[] = [
  whole('class_uid', 'UInt32', 'OCSF class, e.g. 1007 process activity', 'class_uid'),
  word('class_name', 'Name of the class', 'class_name'),
  whole('activity_id', 'UInt8', 'What happened, by class', 'activity_id'),
  word('activity_name', 'Name of the activity', 'activity_name'),
  word('category_name', 'Name of the category', 'category_name'),
  word('type_name', 'Class and activity in words', 'type_name'),
  moment('time', 'When it happened', 'time'),
  {
    name: 'uid_tail',
    type: 'FixedString(10)',
    doc: 'The part of metadata_uid that is not its time: query metadata_uid instead',
    codec: 'NONE',
  },
  text('uid_text', 'metadata_uid where it is not a UUID made from the time of the event: query metadata_uid instead'),
]

const aliases: Column[] = [
  { name: 'metadata_uid', type: 'String', doc: 'Unique id of the event (metadata.uid)', alias: uid_expression },
  {
    name: 'category_uid',
    type: 'UInt32',
    doc: 'OCSF category, e.g. 1 system, 4 network, 6 application',
    alias: 'toUInt32(intDiv(class_uid, 1000) % 100)',
  },
  { name: 'type_uid', type: 'UInt64', doc: 'Class and activity as one number', alias: 'class_uid * 100 + activity_id' },
]

const shared: Column[] = [
  whole(
    'severity_id',
    'UInt8',
    '0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal',
    'severity_id',
  ),
  word('severity', 'Name of the severity', 'severity'),
  whole('status_id', 'UInt8', '1 success, 2 failure', 'status_id'),
  word('status', 'Name of the status', 'status'),
  word('status_code', 'Result as the source says it', 'status_code'),
  word('status_detail', 'Reason of a failure', 'status_detail'),
  word('message', 'The event in one sentence', 'message'),
  word('action', 'What a control did: allowed, denied', 'action'),
  whole('action_id', 'UInt8', '1 allowed, 2 denied', 'action_id'),
  whole('disposition_id', 'UInt8', 'Outcome of a control', 'disposition_id'),
  whole('count', 'UInt32', 'Events this one stands for', 'count'),
  whole('duration', 'UInt32', 'How long it took, ms', 'duration'),
  moment('start_time', 'Start of the activity', 'start_time'),
  moment('end_time', 'End of the activity', 'end_time'),
  whole('timezone_offset', 'Int32', 'Minutes ahead of UTC at the source', 'timezone_offset'),
]

const metadata: Column[] = [
  word('metadata_version', 'OCSF version', 'metadata.version'),
  word('metadata_product_name', 'Product that saw it', 'metadata.product.name'),
  word('metadata_product_vendor_name', 'Vendor of the product', 'metadata.product.vendor_name'),
  word('metadata_product_version', 'Version of the product', 'metadata.product.version'),
  word('metadata_log_name', 'Log it came from', 'metadata.log_name'),
  word('metadata_log_provider', 'Service that wrote the log', 'metadata.log_provider'),
  word('metadata_event_code', "The source's own name of the event type", 'metadata.event_code'),
  text('metadata_correlation_uid', 'Id shared by events that belong together', 'metadata.correlation_uid'),
  text('metadata_original_time', 'Time as the source wrote it', 'metadata.original_time'),
  moment('metadata_logged_time', 'When the source logged it', 'metadata.logged_time'),
]

const actor: Column[] = [
  ...user('actor_user', 'actor.user', 'the acting user'),
  word('actor_user_account_uid', 'Account of the acting user', 'actor.user.account.uid'),
  word('actor_user_credential_uid', 'Credential used, e.g. access key id', 'actor.user.credential_uid'),
  word('actor_session_uid', 'Session of the acting user', 'actor.session.uid'),
  word('actor_session_issuer', 'Who issued the session', 'actor.session.issuer'),
  word('actor_invoked_by', 'Service on whose behalf', 'actor.invoked_by'),
  ...process('actor_process', 'actor.process', 'the acting process'),
]

const subject: Column[] = [
  ...process('process', 'process', 'the process'),
  word('process_file_hash_sha256', 'SHA-256 of the executable, lower-case hex', 'process.file.hashes'),
  word('process_user_name', 'User of the process', 'process.user.name'),
  word('process_user_uid', 'Id of the user of the process', 'process.user.uid'),
  ...process('process_parent_process', 'process.parent_process', 'the parent process'),
  ...user('user', 'user', 'the user the event is about'),
  word('file_name', 'Name of the file', 'file.name'),
  word('file_path', 'Path of the file', 'file.path'),
  whole('file_type_id', 'UInt8', 'Kind of file: 1 regular, 2 folder', 'file.type_id'),
  word('file_hash_sha256', 'SHA-256 of the file, lower-case hex', 'file.hashes'),
]

const network: Column[] = [
  ...endpoint('src_endpoint', 'the source'),
  ...endpoint('dst_endpoint', 'the destination'),
  word('connection_info_protocol_name', 'tcp, udp, icmp', 'connection_info.protocol_name'),
  whole('connection_info_protocol_num', 'UInt8', 'IANA protocol number', 'connection_info.protocol_num'),
  word('connection_info_direction', 'Name of the direction', 'connection_info.direction'),
  whole('connection_info_direction_id', 'UInt8', '1 inbound, 2 outbound, 3 lateral', 'connection_info.direction_id'),
  text('connection_info_uid', 'Id of the connection', 'connection_info.uid'),
  whole('traffic_bytes_in', 'UInt64', 'Bytes received', 'traffic.bytes_in'),
  whole('traffic_bytes_out', 'UInt64', 'Bytes sent', 'traffic.bytes_out'),
  whole('traffic_packets_in', 'UInt64', 'Packets received', 'traffic.packets_in'),
  whole('traffic_packets_out', 'UInt64', 'Packets sent', 'traffic.packets_out'),
  word('query_hostname', 'Name asked for in a DNS query', 'query.hostname'),
  word('query_type', 'Record type of a DNS query', 'query.type'),
]

const application: Column[] = [
  word('api_operation', 'API call, e.g. AssumeRole', 'api.operation'),
  word('api_service_name', 'Service called, e.g. sts.amazonaws.com', 'api.service.name'),
  text('api_request_uid', 'Id of the request', 'api.request.uid'),
  word('api_response_error', 'Error code of the answer', 'api.response.error'),
  word('http_request_http_method', 'GET, POST ...', 'http_request.http_method'),
  word('http_request_url_hostname', 'Host in the URL', 'http_request.url.hostname'),
  text('http_request_url_path', 'Path in the URL', 'http_request.url.path'),
  word('http_request_user_agent', 'User agent', 'http_request.user_agent'),
  whole('http_response_code', 'UInt16', 'HTTP status', 'http_response.code'),
  word('auth_protocol', 'Authentication protocol', 'auth_protocol'),
]

const place: Column[] = [
  ...workload_columns,
  word('workload_image', 'Image of the workload', 'workload.image'),
  word('workload_provider', 'Provider of the workload', 'workload.provider'),
  word('workload_account', 'Cloud account of the workload', 'workload.account'),
  word('workload_region', 'Region of the workload', 'workload.region'),
  word('workload_cluster', 'Cluster of the workload', 'workload.cluster'),
  word('workload_namespace', 'Namespace of the workload', 'workload.namespace'),
  word('workload_version', 'Version of the function', 'workload.version'),
  word('device_hostname', 'Host name of the device', 'device.hostname'),
  word('device_uid', 'Id of the device', 'device.uid'),
  word('device_ip', 'Address of the device', 'device.ip'),
  word('device_type', 'Kind of device', 'device.type'),
  whole('device_type_id', 'UInt8', 'Kind of device: 1 server, 6 virtual', 'device.type_id'),
  word('device_os_name', 'Operating system', 'device.os.name'),
  whole('device_os_type_id', 'UInt32', 'Kind of operating system: 200 Linux', 'device.os.type_id'),
  word('container_uid', 'Full id of the container', 'container.uid'),
  word('container_name', 'Name of the container', 'container.name'),
  word('container_image_name', 'Image of the container', 'container.image.name'),
  word('container_image_uid', 'Digest of the image', 'container.image.uid'),
  word('cloud_provider', 'aws, azure, gcp ...', 'cloud.provider'),
  word('cloud_region', 'Cloud region', 'cloud.region'),
  word('cloud_account_uid', 'Cloud account', 'cloud.account.uid'),
]

const required = new Set(['class_uid', 'activity_id', 'time', 'severity_id'])

/** What is written of an event. */
export const event_columns: readonly Column[] = [
  ...[...identity, ...shared, ...metadata, ...actor, ...subject, ...network, ...application, ...place].map((column) =>
    required.has(column.name) ? { ...column, required: true as const } : column,
  ),
  { name: 'raw_data', type: 'String', doc: 'The source record as text', codec: 'ZSTD(6)', path: 'raw_data' },
  {
    name: 'rest',
    type: 'String',
    doc: 'JSON of every attribute that has no column or does not fit into it; empty if none',
    codec: 'ZSTD(3)',
  },
]

/** Everything that happened. */
export const events: Table = {
  name: 'events',
  doc: 'One row an event. What has no column of its own is JSON in `rest`; the view `events_json` shows the whole event as JSON',
  columns: [...event_columns, ingested_time, ...aliases],
  engine: 'ReplacingMergeTree',
  partition_by: 'toYYYYMMDD(time)',
  order_by: ['class_uid', 'workload_uid', 'time', 'uid_tail'],
  indexes: [
    { name: 'by_src_ip', expression: 'src_endpoint_ip', type: 'bloom_filter(0.01)', granularity: 1 },
    { name: 'by_dst_ip', expression: 'dst_endpoint_ip', type: 'bloom_filter(0.01)', granularity: 1 },
    { name: 'by_hash', expression: 'process_file_hash_sha256', type: 'bloom_filter(0.01)', granularity: 1 },
    { name: 'by_file_hash', expression: 'file_hash_sha256', type: 'bloom_filter(0.01)', granularity: 1 },
    { name: 'by_actor', expression: 'actor_user_name', type: 'bloom_filter(0.01)', granularity: 1 },
    { name: 'by_credential', expression: 'actor_user_credential_uid', type: 'bloom_filter(0.01)', granularity: 1 },
    { name: 'by_time', expression: 'time', type: 'minmax', granularity: 1 },
    { name: 'by_ingested_time', expression: 'ingested_time', type: 'minmax', granularity: 1 },
  ],
  retention_days: 90,
  fsync: false,
}
