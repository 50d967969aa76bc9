import { type Random, seeded } from '../demo/random.js'
import type { OcsfEvent, Workload } from '../ocsf/event.js'
import { eventUid } from '../ocsf/uid.js'
import { containerWorkload, functionWorkload, vmWorkload } from '../ocsf/workload.js'

const first_time = Date.UTC(2026, 2, 2, 8)
const hosts = 120
const containers = 60
const functions = 20

type World = {
  readonly random: Random
  readonly workloads: Workload[]
  readonly hashes: string[]
  time: number
  n: number
}

/** Realistic native OCSF events of about 700 bytes of JSON: processes, network, API calls, log-ins and files of 200 workloads. */
export function* benchEvents(count: number, seed = 1): Generator<OcsfEvent> {
  const random = seeded(seed)
  const workloads = makeWorkloads(random)
  const world: World = { random, workloads, hashes: programs.map(() => random.hex(64)), time: first_time, n: 0 }
  for (let n = 0; n < count; n++) {
    world.n = n
    // About 2,000 events a second.
    if (random.next() < 0.5) world.time++
    const kind = random.next()
    if (kind < 0.35) yield processEvent(world)
    else if (kind < 0.65) yield networkEvent(world)
    else if (kind < 0.8) yield apiEvent(world)
    else if (kind < 0.9) yield authEvent(world)
    else yield fileEvent(world)
  }
}

function makeWorkloads(random: Random): Workload[] {
  const place = { provider: 'aws', account: '210987654321', region: 'eu-central-1' }
  const workloads: Workload[] = []
  for (let n = 0; n < hosts; n++) {
    const name = `${['web', 'db', 'batch', 'cache'][n % 4]}-${String(n).padStart(3, '0')}`
    workloads.push(vmWorkload(`i-${random.hex(17)}`, name, place))
  }
  for (let n = 0; n < containers; n++) {
    const name = ['cart', 'checkout', 'search', 'mail', 'auth'][n % 5]
    const image = `registry.shop.example/${name}:1.${n % 7}.2`
    workloads.push(containerWorkload(random.hex(64), `${name}-${n}`, { image }))
  }
  for (let n = 0; n < functions; n++) {
    workloads.push(functionWorkload('aws', place.account, place.region, `resize-${n}`, { version: '$LATEST' }))
  }
  return workloads
}

const programs = [
  '/usr/sbin/nginx',
  '/usr/bin/python3.11',
  '/usr/bin/node',
  '/usr/lib/postgresql/16/bin/postgres',
  '/bin/sh',
  '/usr/bin/bash',
  '/usr/bin/curl',
  '/usr/sbin/sshd',
  '/usr/bin/redis-server',
  '/usr/sbin/cron',
  '/usr/bin/git',
  '/usr/bin/java',
  '/usr/bin/ps',
  '/usr/bin/cat',
  '/usr/bin/grep',
  '/usr/bin/tar',
  '/usr/bin/apt-get',
  '/usr/bin/sudo',
]
const users = ['root', 'www-data', 'postgres', 'deploy', 'redis', 'alice', 'bob', 'carol', 'backup']
const calls = [
  's3.amazonaws.com GetObject',
  's3.amazonaws.com PutObject',
  's3.amazonaws.com ListObjects',
  'sts.amazonaws.com AssumeRole',
  'ec2.amazonaws.com DescribeInstances',
  'kms.amazonaws.com Decrypt',
  'dynamodb.amazonaws.com Query',
  'dynamodb.amazonaws.com PutItem',
  'lambda.amazonaws.com Invoke',
  'secretsmanager.amazonaws.com GetSecretValue',
]
const agents = [
  'aws-sdk-js/3.637.0 os/linux lang/js md/nodejs/20.17.0',
  'Boto3/1.35.10 md/Botocore#1.35.10 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11',
  'aws-cli/2.17.40 md/awscrt#0.21.2 ua/2.0 os/linux#6.8 exe/x86_64',
  'console.amazonaws.com',
]

/** An item, the first ones much more often than the last. */
function skewed<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random.next() ** 2 * items.length)] as T
}

type Kind = { class_uid: number; class_name: string; category_name: string; activity: [number, string]; log: string }

function base(world: World, workload: Workload, kind: Kind): OcsfEvent {
  const [activity_id, activity_name] = kind.activity
  return {
    class_uid: kind.class_uid,
    class_name: kind.class_name,
    category_uid: Math.floor(kind.class_uid / 1000),
    category_name: kind.category_name,
    activity_id,
    activity_name,
    type_uid: kind.class_uid * 100 + activity_id,
    type_name: `${kind.class_name}: ${activity_name}`,
    time: world.time,
    severity_id: 1,
    severity: 'Informational',
    metadata: {
      version: '1.8.0',
      uid: eventUid(world.time, `bench:${world.n}`),
      log_name: kind.log,
      product: { name: 'Weir', vendor_name: 'Weir' },
    },
    workload,
  }
}

function inside(world: World): Workload {
  return skewed(world.random, world.workloads.slice(0, hosts + containers))
}

function device(workload: Workload) {
  return { hostname: workload.name, type_id: 1 }
}

function program({ random }: World) {
  const path = skewed(random, programs)
  const name = path.slice(path.lastIndexOf('/') + 1)
  const cmd_line = random.next() < 0.7 ? `${path} --config /etc/${name}.conf` : `${name} -t ${random.int(0, 1000)} job`
  return { path, name, pid: random.int(300, 60_000), cmd_line }
}

