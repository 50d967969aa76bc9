import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase, RECEIVED, refusalOf, unmappedOf } from '../../test/format-cases.js'
import { falco } from './falco.js'
import { attacksOf } from './mitre.js'

const given = (name: string) => fixtureCase('falco/alerts.jsonl', name)
const convert = (name: string) => eventOf(falco, given(name))

test('a shell in a container: finding, actor, container workload, techniques, pod', () => {
  const event = convert('shell in container')
  assert.equal(event.class_uid, 2004)
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15, 123))
  assert.equal(event.severity, 'Low')
  assert.equal(event.finding_info.title, 'Terminal shell in container')
  assert.deepEqual(event.actor.user, { name: 'root', uid: '0' })
  assert.equal(event.actor.process.pid, 3120)
  assert.deepEqual(event.actor.process.parent_process, { pid: 3001, name: 'node', cmd_line: 'node server.js' })
  assert.deepEqual(event.actor.process.ancestry, [{ name: 'containerd-shim' }, { name: 'systemd' }])
  assert.equal(event.actor.process.file.path, '/bin/busybox')
  assert.equal(event.actor.process.session.terminal, '34816')
  assert.equal(event.evidences[0].container.image.uid, 'sha256:77c1')
  assert.equal(event.evidences[0].container.pod_uuid, '0c5a1b1e-2f0e-4a3b-9d6a-1c2d3e4f5a6b')
  assert.deepEqual(event.resources, [
    { name: 'shop-api-6c9f', type: 'pod', namespace: 'shop', uid: '0c5a1b1e-2f0e-4a3b-9d6a-1c2d3e4f5a6b' },
  ])
  assert.deepEqual(event.workload, {
    kind: 'container',
    uid: 'container/9c1f0b7ad2e4',
    name: 'shop-api',
    group: 'registry.shop.example/shop-api:2.3.1',
    image: 'registry.shop.example/shop-api:2.3.1',
    namespace: 'shop',
    labels: {
      'io.kubernetes.pod.name': 'shop-api-6c9f',
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.pod.uid': '0c5a1b1e-2f0e-4a3b-9d6a-1c2d3e4f5a6b',
      'io.kubernetes.container.name': 'shop-api',
    },
  })
  assert.deepEqual(
    event.finding_info.attacks.map((attack: any) => [attack.technique.uid, attack.tactic.name]),
    [
      ['T1059', 'Execution'],
      ['T1609', 'Execution'],
    ],
  )
  assert.deepEqual(event.unmapped, { 'evt.type': 'execve', 'user.loginuid': -1 })
  assert.equal(JSON.parse(event.raw_data ?? '').rule, 'Terminal shell in container')
})

test('a connection by a host process: endpoints, direction, vm workload', () => {
  const event = convert('miner connects out')
  const [evidence] = event.evidences
  assert.deepEqual(evidence.src_endpoint, { ip: '10.20.0.11', port: 41532 })
  assert.deepEqual(evidence.dst_endpoint, { ip: '203.0.113.9', port: 3333 })
  assert.deepEqual(evidence.connection_info, { direction_id: 2, protocol_name: 'tcp' })
  assert.equal(event.severity, 'Critical')
  assert.equal(event.actor.user.uid, '33')
  assert.equal(event.workload?.uid, 'vm/node-7')
  assert.equal(evidence.container, undefined)
  assert.equal(event.unmapped?.['proc.tty'], 0)
})

test('a connection known only by its name is read from there', () => {
  const record = given('miner connects out')
  const fields = { 'fd.name': '172.17.0.9:43812->10.96.0.1:443', 'evt.type': 'sendto' }
  const [evidence] = eventOf(falco, { ...record, output_fields: fields }).evidences
  assert.deepEqual(evidence.src_endpoint, { ip: '172.17.0.9', port: 43812 })
  assert.deepEqual(evidence.dst_endpoint, { ip: '10.96.0.1', port: 443 })
})

test('a file below /etc: file evidence, <NA> is no value, an empty container id is the host', () => {
  const event = convert('write below etc')
  assert.deepEqual(event.evidences[0].file, {
    name: 'x',
    path: '/etc/cron.d/x',
    parent_folder: '/etc/cron.d',
    type_id: 1,
  })
  assert.equal(event.actor.process.parent_process, undefined)
  assert.equal(event.workload?.kind, 'vm')
  assert.equal(event.severity, 'High')
  assert.equal(event.unmapped?.['evt.arg.flags'], 'O_WRONLY')
})

