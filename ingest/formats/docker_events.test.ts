import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { packageRoot } from '../../core/paths.js'
import type { OcsfEvent } from '../../ocsf/event.js'
import { finish } from '../../ocsf/finish.js'
import { validate } from '../../ocsf/validate.js'
import { fixtureCases } from '../../test/format-cases.js'
import { dockerEvents } from './docker_events.js'
import { dockerSample } from './docker-stats.js'

/** Captured from an engine 20.10: one line for each action. */
const lines = fixtureCases('docker_events/engine.jsonl').map(({ record }) => JSON.stringify(record))
const captured: { inspect: any; stats: any } = JSON.parse(
  readFileSync(join(packageRoot, 'ingest/formats/fixtures/docker-inspect.json'), 'utf8'),
)
const format = dockerEvents.create({})
const host = { type_id: 1, hostname: 'vm-7', uid: 'machine-7' }
const received_time = Date.UTC(2026, 10, 23)

/** The events a record becomes, as the pipeline finishes and checks them. */
function eventsOf(record: object): OcsfEvent[] {
  const outcome = format(structuredClone(record), { received_time })
  assert.equal(outcome.kind, 'ok', JSON.stringify(outcome))
  return (outcome.kind === 'ok' ? outcome.value : []).map((draft, ordinal) => {
    const origin = { format: 'docker_events', instance: 'docker', raw: JSON.stringify(record), ordinal, received_time }
    const event = finish(draft, origin)
    assert.deepEqual(validate(event), [], JSON.stringify(event, null, 1))
    return event
  })
}

function eventFor(action: string, type = 'container'): OcsfEvent {
  const line = lines.find((candidate) => {
    const { Type, Action } = JSON.parse(candidate)
    return Type === type && Action.startsWith(action)
  })
  assert.ok(line, `fixture with ${type} ${action}`)
  const [event] = eventsOf({ kind: 'event', host, event: JSON.parse(line) })
  assert.ok(event)
  return event
}

