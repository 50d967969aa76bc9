import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import { eventOf, fixtureCase, RECEIVED, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { tetragon } from './tetragon.js'

const given = (name: string) => fixtureCase('tetragon/events.jsonl', name)
const convert = (name: string) => eventOf(tetragon, given(name))

test('a process in a pod: what, by whom, in which container; the parent is the actor', () => {
  const event = convert('shell in a pod')
  assert.equal(event.class_uid, 1007)
  assert.equal(event.activity_name, 'Launch')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15, 101))
  assert.equal(event.severity, 'Informational')
  assert.equal(event.status, 'Success')
  const { process } = event
  assert.equal(process.pid, 3120)
  assert.equal(process.name, 'sh')
  assert.equal(process.cmd_line, '/bin/sh -c id')
  assert.equal(process.created_time, Date.UTC(2026, 0, 12, 8, 30, 15, 100))
  assert.deepEqual(process.user, { uid: '1000', name: 'app' })
  assert.equal(process.session.uid_alt, '1000')
  assert.equal(process.namespace_pid, 42)
  assert.equal(process.parent_process.name, 'node')
  assert.equal(process.ancestry[0].name, 'containerd-shim-runc-v2')
  assert.deepEqual(process.environment_variables, [{ name: 'LANG', value: 'C' }])
  assert.deepEqual(process.xattributes.capabilities, { effective: ['CAP_SYS_ADMIN'] })
  assert.equal(process.container.image.uid, `sha256:${'77c1'.repeat(16)}`)
  assert.ok(process.container.tags.some(({ name, value }: any) => name === 'privileged' && value === 'true'))
  assert.equal(event.actor.process.pid, 3001)
  assert.equal(event.device.hostname, 'node-3')
  assert.deepEqual(event.workload, {
    kind: 'container',
    uid: 'container/9c1f0b7ad2e4',
    name: 'api',
    group: 'registry.shop.example/shop-api:2.3.1',
    cluster: 'shop',
    namespace: 'shop',
    image: 'registry.shop.example/shop-api:2.3.1',
    labels: {
      app: 'shop-api',
      'io.kubernetes.pod.name': 'shop-api-6c9f7d5b48-x2x7k',
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.pod.uid': '0c5a1b1e-2f0e-4a3b-9d6a-1c2d3e4f5a6b',
      'io.kubernetes.container.name': 'api',
    },
  })
})

test('the end of a process: signal, status, when', () => {
  const event = convert('shell killed')
  assert.equal(event.activity_name, 'Terminate')
  assert.equal(event.exit_code, 137)
  assert.equal(event.status_detail, 'SIGKILL')
  assert.equal(event.process.terminated_time, Date.UTC(2026, 0, 12, 8, 30, 16, 500))
})

test('a socket is network activity: endpoints, direction, policy and technique', () => {
  const event = convert('connection to a miner')
  assert.equal(event.class_uid, 4001)
  assert.equal(event.activity_name, 'Open')
  assert.deepEqual(event.src_endpoint, { ip: '10.1.4.9', port: 41532 })
  assert.deepEqual(event.dst_endpoint, { ip: '203.0.113.9', port: 3333 })
  assert.deepEqual(event.connection_info, {
    direction_id: 2,
    protocol_name: 'tcp',
    protocol_num: 6,
    protocol_ver_id: 4,
  })
  assert.equal(event.actor.process.name, 'curl')
  assert.equal(event.policy.name, 'egress')
  assert.equal(event.action_id, 3)
  assert.equal(event.attacks[0].technique.uid, 'T1496')
  const accepted = convert('accepted')
  assert.equal(accepted.src_endpoint.ip, '10.1.9.9')
  assert.deepEqual(accepted.dst_endpoint, { ip: '10.1.4.9', port: 8080 })
  assert.equal(accepted.connection_info.direction_id, 1)
})

test('a file is file activity, and what a policy stopped is a failure', () => {
  const event = convert('write to /etc blocked')
  assert.equal(event.class_uid, 1001)
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.file.path, '/etc/passwd')
  assert.equal(event.status, 'Failure')
  assert.equal(event.severity, 'Medium')
  assert.equal(event.action_id, 2)
  assert.equal(event.disposition_id, 2)
  assert.match(event.message ?? '', /^Write below etc: tee/)
  const executable = convert('an executable asked for')
  assert.equal(executable.file.path, '/tmp/x')
  assert.equal(executable.activity_name, 'Open')
  assert.equal(executable.status_detail, 'KPROBE_ACTION_SIGKILL')
})

test('modules, programs, credentials and other calls have their own classes', () => {
  const module = convert('module loaded on the host')
  assert.equal(module.class_uid, 1002)
  assert.equal(module.activity_name, 'Load')
  assert.equal(module.driver.file.name, 'rootkit')
  assert.equal(module.workload?.uid, 'vm/node-3')
  const tracepoint = convert('a tracepoint')
  assert.equal(tracepoint.class_uid, 1003)
  assert.equal(tracepoint.kernel.system_call, 'ptrace')
  const uprobe = convert('a function of a program')
  assert.equal(uprobe.class_uid, 1005)
  assert.equal(uprobe.module.function_name, 'readline')
  const library = convert('a library')
  assert.equal(library.activity_name, 'Load')
  assert.equal(library.module.file.path, '/usr/lib/libc.so.6')
  const user = convert('user changed')
  assert.equal(user.activity_name, 'Set User ID')
})

test('what Tetragon did not report is coverage', () => {
  const dropped = convert('events dropped')
  assert.equal(dropped.class_uid, 99906002)
  assert.equal(dropped.lost_count, 812)
  assert.equal(dropped.status, 'Degraded')
  assert.equal(dropped.workload?.uid, 'vm/node-3')
  assert.match(convert('cgroup throttled').message ?? '', /kubepods/)
})

test('without a pod the beginning of the container id is enough; without a time it is that of receipt', () => {
  const { process_exec, time: _, ...record } = given('shell in a pod') as any
  const { pod: __, ...process } = process_exec.process
  const event = eventOf(tetragon, { ...record, process_exec: { process } })
  assert.equal(event.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.equal(event.time, RECEIVED)
})

test('what is none is refused with the reason', () => {
  const record = given('shell in a pod') as any
  const { process } = record.process_exec
  assert.match(refusalOf(tetragon, { time: 'x' }), /^not_tetragon: expected one of process_exec/)
  assert.match(refusalOf(tetragon, { ...record, process_exec: {} }), /^not_tetragon: process_exec\.process: required/)
  const odd = { ...record, process_exec: { process: { ...process, pid: 'x' } } }
  assert.equal(unmappedOf(tetragon, odd)['process_exec.process.pid'], 'x')
  assert.match(refusalOf(tetragon, { ...record, time: '9999-01-01T00:00:00Z' }), /^bad_time: time/)
})

const corpus = corpusOf('tetragon', ['parser-corpus/tetragon.jsonl'])
test('all of the corpus becomes valid OCSF', { skip: corpus ? false : 'shared data is absent' }, () => {
  const report = corpusReport(tetragon, corpus ?? [])
  assert.equal(report.events, report.records)
  assert.ok(report.events >= 20)
  assert.deepEqual(report.problems, {})
  assert.equal(report.workloads.container, report.events)
})
