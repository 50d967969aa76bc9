import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { OcsfEvent } from '../../ocsf/event.js'
import { finish } from '../../ocsf/finish.js'
import { validate } from '../../ocsf/validate.js'
import { type DockerRig, noDocker, startDocker } from '../../test/docker-rig.js'
import type { RawRecord } from '../contract.js'
import { dockerEvents } from '../formats/docker_events.js'
import { ocsf } from '../formats/ocsf.js'
import { type RecordingDeps, recordingDeps } from '../recording-deps.js'
import { type DockerCollectorConfig, docker } from './docker.js'

const formats = { docker_events: dockerEvents.create({}), ocsf: ocsf.create({}) }

/** The events the pipeline makes of a record. */
function eventsOf(name: string, record: RawRecord): OcsfEvent[] {
  const received_time = Date.now()
  const raw = typeof record.data === 'string' ? record.data : JSON.stringify(record.data)
  const outcome = formats[name as keyof typeof formats](JSON.parse(raw), { received_time })
  assert.equal(outcome.kind, 'ok', `${JSON.stringify(outcome)} ${raw}`)
  return (outcome.kind === 'ok' ? outcome.value : []).map((draft, ordinal) => {
    const { position = '' } = record
    const event = finish(draft, {
      format: name,
      instance: 'docker',
      ...(name === 'ocsf' ? {} : { raw }),
      ordinal,
      received_time,
      position,
    })
    assert.deepEqual(validate(event), [])
    return event
  })
}

