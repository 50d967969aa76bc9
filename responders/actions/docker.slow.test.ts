import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createLog } from '../../core/log.js'
import { containerWorkload } from '../../ocsf/workload.js'
import { type DockerRig, noDocker, startDocker } from '../../test/docker-rig.js'
import type { ActionContext, Plan } from '../contract.js'
import { dockerPause } from './docker_pause.js'
import { dockerQuarantine } from './docker_quarantine.js'

/** The pre-image goes through the lake as JSON before it is used: so does the plan here. */
const stored = (plan: Plan): Plan => JSON.parse(JSON.stringify(plan))

describe('actions on a real container', { skip: noDocker() }, () => {
  let rig: DockerRig
  let front = ''
  const log = createLog('silent')
  const quarantine = () => dockerQuarantine.create(rig.connection, { log })
  const pause = () => dockerPause.create(rig.connection, { log })
  const context = (id: string, name: string): ActionContext => ({
    response_uid: 'response-1',
    workload: containerWorkload(id, name),
    findings: [],
    playbook: 'test',
  })
  const inspect = (id: string) => rig.api.request('GET', `/containers/${id}/json`)
  const networksOf = async (id: string) => Object.keys((await inspect(id)).NetworkSettings.Networks).sort()
  /** True if `client` gets an answer of the web server there. */
  const reaches = async (target: string) =>
    (await rig.exec('client', ['/bin/sh', '-c', `nc -w 2 ${target} 80 </dev/null`])) === 0

  before(async () => {
    rig = await startDocker()
    front = await rig.network('front', { IPAM: { Config: [{ Subnet: '10.199.7.0/24' }] } })
    await rig.network('back', {
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: '10.199.8.0/24' }, { Subnet: 'fd00:199:8::/64' }] },
    })
    await rig.network('automatic')
    await rig.run('client', ['/bin/sleep', '3600'], { HostConfig: { NetworkMode: 'front' } })
    await rig.api.request('POST', '/networks/automatic/connect', { body: { Container: 'client' } })
  })
  after(() => rig?.stop())

  /** A web server on three networks: chosen address and aliases, both address families, and one where the engine chooses. */
  async function server(name: string, ip: string): Promise<string> {
    const id = await rig.run(name, ['/bin/httpd', '-f', '-p', '80', '-h', '/www'], {
      HostConfig: { NetworkMode: 'front' },
      NetworkingConfig: { EndpointsConfig: { front: { IPAMConfig: { IPv4Address: ip }, Aliases: [`${name}-alias`] } } },
    })
    const last = ip.split('.').at(-1)
    const IPAMConfig = { IPv4Address: `10.199.8.${last}`, IPv6Address: `fd00:199:8::${last}` }
    await rig.api.request('POST', '/networks/back/connect', {
      body: { Container: id, EndpointConfig: { IPAMConfig, Aliases: ['db-client', `${name}-back`] } },
    })
    await rig.api.request('POST', '/networks/automatic/connect', { body: { Container: id } })
    return id
  }

  test('quarantine stops the traffic, undo brings back networks, addresses and aliases; both may run twice', async () => {
    const id = await server('web', '10.199.7.77')
    const action = quarantine()
    const where = context(id, 'web')
    const before = (await inspect(id)).NetworkSettings.Networks
    const auto = before.automatic.IPAddress
    for (const target of ['10.199.7.77', 'web-alias', auto])
      assert.ok(await reaches(target), `${target} answers before`)

    const plan = stored(await action.plan(where))
    assert.equal(plan.steps.length, 4, plan.steps.join('\n'))
    assert.match(plan.steps[0] ?? '', /front \(10\.199\.7\.77, aliases web-alias/)
    assert.deepEqual(await networksOf(id), ['automatic', 'back', 'front'], 'a plan changes nothing')
    assert.equal((await action.verify(where, plan)).ok, false)

    await action.execute(where, plan)
    await action.execute(where, plan)
    assert.equal((await action.verify(where, plan)).ok, true)
    assert.deepEqual(await networksOf(id), [])
    assert.equal((await inspect(id)).State.Running, true, 'it keeps running')
    for (const target of ['10.199.7.77', 'web-alias', auto]) assert.ok(!(await reaches(target)), `${target} is cut off`)
    assert.notEqual(await rig.exec(id, ['/bin/ping', '-c', '1', '-W', '1', '10.199.7.1']), 0, 'nothing gets out either')
    assert.deepEqual((await action.plan(where)).undo_steps, [], 'a second plan has nothing to do')
    assert.equal((await action.verify_undo?.(where, plan))?.ok, false)

    await rig.api.request('POST', `/containers/${id}/restart`, { query: { t: 0 } })
    assert.deepEqual(await networksOf(id), [], 'a restart does not lift the quarantine')

    await action.undo?.(where, plan)
    await action.undo?.(where, plan)
    assert.deepEqual(await action.verify_undo?.(where, plan).then(({ ok }) => ok), true)
    const after = (await inspect(id)).NetworkSettings.Networks
    for (const name of ['front', 'back', 'automatic']) {
      for (const key of ['NetworkID', 'IPAddress', 'GlobalIPv6Address', 'MacAddress', 'Links']) {
        assert.deepEqual(after[name][key], before[name][key], `${name}.${key}`)
      }
      const aliases = (networks: typeof after) => new Set(networks[name].Aliases)
      assert.deepEqual(aliases(after), aliases(before), `${name}.Aliases`)
    }
    for (const target of ['10.199.7.77', 'web-alias', auto]) assert.ok(await reaches(target), `${target} answers again`)
  })

  test('a network connected after the plan is cut as well, and found by verify if it comes back', async () => {
    const id = await server('late', '10.199.7.78')
    const action = quarantine()
    const where = context(id, 'late')
    const plan = stored(await action.plan(where))
    await rig.network('surprise')
    await rig.api.request('POST', '/networks/surprise/connect', { body: { Container: id } })
    await action.execute(where, plan)
    assert.equal((await action.verify(where, plan)).ok, true)

    await rig.api.request('POST', '/networks/surprise/connect', { body: { Container: id } })
    const again = await action.verify(where, plan)
    assert.equal(again.ok, false)
    assert.match(again.evidence, /surprise/)
    await action.execute(where, plan)
    assert.equal((await action.verify(where, plan)).ok, true)
  })

  test('undo puts right what somebody reconnected by hand without the alias, and connects the rest if a network is gone', async () => {
    const id = await server('hand', '10.199.7.79')
    const action = quarantine()
    const where = context(id, 'hand')
    const gone = await rig.network('gone')
    await rig.api.request('POST', `/networks/${gone}/connect`, { body: { Container: id } })
    const plan = stored(await action.plan(where))
    await action.execute(where, plan)
    await rig.api.request('POST', `/networks/${front}/connect`, { body: { Container: id } })
    await rig.api.request('DELETE', `/networks/${gone}`)
    await assert.rejects(async () => action.undo?.(where, plan), { code: 'not_found', retryable: false })
    const { front: restored } = (await inspect(id)).NetworkSettings.Networks
    assert.equal(restored.IPAddress, '10.199.7.79')
    assert.ok(restored.Aliases.includes('hand-alias'))
    assert.deepEqual(await networksOf(id), ['automatic', 'back', 'front'])
    const verdict = await action.verify_undo?.(where, plan)
    assert.match(verdict?.evidence ?? '', /gone: not connected/)
  })

  test('a container that uses the network of the host or of another container is refused', async () => {
    const owner = await server('owner', '10.199.7.80')
    const sharing = await rig.run('sharing', ['/bin/sleep', '60'], {
      HostConfig: { NetworkMode: `container:${owner}` },
    })
    const host = await rig.run('on-host', ['/bin/sleep', '60'], { HostConfig: { NetworkMode: 'host' } })
    await assert.rejects(quarantine().plan(context(sharing, 'sharing')), { code: 'unsupported' })
    await assert.rejects(quarantine().plan(context(host, 'on-host')), {
      code: 'unsupported',
      message: /host's network/,
    })
    const steps = (await quarantine().plan(context(owner, 'owner'))).steps
    assert.ok(
      steps.some((step) => step.includes('also cuts off sharing')),
      steps.join('\n'),
    )
  })

  test('a container that is gone: no plan, a harmless execute, no undo', async () => {
    const id = await server('brief', '10.199.7.81')
    const where = context(id, 'brief')
    const plan = stored(await quarantine().plan(where))
    await rig.api.request('DELETE', `/containers/${id}`, { query: { force: true } })
    await assert.rejects(quarantine().plan(where), { code: 'not_found', message: /no longer exists/ })
    await quarantine().execute(where, plan)
    assert.deepEqual(await quarantine().verify(where, plan), {
      ok: true,
      evidence: 'The container brief no longer exists: nothing of it is connected.',
    })
    await assert.rejects(async () => quarantine().undo?.(where, plan), { code: 'not_found' })
    assert.equal((await quarantine().verify_undo?.(where, plan))?.ok, false)
  })

  test('pause freezes, undo lets it run on, twice each; one that was paused before stays paused', async () => {
    const id = await server('frozen', '10.199.7.82')
    const where = context(id, 'frozen')
    const action = pause()
    const plan = stored(await action.plan(where))
    assert.equal((await inspect(id)).State.Paused, false)
    await action.execute(where, plan)
    await action.execute(where, plan)
    assert.equal((await action.verify(where, plan)).ok, true)
    assert.equal((await inspect(id)).State.Status, 'paused')
    const second = stored(await action.plan(where))
    assert.deepEqual(second.undo_steps, [])
    await action.undo?.(where, second)
    assert.equal((await inspect(id)).State.Status, 'paused')
    await action.undo?.(where, plan)
    await action.undo?.(where, plan)
    assert.equal((await action.verify_undo?.(where, plan))?.ok, true)
    assert.ok(await reaches('10.199.7.82'))
    await rig.api.request('POST', `/containers/${id}/kill`)
    await assert.rejects(action.plan(where), { code: 'conflict' })
  })

  test('quarantine of a paused container works as well', async () => {
    const id = await server('both', '10.199.7.83')
    const where = context(id, 'both')
    await rig.api.request('POST', `/containers/${id}/pause`)
    const plan = stored(await quarantine().plan(where))
    await quarantine().execute(where, plan)
    assert.equal((await quarantine().verify(where, plan)).ok, true)
    await quarantine().undo?.(where, plan)
    assert.equal((await quarantine().verify_undo?.(where, plan))?.ok, true)
  })
})
