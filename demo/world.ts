import type { EventDraft } from '../ocsf/event.js'
import { CLASS } from '../ocsf/event.js'
import { containerWorkload, vmWorkload } from '../ocsf/workload.js'
import type { Random } from './random.js'

/** The scene of the recording: one VM that runs Docker, two containers on it, one function next to it. */
export const START = Date.UTC(2026, 0, 12)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const ACCOUNT = '210987654321'
export const REGION = 'eu-central-1'
export const FUNCTION = 'invoice-export'
export const ROLE = 'invoice-export-role'
/** Addresses are from the documentation ranges (RFC 5737). */
export const ATTACKER_IP = '203.0.113.66'
export const POOL_IP = '198.51.100.23'
export const VM_IP = '10.20.0.11'
export const API_IP = '172.18.0.3'
export const CACHE_IP = '172.18.0.2'

export const API_ID = 'a91c3be05d77f2c4190e6b83d1f5a04c6e27b9d8831f40c25ab6e7d90c1f2e34'
export const CACHE_ID = '5f02d7c6a1b94e83c0d25f7719ae64b3820dcf16e95b7a43d8012c6fe4b79a15'

export const vm = vmWorkload('i-0b7d2c9e41f6a3850', 'shop-host-1', {
  role: 'shop-host',
  provider: 'aws',
  account: ACCOUNT,
  region: REGION,
})
export const api = containerWorkload(API_ID, 'shop-api', { image: 'registry.shop.example/shop-api:2.3.1' })
export const cache = containerWorkload(CACHE_ID, 'shop-cache', { image: 'redis:7.2' })

const device = {
  uid: 'i-0b7d2c9e41f6a3850',
  name: 'shop-host-1',
  hostname: 'shop-host-1',
  ip: VM_IP,
  type_id: 6,
  type: 'Virtual',
  region: REGION,
  os: { name: 'Debian GNU/Linux 12', type_id: 200, type: 'Linux' },
}
const containers = {
  [api.uid]: {
    uid: API_ID,
    name: 'shop-api',
    image: { name: 'registry.shop.example/shop-api', tag: '2.3.1', uid: 'sha256:77c1' },
  },
  [cache.uid]: { uid: CACHE_ID, name: 'shop-cache', image: { name: 'redis', tag: '7.2', uid: 'sha256:90ab' } },
}
type Where = typeof vm

const product = { name: 'Weir', vendor_name: 'Weir', feature: { name: 'host' } }

/** What every event of the host collector carries. */
function base(where: Where, time: number) {
  return { time, severity_id: 1, workload: where, device, metadata: { product, log_name: 'demo' } }
}

export type Program = { path: string; args?: string; user?: string; parent: string; parent_path: string }

/** A process that started. `hash` stands for the executable's content: equal paths have equal hashes. */
export function launch(random: Random, where: Where, time: number, program: Program): EventDraft {
  const name = program.path.split('/').at(-1) ?? program.path
  const container = containers[where.uid]
  const sha256 = Array.from({ length: 4 }, (_, n) => fnv(`${program.path}#${n}`))
    .join('')
    .repeat(2)
  return {
    ...base(where, time),
    class_uid: CLASS.process_activity,
    activity_id: 1,
    process: {
      pid: random.int(2_000, 4_000_000),
      name,
      cmd_line: program.args ? `${program.path} ${program.args}` : program.path,
      created_time: time,
      file: {
        name,
        path: program.path,
        type_id: 1,
        hashes: [{ algorithm_id: 3, algorithm: 'SHA-256', value: sha256 }],
      },
      user: { name: program.user ?? 'root', uid: program.user === undefined ? '0' : '1000' },
      ...(container ? { container } : {}),
    },
    actor: {
      process: {
        pid: random.int(300, 1_900),
        name: program.parent,
        file: { name: program.parent, path: program.parent_path, type_id: 1 },
      },
    },
  }
}

export type Flow = {
  direction: 'in' | 'out'
  peer: string
  peer_port: number
  port: number
  process: string
  path: string
}

/** A connection that was opened, from or to the workload. */
export function connection(random: Random, where: Where, time: number, flow: Flow): EventDraft {
  const own_ip = where.uid === api.uid ? API_IP : where.uid === cache.uid ? CACHE_IP : VM_IP
  const own = { ip: own_ip, port: flow.port }
  const peer = { ip: flow.peer, port: flow.peer_port }
  const container = containers[where.uid]
  return {
    ...base(where, time),
    class_uid: CLASS.network_activity,
    activity_id: 1,
    src_endpoint: flow.direction === 'in' ? peer : own,
    dst_endpoint: flow.direction === 'in' ? own : peer,
    connection_info: {
      protocol_name: 'tcp',
      protocol_num: 6,
      direction_id: flow.direction === 'in' ? 1 : 2,
      direction: flow.direction === 'in' ? 'Inbound' : 'Outbound',
    },
    actor: {
      process: {
        pid: random.int(300, 1_900),
        name: flow.process,
        file: { name: flow.process, path: flow.path, type_id: 1 },
        ...(container ? { container } : {}),
      },
    },
  }
}

/** A log-in over SSH. */
export function logon(where: Where, time: number, user: string, ip: string): EventDraft {
  return {
    ...base(where, time),
    class_uid: CLASS.authentication,
    activity_id: 1,
    status_id: 1,
    is_remote: true,
    user: { name: user },
    src_endpoint: { ip },
    service: { name: 'sshd' },
    auth_protocol_id: 99,
    auth_protocol: 'ssh publickey',
  }
}

/** Measurements of one workload at one time. */
export function measured(where: Where, time: number, values: { [name: string]: number }): EventDraft {
  const unit = (name: string) =>
    name.endsWith('_percent') ? 'percent' : name.includes('bytes_per_s') ? 'bytes_per_s' : 'count'
  return {
    ...base(where, time),
    class_uid: CLASS.workload_metric,
    activity_id: 1,
    metrics: Object.entries(values).map(([name, value]) => ({
      name,
      value: Math.round(value * 100) / 100,
      unit: unit(name),
    })),
  }
}

/** FNV-1a, 32 bit, as 8 hex digits. */
function fnv(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  return hash.toString(16).padStart(8, '0')
}
