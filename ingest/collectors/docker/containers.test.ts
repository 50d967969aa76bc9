import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DockerApi } from '../../../core/docker-api.js'
import { knownContainers } from './containers.js'

/** An engine with these containers and their first processes. */
function playedEngine() {
  const pids = new Map<string, number>()
  const request = async (_method: string, path: string) => {
    if (path === '/containers/json') return [...pids.keys()].map((Id) => ({ Id, Names: [`/${Id}`], Image: 'shop' }))
    const Id = path.split('/')[2] ?? ''
    return {
      Id,
      Name: `/${Id}`,
      Config: { Image: 'shop' },
      State: { Pid: pids.get(Id), StartedAt: '2026-01-12T08:30:00Z' },
    }
  }
  return { pids, api: { request } as unknown as DockerApi }
}

const [A, B, C] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]

test('a container whose end was not told, or that was started again, leaves no process id behind', async () => {
  const { pids, api } = playedEngine()
  const containers = knownContainers(api, () => undefined)
  pids.set(A, 100).set(B, 200)
  await containers.inventory()
  assert.deepEqual(
    [...containers.by_first_pid],
    [
      [100, A],
      [200, B],
    ],
  )
  // While nobody listened: a is gone, b was started again, and c has the number that a had.
  pids.delete(A)
  pids.set(B, 201).set(C, 100)
  await containers.inventory()
  assert.deepEqual(
    new Map(containers.by_first_pid),
    new Map([
      [201, B],
      [100, C],
    ]),
  )
  containers.follow({ Type: 'container', Action: 'die', Actor: { ID: C } })
  assert.deepEqual([...containers.by_first_pid], [[201, B]])
})
