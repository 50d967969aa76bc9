import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { CLASS, type OcsfEvent } from '../../ocsf/event.js'
import { eventOf, type RecordingDeps, recordingDeps } from '../recording-deps.js'
import { host } from './host.js'

const linux = process.platform === 'linux' ? { timeout: 30_000 } : { skip: 'needs Linux: there is no /proc here' }

function startHost(t: TestContext, recording: RecordingDeps, watch: string[]) {
  const collector = host.create(
    host.config.parse({ watch, interval_ms: 100, metrics_interval_ms: 1000 }),
    recording.deps,
  )
  t.after(() => collector.stop())
  return collector
}

function events(recording: RecordingDeps): OcsfEvent[] {
  return recording.emitted.map(({ record }) => eventOf(record))
}

function child(t: TestContext, ...args: string[]): ChildProcess {
  const process = spawn('sleep', args, { stdio: 'ignore' })
  t.after(() => process.kill('SIGKILL'))
  return process
}

test('a child process is seen with its parent, user and hash, and its end too', linux, async (t) => {
  const recording = recordingDeps()
  const collector = startHost(t, recording, ['processes'])
  await collector.start()
  await recording.until(() => recording.emitted.length > 0, 'the processes that run already')
  const existing = events(recording).find((event) => event.process.pid === process.pid)
  assert.equal(existing?.activity_name, 'Existing')
  assert.equal(existing?.activity_id, 99)

  const began_ms = Date.now()
  const sleep = child(t, '30')
  const launch = await recording.until(
    () => events(recording).find((event) => event.activity_id === 1 && event.process.cmd_line === 'sleep 30'),
    'the launch',
  )
  assert.equal(launch.class_uid, CLASS.process_activity)
  assert.equal(launch.process.pid, sleep.pid)
  assert.equal(launch.process.name, 'sleep')
  assert.equal(launch.actor.process.pid, process.pid)
  assert.equal(launch.process.parent_process.pid, process.pid)
  assert.match(launch.actor.process.cmd_line, /host\.slow\.test/)
  assert.equal(launch.process.user.uid, String(process.getuid?.()))
  assert.equal(launch.workload?.kind, 'vm')
  assert.ok(Math.abs(launch.process.created_time - began_ms) < 500, 'created when it was started')
  const sha256 = createHash('sha256').update(readFileSync(launch.process.file.path)).digest('hex')
  assert.equal(launch.process.file.hashes[0].value, sha256)

  sleep.kill('SIGKILL')
  const end = await recording.until(
    () => events(recording).find((event) => event.activity_id === 2 && event.process.pid === sleep.pid),
    'the end',
  )
  assert.equal(end.process.uid, launch.process.uid)
  assert.notEqual(end.metadata.uid, launch.metadata.uid)
})

test('a restart repeats nothing and reports what started meanwhile', linux, async (t) => {
  const first = recordingDeps()
  const before = startHost(t, first, ['processes'])
  await before.start()
  await first.until(() => first.emitted.length > 0, 'a first look')
  const old = child(t, '31')
  await first.until(() => events(first).find((event) => event.process.pid === old.pid), 'the launch before')
  await before.stop()
  await before.stop()

  const fresh = child(t, '32')
  const second = recordingDeps(first.deps.state_dir)
  await startHost(t, second, ['processes']).start()
  const launch = await second.until(
    () => events(second).find((event) => event.process.pid === fresh.pid),
    'the launch between',
  )
  assert.equal(launch.activity_id, 1)
  assert.ok(!events(second).some((event) => event.process.pid === old.pid && event.activity_id !== 2))
  assert.ok(!events(second).some((event) => event.activity_name === 'Existing'))
})

