import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DockerProxy, startDockerProxy } from './docker-proxy.js'
import { type DockerRig, noDocker, startDocker } from './docker-rig.js'
import { startWeir, type WeirProcess } from './weir-process.js'

/** As the built-in one, but taken back after seconds. */
const playbook = `
name: quarantine-container
summary: Cut a container that mines off from every network.
match: { kinds: [container], techniques: [T1496], min_severity: high }
verify: { families: 2 }
approve: never
actions: [{ action: docker_quarantine }]
undo_after_ms: 8000
`

/** Sends something to the pool several times a second, for as long as it can. */
const beat = 'while true; do while true; do echo beat; sleep 0.2; done | nc pool 3333; sleep 0.2; done'

describe('a real container starts to mine, Weir enforces', { skip: noDocker() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-enforce-'))
  let rig: DockerRig
  let proxy: DockerProxy
  let weir: WeirProcess

  const start = () =>
    startWeir(folder, {
      mode: 'enforce',
      collectors: { docker: { type: 'docker', address: proxy.address, stats_interval_ms: 1_000 } },
      detectors: { rules: { type: 'rules' }, profile: { type: 'profile', learning_period_ms: 2_000, min_events: 5 } },
      responders: {
        builtin_playbooks: false,
        playbooks: [join(folder, 'playbook.yml')],
        actions: { docker_quarantine: { address: proxy.address } },
      },
    })

  before(async () => {
    writeFileSync(join(folder, 'playbook.yml'), playbook)
    rig = await startDocker()
    proxy = await startDockerProxy(join(folder, 'engine.sock'), rig.connection.address.replace('unix://', ''))
    weir = await start()
    await rig.network('front', { IPAM: { Config: [{ Subnet: '10.198.7.0/24' }] } })
    await rig.network('back')
    const pool = ['/bin/sh', '-c', 'while true; do sleep 9999 | nc -l -p 3333 >> /tmp/beats; done']
    await rig.run('pool', pool, { HostConfig: { NetworkMode: 'front' } })
  })
  after(async () => {
    if (weir && !weir.isGone()) await weir.kill()
    await proxy?.stop()
    await rig?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const networksOf = async (name: string) =>
    (await rig.api.request('GET', `/containers/${name}/json`)).NetworkSettings.Networks as Record<
      string,
      { IPAddress: string; Aliases: string[] }
    >
  const answers = async (address: string) =>
    (await rig.exec('pool', ['/bin/sh', '-c', `nc -w 1 ${address} 80 </dev/null`])) === 0
  /** Does the pool get anything from the shop? */
  const isTalking = async () =>
    (await rig.exec('pool', [
      '/bin/sh',
      '-c',
      'n=$(wc -l < /tmp/beats); sleep 1; [ $(wc -l < /tmp/beats) -gt $n ]',
    ])) === 0
  const disconnects = () => proxy.requests.filter((line) => /\/disconnect /.test(line)).length
  const statesOf = async (name: string) =>
    (
      await weir.rows<{ state: string }>(`SELECT state FROM responses WHERE workload_name = '${name}' ORDER BY step`)
    ).map(({ state }) => state)
  const reached = (name: string, state: string) =>
    weir.until(
      `${name} ${state}`,
      `SELECT count() FROM responses WHERE workload_name = '${name}' AND state = '${state}'`,
    )

  /** A web server on two networks that lives an ordinary life until its group is known. */
  async function shop(name: string, ip: string) {
    await rig.run(name, ['/bin/sh', '-c', `httpd -p 80 -h /www; ${beat}`], {
      HostConfig: { NetworkMode: 'front' },
      NetworkingConfig: { EndpointsConfig: { front: { IPAMConfig: { IPv4Address: ip }, Aliases: [`${name}-alias`] } } },
    })
    await rig.api.request('POST', '/networks/back/connect', { body: { Container: name } })
    for (let n = 0; n < 8; n++) {
      await rig.exec(name, ['/bin/sh', '-c', 'true'])
      await sleep(400)
    }
    assert.equal(await answers(ip), true, 'it serves')
    assert.deepEqual(await statesOf(name), [])
  }

  /** Somebody runs a program in the container that nobody ever ran there. */
  async function attack(name: string, program: string) {
    const write = `printf '#!/bin/sh\\n${beat}' > ${program}; chmod +x ${program}`
    assert.equal(await rig.exec(name, ['/bin/sh', '-c', write]), 0)
    const Cmd = [program, 'pool', '-o', 'stratum+tcp://pool:3333']
    const { Id } = await rig.api.request('POST', `/containers/${name}/exec`, { body: { Cmd } })
    await rig.api.request('POST', `/exec/${Id}/start`, { body: { Detach: true } })
  }

  test('two families agree: the traffic is cut, every step is recorded, undo brings the networks back', async () => {
    await shop('shop', '10.198.7.77')
    const before = await networksOf('shop')
    assert.equal(await isTalking(), true)
    await attack('shop', '/tmp/xmrig')
    await reached('shop', 'verified')

    assert.deepEqual(await networksOf('shop'), {})
    assert.equal(
      (await rig.api.request('GET', '/containers/shop/json')).State.Running,
      true,
      'it runs on for forensics',
    )
    assert.equal(await answers('10.198.7.77'), false)
    assert.equal(await isTalking(), false)
    assert.equal(disconnects(), 2)

    const found = await weir.rows<{ family: string; reason: string; evidence: string[] }>(
      "SELECT family, reason, evidence FROM findings WHERE workload_name = 'shop' ORDER BY family",
    )
    assert.deepEqual([...new Set(found.map(({ family }) => family))], ['profile', 'rules'])
    assert.equal(
      await weir.number(`SELECT count() FROM (SELECT arrayJoin(evidence) AS uid FROM findings)
        WHERE uid NOT IN (SELECT metadata_uid FROM events)`),
      0,
    )

    await reached('shop', 'undone')
    const states = await statesOf('shop')
    assert.deepEqual(states.slice(-5), ['planned', 'executing', 'verified', 'undoing', 'undone'])
    const [plan] = await weir.rows<{ event: string }>("SELECT event FROM responses WHERE state = 'planned' LIMIT 1")
    const { response } = JSON.parse(plan?.event ?? '{}').unmapped
    assert.equal(response.dry_run, false)
    assert.match(response.plan.steps.join('\n'), /Disconnect shop from the network front \(10\.198\.7\.77/)
    assert.equal(response.finding_uids.length >= 2, true)

    const back = await networksOf('shop')
    assert.deepEqual(Object.keys(back).sort(), ['back', 'front'])
    assert.equal(back.front?.IPAddress, before.front?.IPAddress)
    assert.deepEqual(new Set(back.front?.Aliases), new Set(before.front?.Aliases))
    assert.equal(await answers('10.198.7.77'), true)
  })

  test('kill -9 after the engine acted and before it is recorded: after the restart there is one effect, and its undo', async () => {
    await shop('cart', '10.198.7.78')
    const done = disconnects()
    const networks = Object.keys(await networksOf('cart')).length
    assert.equal(networks, 2)
    await rig.api.request('POST', '/networks/back/disconnect', { body: { Container: 'cart' } })
    const held = proxy.hold(/\/disconnect /)
    await attack('cart', '/tmp/kdevtmpfsi')
    await held
    await weir.kill()
    proxy.release()
    assert.deepEqual(await networksOf('cart'), {}, 'the engine did it')

    weir = await start()
    await reached('cart', 'verified')
    assert.equal(disconnects() - done, 1, 'it was not done again')
    assert.deepEqual(await networksOf('cart'), {})
    await reached('cart', 'undone')
    const states = await statesOf('cart')
    assert.deepEqual(states.slice(-5), ['planned', 'executing', 'verified', 'undoing', 'undone'])
    assert.equal(new Set(states).size, states.length, 'no step twice')
    assert.deepEqual(Object.keys(await networksOf('cart')), ['front'])
    assert.equal(await answers('10.198.7.78'), true)
    const [row] = await weir.rows<{ n: string; unique: string }>(
      'SELECT count() AS n, uniqExact(metadata_uid) AS unique FROM events',
    )
    assert.equal(row?.n, row?.unique)
    assert.equal((await weir.stop()).code, 0, weir.output())
  })
})
