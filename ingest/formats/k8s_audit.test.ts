import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { corpusOf, corpusReport } from '../../test/corpus.js'
import {
  eventOf,
  eventsOf,
  fixtureCase,
  RECEIVED,
  refusalOf,
  sharedRecords,
  unmappedOf,
} from '../../test/format-cases.js'
import { k8sAudit } from './k8s_audit.js'

const given = (name: string) => fixtureCase('k8s_audit/events.jsonl', name)
const convert = (name: string, config?: object) => eventOf(k8sAudit, given(name), config)
const second = (at: number, ms: number) => Date.UTC(2026, 0, 12, 8, 30, at, ms)

test('exec: who ran what in which container of which pod, from where, and who allowed it', () => {
  const event = convert('exec into a pod')
  assert.equal(event.class_uid, 6003)
  assert.equal(event.activity_name, 'Read')
  assert.equal(event.time, second(15, 456))
  assert.equal(event.start_time, second(15, 123))
  assert.equal(event.status, 'Success')
  assert.equal(event.severity, 'Informational')
  assert.deepEqual(event.actor.user, {
    name: 'mallory@shop.example',
    uid: 'u-17',
    type_id: 1,
    type: 'User',
    groups: [{ name: 'dev' }, { name: 'system:authenticated' }],
    email_addr: 'mallory@shop.example',
  })
  assert.deepEqual(event.actor.authorizations, [
    {
      decision: 'allow',
      policy: {
        name: 'dev-exec',
        type: 'RBAC',
        desc: 'RBAC: allowed by RoleBinding "dev-exec" of Role "exec" to Group "dev"',
      },
    },
  ])
  assert.deepEqual(event.resources, [
    {
      name: 'shop-api-6c9f7d5b48-x2x7k',
      type: 'pods',
      namespace: 'shop',
      role_id: 1,
      data: { subresource: 'exec' },
    },
  ])
  assert.deepEqual(event.api.request.data.command, ['sh', '-c', 'id'])
  assert.equal(event.api.response.code, 101)
  assert.deepEqual(event.src_endpoint, { ip: '203.0.113.7', intermediate_ips: ['10.0.0.4'] })
  assert.equal(event.http_request.url.path, '/api/v1/namespaces/shop/pods/shop-api-6c9f7d5b48-x2x7k/exec')
  assert.equal(event.message, 'mallory@shop.example: get pods/exec shop/shop-api-6c9f7d5b48-x2x7k (sh -c id): 101')
  assert.equal(event.workload?.kind, 'container')
  assert.equal(event.workload?.uid, 'pod/shop/shop-api-6c9f7d5b48-x2x7k')
  assert.equal(event.workload?.group, 'shop/shop-api')
  assert.equal(event.workload?.labels?.['io.kubernetes.container.name'], 'api')
  assert.deepEqual(event.unmapped, { 'user.extra.scopes.example.org/tier': ['gold'] })
  assert.equal(convert('exec into a pod', { cluster: 'b' }).workload?.uid, 'pod/b/shop/shop-api-6c9f7d5b48-x2x7k')
})

test('a privileged pod: its privileges are flags, the pod is the workload, the calling pod is the source', () => {
  const event = convert('privileged pod created')
  assert.equal(event.activity_name, 'Create')
  assert.deepEqual(event.api.request.flags, [
    'host_network',
    'host_pid',
    'host_path:/',
    'privileged',
    'capability:SYS_ADMIN',
  ])
  assert.equal(event.actor.user.type, 'Service')
  assert.equal(event.src_endpoint.name, 'runner-0')
  assert.equal(event.src_endpoint.hostname, 'node-3')
  assert.equal(event.resources[0].name, 'node-shell')
  assert.equal(event.resources[0].uid, 'dd0c2d1e-0000-4000-8000-000000000001')
  assert.equal(event.workload?.uid, 'pod/kube-system/node-shell')
  assert.equal(event.workload?.image, 'registry.shop.example/tools:1.0')
  assert.equal(event.workload?.labels?.app, 'shell')
  assert.equal(event.duration, 20)
  assert.deepEqual(event.metadata.tags, [
    { name: 'pod-security.kubernetes.io/enforce-policy', value: 'privileged:latest' },
  ])
})

