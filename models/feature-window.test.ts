import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CLASS, type OcsfEvent } from '../ocsf/event.js'
import { containerWorkload, functionWorkload } from '../ocsf/workload.js'
import { featureIndex } from './feature-cell.js'
import { createFeatureWindow, evidenceOf, type FeatureRow } from './feature-window.js'
import { FEATURES, featureHash, inUnit } from './features.js'

const MINUTE = 60_000
const START = 1_700_000_040_000
const web = containerWorkload('0123456789abcdef', 'web-1', { image: 'nginx:1.27' })
const biller = functionWorkload('aws', '123456789012', 'eu-central-1', 'biller', { version: '7' })
let serial = 0

function event(class_uid: number, time: number, attributes: object, workload = web): OcsfEvent {
  return {
    class_uid,
    category_uid: 1,
    activity_id: 1,
    type_uid: class_uid * 100 + 1,
    time,
    severity_id: 1,
    metadata: { version: '1.8.0', product: {}, uid: `uid-${String(serial++).padStart(8, '0')}` },
    workload,
    ...attributes,
  }
}
const launch = (time: number, path: string, parent = 'containerd-shim') =>
  event(CLASS.process_activity, time, {
    process: { name: path.split('/').at(-1), file: { path }, cmd_line: `${path} -x`, parent_process: { name: parent } },
  })
const connect = (time: number, ip: string, port = 443) =>
  event(CLASS.network_activity, time, { dst_endpoint: { ip, port }, traffic: { bytes_out: 100, bytes_in: 50 } })
const metric = (time: number, name: string, value: unknown) =>
  event(CLASS.workload_metric, time, { metrics: [{ name, value, unit: 'percent' }] })
const call = (time: number, operation: string, more: object = {}) =>
  event(
    CLASS.api_activity,
    time,
    { api: { operation, service: { name: `${operation.slice(0, 3)}.amazonaws.com` } }, ...more },
    biller,
  )

const windows = (options = {}) => createFeatureWindow({ window_ms: MINUTE, lateness_ms: 10_000, ...options })
const read = (row: FeatureRow | undefined, name: string) => {
  const at = featureIndex(name)
  return inUnit(FEATURES[at]!, row!.vector[at]!)
}
const near = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) <= 0.03 * Math.max(1, expected), `${found}, expected about ${expected}`)

