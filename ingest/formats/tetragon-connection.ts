import { isIP } from 'node:net'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defined, type Fields, type JsonRecord } from './fields.js'
import { connectionOf, NET } from './kernel-calls.js'

const ACTIVITIES: { readonly [kind: string]: number } = {
  process_connect: NET.open,
  process_accept: NET.open,
  process_listen: NET.listen,
  process_close: NET.close,
  process_sockstats: NET.traffic,
}

/** An OCSF endpoint of an address, if it is one. */
export function endpointOf(ip: string | undefined, port: number | undefined): JsonRecord | undefined {
  if (ip === undefined || isIP(ip) === 0) return undefined
  return defined({ ip, port: port !== undefined && port >= 0 && port <= 65_535 ? port : undefined })
}

/** Network Activity of Tetragon's own connection events. */
export function connectionDraft(
  kind: string,
  event: Fields,
  process: JsonRecord,
  about: Omit<EventDraft, 'class_uid' | 'activity_id'> & { severity_id: number },
): EventDraft {
  const activity_id = ACTIVITIES[kind] ?? NET.other
  const listens = kind === 'process_listen'
  const source = endpointOf(event.text('source_ip'), event.number('source_port'))
  const target = listens
    ? endpointOf(event.text('ip'), event.number('port'))
    : endpointOf(event.text('destination_ip'), event.number('destination_port'))
  const direction = kind === 'process_connect' ? 2 : kind === 'process_accept' || listens ? 1 : 0
  const address = (target?.ip ?? source?.ip) as string | undefined
  const where = target === undefined ? '' : ` ${String(target.ip)}:${String(target.port ?? '')}`
  return {
    ...about,
    class_uid: CLASS.network_activity,
    activity_id,
    status_id: 1,
    message: `${String(process.name ?? process.pid)}: ${kind.slice('process_'.length)}${where}`,
    actor: { process },
    connection_info: connectionOf(event.text('protocol'), direction, address),
    ...defined({
      src_endpoint: source ?? (target === undefined ? { name: 'unknown' } : undefined),
      dst_endpoint: target,
      traffic: trafficOf(event.object('stats')),
      is_src_dst_assignment_known: direction === 0 ? undefined : true,
    }),
  }
}

function trafficOf(stats: Fields | undefined): JsonRecord | undefined {
  if (stats === undefined) return undefined
  const bytes_out = stats.number('bytes_sent')
  const bytes_in = stats.number('bytes_received')
  const packets_out = stats.number('segs_out')
  const packets_in = stats.number('segs_in')
  const sum = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? undefined : a + b)
  const traffic = defined({
    bytes: sum(bytes_in, bytes_out),
    bytes_in,
    bytes_out,
    packets: sum(packets_in, packets_out),
    packets_in,
    packets_out,
  })
  return Object.keys(traffic).length === 0 ? undefined : traffic
}
