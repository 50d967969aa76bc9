import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf } from '../../test/format-cases.js'
import { gcpVpcFlow } from './gcp_vpc_flow.js'

const given = (name: string) => fixtureCase('gcp_vpc_flow/records.jsonl', name)
const convert = (name: string) => eventOf(gcpVpcFlow, given(name))
const MACHINE = 'vm/projects/shop-prod/zones/europe-west1-b/instances/web-01'

test('traffic out of a machine', () => {
  const event = convert('outbound')
  assert.deepEqual([event.class_uid, event.activity_name], [4001, 'Traffic'])
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 59, 30, 200))
  assert.deepEqual([event.start_time, event.duration], [Date.UTC(2026, 0, 12, 8, 59, 0, 100), 30_100])
  assert.deepEqual(
    [event.src_endpoint.ip, event.src_endpoint.port, event.src_endpoint.name],
    ['10.0.0.5', 43210, 'web-01'],
  )
  assert.deepEqual([event.dst_endpoint.ip, event.dst_endpoint.port], ['203.0.113.9', 443])
  assert.equal(event.dst_endpoint.autonomous_system.number, 3320)
  assert.deepEqual(event.connection_info, {
    direction_id: 2,
    protocol_num: 6,
    protocol_name: 'tcp',
    protocol_ver_id: 4,
  })
  assert.deepEqual(event.traffic, { bytes: 5000, bytes_out: 5000, packets: 12, packets_out: 12 })
  assert.equal(event.workload?.uid, MACHINE)
  assert.deepEqual(event.unmapped, {
    'jsonPayload.rtt_msec': '4',
    'jsonPayload.src_vpc.project_id': 'shop-prod',
    'resource.labels.subnetwork_id': '1',
    'resource.labels.subnetwork_name': 'default',
  })
})

test('traffic into a machine, and between two', () => {
  const event = convert('inbound')
  assert.equal(event.workload?.uid, MACHINE)
  assert.deepEqual([event.connection_info.direction_id, event.connection_info.protocol_ver_id], [1, 6])
  const udp = convert('udp between machines')
  assert.equal(udp.workload?.uid, MACHINE)
  assert.deepEqual([udp.dst_endpoint.name, udp.connection_info.protocol_name], ['dns-02', 'udp'])
})

test('a firewall rule refuses or allows', () => {
  const denied = convert('denied')
  assert.deepEqual([denied.activity_name, denied.status, denied.action_id], ['Refuse', 'Failure', 2])
  assert.equal(denied.firewall_rule.name, 'network:main/firewall:no-ssh')
  assert.equal(denied.workload?.uid, MACHINE)
  const allowed = convert('allowed out')
  assert.deepEqual([allowed.activity_name, allowed.connection_info.direction_id], ['Open', 2])
})

test('a flow of a pod is of the workload that the audit log of its cluster tells of', () => {
  const { workload, src_endpoint } = convert('pod calls out')
  assert.equal(workload?.uid, 'pod/prod/shop/shop-api-6c9f7d5b48-x2x7k')
  assert.deepEqual([workload?.namespace, workload?.cluster, workload?.group], ['shop', 'prod', 'shop/shop-api'])
  assert.equal(src_endpoint.name, 'shop-api-6c9f7d5b48-x2x7k')
  assert.equal(src_endpoint.instance_uid, 'projects/shop-prod/zones/europe-west1-b/instances/gke-prod-1')
  assert.deepEqual(convert('denied').src_endpoint.location, { country: 'deu' })
})

test('a flow without addresses is refused', () => {
  const record = given('outbound') as { jsonPayload: object }
  const connection = { protocol: 6 }
  assert.match(refusalOf(gcpVpcFlow, { ...record, jsonPayload: { connection } }), /^not_gcp_flow: .*expected src_ip/)
})