describe('the docker collector and a real engine', { skip: noDocker() }, () => {
  let rig: DockerRig
  before(async () => {
    rig = await startDocker({ tcp: true })
    await rig.network('net')
    await rig.run('early', ['/bin/sleep', '3600'], { HostConfig: { NetworkMode: 'net' }, Env: ['PASSWORD=hunter2'] })
  })
  after(() => rig?.stop())

  function collect(t: TestContext, config: Partial<DockerCollectorConfig> = {}, recording = recordingDeps()) {
    const settings = { ...rig.connection, stats_interval_ms: 1_000, exposure_interval_ms: 1_000, ...config }
    const collector = docker.create(docker.config.parse(settings) as DockerCollectorConfig, recording.deps)
    t.after(() => collector.stop())
    return { collector, recording }
  }
  const seen = (recording: RecordingDeps) => recording.emitted.flatMap(({ format, record }) => eventsOf(format, record))
  /** Waits for an event; the last one that fits is returned. */
  const until = (recording: RecordingDeps, what: string, fits: (event: OcsfEvent) => boolean) =>
    recording.until(() => seen(recording).findLast(fits), what)
  const code = (name: string, container: string) => (event: OcsfEvent) =>
    event.metadata.event_code === `container.${name}` && event.workload?.name === container

  test('sees a container from its creation to its end, with its processes, configuration and metrics', async (t) => {
    const { collector, recording } = collect(t)
    await collector.start()
    const early = await until(recording, 'inventory of what ran before', (event) => event.class_uid === 5001)
    assert.equal(early.workload?.name, 'early')
    assert.doesNotMatch(JSON.stringify(recording.emitted), /hunter2/, 'values of variables do not leave the collector')

    const id = await rig.run('shop', ['/bin/httpd', '-f', '-p', '80', '-h', '/www'], {
      HostConfig: { NetworkMode: 'net', CapAdd: ['NET_RAW'], PidMode: 'host' },
    })
    assert.equal(await rig.exec(id, ['/bin/sh', '-c', 'exit 3']), 3)
    const launch = await until(
      recording,
      'exec',
      (event) => event.type_uid === 100701 && event.process.cmd_line === '/bin/sh -c exit 3',
    )
    const main = await until(
      recording,
      'first process',
      (event) => event.type_uid === 100701 && event.process.name === 'httpd',
    )
    const inventory = await until(
      recording,
      'inspect',
      (event) => event.class_uid === 5001 && event.workload?.name === 'shop',
    )
    assert.deepEqual((inventory as any).unmapped.configuration.host_namespaces, ['pid'])
    const metric = await until(
      recording,
      'rates',
      (event) =>
        event.workload?.name === 'shop' && event.metrics?.some(({ name }: { name: string }) => name === 'cpu_percent'),
    )
    await rig.api.request('POST', `/containers/${id}/stop`, { query: { t: 0 } })
    await rig.api.request('DELETE', `/containers/${id}`)
    const destroy = await until(recording, 'destroy', code('destroy', 'shop'))
    const die = await until(recording, 'die', code('die', 'shop'))
    assert.equal(typeof die.exit_code, 'number')
    for (const event of [
      launch,
      main,
      inventory,
      metric,
      destroy,
      die,
      await until(recording, 'create', code('create', 'shop')),
    ]) {
      assert.deepEqual([event.workload?.uid, event.workload?.group], [`container/${id.slice(0, 12)}`, rig.image])
    }
    const connect = await until(
      recording,
      'connect',
      (event) => event.activity_id === 10 && event.workload?.name === 'shop',
    )
    assert.equal(connect.network.name, 'net')
    const uids = seen(recording).map((event) => event.metadata.uid)
    assert.deepEqual(
      seen(recording).filter((event, n) => uids.indexOf(event.metadata.uid) < n),
      [],
    )
    const ours = seen(recording).filter((event) => event.process?.pid === process.pid)
    assert.deepEqual(ours, [], 'a container in the process namespace of the machine does not own its processes')
    assert.ok(recording.coverage.some(({ part, status }) => part === 'events' && status === 'ok'))
  })

  test('goes on where it stopped, and says so when the engine has forgotten', async (t) => {
    const first = collect(t)
    await first.collector.start()
    await rig.run('one', ['/bin/true'], { HostConfig: { NetworkMode: 'none' } })
    await until(first.recording, 'die of one', code('die', 'one'))
    await first.collector.stop()
    await first.collector.stop()

    await rig.run('two', ['/bin/true'], { HostConfig: { NetworkMode: 'none' } })
    const second = collect(t, {}, recordingDeps(first.recording.deps.state_dir))
    await second.collector.start()
    await until(second.recording, 'create of two, which nobody watched', code('create', 'two'))
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const again = seen(second.recording).filter((event) => event.metadata.event_code && event.workload?.name === 'one')
    assert.deepEqual(again, [], 'what was handed over is not sent again')
    assert.ok(!second.recording.coverage.some(({ status }) => status === 'degraded'), 'nothing was missed')

    await rig.restart()
    await second.recording.until(
      () => second.recording.coverage.find(({ part, status }) => part === 'events' && status === 'unavailable'),
      'the engine is away',
    )
    await second.recording.until(
      () => second.recording.coverage.find(({ message }) => /no longer remembers/.test(message)),
      'the gap is reported',
      20_000,
    )
    await rig.run('three', ['/bin/true'], { HostConfig: { NetworkMode: 'none' } })
    await until(second.recording, 'events after the restart', code('die', 'three'))
  })

  test('a pipeline that does not take events gets them later, in order and once', async (t) => {
    const { collector, recording } = collect(t, { stats_interval_ms: 600_000 })
    const take = recording.emit
    recording.emit = async () => {
      throw new Error('full')
    }
    await collector.start()
    await new Promise((resolve) => setTimeout(resolve, 300))
    recording.emit = take
    await recording.until(
      () => recording.coverage.some(({ part, status }) => part === 'events' && status === 'ok'),
      'connected',
    )
    recording.emit = async () => {
      throw new Error('full again')
    }
    const id = await rig.run('burst', ['/bin/sleep', '60'], { HostConfig: { NetworkMode: 'none' } })
    for (let n = 0; n < 20; n += 1) await rig.exec(id, ['/bin/true'])
    recording.emit = take
    await recording.until(
      () => seen(recording).filter((event) => event.type_uid === 100702).length >= 20,
      'ends of all commands',
    )
    const events = seen(recording).filter(({ metadata }) => metadata.log_name === 'events')
    const times = events.map(({ time }) => time)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    )
    assert.equal(new Set(events.map(({ metadata }) => metadata.uid)).size, events.length)
    await rig.api.request('DELETE', `/containers/${id}`, { query: { force: true } })
  })

  test('notices that the engine listens without TLS, once', async (t) => {
    const { collector, recording } = collect(t)
    await collector.start()
    const address = `tcp://127.0.0.1:${rig.tcp_port}`
    const event = await until(recording, 'exposure', (found) => found.api_exposure?.address === address)
    assert.equal(event.type_uid, 9990600121)
    assert.equal(event.workload?.kind, 'vm')
    assert.equal(event.api_exposure.is_tls, false)
    assert.match(event.message ?? '', new RegExp(`process ${rig.pid()}`))
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    assert.equal(seen(recording).filter((found) => found.api_exposure?.address === address).length, 1)
  })

  test('the configured address itself counts, if it is not protected', async (t) => {
    const address = `tcp://127.0.0.1:${rig.tcp_port}`
    const { collector, recording } = collect(t, { address, root: '/nonexistent' })
    await collector.start()
    const event = await until(recording, 'exposure', (found) => found.api_exposure?.address === address)
    assert.ok(event.device.hostname, 'the engine says who it is')
  })
})

test('without an engine it starts, says what to do, and tries again', { skip: noDocker() }, async () => {
  const recording = recordingDeps()
  const config = docker.config.parse({
    address: `unix://${recording.deps.state_dir}/none.sock`,
  }) as DockerCollectorConfig
  const collector = docker.create(config, recording.deps)
  await collector.start()
  const report = await recording.until(() => recording.coverage.find(({ part }) => part === 'events'), 'coverage')
  assert.equal(report.status, 'unavailable')
  assert.match(report.message, /none\.sock.*is Docker installed and running\?/)
  await collector.stop()
})