describe('engine events', () => {
  test('an image whose actor is an id is named by the attribute', () => {
    const Actor = { ID: 'img-789', Attributes: { name: 'registry:5000/nginx:1.25' } }
    const [event] = eventsOf({ Type: 'image', Action: 'pull', Actor, time: 1_768_206_600 })
    assert.deepEqual(event?.image, { name: 'registry:5000/nginx', tag: '1.25', uid: 'img-789' })
  })

  test('every captured event becomes a valid event, with and without the engine host', () => {
    for (const line of lines) {
      for (const record of [JSON.parse(line), { kind: 'event', host, event: JSON.parse(line) }]) {
        const events = eventsOf(record)
        assert.equal(events.length, 1)
        assert.equal(events[0]?.time, Math.floor(JSON.parse(line).timeNano / 1e6))
      }
      assert.ok(dockerEvents.detect(JSON.parse(line)) >= 0.9)
    }
  })

  test('a container keeps one identity over all its events', () => {
    const create = eventFor('create')
    assert.equal(create.class_uid, 99906001)
    assert.equal(create.type_uid, 9990600101)
    assert.deepEqual(create.workload, {
      kind: 'container',
      uid: 'container/b31718c05ef0',
      name: 'danger',
      group: 'weir-test:1',
      image: 'weir-test:1',
      labels: { team: 'red' },
    })
    assert.equal(create.container.uid, 'b31718c05ef021164f36b42c4eece2cb5750f5b47bf2d56c680b4bc8ac08adec')
    assert.deepEqual(create.container.image, { name: 'weir-test', tag: '1', uid: 'weir-test:1' })
    assert.equal(create.device.hostname, 'vm-7')
    assert.equal(eventFor('start').workload?.group, create.workload?.group)
  })

  test('activities, exit codes, signals and health', () => {
    const activities: { [action: string]: number } = {
      start: 2,
      die: 3,
      stop: 3,
      pause: 4,
      unpause: 5,
      destroy: 6,
      restart: 7,
    }
    Object.assign(activities, {
      oom: 8,
      update: 13,
      attach: 14,
      'exec_create:': 15,
      kill: 16,
      rename: 17,
      commit: 18,
      export: 19,
    })
    for (const [action, activity] of Object.entries(activities))
      assert.equal(eventFor(action).activity_id, activity, action)
    assert.equal(eventFor('die').exit_code, 137)
    assert.equal(eventFor('kill').signal, '15')
    assert.equal(eventFor('health_status').health, 'healthy')
    assert.equal(eventFor('rename').unmapped?.['Actor.Attributes.oldName'], '/web2')
    assert.ok(eventFor('oom').severity_id > 1)
  })

  test('a command in a container is a process launch, its end a termination of the same process', () => {
    const launch = eventFor('exec_start: /bin/sh -c echo')
    assert.equal(launch.type_uid, 100701)
    assert.equal(launch.process.cmd_line, '/bin/sh -c echo hello "wo rld" > /tmpx; exit 3')
    assert.equal(launch.process.name, 'sh')
    assert.equal(launch.process.file.path, '/bin/sh')
    assert.equal(launch.workload?.uid, 'container/308ea618a0ce')
    const [end] = eventsOf({
      ...JSON.parse(lines.find((line) => line.includes('"exec_die"')) ?? ''),
      Actor: {
        ID: launch.process.container.uid,
        Attributes: { execID: launch.process.uid, exitCode: '3', name: 'web2' },
      },
    })
    assert.equal(end?.type_uid, 100702)
    assert.equal(end?.process.uid, launch.process.uid)
    assert.equal(end?.exit_code, 3)
  })

  test('networks, images, volumes and the daemon', () => {
    const connect = eventFor('connect', 'network')
    assert.equal(connect.activity_id, 10)
    assert.equal(connect.network.name, 'host')
    assert.equal(connect.workload?.uid, 'container/b31718c05ef0')
    const disconnect = JSON.parse(lines.find((line) => line.includes('"disconnect"')) ?? '')
    const [known] = eventsOf({
      kind: 'event',
      host,
      event: disconnect,
      container: { id: 'x', name: 'web', image: 'nginx' },
    })
    assert.deepEqual([known?.activity_id, known?.workload?.name, known?.workload?.group], [11, 'web', 'nginx:latest'])
    assert.equal(eventFor('untag', 'image').activity_id, 20)
    assert.deepEqual([eventFor('tag', 'image').activity_id, eventFor('tag', 'image').activity_name], [99, 'tag'])
    const volume = eventFor('create', 'volume')
    assert.deepEqual([volume.type_uid, volume.api.operation, volume.resources[0].uid], [600301, 'volume.create', 'v1'])
    assert.equal(eventFor('reload', 'daemon').api.operation, 'daemon.reload')
  })

  test('unknown actions and types are kept under their own name; old engines and wrapped events are read', () => {
    const id = 'a'.repeat(64)
    const head = { time: 1795446425, timeNano: 1795446425857460000 }
    const [unknown] = eventsOf({
      Type: 'container',
      Action: 'teleport: to mars',
      Actor: { ID: id, Attributes: {} },
      ...head,
    })
    assert.deepEqual([unknown?.activity_id, unknown?.activity_name], [99, 'teleport'])
    assert.equal(eventsOf({ Type: 'checkpoint', Action: 'made', Actor: { ID: 'c1' }, ...head })[0]?.class_uid, 6003)
    const [old] = eventsOf({ status: 'start', id, from: 'nginx:1', time: 1795446425 })
    assert.deepEqual([old?.activity_id, old?.workload?.image, old?.time], [2, 'nginx:1', 1795446425000])
    const [wrapped] = eventsOf({
      integration: 'docker',
      docker: { status: 'start', id, Type: 'container', Action: 'start', ...head },
    })
    assert.equal(wrapped?.activity_id, 2)
  })

  test('wrong input is rejected with its place', () => {
    const rejected = (record: unknown) => {
      const outcome = format(record, { received_time })
      return outcome.kind === 'reject' ? `${outcome.reason}: ${outcome.detail}` : outcome.kind
    }
    assert.match(rejected(3), /^not_docker_event: expected an object/)
    assert.match(rejected({}), /^not_docker_event: Type/)
    assert.match(rejected({ Type: 'container', Action: 'start', time: 1e12 }), /^bad_time/)
    assert.match(rejected({ Type: 'container', Action: 'start' }), /^bad_time/)
    assert.match(
      rejected({ Type: true, Action: 'start', time: 1 }),
      /^not_docker_event: Type: required, expected a string/,
    )
    assert.equal(rejected({ Type: 'container', Action: 'die', Actor: 'x', time: 1 }), 'ok')
    assert.match(rejected({ kind: 'inspect', time: 1, inspect: { Id: '../../x' } }), /^wrong_type: inspect.Id/)
    assert.match(rejected({ kind: 'stats', sample: { time: 1, cpu_total_ns: 'x' } }), /^wrong_type: sample/)
    assert.match(rejected({ kind: 'nonsense' }), /^not_docker_event: kind/)
  })

  test('nothing makes it throw', () => {
    const kinds = fc.constantFrom('event', 'inspect', 'stats', 'exposure', undefined)
    const keys = fc.constantFrom(
      'event',
      'inspect',
      'Id',
      'Type',
      'Action',
      'Actor',
      'time',
      'timeNano',
      'host',
      'sample',
      'container',
      'Config',
      'Mounts',
      '__proto__',
    )
    fc.assert(
      fc.property(kinds, fc.dictionary(keys, fc.jsonValue()), (kind, body) => {
        format({ ...body, kind }, { received_time })
        format(
          { kind, event: body, inspect: { Id: 'b'.repeat(64), ...body }, time: 1000, sample: body },
          { received_time },
        )
      }),
      { numRuns: 300 },
    )
  })
})

