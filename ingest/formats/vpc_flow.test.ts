import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, make, RECEIVED, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { vpcFlow } from './vpc_flow.js'

const given = (name: string) => fixtureCase('vpc_flow/records.jsonl', name)
const convert = (name: string, config?: object) => eventOf(vpcFlow, given(name), config)

test('a refused connection from outside: addresses, verdict, direction, time', () => {
  const event = convert('default line')
  assert.equal(event.class_uid, 4001)
  assert.equal(event.activity_name, 'Traffic')
  assert.equal(event.time, 1_768_206_600_000)
  assert.equal(event.end_time, 1_768_206_660_000)
  assert.equal(event.status, 'Failure')
  assert.equal(event.status_code, 'OK')
  assert.equal(event.action, 'Denied')
  assert.equal(event.disposition, 'Blocked')
  assert.equal(event.severity_id, 1)
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.7', port: 51515 })
  assert.deepEqual(event.dst_endpoint, { ip: '10.0.1.5', port: 22, interface_uid: 'eni-0a1b2c3d4e5f60718' })
  assert.deepEqual(event.connection_info, {
    direction_id: 1,
    direction: 'Inbound',
    protocol_num: 6,
    protocol_name: 'tcp',
    protocol_ver_id: 4,
  })
  assert.deepEqual(event.traffic, { packets: 12, bytes: 4249 })
  assert.equal(event.cloud.account.uid, '123456789012')
  assert.equal(event.workload, undefined)
  assert.equal(event.unmapped, undefined)
})

