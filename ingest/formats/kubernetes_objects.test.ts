import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, eventsOf, fixtureCase, make, refusalOf } from '../../test/format-cases.js'
import { kubernetesObjects } from './kubernetes_objects.js'

const given = (name: string) => fixtureCase('kubernetes_objects/events.jsonl', name) as any

test('a pod of a list: its container as inventory, with what makes it dangerous', () => {
  const event = eventOf(kubernetesObjects, given('pod listed'))
  assert.equal(event.class_name, 'Device Inventory Info')
  assert.equal(event.workload?.uid, 'container/9c1f0b7ad2e4')
  assert.equal(event.workload?.namespace, 'shop')
  assert.equal(event.workload?.cluster, 'c1')
  assert.equal(event.workload?.labels?.['io.kubernetes.pod.name'], 'shop-api-6c9f7d5b48-x2x7k')
  assert.equal(event.device.ip, '10.1.2.3')
  assert.equal(event.device.container.image.uid, `sha256:${'77c1'.repeat(16)}`)
  const { configuration } = event.unmapped as any
  assert.equal(configuration.privileged, true)
  assert.deepEqual(configuration.host_namespaces, ['pid'])
  assert.equal(configuration.mounts_host_root, true)
  assert.equal(configuration.service_account, 'shop')
})

test('values of environment variables and the last applied configuration are kept nowhere', () => {
  const text = JSON.stringify(eventsOf(kubernetesObjects, given('pod listed')))
  assert.ok(!text.includes('hunter2') && !text.includes('last-applied') && text.includes('DB_PASSWORD'))
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { key: 'aHVudGVyMg==' } }
  assert.ok(!JSON.stringify(eventsOf(kubernetesObjects, secret)).includes('aHVudGVyMg'))
})

test('a changed binding: an update of a policy, who is bound, when', () => {
  const event = eventOf(kubernetesObjects, given('binding changed'))
  assert.equal(event.class_name, 'Entity Management')
  assert.equal(event.activity_name, 'Update')
  assert.equal(event.time, Date.UTC(2026, 0, 12, 8, 30, 15))
  assert.equal(event.entity.name, 'shop/deployers')
  assert.equal(event.entity.type_id, 5)
  assert.equal(event.entity.type, 'RoleBinding')
  assert.deepEqual(event.entity.data.subjects, [{ kind: 'ServiceAccount', name: 'ci', namespace: 'shop' }])
})

test('a container that started, and one that ran out of memory', () => {
  const started = eventOf(kubernetesObjects, {
    ...given('pod listed'),
    type: 'STARTED',
    container: `9c1f0b7ad2e4${'0'.repeat(52)}`,
  })
  assert.equal(started.class_name, 'Container Lifecycle')
  assert.equal(started.activity_name, 'Start')
  assert.equal(started.time, Date.UTC(2026, 0, 12, 8, 30, 10))
  assert.equal(started.workload?.uid, 'container/9c1f0b7ad2e4')
  const ended = eventOf(kubernetesObjects, { ...given('pod listed'), type: 'TERMINATED', container: 'e'.repeat(64) })
  assert.equal(ended.activity_name, 'OOM Kill')
  assert.equal(ended.exit_code, 137)
  assert.equal(ended.severity, 'Medium')
  assert.equal(ended.time, Date.UTC(2026, 0, 12, 8, 30, 9))
  assert.equal(ended.workload?.uid, `container/${'e'.repeat(12)}`)
})

test('a node is the machine that the cloud names', () => {
  const event = eventOf(kubernetesObjects, given('node'))
  assert.equal(event.class_name, 'Device Inventory Info')
  assert.equal(event.workload?.kind, 'vm')
  assert.equal(event.workload?.uid, 'vm/i-0abc1234def567890')
  assert.equal(event.device.ip, '10.0.0.7')
  assert.equal(event.device.os.kernel_release, '6.1.0-28-amd64')
})

test('a deployment that is gone, one of a list, and a list of kubectl', () => {
  const gone = eventOf(kubernetesObjects, { ...given('deployment'), type: 'DELETED' })
  assert.equal(gone.activity_name, 'Delete')
  assert.equal(gone.message, 'Deployment shop/web deleted')
  const listed = eventOf(kubernetesObjects, given('deployment'))
  assert.equal(listed.class_name, 'Cloud Resources Inventory Info')
  assert.equal(listed.resources[0].name, 'shop/web')
  assert.deepEqual(listed.resources[0].labels, ['app=web'])
  const { object } = given('deployment')
  const list = { apiVersion: 'v1', kind: 'List', metadata: {}, items: [object, object] }
  assert.equal(eventsOf(kubernetesObjects, list).length, 2)
})

test('what is no object is refused, and bookmarks are dropped', () => {
  assert.match(refusalOf(kubernetesObjects, { kind: 'Pod' }), /^not_kubernetes: object/)
  assert.match(
    refusalOf(kubernetesObjects, { ...given('pod listed'), type: 'STARTED', container: 'x' }),
    /^not_kubernetes: container/,
  )
  const bookmark = { type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'Pod', metadata: { resourceVersion: '7' } } }
  assert.equal(make(kubernetesObjects, bookmark).outcome.kind, 'drop')
})

test('values of environment variables of a cron job are nowhere, their names are', () => {
  const env = [{ name: 'PASSWORD', value: 'hunter2-hunter2' }]
  const pod = { spec: { containers: [{ name: 'backup', image: 'backup:1', env }] } }
  for (const [apiVersion, kind, spec] of [
    ['batch/v1', 'CronJob', { schedule: '0 3 * * *', jobTemplate: { spec: { template: pod } } }],
    ['batch/v1', 'Job', { template: pod }],
    ['apps/v1', 'ReplicaSet', { template: pod }],
  ] as const) {
    const object = { apiVersion, kind, metadata: { name: 'backup', namespace: 'shop', uid: 'u' }, spec }
    const event = eventOf(kubernetesObjects, { type: 'ADDED', object })
    const text = JSON.stringify(event)
    assert.ok(text.includes('PASSWORD') && !text.includes('hunter2'), text)
    assert.equal(event.entity.type, kind)
  }
})