describe('inspection', () => {
  const record = { kind: 'inspect', host, time: 1795446600000, started: true, inspect: captured.inspect }

  test('inventory with what makes the container dangerous, and the launch of its first process', () => {
    const [inventory, launch] = eventsOf(record)
    assert.equal(inventory?.class_uid, 5001)
    assert.equal(inventory?.device.container.image.uid, captured.inspect.Image)
    const facts = inventory?.unmapped?.configuration as any
    assert.deepEqual(facts.host_namespaces, ['pid', 'ipc'])
    assert.deepEqual(facts.capabilities_added, ['CAP_SYS_ADMIN'])
    assert.deepEqual([facts.privileged, facts.mounts_engine_socket, facts.mounts_host_root], [false, true, true])
    assert.deepEqual(facts.published_ports, [{ ip: '0.0.0.0', port: 8099, container_port: 80, protocol: 'tcp' }])
    assert.equal(facts.published_everywhere, true)
    assert.deepEqual(inventory?.device.network_interfaces, [
      { name: 'n6', type_id: 4, type: 'Virtual', ip: '172.29.0.9', mac: '02:42:ac:1d:00:09' },
    ])
    assert.deepEqual(inventory?.workload?.labels, { team: 'red' })
    assert.equal(launch?.type_uid, 100701)
    assert.equal(launch?.process.cmd_line, '/bin/httpd -f -p 80 -h /www')
    assert.equal(launch?.process.pid, captured.inspect.State.Pid)
    assert.notEqual(launch?.metadata.uid, inventory?.metadata.uid)
    assert.equal(eventsOf({ ...record, started: false }).length, 1)
  })

  test('values of environment variables are nowhere in the events, their names are', () => {
    assert.match(JSON.stringify(captured.inspect), /abc123/)
    const events = eventsOf(record)
    assert.doesNotMatch(JSON.stringify(events), /abc123/)
    assert.deepEqual((events[0] as any).unmapped.configuration.environment_names, ['SECRET_TOKEN'])
  })
})

describe('statistics', () => {
  const container = { id: captured.inspect.Id, name: 'exposed', image: 'weir-test:1' }

  test('counters of the engine become metrics of the container, rates by the difference', () => {
    const before = dockerSample(captured.stats)
    assert.ok(before)
    const sample = {
      ...before,
      time: before.time + 10_000,
      cpu_total_ns: (before.cpu_total_ns ?? 0) + 15e9,
      network_in_bytes: (before.network_in_bytes ?? 0) + 50_000,
    }
    const [event] = eventsOf({ kind: 'stats', host, container, sample, before })
    const metric = (name: string) => event?.metrics.find((entry: any) => entry.name === name)
    assert.equal(event?.class_uid, 99905001)
    assert.equal(event?.workload?.uid, `container/${captured.inspect.Id.slice(0, 12)}`)
    assert.deepEqual(metric('cpu_percent'), { name: 'cpu_percent', value: 150, unit: 'percent' })
    assert.deepEqual(metric('network_in_bytes_per_s'), {
      name: 'network_in_bytes_per_s',
      value: 5000,
      unit: 'bytes_per_s',
    })
    assert.equal(metric('process_count').value, 1)
    assert.ok(metric('memory_used_bytes').value > 0)
    const names = (before: unknown) =>
      eventsOf({ kind: 'stats', host, container, sample, ...(before ? { before } : {}) })[0]?.metrics.map(
        (entry: any) => entry.name,
      )
    assert.deepEqual(names(undefined), ['memory_used_bytes', 'memory_percent', 'process_count'])
    const restarted = { ...sample, time: sample.time - 5000, cpu_total_ns: 9e15 }
    assert.ok(!names(restarted).includes('cpu_percent'), 'a counter that went back gives no rate')
  })

  test('memory without the cache that may be dropped, disk by operation, on both control group versions', () => {
    const blkio_stats = {
      io_service_bytes_recursive: [
        { op: 'read', value: 5 },
        { op: 'Write', value: 7 },
        { op: 'Total', value: 12 },
      ],
    }
    const memory = (stats: object) => ({
      memory_stats: { usage: 100, limit: 1000, stats },
      blkio_stats,
      read: '2026-11-23T15:00:00Z',
    })
    const v1 = dockerSample(memory({ total_inactive_file: 30, inactive_file: 1 }))
    const v2 = dockerSample(memory({ inactive_file: 40 }))
    assert.deepEqual([v1?.memory_used_bytes, v2?.memory_used_bytes], [70, 60])
    assert.deepEqual([v1?.disk_read_bytes, v1?.disk_write_bytes], [5, 7])
    assert.equal(dockerSample({ read: '0001-01-01T00:00:00Z' }), undefined)
  })
})

test('an engine that asks for no certificate', () => {
  const [event] = eventsOf({
    kind: 'exposure',
    host,
    time: 1795446600000,
    address: 'tcp://0.0.0.0:2375',
    ip: '0.0.0.0',
    port: 2375,
    is_tls: false,
    evidence: 'dockerd (pid 1) listens there.',
  })
  assert.equal(event?.type_uid, 9990600121)
  assert.equal(event?.workload?.uid, 'vm/machine-7')
  assert.equal(event?.severity_id, 5)
  assert.deepEqual(event?.api_exposure, {
    address: 'tcp://0.0.0.0:2375',
    ip: '0.0.0.0',
    port: 2375,
    is_tls: false,
    is_authenticated: false,
  })
})