test("a pod's status names its container: the workload is the container", () => {
  const event = convert('kubelet reports the pod runs')
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.actor.user.type, 'System')
  assert.equal(event.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.equal(event.workload?.name, 'api')
  assert.equal(event.workload?.group, 'registry.shop.example/shop-api:2.3.1')
  assert.equal(event.workload?.namespace, 'shop')
  const [container] = event.api.response.containers
  assert.equal(container.pod_uuid, '0c5a1b1e-2f0e-4a3b-9d6a-1c2d3e4f5a6b')
  assert.equal(container.image.uid, `sha256:${'77c1'.repeat(16)}`)
  assert.equal(container.runtime, 'containerd')
})

test('cluster-admin for everybody, by somebody who acts as somebody else', () => {
  const event = convert('cluster-admin bound')
  assert.equal(event.actor.user.name, 'root@shop.example')
  assert.equal(event.actor.user.type, 'Admin')
  assert.deepEqual(event.api.request.flags, ['impersonation', 'cluster_admin', 'public_binding'])
  assert.deepEqual(event.http_request.http_headers, [
    { name: 'Impersonate-User', value: 'system:admin' },
    { name: 'Impersonate-Group', value: 'system:masters' },
  ])
  assert.equal(event.api.group.name, 'rbac.authorization.k8s.io')
  assert.equal(event.resources[0].type, 'clusterrolebindings')
  assert.equal(event.workload, undefined)
})

test('a refused call of nobody: failure, code, reason, and the kind where there is no name', () => {
  const event = convert('anonymous reads secrets')
  assert.equal(event.status, 'Failure')
  assert.equal(event.status_code, '403')
  assert.match(event.status_detail, /^secrets is forbidden/)
  assert.equal(event.api.response.error, 'Forbidden')
  assert.equal(event.actor.user.type, 'Anonymous')
  assert.equal(event.actor.authorizations[0].decision, 'forbid')
  assert.deepEqual(event.resources, [{ name: 'secrets', type: 'secrets', role_id: 1 }])
  assert.deepEqual(event.unmapped, { 'responseStatus.details': { kind: 'secrets' } })
})

test('a request that is only received has no outcome yet; a path without a resource; an old server', () => {
  const received = convert('request received')
  assert.equal(received.status, 'Unknown')
  assert.equal(received.metadata.event_code, 'RequestReceived')
  assert.deepEqual(received.resources, [{ name: '/healthz', type: 'path' }])
  assert.equal(received.src_endpoint.ip, '::1')
  const old = convert('of an old server')
  assert.equal(old.time, second(20, 0))
  assert.equal(old.activity_name, 'Delete')
  assert.equal(old.unmapped, undefined)
})

test('EKS: each message of the subscription; the node is the same VM as in CloudTrail', () => {
  const record = given('EKS in CloudWatch Logs')
  const parts = k8sAudit.split?.(record) ?? []
  assert.equal(parts.length, 2)
  const event = eventOf(k8sAudit, parts[0])
  assert.equal(event.time, second(21, 142))
  assert.equal(event.workload?.kind, 'vm')
  assert.equal(event.workload?.uid, 'vm/i-0abcdef0123456789')
  assert.equal(event.workload?.cluster, 'shop')
  assert.equal(event.workload?.provider, 'aws')
  assert.deepEqual(event.cloud, { provider: 'AWS', account: { uid: '123456789012' } })
  assert.equal(event.metadata.product.feature?.name, 'Amazon EKS')
  assert.equal(event.metadata.logged_time, 1768206621200)
  assert.equal(event.actor.user.credential_uid, 'ASIAEXAMPLE')
  assert.equal(event.actor.session.issuer, 'arn:aws:iam::123456789012:role/node')
  assert.equal(eventsOf(k8sAudit, record).length, 2)
  // As Lambda gets it.
  const data = gzipSync(JSON.stringify(record)).toString('base64')
  assert.equal(eventsOf(k8sAudit, { awslogs: { data } }).length, 2)
  const scheduler = { ...record, logStream: 'kube-scheduler-0a1b', logEvents: [{ message: 'I0112 bound' }] }
  const outcome = k8sAudit.create({})(k8sAudit.split?.(scheduler)?.[0], { received_time: RECEIVED })
  assert.deepEqual(outcome, { kind: 'drop', reason: 'other_log_stream' })
})

