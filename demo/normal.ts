import { invocation, roleCall } from './cloudtrail.js'
import type { Random } from './random.js'
import type { Line } from './recording.js'
import {
  ACCOUNT,
  API_ID,
  api,
  CACHE_ID,
  CACHE_IP,
  cache,
  connection,
  FUNCTION,
  HOUR,
  launch,
  logon,
  MINUTE,
  measured,
  VM_IP,
  vm,
} from './world.js'

type Say = (line: Line) => void
const SYSTEMD = { parent: 'systemd', parent_path: '/usr/lib/systemd/systemd' }
const CRON = { parent: 'cron', parent_path: '/usr/sbin/cron' }
const BASH = { parent: 'bash', parent_path: '/usr/bin/bash' }

/** 0.2 at night, 1 in the early afternoon: how busy the shop is. */
export function busy(time: number): number {
  const hour = (time / HOUR) % 24
  return 0.6 + 0.4 * Math.sin(((hour - 8) / 24) * 2 * Math.PI)
}

/** An ordinary minute of all four workloads. */
export function minute(random: Random, time: number, say: Say) {
  const ocsf = (offset: number, event: object) => say({ time: time + offset, format: 'ocsf', data: event })
  const later = () => random.int(0, MINUTE - 1)
  const load = busy(time)
  const index = Math.round(time / MINUTE) % 1_440

  ocsf(0, measured(vm, time, machineMetrics(random, load)))
  ocsf(0, measured(api, time, containerMetrics(random, 6 + 22 * load, 31, 9_000 + 60_000 * load)))
  ocsf(0, measured(cache, time, containerMetrics(random, 1 + 3 * load, 12, 4_000 + 20_000 * load)))

  housekeeping(random, index, time, ocsf)
  traffic(random, load, time, ocsf, later)
  invoice(random, index, time, say)
  if (index % 2 === 0) {
    const at = random.int(0, 500)
    ocsf(
      at,
      launch(random, cache, time + at, {
        path: '/usr/local/bin/redis-cli',
        args: 'ping',
        parent: 'containerd-shim',
        parent_path: '/usr/bin/containerd-shim-runc-v2',
      }),
    )
  }
}

function machineMetrics(random: Random, load: number) {
  return {
    cpu_percent: Math.min(100, random.around(8 + 24 * load, 3)),
    memory_percent: random.around(47, 1.2),
    disk_used_percent: random.around(38, 0.1),
    network_in_bytes_per_s: random.around(20_000 + 110_000 * load, 9_000),
    network_out_bytes_per_s: random.around(26_000 + 150_000 * load, 9_000),
    process_count: Math.round(random.around(142, 4)),
    load_1m: random.around(0.3 + 0.9 * load, 0.1),
  }
}

function containerMetrics(random: Random, cpu: number, memory: number, bytes: number) {
  return {
    cpu_percent: random.around(cpu, cpu / 9 + 0.3),
    memory_percent: random.around(memory, 0.6),
    network_in_bytes_per_s: random.around(bytes, bytes / 10),
    network_out_bytes_per_s: random.around(bytes * 1.4, bytes / 8),
    process_count: Math.round(random.around(6, 0.8)),
  }
}

/** Timers, package updates and people at work on the VM. */
function housekeeping(random: Random, index: number, time: number, ocsf: (offset: number, event: object) => void) {
  const start = (path: string, args: string, by: typeof CRON, user?: string) => {
    const at = random.int(0, 20_000)
    ocsf(at, launch(random, vm, time + at, { path, args, ...by, ...(user === undefined ? {} : { user }) }))
  }
  if (index % 10 === 0) start('/usr/lib/sysstat/debian-sa1', '1 1', CRON)
  if (index % 15 === 5) start('/usr/bin/node_exporter-textfile', '--collect', SYSTEMD)
  if (index % 60 === 17) start('/usr/sbin/logrotate', '/etc/logrotate.conf', CRON)
  if (index % 60 === 40) start('/usr/bin/docker', 'system df', CRON)
  if (index % 360 === 130) {
    start('/usr/bin/apt-get', '-qq update', SYSTEMD)
    ocsf(
      3_000,
      connection(random, vm, time + 3_000, {
        direction: 'out',
        peer: '192.0.2.80',
        peer_port: 443,
        port: 49_000 + random.int(0, 900),
        process: 'https',
        path: '/usr/lib/apt/methods/https',
      }),
    )
  }
  if (index % 2 === 1) {
    ocsf(
      9_000,
      connection(random, vm, time + 9_000, {
        direction: 'out',
        peer: '169.254.169.123',
        peer_port: 123,
        port: 123,
        process: 'chronyd',
        path: '/usr/sbin/chronyd',
      }),
    )
  }
  // The administrator looks in five times in working hours, always from the office.
  if (index >= 480 && index < 1_080 && index % 130 === 9) {
    ocsf(100, logon(vm, time + 100, 'admin', '192.0.2.10'))
    start('/usr/bin/bash', '-l', { parent: 'sshd', parent_path: '/usr/sbin/sshd' }, 'admin')
    start('/usr/bin/docker', 'ps', BASH, 'admin')
    start('/usr/bin/journalctl', '-u docker --since today', BASH, 'admin')
  }
}

