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
import { dockerStart, POD } from '../test/pod-scene.js'
import { createPodMemory } from './pod-memory.js'

const log = createLog('silent')
const exec = () => eventOf(k8sAudit, fixtureCase('k8s_audit/events.jsonl', 'exec into a pod'))

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
  first.join(eventOf(dockerEvents, dockerStart()))
  await memory.stop()
  assert.equal(await workloadAfter(path, began + 59 * 60_000), 'container/9c1f0b7ad2e4')
  const later = join(temporaryFolder(), 'pods.json')
  assert.equal(await workloadAfter(later, began), `pod/shop/${POD}`)
  assert.equal(await workloadAfter(path, began + 3 * 60 * 60_000), `pod/shop/${POD}`)
  writeFileSync(path, JSON.stringify({ time: began, pods: [['a']] }))
  assert.equal(await workloadAfter(path, began), `pod/shop/${POD}`, 'what is no such file is nothing')
})
