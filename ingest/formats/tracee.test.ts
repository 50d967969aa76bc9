import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { tracee } from './tracee.js'

const given = (name: string) => fixtureCase('tracee/events.jsonl', name)
const convert = (name: string) => eventOf(tracee, given(name))

test('a process in a container: host pid and its own, user, hash, container workload', () => {
  const event = convert('shell in a container')
  assert.equal(event.class_uid, 1007)
  assert.equal(event.activity_name, 'Launch')
  assert.equal(event.time, 1768206615123)
  assert.equal(event.status, 'Success')
  assert.equal(event.severity, 'Informational')
  const { process } = event
  assert.equal(process.pid, 3120)
  assert.equal(process.namespace_pid, 42)
  assert.equal(process.cmd_line, 'sh -c id')
  assert.equal(process.created_time, 1768206615100)
  assert.deepEqual(process.user, { uid: '1000' })
  assert.deepEqual(process.file.hashes, [{ algorithm_id: 3, algorithm: 'SHA-256', value: 'ab'.repeat(32) }])
  assert.deepEqual(process.environment_variables[1], { name: 'LANG', value: 'C' })
  assert.equal(event.actor.process.pid, 3001)
  assert.equal(event.policy.name, 'shells')
  assert.equal(event.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.equal(event.workload?.name, 'api')
  assert.equal(event.workload?.group, 'registry.shop.example/shop-api:2.3.1')
  assert.equal(event.workload?.labels?.['io.kubernetes.pod.name'], 'shop-api-6c9f7d5b48-x2x7k')
  assert.equal(process.container.image.uid, `sha256:${'77c1'.repeat(16)}`)
})

test('the end of a process, a file, a refused connection', () => {
  const exit = convert('process ended')
  assert.equal(exit.activity_name, 'Terminate')
  assert.equal(exit.exit_code, 137)
  assert.equal(exit.status_detail, 'signal 9')
  const file = convert('file opened')
  assert.equal(file.class_uid, 1001)
  assert.equal(file.activity_name, 'Open')
  assert.equal(file.file.path, '/etc/shadow')
  assert.equal(file.file.uid, '4711')
  assert.equal(file.unmapped?.['args.flags'], 'O_RDONLY|O_LARGEFILE')
  const connection = convert('connection refused')
  assert.equal(connection.class_uid, 4001)
  assert.equal(connection.activity_name, 'Open')
  assert.deepEqual(connection.dst_endpoint, { ip: '203.0.113.9', port: 3333 })
  assert.equal(connection.connection_info.direction_id, 2)
  assert.equal(connection.status, 'Failure')
  assert.equal(connection.status_code, '-111')
})

test('packets: what name was asked for, what page', () => {
  const dns = convert('name asked for')
  assert.equal(dns.class_uid, 4003)
  assert.equal(dns.activity_name, 'Query')
  assert.deepEqual(dns.query, { hostname: 'pool.example.net', type: 'A', class: 'IN' })
  assert.deepEqual(dns.dst_endpoint, { ip: '10.96.0.10', port: 53 })
  assert.equal(dns.connection_info.protocol_name, 'udp')
  const http = convert('page asked for')
  assert.equal(http.class_uid, 4002)
  assert.equal(http.activity_name, 'Get')
  assert.deepEqual(http.http_request.url, { hostname: 'pool.example.net', path: '/x' })
  assert.equal(http.http_request.user_agent, 'curl/8.5.0')
})

test('a process that reaches into another, a module on the host, a new container, any other call', () => {
  const inject = convert('another process traced')
  assert.equal(inject.activity_name, 'Inject')
  assert.equal(inject.process.pid, 3001)
  assert.equal(inject.actor.process.pid, 3120)
  const module = convert('module on the host')
  assert.equal(module.class_uid, 1002)
  assert.equal(module.driver.file.name, 'rootkit')
  assert.equal(module.workload?.uid, 'vm/node-3')
  const created = convert('container made')
  assert.equal(created.class_uid, 99906001)
  assert.equal(created.activity_name, 'Create')
  assert.equal(created.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.equal(created.container.runtime, 'containerd')
  const other = convert('another call')
  assert.equal(other.class_uid, 1003)
  assert.equal(other.kernel.name, 'sched_switch')
})

test('a signature is a finding with its technique, in each of the three shapes', () => {
  const event = convert('code in a pipe')
  assert.equal(event.class_uid, 2004)
  assert.equal(event.severity, 'High')
  assert.equal(event.finding_info.title, 'Process standard input/output over socket detected')
  assert.equal(event.finding_info.analytic.uid, 'TRC-101')
  assert.deepEqual(event.finding_info.attacks, [
    {
      tactic: { uid: 'TA0002', name: 'Execution' },
      technique: { uid: 'T1059' },
      sub_technique: { uid: 'T1059.004', name: 'Unix Shell' },
    },
  ])
  assert.equal(event.evidences[0].process.pid, 3120)
  assert.equal(event.workload?.uid, 'container/9c1f0b7ad2e4')
  const rules = convert('of tracee-rules')
  assert.equal(rules.finding_info.analytic.uid, 'TRC-2')
  assert.equal(rules.severity, 'Low')
  assert.equal(rules.finding_info.attacks[0].technique.uid, 'T1622')
  assert.deepEqual(rules.unmapped?.Data, { ip: '203.0.113.9' })
  const grpc = convert('of gRPC')
  assert.equal(grpc.time, 1768206615123)
  assert.equal(grpc.severity, 'Low')
  assert.equal(grpc.finding_info.title, 'Anti-Debugging detected')
  assert.equal(grpc.evidences[0].process.parent_process.pid, 3001)
  assert.equal(grpc.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.equal(grpc.workload?.labels?.app, 'shop-api')
})

test('what is none is refused with the reason', () => {
  const record = given('shell in a container')
  assert.match(refusalOf(tracee, { ...record, eventName: undefined }), /^not_tracee: eventName: required/)
  const odd = unmappedOf(tracee, { ...record, hostProcessId: 'x', args: [7] })
  assert.deepEqual([odd.hostProcessId, odd.args], ['x', [7]])
  assert.match(refusalOf(tracee, { ...record, timestamp: 9e18 }), /^bad_time: timestamp/)
})
