import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { OcsfEvent } from '../../ocsf/event.js'
import { finish } from '../../ocsf/finish.js'
import { validate } from '../../ocsf/validate.js'
import { type DockerRig, noDocker, startDocker } from '../../test/docker-rig.js'
import { imageRegistry } from '../../test/image-registry.js'
import { dockerEvents } from '../formats/docker_events.js'
import { eventOf, type RecordingDeps, recordingDeps } from '../recording-deps.js'
import { type DockerCollectorConfig, docker } from './docker.js'

const format = dockerEvents.create({})
const MIB = 1024 * 1024

/** Every event of a recording, checked. */
function seen({ emitted }: RecordingDeps): OcsfEvent[] {
  return emitted.flatMap(({ format: name, record }) => {
    if (name === 'ocsf') return [eventOf(record)]
    const received_time = Date.now()
    const raw = typeof record.data === 'string' ? record.data : JSON.stringify(record.data)
    const outcome = format(JSON.parse(raw), { received_time })
    assert.equal(outcome.kind, 'ok', raw)
    return (outcome.kind === 'ok' ? outcome.value : []).map((draft, ordinal) => {
      const event = finish(draft, {
        format: 'docker_events',
        instance: 'docker',
        raw,
        ordinal,
        received_time,
        position: record.position ?? '',
      })
      assert.deepEqual(validate(event), [])
      return event
    })
  })
}