test('AKS and GKE: cluster, account, and the same call in the same words', () => {
  const aks = convert('AKS diagnostic settings')
  assert.equal(aks.time, second(15, 456))
  assert.equal(aks.workload?.uid, 'pod/shop-aks/shop/shop-api-6c9f7d5b48-x2x7k')
  assert.deepEqual(aks.cloud, { provider: 'Azure', account: { uid: '0b1c2d3e-0000-4000-8000-000000000001' } })
  assert.deepEqual(aks.metadata.reporter, { name: 'kube-apiserver-0' })
  const gke = convert('GKE in Cloud Logging')
  assert.equal(gke.time, second(23, 987))
  assert.equal(gke.api.operation, 'create')
  assert.notEqual(gke.api.request.uid, 'unknown')
  assert.equal(gke.resources[0].type, 'pods')
  assert.equal(gke.resources[0].data.subresource, 'exec')
  assert.equal(gke.actor.user.name, 'mallory@shop.example')
  assert.equal(gke.status, 'Failure')
  assert.equal(gke.api.response.code, 403)
  assert.equal(gke.workload?.uid, 'pod/shop-gke/shop/shop-db-0')
  assert.equal(gke.workload?.group, 'shop/shop-db')
  assert.deepEqual(gke.cloud, {
    provider: 'GCP',
    account: { uid: 'shop-1' },
    region: 'europe-west3',
    zone: 'europe-west3-a',
  })
})

test('lists as the webhook sends them, and lines of a log shipper', () => {
  const event = given('exec into a pod')
  const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items: [event, event] }
  assert.equal(k8sAudit.split?.(list)?.length, 2)
  const line = { log: `${JSON.stringify(event)}\n`, stream: 'stdout', file: 'audit.log' }
  assert.deepEqual(eventOf(k8sAudit, line).unmapped?.file, 'audit.log')
  assert.ok(k8sAudit.detect(line) > 0.9)
})

test('what is none is refused with the reason', () => {
  const event = given('exec into a pod')
  assert.match(refusalOf(k8sAudit, { ...event, verb: undefined }), /^not_kubernetes_audit: verb: required/)
  assert.match(
    refusalOf(k8sAudit, { ...event, verb: true }),
    /^not_kubernetes_audit: verb: required, expected a string/,
  )
  assert.deepEqual(unmappedOf(k8sAudit, { ...event, sourceIPs: [1] }).sourceIPs, [1])
  assert.match(refusalOf(k8sAudit, { ...event, stageTimestamp: '9999-01-01T00:00:00Z' }), /^bad_time: stageTimestamp/)
  assert.equal(unmappedOf(k8sAudit, { ...event, user: 'root' }).user, 'root')
  assert.match(refusalOf(k8sAudit, '"text"'), /^not_kubernetes_audit: /)
})

const cases = sharedRecords('falco-k8s-audit/traces')
test("Falco's traces: what its rules look for is there", { skip: cases ? false : 'shared data is absent' }, () => {
  const flags = (trace: string) => {
    const records = (cases ?? []).filter(({ file }) => file.endsWith(`/${trace}.json`))
    return records.flatMap(({ record }) => eventOf(k8sAudit, record).api.request.flags ?? [])
  }
  assert.deepEqual(flags('create_nginx_pod_privileged'), ['privileged'])
  assert.deepEqual(flags('create_nginx_pod_privileged_2nd_container'), ['privileged'])
  assert.deepEqual(flags('create_nginx_pod_unprivileged'), [])
  assert.deepEqual(flags('create_nginx_pod_hostnetwork'), ['host_network'])
  assert.deepEqual(flags('create_nginx_pod_sensitive_mount'), ['host_path:/etc'])
  assert.deepEqual(flags('attach_cluster_admin_role'), ['cluster_admin'])
  assert.deepEqual(flags('create_cluster_role_wildcard_resources'), ['wildcard_resources'])
  assert.deepEqual(flags('create_nginx_service_nodeport'), ['node_port'])
  assert.deepEqual(flags('anonymous_creates_namespace_foo'), ['anonymous'])
})