test('who is behind an interface: configured, said by the flow, or its description', () => {
  const eni = 'eni-0a1b2c3d4e5f60718'
  const uid = (owner: string) => convert('default line', { enis: { [eni]: owner } }).workload?.uid
  assert.equal(uid('i-0b7d2c9e41f6a3850'), 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(
    uid('arn:aws:lambda:eu-central-1:123456789012:function:orders:prod'),
    'function/aws/123456789012/eu-central-1/orders',
  )
  assert.equal(uid('docker://3f2a9c0d11ee44556677'), 'container/3f2a9c0d11ee')
  const five = convert('version 5 behind its header')
  assert.equal(five.workload?.uid, 'vm/i-0b7d2c9e41f6a3850')
  assert.equal(five.workload?.region, 'eu-central-1')
  assert.equal(convert('interface of a function').workload?.uid, 'function/aws/123456789012/eu-central-1/orders')
})

test('version 5: the packet is from behind the interface, the direction is said', () => {
  const event = convert('version 5 behind its header')
  assert.deepEqual(event.src_endpoint, {
    ip: '10.0.7.7',
    port: 40100,
    intermediate_ips: ['10.0.1.5'],
    interface_uid: 'eni-0a1b2c3d4e5f60718',
    vpc_uid: 'vpc-0abc',
    subnet_uid: 'subnet-0abc',
    instance_uid: 'i-0b7d2c9e41f6a3850',
  })
  assert.equal(event.dst_endpoint.svc_name, 'S3')
  assert.equal(event.observation_point_id, 1)
  assert.equal(event.connection_info.tcp_flags, 19)
  assert.equal(event.connection_info.boundary_id, 11)
  assert.equal(event.cloud.zone, 'euc1-az2')
  assert.equal(event.metadata.product.version, '5')
  assert.match(event.raw_data ?? '', /^version vpc-id .*\n5 vpc-0abc/)
})

test('a task of ECS is its container; a transit gateway has two sides; unknown direction is seen from neither', () => {
  const task = convert('parquet row of a task')
  assert.equal(task.workload?.uid, 'container/3f2a9c0d11ee')
  assert.equal(task.workload?.cluster, 'shop')
  assert.equal(task.src_endpoint.container.name, 'cart')
  assert.equal(task.connection_info.protocol_name, 'udp')
  assert.equal(task.dst_endpoint.ip, '2001:db8::9')
  const transit = convert('transit gateway')
  assert.equal(transit.src_endpoint.owner.account.uid, '111111111111')
  assert.equal(transit.dst_endpoint.interface_uid, 'eni-0d')
  assert.equal(transit.network_observation_point.uid, 'tgw-0a')
  assert.equal(transit.unmapped?.['packets-lost-blackhole'], 0)
  const inside = convert('between private addresses')
  assert.equal(inside.connection_info.direction_id, 0)
  assert.deepEqual(inside.network_observation_point, { interface_uid: 'eni-0a1b2c3d4e5f60718' })
})

test('no traffic and lost records are coverage', () => {
  const silent = convert('no data')
  assert.equal(silent.class_uid, 99906002)
  assert.equal(silent.status, 'Ok')
  assert.equal(silent.source.name, 'vpc_flow/eni-0a1b2c3d4e5f60718')
  const lost = convert('skipped')
  assert.equal(lost.status, 'Degraded')
  assert.equal(lost.severity_id, 2)
})

test('files, headers, lists of fields, deliveries', () => {
  const line = given('default line') as unknown as string
  const five = given('version 5 behind its header') as unknown as string
  assert.equal(vpcFlow.split?.(`${line}\n${line}\n`)?.length, 2)
  const parts = vpcFlow.split?.(`${five}\n${five.split('\n')[1]}\n`) as string[]
  assert.deepEqual(parts, [five, five])
  assert.equal(vpcFlow.split?.(five), undefined)
  assert.ok(vpcFlow.isHeader?.(five.split('\n')[0] as string))
  assert.deepEqual(make(vpcFlow, five.split('\n')[0]).outcome, { kind: 'drop', reason: 'header_line' })
  const custom = eventOf(vpcFlow, '1768206600 203.0.113.7 10.0.1.5', { fields: '${start} ${srcaddr} ${dstaddr}' })
  assert.equal(custom.src_endpoint.ip, '203.0.113.7')
  assert.match(refusalOf(vpcFlow, '2 3 4'), /^wrong_field_count: expected 14 fields .* found 3/)
  const payload = {
    messageType: 'DATA_MESSAGE',
    logGroup: 'flows',
    logEvents: [{ id: '1', timestamp: 1, message: line }],
  }
  const data = gzipSync(JSON.stringify(payload)).toString('base64')
  const [inner] = vpcFlow.split?.(JSON.stringify({ awslogs: { data } })) ?? []
  assert.equal(eventOf(vpcFlow, inner).dst_endpoint.port, 22)
  assert.equal(eventOf(vpcFlow, `2026-01-12T08:30:00.000Z ${line}`).dst_endpoint.port, 22)
})

test('a wrong value costs its field; without a time or an address it is refused', () => {
  const line = given('default line') as unknown as string
  const odd = line.replace('203.0.113.7', '203.0.113').replace(' 22 ', ' 70000 ').replace('REJECT', 'MAYBE')
  assert.deepEqual(unmappedOf(vpcFlow, odd), { srcaddr: '203.0.113', dstport: '70000', action: 'MAYBE' })
  const never = line.replace('1768206600', '99999999999999').replace('1768206660', 'x')
  assert.match(refusalOf(vpcFlow, never), /^bad_time: start: required, expected a date/)
  assert.deepEqual(unmappedOf(vpcFlow, { srcaddr: { a: 1 }, dstaddr: '10.0.0.1' }), { srcaddr: { a: 1 } })
  assert.match(refusalOf(vpcFlow, { hello: 1 }), /^not_vpc_flow/)
  assert.equal(convert('camel case without a time').time, RECEIVED)
})

const shared = corpusOf('vpc_flow', ['parser-corpus/aws_vpc_flow.jsonl', 'panther-tests/AWS.VPCFlow.jsonl'])
test('all flow records of the corpus become valid OCSF', { skip: shared ? false : '../shared/data is absent' }, () => {
  const report = corpusReport(vpcFlow, shared ?? [])
  assert.ok(report.events > 15)
  assert.deepEqual([report.rejected, report.dropped, report.problems], [{}, {}, {}])
})

test('a table with commas: behind its header, and by the option', () => {
  const header =
    'account_id,action,dstaddr,dstport,end,flow_direction,interface_id,protocol,srcaddr,srcport,start,version'
  const line = '123456789012,REJECT,10.0.0.5,22,1768206660,ingress,eni-0a,6,2001:db8::7,51515,1768206600,5'
  for (const [record, config] of [
    [`${header}\n${line}`, {}],
    [line, { fields: header }],
  ] as const) {
    const event = eventOf(vpcFlow, record, config)
    assert.deepEqual([event.class_uid, event.time, event.action], [4001, 1_768_206_600_000, 'Denied'])
    assert.deepEqual(event.src_endpoint, { ip: '2001:db8::7', port: 51515 })
    assert.equal(event.connection_info.direction, 'Inbound')
  }
  assert.equal(vpcFlow.split?.(`${header}\n${line}\n${line}\n`)?.length, 2)
  assert.equal(vpcFlow.detect(`${header}\n${line}`), 1)
})
