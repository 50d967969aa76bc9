import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventOf, fixtureCase } from '../test/format-cases.js'
import { dockerStart, falcoAlert, POD } from '../test/pod-scene.js'
import { dockerEvents } from './formats/docker_events.js'
import { falco } from './formats/falco.js'
import { k8sAudit } from './formats/k8s_audit.js'
import { kubernetesObjects } from './formats/kubernetes_objects.js'
import { tetragon } from './formats/tetragon.js'
import { createPodTable } from './pod-table.js'

const exec = () => eventOf(k8sAudit, fixtureCase('k8s_audit/events.jsonl', 'exec into a pod'))
const status = () => eventOf(k8sAudit, fixtureCase('k8s_audit/events.jsonl', 'kubelet reports the pod runs'))

const alert = () => eventOf(falco, falcoAlert())
const started = () => eventOf(dockerEvents, dockerStart())
const shell = () => eventOf(tetragon, fixtureCase('tetragon/events.jsonl', 'shell in a pod'))
const listed = () =>
  eventOf(kubernetesObjects, {
    ...fixtureCase('kubernetes_objects/events.jsonl', 'pod listed'),
    cluster: undefined,
  })

test('the same container seen by Falco, Docker, Tetragon, the API and the audit log is one workload', () => {
  for (const first of [alert, started, shell, listed, status]) {
    const pods = createPodTable()
    assert.equal(exec().workload?.uid, `pod/shop/${POD}`)
    const known = first()
    pods.join(known)
    const event = exec()
    pods.join(event)
    assert.equal(known.workload?.uid, 'container/9c1f0b7ad2e4')
    assert.equal(event.workload?.uid, known.workload?.uid)
    assert.equal(event.workload?.group, known.workload?.group)
  }
})

test('with several containers in the pod, only one that is named is found', () => {
  const pods = createPodTable()
  const sidecar = alert()
  sidecar.workload = {
    ...(sidecar.workload as NonNullable<typeof sidecar.workload>),
    uid: 'container/aaaaaaaaaaaa',
    labels: { ...sidecar.workload?.labels, 'io.kubernetes.container.name': 'proxy' },
  }
  pods.join(alert())
  pods.join(sidecar)
  const named = exec()
  pods.join(named)
  assert.equal(named.workload?.uid, 'container/9c1f0b7ad2e4')
  const record = fixtureCase('k8s_audit/events.jsonl', 'exec into a pod')
  const open = eventOf(k8sAudit, { ...record, requestURI: '/api/v1/namespaces/shop/pods/x/exec?command=sh' })
  pods.join(open)
  assert.equal(open.workload?.uid, `pod/shop/${POD}`)
})

test('pods of another name or namespace, and events of no pod, stay what they are', () => {
  const pods = createPodTable()
  pods.join(alert())
  const record = fixtureCase('k8s_audit/events.jsonl', 'exec into a pod') as { objectRef: object }
  const other = eventOf(k8sAudit, { ...record, objectRef: { ...record.objectRef, namespace: 'test' } })
  pods.join(other)
  assert.equal(other.workload?.uid, `pod/test/${POD}`)
})