const process_kind: Kind = {
  class_uid: 1007,
  class_name: 'Process Activity',
  category_name: 'System Activity',
  activity: [1, 'Launch'],
  log: 'processes',
}

function processEvent(world: World): OcsfEvent {
  const { path, name, pid, cmd_line } = program(world)
  const parent = program(world)
  const workload = inside(world)
  const value = world.hashes[programs.indexOf(path)]
  return {
    ...base(world, workload, process_kind),
    device: device(workload),
    actor: { user: { name: skewed(world.random, users), uid: String(world.random.int(0, 20)) } },
    process: {
      name,
      pid,
      cmd_line,
      file: { name, path, type_id: 1, hashes: [{ algorithm_id: 3, algorithm: 'SHA-256', value }] },
      parent_process: {
        name: parent.name,
        pid: parent.pid,
        file: { path: parent.path, name: parent.name, type_id: 1 },
      },
    },
  }
}

const network_kind: Kind = {
  class_uid: 4001,
  class_name: 'Network Activity',
  category_name: 'Network Activity',
  activity: [1, 'Open'],
  log: 'connections',
}

function networkEvent(world: World): OcsfEvent {
  const { random } = world
  const { name, pid } = program(world)
  const workload = inside(world)
  const direction_id = random.next() < 0.6 ? 2 : 1
  const is_near = random.next() < 0.8
  return {
    ...base(world, workload, network_kind),
    device: device(workload),
    actor: { process: { name, pid } },
    src_endpoint: { ip: `10.4.${random.int(0, 7)}.${random.int(1, 254)}`, port: random.int(32_768, 60_999) },
    dst_endpoint: {
      ip: is_near ? `10.4.${random.int(0, 3)}.${random.int(1, 32)}` : `52.${random.int(1, 8)}.7.${random.int(1, 254)}`,
      port: skewed(random, [443, 5432, 6379, 80, 53, 8080, 22]),
    },
    connection_info: {
      protocol_name: 'tcp',
      protocol_num: 6,
      direction: direction_id === 2 ? 'Outbound' : 'Inbound',
      direction_id,
    },
    traffic: { bytes_in: Math.floor(random.next() ** 4 * 1e6), bytes_out: Math.floor(random.next() ** 4 * 1e5) },
  }
}

const api_kind: Kind = {
  class_uid: 6003,
  class_name: 'API Activity',
  category_name: 'Application Activity',
  activity: [2, 'Read'],
  log: 'cloudtrail',
}

function apiEvent(world: World): OcsfEvent {
  const { random } = world
  const workload = world.workloads[hosts + containers + random.int(0, functions - 1)] as Workload
  const [service = '', operation] = skewed(random, calls).split(' ')
  const fails = random.next() < 0.03
  return {
    ...base(world, workload, api_kind),
    status_id: fails ? 2 : 1,
    status: fails ? 'Failure' : 'Success',
    cloud: { provider: 'AWS', region: 'eu-central-1', account: { uid: '210987654321' } },
    actor: {
      user: { type: 'AssumedRole', uid: `AROAEXAMPLE${workload.name}:${workload.name}`, name: workload.name },
      session: { issuer: `arn:aws:iam::210987654321:role/${workload.name}` },
    },
    api: { operation, service: { name: service }, ...(fails ? { response: { error: 'AccessDenied' } } : {}) },
    src_endpoint: { ip: `10.8.0.${random.int(1, 200)}` },
    http_request: { user_agent: skewed(random, agents) },
  }
}

const auth_kind: Kind = {
  class_uid: 3002,
  class_name: 'Authentication',
  category_name: 'Identity & Access Management',
  activity: [1, 'Logon'],
  log: 'auth.log',
}

function authEvent(world: World): OcsfEvent {
  const { random } = world
  const workload = skewed(random, world.workloads.slice(0, hosts))
  const fails = random.next() < 0.1
  const name = skewed(random, users)
  return {
    ...base(world, workload, auth_kind),
    status_id: fails ? 2 : 1,
    status: fails ? 'Failure' : 'Success',
    device: device(workload),
    user: { name, uid: String(users.indexOf(name) + 1000) },
    src_endpoint: { ip: `10.4.9.${random.int(1, 60)}`, port: random.int(1024, 61_000) },
    auth_protocol: 'publickey',
    message: fails ? `Failed publickey for ${name}` : `Accepted publickey for ${name}`,
    service: { name: 'sshd' },
  }
}

const file_kind: Kind = {
  class_uid: 1001,
  class_name: 'File System Activity',
  category_name: 'System Activity',
  activity: [3, 'Update'],
  log: 'files',
}

function fileEvent(world: World): OcsfEvent {
  const { random } = world
  const { path, name, pid } = program(world)
  const workload = inside(world)
  const file = `${skewed(random, ['data', 'cache', 'session', 'log'])}-${random.int(0, 5000)}.bin`
  return {
    ...base(world, workload, file_kind),
    device: device(workload),
    actor: { process: { name, pid, file: { path, name, type_id: 1 } }, user: { name: skewed(random, users) } },
    file: {
      name: file,
      path: `/var/lib/${name}/${file}`,
      type: 'Regular File',
      type_id: 1,
      size: random.int(1, 100_000),
    },
  }
}
