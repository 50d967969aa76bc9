import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog } from '../core/log.js'
import { dockerEvents } from '../ingest/formats/docker_events.js'
import { k8sAudit } from '../ingest/formats/k8s_audit.js'
import { createPodTable } from '../ingest/pod-table.js'
import { temporaryFolder } from '../ingest/recording-deps.js'
import { eventOf, fixtureCase } from '../test/format-cases.js'
import { createPodMemory } from './pod-memory.js'

const log = createLog('silent')
const pod = 'shop-api-6c9f7d5b48-x2x7k'
const exec = () => eventOf(k8sAudit, fixtureCase('k8s_audit/events.jsonl', 'exec into a pod'))

function dockerStart() {
  const Attributes = {
    image: 'registry.shop.example/shop-api:2.3.1',
    name: `k8s_api_${pod}_shop_0c5a1b1e_0`,
    'io.kubernetes.pod.name': pod,
    'io.kubernetes.pod.namespace': 'shop',
    'io.kubernetes.container.name': 'api',
  }
  const Actor = { ID: `9c1f0b7ad2e4${'0'.repeat(52)}`, Attributes }
  return eventOf(dockerEvents, { Type: 'container', Action: 'start', Actor, time: 1768206600 })
}

/** What an event about the pod belongs to, in a process that was started with this file. */
async function workloadAfter(path: string, time: number) {
  const pods = createPodTable()
  const memory = createPodMemory(path, pods, log, () => time)
  await memory.start()
  const event = exec()
  pods.join(event)
  await memory.stop()
  await memory.stop()
  return event.workload?.uid
}

test('which containers a pod has is known after a restart, and not believed for long', async () => {
  const path = join(temporaryFolder(), 'pods.json')
  const began = Date.UTC(2026, 10, 28)
  const first = createPodTable()
  const memory = createPodMemory(path, first, log, () => began)
  await memory.start()
  first.join(dockerStart())
  await memory.stop()
  assert.equal(await workloadAfter(path, began + 59 * 60_000), 'container/9c1f0b7ad2e4')
  const later = join(temporaryFolder(), 'pods.json')
  assert.equal(await workloadAfter(later, began), `pod/shop/${pod}`)
  assert.equal(await workloadAfter(path, began + 3 * 60 * 60_000), `pod/shop/${pod}`)
  writeFileSync(path, JSON.stringify({ time: began, pods: [['a']] }))
  assert.equal(await workloadAfter(path, began), `pod/shop/${pod}`, 'what is no such file is nothing')
})