test('a Kubernetes audit alert: who did what to which pod; the machine Falco runs on only reports', () => {
  const event = convert('exec to a pod')
  assert.equal(event.actor.user.name, 'mallory')
  assert.equal(event.evidences[0].api.operation, 'create')
  assert.equal(event.evidences[0].api.response.code, 101)
  assert.deepEqual(event.resources, [{ name: 'shop-api-6c9f', type: 'pods/exec', namespace: 'shop' }])
  assert.equal(event.workload?.uid, 'pod/shop/shop-api-6c9f')
  assert.equal(event.device, undefined)
  assert.deepEqual(event.metadata.reporter, { hostname: 'node-7' })
})

test('every documented field of the Kubernetes plugin has its place', () => {
  const record = given('exec to a pod')
  const fields = {
    'ka.user.name': 'mallory',
    'ka.user.groups': '(dev,system:authenticated)',
    'ka.impuser.name': 'admin',
    'ka.verb': 'create',
    'ka.sourceips': '[203.0.113.7,10.0.0.4]',
    'ka.auth.decision': 'allow',
    'ka.auth.reason': 'RBAC: allowed',
    'ka.target.resource': 'pods',
    'ka.target.name': 'web-0',
    'ka.req.pod.host_network': 'true',
    'ka.uri.param[command]': 'id',
  }
  const event = eventOf(falco, { ...record, output_fields: fields })
  const [evidence] = event.evidences
  assert.deepEqual(event.actor.user.groups, [{ name: 'dev' }, { name: 'system:authenticated' }])
  assert.deepEqual(evidence.http_request.http_headers, [{ name: 'Impersonate-User', value: 'admin' }])
  assert.deepEqual(evidence.src_endpoint, { ip: '203.0.113.7', intermediate_ips: ['10.0.0.4'] })
  assert.equal(event.actor.authorizations[0].decision, 'allow')
  assert.deepEqual(evidence.api.request.data, { 'req.pod.host_network': 'true', command: 'id' })
  assert.equal(event.workload?.uid, 'pod/default/web-0')
  assert.equal(event.unmapped, undefined)
})

test('environment, login account, owners and labels; metadata of the plugin k8smeta', () => {
  const record = given('shell in container')
  const event = eventOf(falco, {
    ...record,
    output_fields: {
      'container.id': '9c1f0b7ad2e4',
      'container.labels': 'app=shop,tier=api',
      'container.privileged': true,
      'proc.env': 'PATH=/bin:/usr/bin LANG=C',
      'user.loginuid': 1000,
      'k8smeta.pod.name': 'shop-api-0',
      'k8smeta.ns.name': 'shop',
      'k8smeta.deployment.name': 'shop-api',
    },
  })
  const [evidence] = event.evidences
  assert.deepEqual(evidence.process.environment_variables, [
    { name: 'PATH', value: '/bin:/usr/bin' },
    { name: 'LANG', value: 'C' },
  ])
  assert.equal(event.actor.process.session.uid_alt, '1000')
  assert.deepEqual(evidence.container.labels, ['app=shop', 'tier=api'])
  assert.deepEqual(evidence.container.tags, [{ name: 'privileged', value: 'true' }])
  assert.deepEqual(event.resources[1], { name: 'shop-api', type: 'deployment', namespace: 'shop' })
  assert.equal(event.workload?.namespace, 'shop')
  assert.equal(event.unmapped, undefined)
})