test('a program that replaces itself is a launch of its own', linux, async (t) => {
  const recording = recordingDeps()
  await startHost(t, recording, ['processes']).start()
  await recording.until(() => recording.emitted.length > 0, 'a first look')
  const shell = spawn('sh', ['-c', 'read line; exec sleep 33'], { stdio: ['pipe', 'ignore', 'ignore'] })
  t.after(() => shell.kill('SIGKILL'))
  const of = (name: string) =>
    events(recording).find((event) => event.process.pid === shell.pid && event.process.name === name)
  await recording.until(() => of('sh'), 'the shell')
  shell.stdin.write('go\n')
  const sleep = await recording.until(() => of('sleep'), 'the program that replaced it')
  assert.equal(sleep.activity_id, 1)
  assert.equal(sleep.process.cmd_line, 'sleep 33')
})

test(
  'a listening socket, a connection in both directions and its end are seen with their process',
  linux,
  async (t) => {
    const recording = recordingDeps()
    await startHost(t, recording, ['connections']).start()
    await recording.until(() => recording.coverage.length > 0, 'the watch')
    await new Promise((resolve) => setTimeout(resolve, 500))

    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    const listen = await recording.until(
      () => events(recording).find((event) => event.activity_id === 7 && event.dst_endpoint.port === port),
      'the listening socket',
    )
    assert.equal(listen.dst_endpoint.ip, '127.0.0.1')
    assert.equal(listen.actor.process.pid, process.pid)

    const client = connect(port, '127.0.0.1')
    t.after(() => client.destroy())
    await new Promise((resolve) => client.once('connect', resolve))
    const client_port = client.localPort
    const opens = await recording.until(() => {
      const found = events(recording).filter(
        (event) =>
          event.activity_id === 1 && event.src_endpoint?.port === client_port && event.dst_endpoint.port === port,
      )
      return found.length === 2 && found
    }, 'both ends of the connection')
    for (const open of opens) {
      assert.equal(open.connection_info.protocol_name, 'tcp')
      assert.equal(open.connection_info.direction_id, 4)
      assert.equal(open.actor.process.pid, process.pid)
    }

    client.destroy()
    const close = await recording.until(
      () => events(recording).find((event) => event.activity_id === 2 && event.src_endpoint?.port === client_port),
      'the end of the connection',
    )
    assert.ok(close.duration >= 0)
    const uids = events(recording).map((event) => event.metadata.uid)
    assert.equal(new Set(uids).size, uids.length)
  },
)

test(
  'a connection that this machine opened and closed between two looks is known from its remains',
  linux,
  async (t) => {
    const recording = recordingDeps()
    const collector = host.create(host.config.parse({ watch: ['connections'], interval_ms: 700 }), recording.deps)
    t.after(() => collector.stop())
    const server = createServer((socket) => socket.on('end', () => socket.end()).resume()).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    t.after(() => server.close())
    const { port } = server.address() as { port: number }
    await collector.start()
    await recording.until(() => recording.emitted.length > 0, 'a first look')
    const client = connect(port, '127.0.0.1', () => client.end())
    const brief = await recording.until(
      () => events(recording).find((event) => event.activity_id === 1 && event.dst_endpoint.port === port),
      'the remains',
    )
    assert.match(brief.message ?? '', /closed between two looks|connected/)
  },
)

test('metrics have the agreed names and plausible values', linux, async (t) => {
  const recording = recordingDeps()
  await startHost(t, recording, ['metrics']).start()
  await recording.until(() => recording.emitted.length > 0, 'a measurement')
  const event = events(recording)[0]!
  assert.equal(event.class_uid, CLASS.workload_metric)
  const values = new Map<string, number>(event.metrics.map((metric: any) => [metric.name, metric.value]))
  for (const name of ['cpu_percent', 'memory_percent', 'disk_used_percent']) {
    assert.ok(values.get(name)! >= 0 && values.get(name)! <= 100, `${name} is ${values.get(name)}`)
  }
  for (const name of ['memory_used_bytes', 'process_count', 'load_1m', 'connection_count', 'network_in_bytes_per_s']) {
    assert.ok(values.get(name)! >= 0, `${name} is ${values.get(name)}`)
  }
})