describe('feature windows', () => {
  it('counts what a workload did in a minute, in the units of the features', () => {
    const window = windows()
    for (const path of ['/bin/sh', '/usr/bin/curl', '/tmp/xmrig', '/bin/sh']) window.add(launch(START, path))
    for (let peer = 1; peer <= 41; peer++) window.add(connect(START + 5_000, `203.0.113.${peer}`))
    window.add(connect(START, '10.0.0.7', 5432))
    window.add(event(CLASS.network_activity, START, { activity_id: 4, dst_endpoint: { ip: '10.0.0.8', port: 22 } }))
    window.add(metric(START, 'cpu_percent', 90))
    window.add(metric(START + 30_000, 'cpu_percent', 100))
    const [row, ...others] = window.close(START + 2 * MINUTE)
    assert.equal(others.length, 0)
    assert.equal(row?.minute, START)
    assert.equal(row?.group, 'container/nginx:1.27')
    const expected = {
      process_launches: 4,
      executables: 3,
      parents: 1,
      shell_launches: 2,
      tool_launches: 1,
      temporary_launches: 1,
      connections_out: 42,
      connections_external: 41,
      connections_failed: 1,
      peers: 43,
      ports: 3,
      bytes_out: 4_200,
      cpu_percent: 95,
      api_calls: 0,
    }
    for (const [name, value] of Object.entries(expected)) near(read(row, name), value)
  })

  it('counts API calls, changes, errors and denials apart', () => {
    const window = windows()
    window.add(call(START, 'ListBuckets', { activity_id: 2, src_endpoint: { ip: '198.51.100.9' } }))
    window.add(call(START, 'CreateUser', { activity_id: 1, status_id: 2, status_code: 'AccessDenied' }))
    window.add(call(START, 'DeleteTrail', { activity_id: 4, status_id: 2, status_code: 'ThrottlingException' }))
    const [row] = window.close(START + 2 * MINUTE)
    const expected = { api_calls: 3, api_operations: 3, api_changes: 2, api_errors: 2, api_denied: 1, api_sources: 1 }
    for (const [name, value] of Object.entries(expected)) near(read(row, name), value)
    assert.equal(evidenceOf(row!, ['api_operations']).length, 3)
  })

  it('keeps a window open for late events, then counts them', () => {
    const window = windows()
    window.add(launch(START + 1_000, '/bin/a'))
    assert.deepEqual(window.close(START + MINUTE + 9_999), [])
    window.add(launch(START + 2_000, '/bin/b'))
    assert.equal(window.close(START + MINUTE + 10_000).length, 1)
    window.add(launch(START + 3_000, '/bin/c'))
    assert.deepEqual(window.close(START + 9 * MINUTE), [])
    assert.equal(window.stats().late, 1)
  })

  it('closes everything at the end of input, and goes on if more comes', () => {
    const window = windows()
    assert.deepEqual(window.close(Number.POSITIVE_INFINITY), [])
    window.add(launch(START, '/bin/a'))
    assert.equal(window.close(Number.POSITIVE_INFINITY).length, 1)
    window.add(launch(START + MINUTE, '/bin/b'))
    assert.equal(window.close(Number.POSITIVE_INFINITY).length, 1)
    assert.equal(window.stats().late, 0)
  })

  it('gives the same rows whether events come in one go or minute by minute', () => {
    const events = Array.from({ length: 600 }, (_, at) => [
      launch(START + at * 1_000, `/bin/p${at % 7}`),
      metric(START + at * 1_000, 'cpu_percent', at % 50),
      call(START + at * 1_000, `Get${at % 5}`),
    ]).flat()
    const whole = windows()
    for (const one of events) whole.add(one)
    const together = whole.close(START + 20 * MINUTE)
    const stream = windows()
    const apart: FeatureRow[] = []
    for (const one of events) {
      stream.add(one)
      apart.push(...stream.close(one.time))
    }
    apart.push(...stream.close(START + 20 * MINUTE))
    assert.equal(together.length, 20)
    assert.deepEqual(apart, together)
  })

  it('carries the last gauge over a minute without one', () => {
    const window = windows()
    window.add(metric(START, 'memory_percent', 40))
    window.add(launch(START + MINUTE, '/bin/a'))
    const rows = window.close(START + 5 * MINUTE)
    assert.deepEqual(
      rows.map((row) => read(row, 'memory_percent')),
      [40, 40],
    )
  })

  it('survives attributes of wrong types, and events without workload or time', () => {
    const window = windows()
    for (const broken of [null, 7, 'x', [], {}, Number.NaN]) {
      for (const class_uid of Object.values(CLASS)) {
        const attributes = Object.fromEntries(
          'process actor api metrics dst_endpoint src_endpoint traffic query connection_info http_response status_code'
            .split(' ')
            .map((name) => [name, broken]),
        )
        window.add(event(class_uid, START, attributes))
      }
    }
    window.add(metric(START, 'cpu_percent', Number.POSITIVE_INFINITY))
    window.add(metric(START, 'cpu_percent', '95'))
    window.add(event(1007, Number.NaN, {}))
    const { workload: _, ...orphan } = event(1007, START, {})
    window.add(orphan)
    const [row] = window.close(START + 5 * MINUTE)
    assert.ok(row?.vector.every(Number.isFinite))
    assert.equal(read(row, 'cpu_percent'), 0)
    assert.equal(window.stats().unusable, 2)
  })

  it('bounds workloads, open windows and clocks that run ahead; everything refused is counted', () => {
    const window = windows({ max_workloads: 10, max_open: 30 })
    window.close(START)
    for (let id = 0; id < 50; id++) {
      for (let minute = 0; minute < 20; minute++) {
        const workload = containerWorkload(`c${id}`, `c${id}`)
        window.add({ ...launch(START + minute * MINUTE, '/bin/a'), workload })
      }
    }
    window.add(launch(Date.UTC(9999, 11, 31), '/bin/a'))
    const held = window.stats()
    assert.ok(held.open <= 30 && held.workloads <= 10, JSON.stringify(held))
    const rows = window.close(START + 100 * MINUTE)
    const counted = rows.length + held.late + held.overflow + held.ahead
    assert.equal(counted, 50 * 20 + 1)
    assert.equal(window.stats().open, 0)
  })

  it('keeps at most 20 uids of evidence, those that brought something new first', () => {
    const window = windows()
    for (let at = 0; at < 500; at++) window.add(launch(START, '/usr/sbin/nginx'))
    const miner = launch(START + 30_000, '/dev/shm/kworker')
    window.add(miner)
    for (let at = 0; at < 500; at++) window.add(connect(START + 40_000, `198.51.100.${at % 250}`))
    const [row] = window.close(START + 5 * MINUTE)
    const uids = evidenceOf(row!, ['temporary_launches', 'peers'])
    assert.ok(uids.includes(miner.metadata.uid!))
    assert.ok(uids.length <= 20 && uids.length > 10)
    assert.deepEqual(uids, [...uids].sort())
  })

  it('adds events fast', (t) => {
    const window = windows()
    const events = Array.from({ length: 50_000 }, (_, at) =>
      at % 3 === 0
        ? launch(START + at * 10, `/usr/bin/tool${at % 20}`)
        : at % 3 === 1
          ? connect(START + at * 10, `10.0.${at % 200}.7`)
          : call(START + at * 10, `Get${at % 9}`),
    )
    const rounds = Array.from({ length: 5 }, () => {
      const fresh = windows()
      const started = performance.now()
      for (const one of events) fresh.add(one)
      return ((performance.now() - started) / events.length) * 1_000
    })
    for (const one of events) window.add(one)
    assert.ok(window.close(START + 99 * MINUTE).length > 0)
    t.diagnostic(`add: ${Math.min(...rounds).toFixed(2)} µs per event (best of ${rounds.length})`)
  })
})

describe('feature list', () => {
  it('has unique names and a hash that changes with the list', () => {
    assert.equal(new Set(FEATURES.map((feature) => feature.name)).size, FEATURES.length)
    assert.notEqual(featureHash(FEATURES), featureHash(FEATURES.slice(1)))
    assert.notEqual(featureHash(FEATURES), featureHash([...FEATURES].reverse()))
  })
})