test('alerts inside of what a log shipper or CloudEvents put around them; priorities as numbers', () => {
  const record = given('shell in container')
  const shipped = eventOf(falco, { log: `${JSON.stringify(record)}\n`, stream: 'stdout' })
  assert.equal(shipped.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.deepEqual(shipped.unmapped?.envelope, { stream: 'stdout' })
  const event = { specversion: '1.0', type: 'falco.rule.output.v1', source: 'https://falco.org', id: '1', data: record }
  assert.equal(eventOf(falco, event).finding_info.title, 'Terminal shell in container')
  assert.ok(falco.detect(event) > 0.9)
  assert.equal(eventOf(falco, { ...record, priority: 2 }).severity, 'Critical')
})

test('a CloudTrail plugin alert: account, source address, the record it is about', () => {
  const event = convert('console login without MFA')
  assert.equal(event.actor.user.uid, 'arn:aws:iam::123456789012:user/bob')
  assert.equal(event.evidences[0].src_endpoint.ip, '203.0.113.77')
  assert.deepEqual(event.cloud, { provider: 'AWS', region: 'eu-central-1', account: { uid: '123456789012' } })
  assert.deepEqual(event.finding_info.related_events, [{ uid: '0f1e2d3c-0000-4000-8000-aaaaaaaaaaaa' }])
  assert.equal(event.metadata.uid, '6f6c1a52-5b0a-4a36-8f5e-0e0b0d0c0a01')
})

test('dropped system calls become coverage with the number lost', () => {
  const event = convert('calls dropped')
  assert.equal(event.class_uid, 99906002)
  assert.equal(event.lost_count, 812)
  assert.equal(event.status, 'Degraded')
  assert.equal(event.workload?.uid, 'vm/node-7')
  assert.equal(event.unmapped?.n_evts, '120331')
  assert.equal(convert('metrics snapshot').status, 'Ok')
})

test('without a time it is the time of receipt, and the uid does not depend on it', () => {
  const event = convert('without times and tags')
  assert.equal(event.time, RECEIVED)
  assert.equal(event.severity_id, 99)
  assert.equal(event.severity, 'Weird')
  assert.deepEqual(event.unmapped, { 'custom.field': ['a', 'b'] })
  assert.match(event.metadata.uid ?? '', /^00000000-0000-7/)
})

test('an unreadable time is kept as text beside the time of receipt; a year that cannot be is refused', () => {
  const record = given('without times and tags')
  const event = eventOf(falco, { ...record, time: 'redacted' })
  assert.equal(event.time, RECEIVED)
  assert.equal(event.metadata.original_time, 'redacted')
  assert.match(refusalOf(falco, { ...record, time: '9999-01-01T00:00:00Z' }), /^bad_time: time: /)
})

test('a value of a wrong type costs its field; without a rule it is refused', () => {
  const record = given('shell in container')
  const refuse = (change: object) => refusalOf(falco, { ...record, ...change })
  assert.match(refuse({ rule: true }), /^not_falco: rule: required, expected a string, found boolean true/)
  assert.deepEqual(unmappedOf(falco, { ...record, tags: ['a', 1] }).tags, ['a', 1])
  assert.equal(unmappedOf(falco, { ...record, output_fields: 'x' }).output_fields, 'x')
  assert.match(refuse({ rule: undefined }), /^not_falco: rule/)
  assert.match(refusalOf(falco, '[]'), /^not_falco: /)
})

test('an output field of another type stays unmapped, and the alert is kept', () => {
  const record = given('shell in container')
  const output_fields = {
    ...(record.output_fields as object),
    'proc.pid': 'x',
    'proc.name': true,
    'user.loginuid': 'nobody',
  }
  const event = eventOf(falco, { ...record, output_fields })
  assert.equal(event.actor.process.cmd_line, eventOf(falco, record).actor.process.cmd_line)
  assert.equal(event.actor.process.pid, undefined)
  assert.equal(event.unmapped?.['proc.pid'], 'x')
  assert.equal(event.unmapped?.['proc.name'], true)
  assert.equal(event.unmapped?.['user.loginuid'], 'nobody')
})

test('MITRE tags: sub-techniques, one tactic for all techniques, several tactics alone', () => {
  assert.deepEqual(attacksOf(['T1053.003', 'mitre_persistence', 'PCI_DSS_10.2.7']), [
    {
      tactic: { uid: 'TA0003', name: 'Persistence' },
      technique: { uid: 'T1053' },
      sub_technique: { uid: 'T1053.003' },
    },
  ])
  assert.deepEqual(attacksOf(['t1496', 'TA0040', 'mitre_execution']), [
    { technique: { uid: 'T1496' } },
    { tactic: { uid: 'TA0040', name: 'Impact' } },
    { tactic: { uid: 'TA0002', name: 'Execution' } },
  ])
  assert.deepEqual(attacksOf(['mitre_discovery']), [{ tactic: { uid: 'TA0007', name: 'Discovery' } }])
})