describe('what happens in containers of a real engine', { skip: noDocker() }, () => {
  let rig: DockerRig
  before(async () => {
    rig = await startDocker()
    await rig.network('net')
  })
  after(() => rig?.stop())

  async function collect(t: TestContext, config: Partial<DockerCollectorConfig> = {}, recording = recordingDeps()) {
    const settings = { ...rig.connection, stats_interval_ms: 60_000, activity_interval_ms: 200, ...config }
    const collector = docker.create(docker.config.parse(settings) as DockerCollectorConfig, recording.deps)
    t.after(() => collector.stop())
    await collector.start()
    await recording.until(() => recording.coverage.some(({ part }) => part === 'events'), 'connected')
    return { collector, recording }
  }
  const until = (recording: RecordingDeps, what: string, fits: (event: OcsfEvent) => boolean) =>
    recording.until(() => seen(recording).findLast(fits), what, 20_000)
  const remove = (id: string) => rig.api.request('DELETE', `/containers/${id}`, { query: { force: true } })

  test('processes and connections of each container, commands executed in it too, and none of the machine', async (t) => {
    const early = await rig.run('early', ['/bin/sleep', '3000'], { HostConfig: { NetworkMode: 'none' } })
    const { recording, collector } = await collect(t, { activity: 'on' })
    const id = await rig.run('web', ['/bin/httpd', '-f', '-p', '8080', '-h', '/www'], {
      HostConfig: { NetworkMode: 'net' },
    })
    const uid = `container/${id.slice(0, 12)}`
    const from = (event: OcsfEvent, workload: string) =>
      event.metadata.log_name === 'procfs' && event.workload?.uid === workload
    const main = await until(recording, 'its process', (event) => from(event, uid) && event.process?.name === 'httpd')
    assert.equal(main.type_uid, 100701)
    assert.equal(main.workload?.group, rig.image)
    assert.equal(main.process.container.uid, id)
    // The engine listens there as well: it answers questions for names inside each container's network.
    const listensOn = (port: number) => (event: OcsfEvent) =>
      from(event, uid) && event.type_uid === 400107 && event.dst_endpoint.port === port
    const listen = await until(recording, 'its socket', listensOn(8080))
    assert.equal(listen.actor.process.name, 'httpd')
    await until(
      recording,
      'what ran before',
      (event) => from(event, `container/${early.slice(0, 12)}`) && event.activity_name === 'Existing',
    )

    await rig.api.request(
      'POST',
      `/exec/${(await execute(id, ['/bin/sh', '-c', 'sleep 3000 & nc -l -p 9099; true'])).Id}/start`,
      {
        body: { Detach: true },
      },
    )
    const child = await until(
      recording,
      'a child of a command',
      (event) => from(event, uid) && event.process?.cmd_line === 'sleep 3000',
    )
    assert.equal(child.process.parent_process.name, 'sh')
    const port = await until(recording, 'the socket that a command opened', listensOn(9099))
    assert.equal(port.actor.process.name, 'nc')
    await remove(id)
    await until(recording, 'the end', (event) => from(event, uid) && event.type_uid === 100702)
    await until(
      recording,
      'the closed socket',
      (event) => from(event, uid) && event.type_uid === 400102 && event.dst_endpoint.port === 8080,
    )

    const others = seen(recording).filter(
      (event) => event.metadata.log_name === 'procfs' && event.workload?.kind !== 'container',
    )
    assert.deepEqual(others, [])
    await collector.stop()
    const again = await collect(t, { activity: 'on' }, recordingDeps(recording.deps.state_dir))
    await again.recording.until(() => again.recording.coverage.some(({ part }) => part === 'activity'), 'it watches')
    await remove(early)
    await until(
      again.recording,
      'an end after a restart',
      (event) => event.type_uid === 100702 && event.process?.name === 'sleep',
    )
    assert.ok(!seen(again.recording).some(({ activity_name }) => activity_name === 'Existing'), 'nothing is told twice')
  })

  test('beside a host collector, processes are left to it', async (t) => {
    const recording = recordingDeps()
    const deps = { ...recording.deps, beside: ['host'] }
    await collect(t, {}, { ...recording, deps })
    assert.ok(!recording.coverage.some(({ part }) => part === 'activity'))
  })

  test('attach, network connect and disconnect, health', async (t) => {
    const { recording } = await collect(t, { activity: 'off' })
    const of = (activity_id: number, name: string) => (event: OcsfEvent) =>
      event.class_uid === 99906001 && event.activity_id === activity_id && event.workload?.name === name
    const second = 1_000_000_000
    const Healthcheck = { Test: ['CMD', '/bin/cat', '/tmp/well'], Interval: second / 5, Timeout: second, Retries: 1 }
    const id = await rig.run('sick', ['/bin/sleep', '3000'], { HostConfig: { NetworkMode: 'net' }, Healthcheck })
    const unwell = await until(recording, 'it is not well', of(9, 'sick'))
    assert.deepEqual([unwell.health, unwell.severity_id], ['unhealthy', 2])
    assert.equal(await rig.exec(id, ['/bin/touch', '/tmp/well']), 0)
    await until(recording, 'it is well again', (event) => of(9, 'sick')(event) && event.health === 'healthy')

    await rig.api.request('POST', `/containers/${id}/attach`, { query: { logs: true, stdout: true } })
    await until(recording, 'somebody attached', of(14, 'sick'))

    const other = await rig.network('other')
    await rig.api.request('POST', `/networks/${other}/connect`, { body: { Container: id } })
    assert.equal(
      (await until(recording, 'connected', (event) => of(10, 'sick')(event) && event.network.name === 'other')).network
        .uid,
      other,
    )
    await rig.api.request('POST', `/networks/${other}/disconnect`, { body: { Container: id } })
    await until(recording, 'disconnected', (event) => of(11, 'sick')(event) && event.network.name === 'other')
    await remove(id)
  })

  test('a process killed because its container is out of memory', async (t) => {
    const { recording } = await collect(t, { activity: 'off' })
    // The main process stays and others are killed again and again: the engine can miss the kill of a container's last
    // process, because what it watches is removed with the container.
    const command = 'while true; do dd if=/dev/zero of=/dev/null bs=200M count=1; echo "exit $?"; sleep 0.2; done'
    const id = await rig.run('greedy', ['/bin/sh', '-c', command], {
      Tty: true,
      HostConfig: { NetworkMode: 'none', Memory: 20 * MIB, MemorySwap: 20 * MIB },
    })
    const since = Math.floor(Date.now() / 1000) - 5
    const ofMemory = ({ class_uid, activity_id, workload }: OcsfEvent) =>
      class_uid === 99906001 && activity_id === 8 && workload?.uid === `container/${id.slice(0, 12)}`
    const kill = await until(recording, 'out of memory', ofMemory).catch(async (error) => {
      const said = await sayings(id, since)
      // A limit that the kernel does not keep is no fault of the collector: the process got ten times its share.
      if (!said.info.MemoryLimit || (said.log.includes('exit 0') && !said.log.includes('exit 137')))
        return t.diagnostic(`cannot kill for memory here: ${JSON.stringify(said)}`)
      throw new Error(`${error.message}; the engine says: ${JSON.stringify(said)}`)
    })
    if (kill) assert.deepEqual([kill.severity_id, kill.workload?.name], [3, 'greedy'])
    await remove(id)
  })

  /** What the engine has to say about a container's memory, so that a failure explains itself. */
  async function sayings(id: string, since: number) {
    const { ServerVersion, CgroupVersion, MemoryLimit, SwapLimit, OomKillDisable, Warnings } = await rig.api.request(
      'GET',
      '/info',
    )
    const { State, HostConfig } = await rig.api.request('GET', `/containers/${id}/json`)
    const { Memory, MemorySwap } = HostConfig
    const log = await rig.api.request('GET', `/containers/${id}/logs`, {
      query: { stdout: true, stderr: true, tail: 20 },
    })
    const events: string[] = []
    for await (const line of rig.api.events({ since: String(since), until: String(Math.ceil(Date.now() / 1000)) })) {
      const { Action, Actor } = JSON.parse(line)
      if (Actor?.ID === id) events.push(Action)
    }
    return {
      info: { ServerVersion, CgroupVersion, MemoryLimit, SwapLimit, OomKillDisable, Warnings },
      container: { State, Memory, MemorySwap },
      log: String(log).replace(/[^\x20-\x7e]+/g, ' '),
      events,
    }
  }

  test('a pulled image is known by what its registry calls its content', async (t) => {
    const registry = await imageRegistry('team/app', '1.0')
    t.after(() => registry.close())
    const { recording } = await collect(t, { activity: 'off' })
    await rig.api.request('POST', '/images/create', { query: { fromImage: registry.name, tag: '1.0' } })
    const pull = await until(recording, 'the pull', ({ type_uid }) => type_uid === 9990600112)
    assert.deepEqual(pull.image, { name: registry.name, tag: '1.0', uid: registry.digest })
  })

  const execute = (id: string, command: readonly string[]) =>
    rig.api.request('POST', `/containers/${id}/exec`, { body: { Cmd: command } })
})