/** Customers reach the shop through the load balancer; the shop asks its cache and a payment provider. */
function traffic(
  random: Random,
  load: number,
  time: number,
  ocsf: (offset: number, event: object) => void,
  later: () => number,
) {
  const flow = (
    where: typeof api,
    at: number,
    direction: 'in' | 'out',
    peer: string,
    peer_port: number,
    port: number,
    process: string,
    path: string,
  ) => ocsf(at, connection(random, where, time + at, { direction, peer, peer_port, port, process, path }))
  for (let n = random.int(1, 2 + Math.round(4 * load)); n > 0; n--) {
    flow(
      api,
      later(),
      'in',
      `10.20.1.${random.int(4, 6)}`,
      random.int(32_768, 60_999),
      8080,
      'node',
      '/usr/local/bin/node',
    )
  }
  for (let n = random.int(1, 3); n > 0; n--) {
    const at = later()
    const port = random.int(32_768, 60_999)
    flow(api, at, 'out', CACHE_IP, 6379, port, 'node', '/usr/local/bin/node')
    flow(cache, at, 'in', '172.18.0.3', port, 6379, 'redis-server', '/usr/local/bin/redis-server')
  }
  if (random.next() < 0.4 * load)
    flow(api, later(), 'out', '192.0.2.44', 443, random.int(32_768, 60_999), 'node', '/usr/local/bin/node')
  if (random.next() < 0.05) {
    const at = later()
    ocsf(
      at,
      launch(random, api, time + at, {
        path: '/usr/local/bin/node',
        args: '/app/worker.js resize',
        user: 'node',
        parent: 'node',
        parent_path: '/usr/local/bin/node',
      }),
    )
  }
}

/** Every ten minutes the function exports invoices: a query, some objects read, one written. */
function invoice(random: Random, index: number, time: number, say: Say) {
  if (index % 10 !== 3) return
  const record = (at: number, data: object) => say({ time: time + at, format: 'cloudtrail', data })
  const call = (at: number, service: string, operation: string, read_only: boolean, request: object) =>
    record(
      at,
      roleCall(random, time + at, {
        service,
        operation,
        read_only,
        ip: VM_IP.replace('.11', '.200'),
        user_agent: 'aws-sdk-nodejs/3.901.0 exec-env/AWS_Lambda_nodejs22.x',
        request,
      }),
    )
  const started = 1_000 * random.int(1, 8)
  record(started, invocation(random, time + started))
  call(started + 1_000, 'dynamodb', 'Query', true, { tableName: 'invoices' })
  for (let n = 0; n < random.int(1, 4); n++) {
    call(started + 2_000 + 1_000 * n, 's3', 'GetObject', true, {
      bucketName: 'shop-invoices',
      key: `2026/${random.hex(6)}.json`,
    })
  }
  call(started + 8_000, 's3', 'PutObject', false, {
    bucketName: 'shop-exports',
    key: `${FUNCTION}/${random.hex(6)}.csv`,
  })
  if (index % 60 === 3)
    call(started + 9_000, 'secretsmanager', 'GetSecretValue', true, {
      secretId: `arn:aws:secretsmanager:eu-central-1:${ACCOUNT}:secret:erp`,
    })
}

/** What the Docker engine said when the day's containers were started. */
export function engineStart(random: Random, time: number, say: Say) {
  const containers = [
    { id: CACHE_ID, name: 'shop-cache', image: 'redis:7.2' },
    { id: API_ID, name: 'shop-api', image: 'registry.shop.example/shop-api:2.3.1' },
  ]
  for (const [n, { id, name, image }] of containers.entries()) {
    for (const [step, action] of ['create', 'start'].entries()) {
      say({
        time: time + n * 900 + step * 300,
        format: 'docker_events',
        data: engineEvent(random, time + n * 900 + step * 300, action, id, { image, name }),
      })
    }
  }
}

/** One event of the Docker engine's event stream. */
export function engineEvent(
  random: Random,
  time: number,
  action: string,
  id: string,
  attributes: { [key: string]: string },
) {
  return {
    Type: 'container',
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(time / 1_000),
    timeNano: time * 1_000_000 + random.int(0, 999),
  }
}
