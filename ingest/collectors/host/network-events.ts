import { CLASS, type EventDraft, type JsonObject } from '../../../ocsf/event.js'
import type { RawRecord } from '../../contract.js'
import { deviceOf, type HostIdentity } from './identity.js'
import type { Proc } from './process-table.js'
import { type Endpoint, isLoopback } from './socket-rows.js'
import type { Socket, SocketChange } from './socket-table.js'

const ACTIVITY = { open: 1, brief: 1, close: 2, fail: 4, listen: 7 } as const
const PROTOCOL_NUMBER = { tcp: 6, udp: 17 } as const
const DIRECTION = { unknown: 0, inbound: 1, outbound: 2, local: 4 } as const

/** Turns changes of the socket table into OCSF Network Activity. */
export function networkEvents(
  identity: HostIdentity,
  processObject: (process: Proc) => JsonObject,
  collector: 'host' | 'docker' = 'host',
) {
  return function records(changes: readonly SocketChange[]): RawRecord[] {
    const now_ms = Date.now()
    return changes.map((change) => ({
      data: draft(change, now_ms, identity, processObject, collector),
      position: `${identity.boot_id}:${name(change.socket)}:${change.kind}:${now_ms}`,
    }))
  }
}

function draft(
  { kind, socket, existed_before }: SocketChange,
  now_ms: number,
  identity: HostIdentity,
  processObject: (process: Proc) => JsonObject,
  collector: string,
): EventDraft {
  const [from, to] = socket.is_inbound ? [socket.remote, socket.local] : [socket.local, socket.remote]
  const ends: { src_endpoint?: Endpoint; dst_endpoint: Endpoint } = socket.is_listening
    ? { dst_endpoint: socket.local }
    : { src_endpoint: from, dst_endpoint: to }
  return {
    class_uid: CLASS.network_activity,
    activity_id: ACTIVITY[kind],
    time: now_ms,
    severity_id: 1,
    status_id: kind === 'fail' ? 2 : 1,
    message: message(kind, socket, existed_before),
    metadata: { product: { name: 'Weir', vendor_name: 'Weir', feature: { name: collector } }, log_name: 'procfs' },
    ...ends,
    is_src_dst_assignment_known: true,
    connection_info: {
      uid: `${socket.netns}:${socket.inode}`,
      direction_id: direction(socket),
      protocol_name: socket.protocol,
      protocol_num: PROTOCOL_NUMBER[socket.protocol],
      protocol_ver_id: socket.version,
    },
    ...(kind === 'close'
      ? { start_time: socket.first_seen, end_time: now_ms, duration: now_ms - socket.first_seen }
      : {}),
    ...(socket.process ? { actor: { process: processObject(socket.process) } } : {}),
    device: deviceOf(identity, socket.container),
    workload: socket.container?.workload ?? identity.workload,
    ...(existed_before ? { unmapped: { existed_before: true } } : {}),
  }
}

function direction(socket: Socket): number {
  if (socket.is_listening) return DIRECTION.unknown
  if (isLoopback(socket.local.ip) && isLoopback(socket.remote.ip)) return DIRECTION.local
  return socket.is_inbound ? DIRECTION.inbound : DIRECTION.outbound
}

function message(kind: SocketChange['kind'], socket: Socket, existed_before: boolean): string {
  const who = socket.process ? `${socket.process.name} (pid ${socket.process.pid})` : 'an unknown process'
  const local = address(socket.local)
  const remote = address(socket.remote)
  if (kind === 'listen') return `${who} ${existed_before ? 'was listening' : 'listens'} on ${socket.protocol} ${local}`
  const link = socket.is_inbound ? `${local} from ${remote}` : `${local} to ${remote}`
  const what = {
    open: existed_before ? 'was connected already' : 'connected',
    brief: 'connected and closed between two looks',
    close: socket.is_listening ? 'closed its socket' : 'disconnected',
    fail: 'got no connection',
  }[kind]
  return `${who} ${what}: ${socket.protocol} ${link}`
}

function address({ ip, port }: Endpoint): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function name(socket: Socket): string {
  const { netns, protocol, inode, local, remote, first_seen } = socket
  return `${netns}:${protocol}:${inode}:${address(local)}:${address(remote)}:${first_seen}`
}
