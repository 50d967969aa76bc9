import { z } from 'zod'
import { defineFormat } from '../contract.js'
import { splitGcp } from './gcp-entry.js'
import { gcpEvents, sureOfGcp } from './gcp-record.js'

/** VPC Flow Logs and firewall rule logs. */
export const gcpVpcFlow = defineFormat({
  name: 'gcp_vpc_flow',
  summary: 'Google Cloud VPC flow logs and firewall rule logs as network activity',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Log entries as the Logging API, a log sink (Pub/Sub push and pull messages, buckets) and tables write them. An entry of another kind is read by the rules of its own format, because one topic carries them all.
    # Network Activity 4001
    The workload is the machine that reports (reporter), or the one that the firewall protects (instance).
    jsonPayload.start_time, end_time | start_time, end_time, time, duration
    jsonPayload.connection.src_ip, src_port | src_endpoint.ip, src_endpoint.port
    jsonPayload.connection.dest_ip, dest_port | dst_endpoint.ip, dst_endpoint.port
    jsonPayload.connection.protocol | connection_info.protocol_num, connection_info.protocol_name
    jsonPayload.reporter, rule_details.direction | connection_info.direction_id
    jsonPayload.bytes_sent, packets_sent | traffic.bytes, traffic.packets
    jsonPayload.src_instance, dest_instance, instance | src_endpoint.name, src_endpoint.zone, dst_endpoint.name, workload.uid
    jsonPayload.src_vpc, dest_vpc | src_endpoint.vpc_uid, src_endpoint.subnet_uid, dst_endpoint.vpc_uid
    jsonPayload.src_gke_details, dest_gke_details | src_endpoint.name, dst_endpoint.name, workload.uid | the pod, as the audit log of its cluster names it
    jsonPayload.src_location, dest_location, remote_location | src_endpoint.location, src_endpoint.autonomous_system
    jsonPayload.disposition | activity_id, action_id, disposition_id
    jsonPayload.rule_details | firewall_rule.name, firewall_rule.condition
  `,
  detect: (record) => sureOfGcp(record, 'flow', splitGcp(record)?.[0]),
  split: splitGcp,
  create: () => gcpEvents,
})