const rules = [
  'panther-tests/Amazon.EKS.Audit.jsonl',
  'panther-tests/Amazon.EKS.Audit+Azure.MonitorActivity+GCP.AuditLog.jsonl',
]
test("events of other people's rules become valid", { skip: sharedRecords(rules[0] ?? '') ? false : 'absent' }, () => {
  const report = corpusReport(k8sAudit, corpusOf('k8s_audit', rules) ?? [])
  assert.ok(report.events > 100)
  assert.deepEqual(report.problems, {})
  assert.deepEqual(report.rejected, {})
})

test('values of secrets and tokens are nowhere in the event, names of their keys are', () => {
  const SECRET = 'c3VwZXItc2VjcmV0'
  const call = (
    resource: string,
    subresource: string | undefined,
    requestObject: unknown,
    responseObject: unknown,
  ) => ({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: 'a-1',
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/shop/x',
    verb: 'update',
    user: { username: 'mallory' },
    objectRef: { resource, namespace: 'shop', name: 'x', apiVersion: 'v1', ...(subresource ? { subresource } : {}) },
    responseStatus: { code: 200 },
    requestReceivedTimestamp: '2026-01-12T08:30:00.000000Z',
    stageTimestamp: '2026-01-12T08:30:00.100000Z',
    requestObject,
    responseObject,
  })
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"password":"${SECRET}"}}`,
    team: 'a',
  }
  const secret = { kind: 'Secret', metadata: { name: 'x', annotations }, data: { password: SECRET }, type: 'Opaque' }
  const update = call('secrets', undefined, secret, {
    kind: 'SecretList',
    items: [secret, { ...secret, kind: undefined }],
  })
  const records = [
    update,
    call('secrets', undefined, [{ op: 'replace', path: '/data/password', value: SECRET }], secret),
    call('secrets', undefined, { stringData: { password: SECRET } }, null),
    call(
      'tokenreviews',
      undefined,
      { kind: 'TokenReview', spec: { token: SECRET } },
      { kind: 'TokenReview', spec: { token: SECRET }, status: { authenticated: true } },
    ),
    call(
      'serviceaccounts',
      'token',
      { kind: 'TokenRequest', spec: { audiences: ['a'] } },
      { kind: 'TokenRequest', status: { token: SECRET } },
    ),
    { logGroup: '/aws/eks/shop/cluster', logStream: 'kube-apiserver-audit-1', message: JSON.stringify(update) },
    { properties: { log: JSON.stringify(update), pod: 'p' }, category: 'kube-audit' },
    {
      insertId: 'i',
      timestamp: '2026-01-12T08:30:00Z',
      resource: { type: 'k8s_cluster', labels: { cluster_name: 'c', project_id: 'p', location: 'l' } },
      protoPayload: {
        '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
        serviceName: 'k8s.io',
        methodName: 'io.k8s.core.v1.secrets.update',
        resourceName: 'core/v1/namespaces/shop/secrets/x',
        authenticationInfo: { principalEmail: 'm@shop.example' },
        request: { ...secret, kind: undefined, '@type': 'core.k8s.io/v1.Secret' },
      },
    },
  ]
  for (const record of records) {
    const before = JSON.stringify(record)
    const event = eventOf(k8sAudit, record)
    const text = JSON.stringify(event)
    assert.ok(!text.includes(SECRET), text)
    assert.ok(event.raw_data?.includes('removed by Weir'))
    assert.equal(JSON.stringify(record), before, 'what was given is not changed')
  }
  const { data } = eventOf(k8sAudit, update).api.request
  assert.deepEqual([Object.keys(data.data), data.metadata.annotations.team], [['password'], 'a'])
  const pods = call('pods', undefined, { kind: 'Pod', data: { a: SECRET } }, null)
  assert.ok(JSON.stringify(eventOf(k8sAudit, pods).api).includes(SECRET), 'other bodies stay as they are')
})
