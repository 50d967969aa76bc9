-- Generated from lake/tables/*.ts by `npm run generate`: a cluster named weir, without other configuration.

CREATE DATABASE IF NOT EXISTS `weir` ON CLUSTER `weir`;

CREATE TABLE IF NOT EXISTS migrations ON CLUSTER `weir` (number UInt32, name String, applied_time DateTime DEFAULT now()) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{database}/migrations', '{shard}-{replica}') ORDER BY number;

INSERT INTO migrations (number, name) SELECT 1, '0001-event-is-in-a-view.sql';

CREATE TABLE IF NOT EXISTS events_local ON CLUSTER `weir`
(
    `class_uid` UInt32 COMMENT 'OCSF class, e.g. 1007 process activity' CODEC(T64, ZSTD(1)),
    `class_name` LowCardinality(String) COMMENT 'Name of the class' CODEC(ZSTD(1)),
    `activity_id` UInt8 COMMENT 'What happened, by class' CODEC(ZSTD(1)),
    `activity_name` LowCardinality(String) COMMENT 'Name of the activity' CODEC(ZSTD(1)),
    `category_name` LowCardinality(String) COMMENT 'Name of the category' CODEC(ZSTD(1)),
    `type_name` LowCardinality(String) COMMENT 'Class and activity in words' CODEC(ZSTD(1)),
    `time` DateTime64(3) COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    `uid_tail` FixedString(10) COMMENT 'The part of metadata_uid that is not its time: query metadata_uid instead' CODEC(NONE),
    `uid_text` String COMMENT 'metadata_uid where it is not a UUID made from the time of the event: query metadata_uid instead' CODEC(ZSTD(3)),
    `severity_id` UInt8 COMMENT '0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal' CODEC(ZSTD(1)),
    `severity` LowCardinality(String) COMMENT 'Name of the severity' CODEC(ZSTD(1)),
    `status_id` UInt8 COMMENT '1 success, 2 failure' CODEC(ZSTD(1)),
    `status` LowCardinality(String) COMMENT 'Name of the status' CODEC(ZSTD(1)),
    `status_code` LowCardinality(String) COMMENT 'Result as the source says it' CODEC(ZSTD(1)),
    `status_detail` LowCardinality(String) COMMENT 'Reason of a failure' CODEC(ZSTD(1)),
    `message` LowCardinality(String) COMMENT 'The event in one sentence' CODEC(ZSTD(1)),
    `action` LowCardinality(String) COMMENT 'What a control did: allowed, denied' CODEC(ZSTD(1)),
    `action_id` UInt8 COMMENT '1 allowed, 2 denied' CODEC(ZSTD(1)),
    `disposition_id` UInt8 COMMENT 'Outcome of a control' CODEC(ZSTD(1)),
    `count` UInt32 COMMENT 'Events this one stands for' CODEC(T64, ZSTD(1)),
    `duration` UInt32 COMMENT 'How long it took, ms' CODEC(T64, ZSTD(1)),
    `start_time` DateTime64(3) COMMENT 'Start of the activity' CODEC(Delta, ZSTD(1)),
    `end_time` DateTime64(3) COMMENT 'End of the activity' CODEC(Delta, ZSTD(1)),
    `timezone_offset` Int32 COMMENT 'Minutes ahead of UTC at the source' CODEC(T64, ZSTD(1)),
    `metadata_version` LowCardinality(String) COMMENT 'OCSF version' CODEC(ZSTD(1)),
    `metadata_product_name` LowCardinality(String) COMMENT 'Product that saw it' CODEC(ZSTD(1)),
    `metadata_product_vendor_name` LowCardinality(String) COMMENT 'Vendor of the product' CODEC(ZSTD(1)),
    `metadata_product_version` LowCardinality(String) COMMENT 'Version of the product' CODEC(ZSTD(1)),
    `metadata_log_name` LowCardinality(String) COMMENT 'Log it came from' CODEC(ZSTD(1)),
    `metadata_log_provider` LowCardinality(String) COMMENT 'Service that wrote the log' CODEC(ZSTD(1)),
    `metadata_event_code` LowCardinality(String) COMMENT 'The source\'s own name of the event type' CODEC(ZSTD(1)),
    `metadata_correlation_uid` String COMMENT 'Id shared by events that belong together' CODEC(ZSTD(3)),
    `metadata_original_time` String COMMENT 'Time as the source wrote it' CODEC(ZSTD(3)),
    `metadata_logged_time` DateTime64(3) COMMENT 'When the source logged it' CODEC(Delta, ZSTD(1)),
    `actor_user_name` LowCardinality(String) COMMENT 'Name of the acting user' CODEC(ZSTD(1)),
    `actor_user_uid` LowCardinality(String) COMMENT 'Id of the acting user' CODEC(ZSTD(1)),
    `actor_user_type` LowCardinality(String) COMMENT 'Kind of the acting user' CODEC(ZSTD(1)),
    `actor_user_type_id` UInt8 COMMENT 'Kind of the acting user: 1 user, 2 admin, 3 system' CODEC(ZSTD(1)),
    `actor_user_account_uid` LowCardinality(String) COMMENT 'Account of the acting user' CODEC(ZSTD(1)),
    `actor_user_credential_uid` LowCardinality(String) COMMENT 'Credential used, e.g. access key id' CODEC(ZSTD(1)),
    `actor_session_uid` LowCardinality(String) COMMENT 'Session of the acting user' CODEC(ZSTD(1)),
    `actor_session_issuer` LowCardinality(String) COMMENT 'Who issued the session' CODEC(ZSTD(1)),
    `actor_invoked_by` LowCardinality(String) COMMENT 'Service on whose behalf' CODEC(ZSTD(1)),
    `actor_process_name` LowCardinality(String) COMMENT 'Name of the acting process' CODEC(ZSTD(1)),
    `actor_process_pid` UInt32 COMMENT 'Process id of the acting process' CODEC(T64, ZSTD(1)),
    `actor_process_uid` String COMMENT 'Unique id of the acting process' CODEC(ZSTD(3)),
    `actor_process_cmd_line` LowCardinality(String) COMMENT 'Command line of the acting process' CODEC(ZSTD(1)),
    `actor_process_file_path` LowCardinality(String) COMMENT 'Executable of the acting process' CODEC(ZSTD(1)),
    `actor_process_file_name` LowCardinality(String) COMMENT 'File name of the executable of the acting process' CODEC(ZSTD(1)),
    `process_name` LowCardinality(String) COMMENT 'Name of the process' CODEC(ZSTD(1)),
    `process_pid` UInt32 COMMENT 'Process id of the process' CODEC(T64, ZSTD(1)),
    `process_uid` String COMMENT 'Unique id of the process' CODEC(ZSTD(3)),
    `process_cmd_line` LowCardinality(String) COMMENT 'Command line of the process' CODEC(ZSTD(1)),
    `process_file_path` LowCardinality(String) COMMENT 'Executable of the process' CODEC(ZSTD(1)),
    `process_file_name` LowCardinality(String) COMMENT 'File name of the executable of the process' CODEC(ZSTD(1)),
    `process_file_hash_sha256` LowCardinality(String) COMMENT 'SHA-256 of the executable, lower-case hex' CODEC(ZSTD(1)),
    `process_user_name` LowCardinality(String) COMMENT 'User of the process' CODEC(ZSTD(1)),
    `process_user_uid` LowCardinality(String) COMMENT 'Id of the user of the process' CODEC(ZSTD(1)),
    `process_parent_process_name` LowCardinality(String) COMMENT 'Name of the parent process' CODEC(ZSTD(1)),
    `process_parent_process_pid` UInt32 COMMENT 'Process id of the parent process' CODEC(T64, ZSTD(1)),
    `process_parent_process_uid` String COMMENT 'Unique id of the parent process' CODEC(ZSTD(3)),
    `process_parent_process_cmd_line` LowCardinality(String) COMMENT 'Command line of the parent process' CODEC(ZSTD(1)),
    `process_parent_process_file_path` LowCardinality(String) COMMENT 'Executable of the parent process' CODEC(ZSTD(1)),
    `process_parent_process_file_name` LowCardinality(String) COMMENT 'File name of the executable of the parent process' CODEC(ZSTD(1)),
    `user_name` LowCardinality(String) COMMENT 'Name of the user the event is about' CODEC(ZSTD(1)),
    `user_uid` LowCardinality(String) COMMENT 'Id of the user the event is about' CODEC(ZSTD(1)),
    `user_type` LowCardinality(String) COMMENT 'Kind of the user the event is about' CODEC(ZSTD(1)),
    `user_type_id` UInt8 COMMENT 'Kind of the user the event is about: 1 user, 2 admin, 3 system' CODEC(ZSTD(1)),
    `file_name` LowCardinality(String) COMMENT 'Name of the file' CODEC(ZSTD(1)),
    `file_path` LowCardinality(String) COMMENT 'Path of the file' CODEC(ZSTD(1)),
    `file_type_id` UInt8 COMMENT 'Kind of file: 1 regular, 2 folder' CODEC(ZSTD(1)),
    `file_hash_sha256` LowCardinality(String) COMMENT 'SHA-256 of the file, lower-case hex' CODEC(ZSTD(1)),
    `src_endpoint_ip` LowCardinality(String) COMMENT 'Address of the source' CODEC(ZSTD(1)),
    `src_endpoint_port` UInt16 COMMENT 'Port of the source' CODEC(T64, ZSTD(1)),
    `src_endpoint_hostname` LowCardinality(String) COMMENT 'Host name of the source' CODEC(ZSTD(1)),
    `dst_endpoint_ip` LowCardinality(String) COMMENT 'Address of the destination' CODEC(ZSTD(1)),
    `dst_endpoint_port` UInt16 COMMENT 'Port of the destination' CODEC(T64, ZSTD(1)),
    `dst_endpoint_hostname` LowCardinality(String) COMMENT 'Host name of the destination' CODEC(ZSTD(1)),
    `connection_info_protocol_name` LowCardinality(String) COMMENT 'tcp, udp, icmp' CODEC(ZSTD(1)),
    `connection_info_protocol_num` UInt8 COMMENT 'IANA protocol number' CODEC(ZSTD(1)),
    `connection_info_direction` LowCardinality(String) COMMENT 'Name of the direction' CODEC(ZSTD(1)),
    `connection_info_direction_id` UInt8 COMMENT '1 inbound, 2 outbound, 3 lateral' CODEC(ZSTD(1)),
    `connection_info_uid` String COMMENT 'Id of the connection' CODEC(ZSTD(3)),
    `traffic_bytes_in` UInt64 COMMENT 'Bytes received' CODEC(T64, ZSTD(1)),
    `traffic_bytes_out` UInt64 COMMENT 'Bytes sent' CODEC(T64, ZSTD(1)),
    `traffic_packets_in` UInt64 COMMENT 'Packets received' CODEC(T64, ZSTD(1)),
    `traffic_packets_out` UInt64 COMMENT 'Packets sent' CODEC(T64, ZSTD(1)),
    `query_hostname` LowCardinality(String) COMMENT 'Name asked for in a DNS query' CODEC(ZSTD(1)),
    `query_type` LowCardinality(String) COMMENT 'Record type of a DNS query' CODEC(ZSTD(1)),
    `api_operation` LowCardinality(String) COMMENT 'API call, e.g. AssumeRole' CODEC(ZSTD(1)),
    `api_service_name` LowCardinality(String) COMMENT 'Service called, e.g. sts.amazonaws.com' CODEC(ZSTD(1)),
    `api_request_uid` String COMMENT 'Id of the request' CODEC(ZSTD(3)),
    `api_response_error` LowCardinality(String) COMMENT 'Error code of the answer' CODEC(ZSTD(1)),
    `http_request_http_method` LowCardinality(String) COMMENT 'GET, POST ...' CODEC(ZSTD(1)),
    `http_request_url_hostname` LowCardinality(String) COMMENT 'Host in the URL' CODEC(ZSTD(1)),
    `http_request_url_path` String COMMENT 'Path in the URL' CODEC(ZSTD(3)),
    `http_request_user_agent` LowCardinality(String) COMMENT 'User agent' CODEC(ZSTD(1)),
    `http_response_code` UInt16 COMMENT 'HTTP status' CODEC(T64, ZSTD(1)),
    `auth_protocol` LowCardinality(String) COMMENT 'Authentication protocol' CODEC(ZSTD(1)),
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee' CODEC(ZSTD(1)),
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function' CODEC(ZSTD(1)),
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload' CODEC(ZSTD(1)),
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role' CODEC(ZSTD(1)),
    `workload_image` LowCardinality(String) COMMENT 'Image of the workload' CODEC(ZSTD(1)),
    `workload_provider` LowCardinality(String) COMMENT 'Provider of the workload' CODEC(ZSTD(1)),
    `workload_account` LowCardinality(String) COMMENT 'Cloud account of the workload' CODEC(ZSTD(1)),
    `workload_region` LowCardinality(String) COMMENT 'Region of the workload' CODEC(ZSTD(1)),
    `workload_cluster` LowCardinality(String) COMMENT 'Cluster of the workload' CODEC(ZSTD(1)),
    `workload_namespace` LowCardinality(String) COMMENT 'Namespace of the workload' CODEC(ZSTD(1)),
    `workload_version` LowCardinality(String) COMMENT 'Version of the function' CODEC(ZSTD(1)),
    `device_hostname` LowCardinality(String) COMMENT 'Host name of the device' CODEC(ZSTD(1)),
    `device_uid` LowCardinality(String) COMMENT 'Id of the device' CODEC(ZSTD(1)),
    `device_ip` LowCardinality(String) COMMENT 'Address of the device' CODEC(ZSTD(1)),
    `device_type` LowCardinality(String) COMMENT 'Kind of device' CODEC(ZSTD(1)),
    `device_type_id` UInt8 COMMENT 'Kind of device: 1 server, 6 virtual' CODEC(ZSTD(1)),
    `device_os_name` LowCardinality(String) COMMENT 'Operating system' CODEC(ZSTD(1)),
    `device_os_type_id` UInt32 COMMENT 'Kind of operating system: 200 Linux' CODEC(T64, ZSTD(1)),
    `container_uid` LowCardinality(String) COMMENT 'Full id of the container' CODEC(ZSTD(1)),
    `container_name` LowCardinality(String) COMMENT 'Name of the container' CODEC(ZSTD(1)),
    `container_image_name` LowCardinality(String) COMMENT 'Image of the container' CODEC(ZSTD(1)),
    `container_image_uid` LowCardinality(String) COMMENT 'Digest of the image' CODEC(ZSTD(1)),
    `cloud_provider` LowCardinality(String) COMMENT 'aws, azure, gcp ...' CODEC(ZSTD(1)),
    `cloud_region` LowCardinality(String) COMMENT 'Cloud region' CODEC(ZSTD(1)),
    `cloud_account_uid` LowCardinality(String) COMMENT 'Cloud account' CODEC(ZSTD(1)),
    `raw_data` String COMMENT 'The source record as text' CODEC(ZSTD(6)),
    `rest` String COMMENT 'JSON of every attribute that has no column or does not fit into it; empty if none' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1)),
    `metadata_uid` String ALIAS if(uid_text = '', UUIDNumToString(toFixedString(concat(substring(reinterpretAsFixedString(byteSwap(toUInt64(toUnixTimestamp64Milli(time)))), 3, 6), uid_tail), 16)), uid_text) COMMENT 'Unique id of the event (metadata.uid)',
    `category_uid` UInt32 ALIAS toUInt32(intDiv(class_uid, 1000) % 100) COMMENT 'OCSF category, e.g. 1 system, 4 network, 6 application',
    `type_uid` UInt64 ALIAS class_uid * 100 + activity_id COMMENT 'Class and activity as one number',
    INDEX by_src_ip src_endpoint_ip TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_dst_ip dst_endpoint_ip TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_hash process_file_hash_sha256 TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_file_hash file_hash_sha256 TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_actor actor_user_name TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_credential actor_user_credential_uid TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_ingested_time ingested_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(time)
ORDER BY (class_uid, workload_uid, time, uid_tail)
TTL toDateTime(ingested_time) + toIntervalDay(90)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000
COMMENT 'One row an event. What has no column of its own is JSON in `rest`; the view `events_json` shows the whole event as JSON';

CREATE TABLE IF NOT EXISTS events ON CLUSTER `weir`
(
    `class_uid` UInt32 COMMENT 'OCSF class, e.g. 1007 process activity',
    `class_name` LowCardinality(String) COMMENT 'Name of the class',
    `activity_id` UInt8 COMMENT 'What happened, by class',
    `activity_name` LowCardinality(String) COMMENT 'Name of the activity',
    `category_name` LowCardinality(String) COMMENT 'Name of the category',
    `type_name` LowCardinality(String) COMMENT 'Class and activity in words',
    `time` DateTime64(3) COMMENT 'When it happened',
    `uid_tail` FixedString(10) COMMENT 'The part of metadata_uid that is not its time: query metadata_uid instead',
    `uid_text` String COMMENT 'metadata_uid where it is not a UUID made from the time of the event: query metadata_uid instead',
    `severity_id` UInt8 COMMENT '0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical, 6 fatal',
    `severity` LowCardinality(String) COMMENT 'Name of the severity',
    `status_id` UInt8 COMMENT '1 success, 2 failure',
    `status` LowCardinality(String) COMMENT 'Name of the status',
    `status_code` LowCardinality(String) COMMENT 'Result as the source says it',
    `status_detail` LowCardinality(String) COMMENT 'Reason of a failure',
    `message` LowCardinality(String) COMMENT 'The event in one sentence',
    `action` LowCardinality(String) COMMENT 'What a control did: allowed, denied',
    `action_id` UInt8 COMMENT '1 allowed, 2 denied',
    `disposition_id` UInt8 COMMENT 'Outcome of a control',
    `count` UInt32 COMMENT 'Events this one stands for',
    `duration` UInt32 COMMENT 'How long it took, ms',
    `start_time` DateTime64(3) COMMENT 'Start of the activity',
    `end_time` DateTime64(3) COMMENT 'End of the activity',
    `timezone_offset` Int32 COMMENT 'Minutes ahead of UTC at the source',
    `metadata_version` LowCardinality(String) COMMENT 'OCSF version',
    `metadata_product_name` LowCardinality(String) COMMENT 'Product that saw it',
    `metadata_product_vendor_name` LowCardinality(String) COMMENT 'Vendor of the product',
    `metadata_product_version` LowCardinality(String) COMMENT 'Version of the product',
    `metadata_log_name` LowCardinality(String) COMMENT 'Log it came from',
    `metadata_log_provider` LowCardinality(String) COMMENT 'Service that wrote the log',
    `metadata_event_code` LowCardinality(String) COMMENT 'The source\'s own name of the event type',
    `metadata_correlation_uid` String COMMENT 'Id shared by events that belong together',
    `metadata_original_time` String COMMENT 'Time as the source wrote it',
    `metadata_logged_time` DateTime64(3) COMMENT 'When the source logged it',
    `actor_user_name` LowCardinality(String) COMMENT 'Name of the acting user',
    `actor_user_uid` LowCardinality(String) COMMENT 'Id of the acting user',
    `actor_user_type` LowCardinality(String) COMMENT 'Kind of the acting user',
    `actor_user_type_id` UInt8 COMMENT 'Kind of the acting user: 1 user, 2 admin, 3 system',
    `actor_user_account_uid` LowCardinality(String) COMMENT 'Account of the acting user',
    `actor_user_credential_uid` LowCardinality(String) COMMENT 'Credential used, e.g. access key id',
    `actor_session_uid` LowCardinality(String) COMMENT 'Session of the acting user',
    `actor_session_issuer` LowCardinality(String) COMMENT 'Who issued the session',
    `actor_invoked_by` LowCardinality(String) COMMENT 'Service on whose behalf',
    `actor_process_name` LowCardinality(String) COMMENT 'Name of the acting process',
    `actor_process_pid` UInt32 COMMENT 'Process id of the acting process',
    `actor_process_uid` String COMMENT 'Unique id of the acting process',
    `actor_process_cmd_line` LowCardinality(String) COMMENT 'Command line of the acting process',
    `actor_process_file_path` LowCardinality(String) COMMENT 'Executable of the acting process',
    `actor_process_file_name` LowCardinality(String) COMMENT 'File name of the executable of the acting process',
    `process_name` LowCardinality(String) COMMENT 'Name of the process',
    `process_pid` UInt32 COMMENT 'Process id of the process',
    `process_uid` String COMMENT 'Unique id of the process',
    `process_cmd_line` LowCardinality(String) COMMENT 'Command line of the process',
    `process_file_path` LowCardinality(String) COMMENT 'Executable of the process',
    `process_file_name` LowCardinality(String) COMMENT 'File name of the executable of the process',
    `process_file_hash_sha256` LowCardinality(String) COMMENT 'SHA-256 of the executable, lower-case hex',
    `process_user_name` LowCardinality(String) COMMENT 'User of the process',
    `process_user_uid` LowCardinality(String) COMMENT 'Id of the user of the process',
    `process_parent_process_name` LowCardinality(String) COMMENT 'Name of the parent process',
    `process_parent_process_pid` UInt32 COMMENT 'Process id of the parent process',
    `process_parent_process_uid` String COMMENT 'Unique id of the parent process',
    `process_parent_process_cmd_line` LowCardinality(String) COMMENT 'Command line of the parent process',
    `process_parent_process_file_path` LowCardinality(String) COMMENT 'Executable of the parent process',
    `process_parent_process_file_name` LowCardinality(String) COMMENT 'File name of the executable of the parent process',
    `user_name` LowCardinality(String) COMMENT 'Name of the user the event is about',
    `user_uid` LowCardinality(String) COMMENT 'Id of the user the event is about',
    `user_type` LowCardinality(String) COMMENT 'Kind of the user the event is about',
    `user_type_id` UInt8 COMMENT 'Kind of the user the event is about: 1 user, 2 admin, 3 system',
    `file_name` LowCardinality(String) COMMENT 'Name of the file',
    `file_path` LowCardinality(String) COMMENT 'Path of the file',
    `file_type_id` UInt8 COMMENT 'Kind of file: 1 regular, 2 folder',
    `file_hash_sha256` LowCardinality(String) COMMENT 'SHA-256 of the file, lower-case hex',
    `src_endpoint_ip` LowCardinality(String) COMMENT 'Address of the source',
    `src_endpoint_port` UInt16 COMMENT 'Port of the source',
    `src_endpoint_hostname` LowCardinality(String) COMMENT 'Host name of the source',
    `dst_endpoint_ip` LowCardinality(String) COMMENT 'Address of the destination',
    `dst_endpoint_port` UInt16 COMMENT 'Port of the destination',
    `dst_endpoint_hostname` LowCardinality(String) COMMENT 'Host name of the destination',
    `connection_info_protocol_name` LowCardinality(String) COMMENT 'tcp, udp, icmp',
    `connection_info_protocol_num` UInt8 COMMENT 'IANA protocol number',
    `connection_info_direction` LowCardinality(String) COMMENT 'Name of the direction',
    `connection_info_direction_id` UInt8 COMMENT '1 inbound, 2 outbound, 3 lateral',
    `connection_info_uid` String COMMENT 'Id of the connection',
    `traffic_bytes_in` UInt64 COMMENT 'Bytes received',
    `traffic_bytes_out` UInt64 COMMENT 'Bytes sent',
    `traffic_packets_in` UInt64 COMMENT 'Packets received',
    `traffic_packets_out` UInt64 COMMENT 'Packets sent',
    `query_hostname` LowCardinality(String) COMMENT 'Name asked for in a DNS query',
    `query_type` LowCardinality(String) COMMENT 'Record type of a DNS query',
    `api_operation` LowCardinality(String) COMMENT 'API call, e.g. AssumeRole',
    `api_service_name` LowCardinality(String) COMMENT 'Service called, e.g. sts.amazonaws.com',
    `api_request_uid` String COMMENT 'Id of the request',
    `api_response_error` LowCardinality(String) COMMENT 'Error code of the answer',
    `http_request_http_method` LowCardinality(String) COMMENT 'GET, POST ...',
    `http_request_url_hostname` LowCardinality(String) COMMENT 'Host in the URL',
    `http_request_url_path` String COMMENT 'Path in the URL',
    `http_request_user_agent` LowCardinality(String) COMMENT 'User agent',
    `http_response_code` UInt16 COMMENT 'HTTP status',
    `auth_protocol` LowCardinality(String) COMMENT 'Authentication protocol',
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee',
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function',
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload',
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role',
    `workload_image` LowCardinality(String) COMMENT 'Image of the workload',
    `workload_provider` LowCardinality(String) COMMENT 'Provider of the workload',
    `workload_account` LowCardinality(String) COMMENT 'Cloud account of the workload',
    `workload_region` LowCardinality(String) COMMENT 'Region of the workload',
    `workload_cluster` LowCardinality(String) COMMENT 'Cluster of the workload',
    `workload_namespace` LowCardinality(String) COMMENT 'Namespace of the workload',
    `workload_version` LowCardinality(String) COMMENT 'Version of the function',
    `device_hostname` LowCardinality(String) COMMENT 'Host name of the device',
    `device_uid` LowCardinality(String) COMMENT 'Id of the device',
    `device_ip` LowCardinality(String) COMMENT 'Address of the device',
    `device_type` LowCardinality(String) COMMENT 'Kind of device',
    `device_type_id` UInt8 COMMENT 'Kind of device: 1 server, 6 virtual',
    `device_os_name` LowCardinality(String) COMMENT 'Operating system',
    `device_os_type_id` UInt32 COMMENT 'Kind of operating system: 200 Linux',
    `container_uid` LowCardinality(String) COMMENT 'Full id of the container',
    `container_name` LowCardinality(String) COMMENT 'Name of the container',
    `container_image_name` LowCardinality(String) COMMENT 'Image of the container',
    `container_image_uid` LowCardinality(String) COMMENT 'Digest of the image',
    `cloud_provider` LowCardinality(String) COMMENT 'aws, azure, gcp ...',
    `cloud_region` LowCardinality(String) COMMENT 'Cloud region',
    `cloud_account_uid` LowCardinality(String) COMMENT 'Cloud account',
    `raw_data` String COMMENT 'The source record as text',
    `rest` String COMMENT 'JSON of every attribute that has no column or does not fit into it; empty if none',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it',
    `metadata_uid` String ALIAS if(uid_text = '', UUIDNumToString(toFixedString(concat(substring(reinterpretAsFixedString(byteSwap(toUInt64(toUnixTimestamp64Milli(time)))), 3, 6), uid_tail), 16)), uid_text) COMMENT 'Unique id of the event (metadata.uid)',
    `category_uid` UInt32 ALIAS toUInt32(intDiv(class_uid, 1000) % 100) COMMENT 'OCSF category, e.g. 1 system, 4 network, 6 application',
    `type_uid` UInt64 ALIAS class_uid * 100 + activity_id COMMENT 'Class and activity as one number'
)
ENGINE = Distributed(`weir`, weir, events_local, cityHash64(workload_uid))
COMMENT 'One row an event. What has no column of its own is JSON in `rest`; the view `events_json` shows the whole event as JSON';

CREATE TABLE IF NOT EXISTS metrics_local ON CLUSTER `weir`
(
    `metric` LowCardinality(String) COMMENT 'What was measured, with its unit where it has one, e.g. memory_used_bytes' CODEC(ZSTD(1)),
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee' CODEC(ZSTD(1)),
    `time` DateTime64(3) COMMENT 'When it was measured' CODEC(DoubleDelta, ZSTD(1)),
    `value` Float64 COMMENT 'The measurement in its unit' CODEC(Gorilla, ZSTD(1)),
    `unit` LowCardinality(String) COMMENT 'percent, bytes, bytes_per_s, count, ms' CODEC(ZSTD(1)),
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function' CODEC(ZSTD(1)),
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload' CODEC(ZSTD(1)),
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role' CODEC(ZSTD(1)),
    `metadata_uid` String COMMENT 'Id of the event, in the row of its first measurement' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(time)
ORDER BY (metric, workload_uid, time)
TTL toDateTime(ingested_time) + toIntervalDay(30)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000
COMMENT 'One row a measurement of a workload (our class 99905001)';

CREATE TABLE IF NOT EXISTS metrics ON CLUSTER `weir`
(
    `metric` LowCardinality(String) COMMENT 'What was measured, with its unit where it has one, e.g. memory_used_bytes',
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee',
    `time` DateTime64(3) COMMENT 'When it was measured',
    `value` Float64 COMMENT 'The measurement in its unit',
    `unit` LowCardinality(String) COMMENT 'percent, bytes, bytes_per_s, count, ms',
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function',
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload',
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role',
    `metadata_uid` String COMMENT 'Id of the event, in the row of its first measurement',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, metrics_local, cityHash64(workload_uid))
COMMENT 'One row a measurement of a workload (our class 99905001)';

CREATE TABLE IF NOT EXISTS findings_local ON CLUSTER `weir`
(
    `finding_uid` String COMMENT 'Id of the finding (finding_info.uid)' CODEC(ZSTD(3)),
    `time` DateTime64(3) COMMENT 'Event time of the newest evidence' CODEC(Delta, ZSTD(1)),
    `title` LowCardinality(String) COMMENT 'What was found' CODEC(ZSTD(1)),
    `reason` String COMMENT 'Why, in words' CODEC(ZSTD(3)),
    `severity_id` UInt8 COMMENT '1 informational, 2 low, 3 medium, 4 high, 5 critical' CODEC(ZSTD(1)),
    `confidence` UInt8 COMMENT 'How sure, 0 to 100' CODEC(ZSTD(1)),
    `detector` LowCardinality(String) COMMENT 'Name of the detector instance' CODEC(ZSTD(1)),
    `rule` LowCardinality(String) COMMENT 'Rule or kind of finding' CODEC(ZSTD(1)),
    `family` LowCardinality(String) COMMENT 'rules, profile, anomaly or posture' CODEC(ZSTD(1)),
    `techniques` Array(String) COMMENT 'MITRE ATT&CK techniques' CODEC(ZSTD(1)),
    `evidence` Array(String) COMMENT 'metadata_uid of the events that show it, oldest first' CODEC(ZSTD(3)),
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee' CODEC(ZSTD(1)),
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function' CODEC(ZSTD(1)),
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload' CODEC(ZSTD(1)),
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role' CODEC(ZSTD(1)),
    `metadata_uid` String COMMENT 'Id of the event' CODEC(ZSTD(3)),
    `event` String COMMENT 'The whole event as JSON' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1)),
    INDEX by_workload workload_uid TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(time)
ORDER BY (time, finding_uid, metadata_uid)
TTL toDateTime(ingested_time) + toIntervalDay(400)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'One row a finding of a detector (OCSF Detection Finding 2004)';

CREATE TABLE IF NOT EXISTS findings ON CLUSTER `weir`
(
    `finding_uid` String COMMENT 'Id of the finding (finding_info.uid)',
    `time` DateTime64(3) COMMENT 'Event time of the newest evidence',
    `title` LowCardinality(String) COMMENT 'What was found',
    `reason` String COMMENT 'Why, in words',
    `severity_id` UInt8 COMMENT '1 informational, 2 low, 3 medium, 4 high, 5 critical',
    `confidence` UInt8 COMMENT 'How sure, 0 to 100',
    `detector` LowCardinality(String) COMMENT 'Name of the detector instance',
    `rule` LowCardinality(String) COMMENT 'Rule or kind of finding',
    `family` LowCardinality(String) COMMENT 'rules, profile, anomaly or posture',
    `techniques` Array(String) COMMENT 'MITRE ATT&CK techniques',
    `evidence` Array(String) COMMENT 'metadata_uid of the events that show it, oldest first',
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee',
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function',
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload',
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role',
    `metadata_uid` String COMMENT 'Id of the event',
    `event` String COMMENT 'The whole event as JSON',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, findings_local, cityHash64(workload_uid))
COMMENT 'One row a finding of a detector (OCSF Detection Finding 2004)';

CREATE TABLE IF NOT EXISTS responses_local ON CLUSTER `weir`
(
    `response_uid` String COMMENT 'Id of the response: all its steps have it' CODEC(ZSTD(3)),
    `time` DateTime64(3) COMMENT 'When the step was taken' CODEC(Delta, ZSTD(1)),
    `step` UInt16 COMMENT 'Number of the step, from 0' CODEC(T64, ZSTD(1)),
    `state` LowCardinality(String) COMMENT 'State of the response after the step' CODEC(ZSTD(1)),
    `action` LowCardinality(String) COMMENT 'Name of the action' CODEC(ZSTD(1)),
    `playbook` LowCardinality(String) COMMENT 'Playbook that decided' CODEC(ZSTD(1)),
    `dry_run` Bool COMMENT 'Nothing was changed' CODEC(ZSTD(1)),
    `message` String COMMENT 'The step in one sentence' CODEC(ZSTD(3)),
    `findings` Array(String) COMMENT 'finding_uid of the findings that led here' CODEC(ZSTD(3)),
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee' CODEC(ZSTD(1)),
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function' CODEC(ZSTD(1)),
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload' CODEC(ZSTD(1)),
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role' CODEC(ZSTD(1)),
    `metadata_uid` String COMMENT 'Id of the event' CODEC(ZSTD(3)),
    `event` String COMMENT 'The whole event as JSON: plan, pre-image, evidence of verification' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(time)
ORDER BY (response_uid, step, time, metadata_uid)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'One row a step of a response (OCSF Remediation Activity 7001); the newest row of a response_uid is its state';

CREATE TABLE IF NOT EXISTS responses ON CLUSTER `weir`
(
    `response_uid` String COMMENT 'Id of the response: all its steps have it',
    `time` DateTime64(3) COMMENT 'When the step was taken',
    `step` UInt16 COMMENT 'Number of the step, from 0',
    `state` LowCardinality(String) COMMENT 'State of the response after the step',
    `action` LowCardinality(String) COMMENT 'Name of the action',
    `playbook` LowCardinality(String) COMMENT 'Playbook that decided',
    `dry_run` Bool COMMENT 'Nothing was changed',
    `message` String COMMENT 'The step in one sentence',
    `findings` Array(String) COMMENT 'finding_uid of the findings that led here',
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee',
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function',
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload',
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role',
    `metadata_uid` String COMMENT 'Id of the event',
    `event` String COMMENT 'The whole event as JSON: plan, pre-image, evidence of verification',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, responses_local, cityHash64(workload_uid))
COMMENT 'One row a step of a response (OCSF Remediation Activity 7001); the newest row of a response_uid is its state';

CREATE TABLE IF NOT EXISTS inventory_local ON CLUSTER `weir`
(
    `kind` LowCardinality(String) COMMENT 'OCSF class that described it, e.g. Device Inventory Info' CODEC(ZSTD(1)),
    `object_uid` LowCardinality(String) COMMENT 'Id of the object' CODEC(ZSTD(1)),
    `object_name` LowCardinality(String) COMMENT 'Name of the object' CODEC(ZSTD(1)),
    `valid_from` DateTime64(3) COMMENT 'Since when the description holds' CODEC(Delta, ZSTD(1)),
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee' CODEC(ZSTD(1)),
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function' CODEC(ZSTD(1)),
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload' CODEC(ZSTD(1)),
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role' CODEC(ZSTD(1)),
    `metadata_uid` String COMMENT 'Id of the event' CODEC(ZSTD(3)),
    `event` String COMMENT 'The whole event as JSON' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (kind, workload_uid, object_uid, valid_from)
TTL toDateTime(ingested_time) + toIntervalDay(400)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000
COMMENT 'One row a description of an object (OCSF discovery events, category 5); argMax by valid_from gives the present';

CREATE TABLE IF NOT EXISTS inventory ON CLUSTER `weir`
(
    `kind` LowCardinality(String) COMMENT 'OCSF class that described it, e.g. Device Inventory Info',
    `object_uid` LowCardinality(String) COMMENT 'Id of the object',
    `object_name` LowCardinality(String) COMMENT 'Name of the object',
    `valid_from` DateTime64(3) COMMENT 'Since when the description holds',
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee',
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function',
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload',
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role',
    `metadata_uid` String COMMENT 'Id of the event',
    `event` String COMMENT 'The whole event as JSON',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, inventory_local, cityHash64(workload_uid))
COMMENT 'One row a description of an object (OCSF discovery events, category 5); argMax by valid_from gives the present';

CREATE TABLE IF NOT EXISTS dead_letters_local ON CLUSTER `weir`
(
    `time` DateTime64(3) COMMENT 'When it was rejected' CODEC(Delta, ZSTD(1)),
    `reason` LowCardinality(String) COMMENT 'Why, one word' CODEC(ZSTD(1)),
    `detail` String COMMENT 'Where and what was found' CODEC(ZSTD(3)),
    `source_instance` LowCardinality(String) COMMENT 'Collector instance it came from' CODEC(ZSTD(1)),
    `source_format` LowCardinality(String) COMMENT 'Format that was tried' CODEC(ZSTD(1)),
    `source_position` String COMMENT 'Where it stood in its source' CODEC(ZSTD(3)),
    `raw_data` String COMMENT 'The record as it came' CODEC(ZSTD(6)),
    `metadata_uid` String COMMENT 'Id of the event' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(time)
ORDER BY (reason, time, metadata_uid)
TTL toDateTime(ingested_time) + toIntervalDay(30)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000
COMMENT 'One row an input that could not become an event, with the reason and the raw record (our class 99906003)';

CREATE TABLE IF NOT EXISTS dead_letters ON CLUSTER `weir`
(
    `time` DateTime64(3) COMMENT 'When it was rejected',
    `reason` LowCardinality(String) COMMENT 'Why, one word',
    `detail` String COMMENT 'Where and what was found',
    `source_instance` LowCardinality(String) COMMENT 'Collector instance it came from',
    `source_format` LowCardinality(String) COMMENT 'Format that was tried',
    `source_position` String COMMENT 'Where it stood in its source',
    `raw_data` String COMMENT 'The record as it came',
    `metadata_uid` String COMMENT 'Id of the event',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, dead_letters_local, cityHash64(metadata_uid))
COMMENT 'One row an input that could not become an event, with the reason and the raw record (our class 99906003)';

CREATE TABLE IF NOT EXISTS coverage_local ON CLUSTER `weir`
(
    `source_name` LowCardinality(String) COMMENT 'Configured instance' CODEC(ZSTD(1)),
    `source_part` LowCardinality(String) COMMENT 'Part of the source the report is about, if not all of it' CODEC(ZSTD(1)),
    `time` DateTime64(3) COMMENT 'When it was reported' CODEC(Delta, ZSTD(1)),
    `collector` LowCardinality(String) COMMENT 'Transport' CODEC(ZSTD(1)),
    `format` LowCardinality(String) COMMENT 'Wire format' CODEC(ZSTD(1)),
    `status` LowCardinality(String) COMMENT 'Ok, Degraded, Silent, Unavailable' CODEC(ZSTD(1)),
    `message` String COMMENT 'What is (not) seen, and why' CODEC(ZSTD(3)),
    `lost_count` UInt64 COMMENT 'Records lost since the report before' CODEC(T64, ZSTD(1)),
    `last_event_time` DateTime64(3) COMMENT 'Time of the newest event of the source' CODEC(Delta, ZSTD(1)),
    `lag_ms` Int64 COMMENT 'How far the source is behind' CODEC(T64, ZSTD(1)),
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee' CODEC(ZSTD(1)),
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function' CODEC(ZSTD(1)),
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload' CODEC(ZSTD(1)),
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role' CODEC(ZSTD(1)),
    `metadata_uid` String COMMENT 'Id of the event' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(time)
ORDER BY (source_name, source_part, time, metadata_uid)
TTL toDateTime(ingested_time) + toIntervalDay(90)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000
COMMENT 'One row a report about a source of events: no data is not no anomaly (our class 99906002)';

CREATE TABLE IF NOT EXISTS coverage ON CLUSTER `weir`
(
    `source_name` LowCardinality(String) COMMENT 'Configured instance',
    `source_part` LowCardinality(String) COMMENT 'Part of the source the report is about, if not all of it',
    `time` DateTime64(3) COMMENT 'When it was reported',
    `collector` LowCardinality(String) COMMENT 'Transport',
    `format` LowCardinality(String) COMMENT 'Wire format',
    `status` LowCardinality(String) COMMENT 'Ok, Degraded, Silent, Unavailable',
    `message` String COMMENT 'What is (not) seen, and why',
    `lost_count` UInt64 COMMENT 'Records lost since the report before',
    `last_event_time` DateTime64(3) COMMENT 'Time of the newest event of the source',
    `lag_ms` Int64 COMMENT 'How far the source is behind',
    `workload_uid` LowCardinality(String) COMMENT 'Stable identity of the workload, e.g. container/3f2a9c0d11ee',
    `workload_kind` LowCardinality(String) COMMENT 'vm, container or function',
    `workload_name` LowCardinality(String) COMMENT 'What a person calls the workload',
    `workload_group` LowCardinality(String) COMMENT 'What the workload should behave like: image, function and version, role',
    `metadata_uid` String COMMENT 'Id of the event',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, coverage_local, cityHash64(workload_uid))
COMMENT 'One row a report about a source of events: no data is not no anomaly (our class 99906002)';

CREATE TABLE IF NOT EXISTS detector_state_local ON CLUSTER `weir`
(
    `instance` LowCardinality(String) COMMENT 'Detector instance' CODEC(ZSTD(1)),
    `name` LowCardinality(String) COMMENT 'Which of its things: profile, model, rows' CODEC(ZSTD(1)),
    `process` LowCardinality(String) COMMENT 'Process that saved it; another one after each start' CODEC(ZSTD(1)),
    `saved_time` DateTime64(3) COMMENT 'Everything received before this time is in it' CODEC(Delta, ZSTD(1)),
    `content` String COMMENT 'What was saved; only the detector can read it' CODEC(ZSTD(3)),
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (instance, name, process)
TTL toDateTime(ingested_time) + toIntervalDay(30)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800, ttl_only_drop_parts = 1, merge_selector_base = 10, vertical_merge_algorithm_min_rows_to_activate = 2000000
COMMENT 'What detectors of several processes have learned, the newest of each process: whoever takes over their work starts from it';

CREATE TABLE IF NOT EXISTS detector_state ON CLUSTER `weir`
(
    `instance` LowCardinality(String) COMMENT 'Detector instance',
    `name` LowCardinality(String) COMMENT 'Which of its things: profile, model, rows',
    `process` LowCardinality(String) COMMENT 'Process that saved it; another one after each start',
    `saved_time` DateTime64(3) COMMENT 'Everything received before this time is in it',
    `content` String COMMENT 'What was saved; only the detector can read it',
    `ingested_time` DateTime64(3) DEFAULT now64(3) COMMENT 'When the row was stored; retention counts from it'
)
ENGINE = Distributed(`weir`, weir, detector_state_local, cityHash64(instance))
COMMENT 'What detectors of several processes have learned, the newest of each process: whoever takes over their work starts from it';

CREATE OR REPLACE VIEW events_json ON CLUSTER `weir` AS
SELECT *, metadata_uid, category_uid, type_uid, jsonMergePatch(concat('{', arrayStringConcat([concat('"category_uid":', toString(category_uid)), concat('"type_uid":', toString(type_uid)), arrayStringConcat(arrayFilter(m -> m != '', [concat('"class_uid":', toString(class_uid)), if(class_name = '', '', concat('"class_name":', toJSONString(class_name))), concat('"activity_id":', toString(activity_id)), if(activity_name = '', '', concat('"activity_name":', toJSONString(activity_name))), if(category_name = '', '', concat('"category_name":', toJSONString(category_name))), if(type_name = '', '', concat('"type_name":', toJSONString(type_name))), concat('"time":', toString(toUnixTimestamp64Milli(time))), concat('"severity_id":', toString(severity_id)), if(severity = '', '', concat('"severity":', toJSONString(severity))), if(status_id = 0, '', concat('"status_id":', toString(status_id))), if(status = '', '', concat('"status":', toJSONString(status))), if(status_code = '', '', concat('"status_code":', toJSONString(status_code))), if(status_detail = '', '', concat('"status_detail":', toJSONString(status_detail))), if(message = '', '', concat('"message":', toJSONString(message))), if(action = '', '', concat('"action":', toJSONString(action))), if(action_id = 0, '', concat('"action_id":', toString(action_id))), if(disposition_id = 0, '', concat('"disposition_id":', toString(disposition_id))), if(count = 0, '', concat('"count":', toString(count))), if(duration = 0, '', concat('"duration":', toString(duration))), if(start_time = fromUnixTimestamp64Milli(0), '', concat('"start_time":', toString(toUnixTimestamp64Milli(start_time)))), if(end_time = fromUnixTimestamp64Milli(0), '', concat('"end_time":', toString(toUnixTimestamp64Milli(end_time)))), if(timezone_offset = 0, '', concat('"timezone_offset":', toString(timezone_offset))), arrayStringConcat(arrayMap(m -> concat('"metadata":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(metadata_version = '', '', concat('"version":', toJSONString(metadata_version))), arrayStringConcat(arrayMap(m -> concat('"product":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(metadata_product_name = '', '', concat('"name":', toJSONString(metadata_product_name))), if(metadata_product_vendor_name = '', '', concat('"vendor_name":', toJSONString(metadata_product_vendor_name))), if(metadata_product_version = '', '', concat('"version":', toJSONString(metadata_product_version)))]), ',')]))), if(metadata_log_name = '', '', concat('"log_name":', toJSONString(metadata_log_name))), if(metadata_log_provider = '', '', concat('"log_provider":', toJSONString(metadata_log_provider))), if(metadata_event_code = '', '', concat('"event_code":', toJSONString(metadata_event_code))), if(metadata_correlation_uid = '', '', concat('"correlation_uid":', toJSONString(metadata_correlation_uid))), if(metadata_original_time = '', '', concat('"original_time":', toJSONString(metadata_original_time))), if(metadata_logged_time = fromUnixTimestamp64Milli(0), '', concat('"logged_time":', toString(toUnixTimestamp64Milli(metadata_logged_time)))), concat('"uid":', toJSONString(metadata_uid))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"actor":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [arrayStringConcat(arrayMap(m -> concat('"user":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(actor_user_name = '', '', concat('"name":', toJSONString(actor_user_name))), if(actor_user_uid = '', '', concat('"uid":', toJSONString(actor_user_uid))), if(actor_user_type = '', '', concat('"type":', toJSONString(actor_user_type))), if(actor_user_type_id = 0, '', concat('"type_id":', toString(actor_user_type_id))), arrayStringConcat(arrayMap(m -> concat('"account":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(actor_user_account_uid = '', '', concat('"uid":', toJSONString(actor_user_account_uid)))]), ',')]))), if(actor_user_credential_uid = '', '', concat('"credential_uid":', toJSONString(actor_user_credential_uid)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"session":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(actor_session_uid = '', '', concat('"uid":', toJSONString(actor_session_uid))), if(actor_session_issuer = '', '', concat('"issuer":', toJSONString(actor_session_issuer)))]), ',')]))), if(actor_invoked_by = '', '', concat('"invoked_by":', toJSONString(actor_invoked_by))), arrayStringConcat(arrayMap(m -> concat('"process":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(actor_process_name = '', '', concat('"name":', toJSONString(actor_process_name))), if(actor_process_pid = 0, '', concat('"pid":', toString(actor_process_pid))), if(actor_process_uid = '', '', concat('"uid":', toJSONString(actor_process_uid))), if(actor_process_cmd_line = '', '', concat('"cmd_line":', toJSONString(actor_process_cmd_line))), arrayStringConcat(arrayMap(m -> concat('"file":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(actor_process_file_path = '', '', concat('"path":', toJSONString(actor_process_file_path))), if(actor_process_file_name = '', '', concat('"name":', toJSONString(actor_process_file_name)))]), ',')])))]), ',')])))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"process":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(process_name = '', '', concat('"name":', toJSONString(process_name))), if(process_pid = 0, '', concat('"pid":', toString(process_pid))), if(process_uid = '', '', concat('"uid":', toJSONString(process_uid))), if(process_cmd_line = '', '', concat('"cmd_line":', toJSONString(process_cmd_line))), arrayStringConcat(arrayMap(m -> concat('"file":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(process_file_path = '', '', concat('"path":', toJSONString(process_file_path))), if(process_file_name = '', '', concat('"name":', toJSONString(process_file_name))), if(process_file_hash_sha256 = '', '', concat('"hashes":', concat('[{"algorithm_id":3,"algorithm":"SHA-256","value":', toJSONString(process_file_hash_sha256), '}]')))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"user":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(process_user_name = '', '', concat('"name":', toJSONString(process_user_name))), if(process_user_uid = '', '', concat('"uid":', toJSONString(process_user_uid)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"parent_process":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(process_parent_process_name = '', '', concat('"name":', toJSONString(process_parent_process_name))), if(process_parent_process_pid = 0, '', concat('"pid":', toString(process_parent_process_pid))), if(process_parent_process_uid = '', '', concat('"uid":', toJSONString(process_parent_process_uid))), if(process_parent_process_cmd_line = '', '', concat('"cmd_line":', toJSONString(process_parent_process_cmd_line))), arrayStringConcat(arrayMap(m -> concat('"file":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(process_parent_process_file_path = '', '', concat('"path":', toJSONString(process_parent_process_file_path))), if(process_parent_process_file_name = '', '', concat('"name":', toJSONString(process_parent_process_file_name)))]), ',')])))]), ',')])))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"user":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(user_name = '', '', concat('"name":', toJSONString(user_name))), if(user_uid = '', '', concat('"uid":', toJSONString(user_uid))), if(user_type = '', '', concat('"type":', toJSONString(user_type))), if(user_type_id = 0, '', concat('"type_id":', toString(user_type_id)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"file":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(file_name = '', '', concat('"name":', toJSONString(file_name))), if(file_path = '', '', concat('"path":', toJSONString(file_path))), if(file_type_id = 0, '', concat('"type_id":', toString(file_type_id))), if(file_hash_sha256 = '', '', concat('"hashes":', concat('[{"algorithm_id":3,"algorithm":"SHA-256","value":', toJSONString(file_hash_sha256), '}]')))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"src_endpoint":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(src_endpoint_ip = '', '', concat('"ip":', toJSONString(src_endpoint_ip))), if(src_endpoint_port = 0, '', concat('"port":', toString(src_endpoint_port))), if(src_endpoint_hostname = '', '', concat('"hostname":', toJSONString(src_endpoint_hostname)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"dst_endpoint":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(dst_endpoint_ip = '', '', concat('"ip":', toJSONString(dst_endpoint_ip))), if(dst_endpoint_port = 0, '', concat('"port":', toString(dst_endpoint_port))), if(dst_endpoint_hostname = '', '', concat('"hostname":', toJSONString(dst_endpoint_hostname)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"connection_info":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(connection_info_protocol_name = '', '', concat('"protocol_name":', toJSONString(connection_info_protocol_name))), if(connection_info_protocol_num = 0, '', concat('"protocol_num":', toString(connection_info_protocol_num))), if(connection_info_direction = '', '', concat('"direction":', toJSONString(connection_info_direction))), if(connection_info_direction_id = 0, '', concat('"direction_id":', toString(connection_info_direction_id))), if(connection_info_uid = '', '', concat('"uid":', toJSONString(connection_info_uid)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"traffic":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(traffic_bytes_in = 0, '', concat('"bytes_in":', toString(traffic_bytes_in))), if(traffic_bytes_out = 0, '', concat('"bytes_out":', toString(traffic_bytes_out))), if(traffic_packets_in = 0, '', concat('"packets_in":', toString(traffic_packets_in))), if(traffic_packets_out = 0, '', concat('"packets_out":', toString(traffic_packets_out)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"query":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(query_hostname = '', '', concat('"hostname":', toJSONString(query_hostname))), if(query_type = '', '', concat('"type":', toJSONString(query_type)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"api":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(api_operation = '', '', concat('"operation":', toJSONString(api_operation))), arrayStringConcat(arrayMap(m -> concat('"service":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(api_service_name = '', '', concat('"name":', toJSONString(api_service_name)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"request":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(api_request_uid = '', '', concat('"uid":', toJSONString(api_request_uid)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"response":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(api_response_error = '', '', concat('"error":', toJSONString(api_response_error)))]), ',')])))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"http_request":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(http_request_http_method = '', '', concat('"http_method":', toJSONString(http_request_http_method))), arrayStringConcat(arrayMap(m -> concat('"url":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(http_request_url_hostname = '', '', concat('"hostname":', toJSONString(http_request_url_hostname))), if(http_request_url_path = '', '', concat('"path":', toJSONString(http_request_url_path)))]), ',')]))), if(http_request_user_agent = '', '', concat('"user_agent":', toJSONString(http_request_user_agent)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"http_response":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(http_response_code = 0, '', concat('"code":', toString(http_response_code)))]), ',')]))), if(auth_protocol = '', '', concat('"auth_protocol":', toJSONString(auth_protocol))), arrayStringConcat(arrayMap(m -> concat('"workload":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(workload_uid = '', '', concat('"uid":', toJSONString(workload_uid))), if(workload_kind = '', '', concat('"kind":', toJSONString(workload_kind))), if(workload_name = '', '', concat('"name":', toJSONString(workload_name))), if(workload_group = '', '', concat('"group":', toJSONString(workload_group))), if(workload_image = '', '', concat('"image":', toJSONString(workload_image))), if(workload_provider = '', '', concat('"provider":', toJSONString(workload_provider))), if(workload_account = '', '', concat('"account":', toJSONString(workload_account))), if(workload_region = '', '', concat('"region":', toJSONString(workload_region))), if(workload_cluster = '', '', concat('"cluster":', toJSONString(workload_cluster))), if(workload_namespace = '', '', concat('"namespace":', toJSONString(workload_namespace))), if(workload_version = '', '', concat('"version":', toJSONString(workload_version)))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"device":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(device_hostname = '', '', concat('"hostname":', toJSONString(device_hostname))), if(device_uid = '', '', concat('"uid":', toJSONString(device_uid))), if(device_ip = '', '', concat('"ip":', toJSONString(device_ip))), if(device_type = '', '', concat('"type":', toJSONString(device_type))), if(device_type_id = 0, '', concat('"type_id":', toString(device_type_id))), arrayStringConcat(arrayMap(m -> concat('"os":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(device_os_name = '', '', concat('"name":', toJSONString(device_os_name))), if(device_os_type_id = 0, '', concat('"type_id":', toString(device_os_type_id)))]), ',')])))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"container":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(container_uid = '', '', concat('"uid":', toJSONString(container_uid))), if(container_name = '', '', concat('"name":', toJSONString(container_name))), arrayStringConcat(arrayMap(m -> concat('"image":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(container_image_name = '', '', concat('"name":', toJSONString(container_image_name))), if(container_image_uid = '', '', concat('"uid":', toJSONString(container_image_uid)))]), ',')])))]), ',')]))), arrayStringConcat(arrayMap(m -> concat('"cloud":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(cloud_provider = '', '', concat('"provider":', toJSONString(cloud_provider))), if(cloud_region = '', '', concat('"region":', toJSONString(cloud_region))), arrayStringConcat(arrayMap(m -> concat('"account":{', m, '}'), arrayFilter(m -> m != '', [arrayStringConcat(arrayFilter(m -> m != '', [if(cloud_account_uid = '', '', concat('"uid":', toJSONString(cloud_account_uid)))]), ',')])))]), ',')]))), if(raw_data = '', '', concat('"raw_data":', toJSONString(raw_data)))]), ',')], ','), '}'), replaceRegexpAll(if(rest = '', '{}', rest), '\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\\\ufffd')) AS event FROM events
COMMENT 'The rows of `events`, with the whole event as JSON (without null attributes) in `event` (b1bd97ba299a)';

CREATE ROLE IF NOT EXISTS weir_analyst ON CLUSTER `weir`;

CREATE SETTINGS PROFILE OR REPLACE weir_analyst ON CLUSTER `weir` SETTINGS readonly = 2, max_execution_time = 60 MIN 1 MAX 60, max_memory_usage = 2000000000 MIN 1 MAX 2000000000 TO weir_analyst;

CREATE QUOTA OR REPLACE weir_analyst ON CLUSTER `weir` KEYED BY user_name FOR INTERVAL 1 hour MAX queries = 20000, execution_time = 7200 TO weir_analyst;

GRANT ON CLUSTER `weir` SELECT ON `weir`.* TO weir_analyst;
