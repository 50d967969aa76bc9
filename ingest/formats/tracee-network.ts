import { isIP } from 'node:net'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defined, type Fields, firstOf, isObject, type JsonRecord } from './fields.js'
import { connectionOf, NET, networkActivity } from './kernel-calls.js'
import type { Base } from './tracee-activity.js'

type Ends = {
  source?: JsonRecord
  target?: JsonRecord
  protocol?: string | undefined
  direction: number
  length?: number
}

/** Network, DNS or HTTP activity of an event, if it names an address. */
export function networkDraft(name: string, args: Fields, process: JsonRecord, base: Base): EventDraft | undefined {
  const ends = endsOf(name, args)
  if (ends === undefined) return undefined
  const { source, target, protocol, direction, length } = ends
  const isIncoming = /accept|listen|bind|ingress/.test(name) || direction === 1
  const where = target === undefined ? '' : ` ${String(target.ip ?? target.name)}:${String(target.port ?? '')}`
  const about = {
    ...base,
    actor: { process },
    message: `${String(process.name ?? process.pid)}: ${name}${where}`.slice(0, 1024),
    connection_info: connectionOf(
      protocol,
      isIncoming ? 1 : direction,
      (target?.ip ?? source?.ip) as string | undefined,
    ),
    ...defined({ src_endpoint: source, dst_endpoint: target }),
  }
  const dns = dnsOf(name, args)
  if (dns !== undefined) return { ...about, class_uid: CLASS.dns_activity, ...dns }
  const http = httpOf(args)
  if (http !== undefined) return { ...about, class_uid: CLASS.http_activity, ...http }
  return {
    ...about,
    class_uid: CLASS.network_activity,
    activity_id: /net_flow_.*_begin/.test(name)
      ? NET.open
      : /net_flow_.*_end/.test(name)
        ? NET.close
        : (networkActivity(name) ?? NET.traffic),
    ...(length === undefined ? {} : { traffic: { bytes: length } }),
  }
}

function endsOf(name: string, args: Fields): Ends | undefined {
  const packet = args.any('metadata')
  if (isObject(packet) && typeof packet.src_ip === 'string') return packetEnds(args.object('metadata') as Fields)
  args.keep('metadata')
  const remote = socketOf(args, 'remote_addr') ?? socketOf(args, 'addr') ?? socketOf(args, 'sockaddr')
  const local = socketOf(args, 'local_addr')
  const dst = plainEnd(args, 'dst')
  const src = plainEnd(args, 'src')
  if (remote === undefined && local === undefined && dst === undefined && src === undefined) return undefined
  const protocol = /tcp/.test(name) ? 'tcp' : /udp/.test(name) ? 'udp' : undefined
  if (/accept/.test(name)) return defined({ source: remote, target: local, protocol, direction: 1 }) as Ends
  if (/listen|bind/.test(name)) return defined({ target: local ?? remote, protocol, direction: 1 }) as Ends
  const direction = /connect|send/.test(name) ? 2 : /recv/.test(name) ? 1 : 0
  return defined({ source: local ?? src, target: remote ?? dst, protocol, direction }) as Ends
}

function packetEnds(packet: Fields): Ends {
  const source = endOf(packet.text('src_ip'), packet.number('src_port'))
  const target = endOf(packet.text('dst_ip'), packet.number('dst_port'))
  const said = packet.any('protocol')
  const numbers: { [number: string]: string } = { 6: 'tcp', 17: 'udp', 1: 'icmp', 58: 'icmpv6' }
  const protocol = typeof said === 'string' ? said : typeof said === 'number' ? numbers[said] : undefined
  if (protocol === undefined) packet.keep('protocol')
  const way = packet.any('direction') ?? packet.any('packet_direction')
  const length = packet.number('packet_len')
  const direction =
    way === 1 || way === 'ingress' || way === 'inbound'
      ? 1
      : way === 2 || way === 'egress' || way === 'outbound'
        ? 2
        : 0
  return defined({ source, target, protocol, direction, length }) as Ends
}

/** `{ sa_family: AF_INET, sin_addr, sin_port }`; a unix socket has a path. */
function socketOf(args: Fields, key: string): JsonRecord | undefined {
  const value = args.any(key)
  if (isObject(value)) {
    const ip = value.sin_addr ?? value.sin6_addr
    if (typeof ip === 'string' && isIP(ip) !== 0) {
      const address = args.object(key) as Fields
      for (const name of ['sin_addr', 'sin6_addr', 'sa_family']) address.any(name)
      return endOf(ip, address.number('sin_port') ?? address.number('sin6_port'))
    }
    const { sun_path, sa_family } = value
    if (typeof sun_path === 'string' && sun_path !== '') {
      return { name: sun_path, type_id: 99, type: typeof sa_family === 'string' ? sa_family : 'AF_UNIX' }
    }
  }
  args.keep(key)
  return undefined
}

function plainEnd(args: Fields, key: string): JsonRecord | undefined {
  const ip = args.any(key)
  if (typeof ip !== 'string' || isIP(ip) === 0) {
    args.keep(key)
    return undefined
  }
  const names = args.any(`${key}_dns`)
  const [hostname] = Array.isArray(names) ? names.filter((one) => typeof one === 'string') : []
  if (hostname === undefined || (Array.isArray(names) && names.length > 1)) args.keep(`${key}_dns`)
  return defined({ ...endOf(ip, args.number(`${key}_port`)), hostname: hostname as string | undefined })
}

function endOf(ip: string | undefined, port: number | undefined): JsonRecord | undefined {
  if (ip === undefined || isIP(ip) === 0) return undefined
  return defined({
    ip,
    port: port !== undefined && Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined,
  })
}

/** Questions and answers, of the packet's DNS events. */
function dnsOf(
  name: string,
  args: Fields,
): { activity_id: number; query?: JsonRecord; answers?: JsonRecord[] } | undefined {
  if (!/dns/.test(name)) return undefined
  const questions = args.any('dns_questions')
  const responses = args.any('dns_response')
  if (Array.isArray(questions) && isObject(questions[0])) {
    const query = queryOf(questions[0])
    if (questions.length > 1) args.keep('dns_questions')
    if (query !== undefined) return { activity_id: 1, query }
  }
  if (Array.isArray(responses) && isObject(responses[0])) {
    const [first] = responses
    const query = isObject(first.query_data) ? queryOf(first.query_data) : undefined
    const given = Array.isArray(first.dns_answer) ? first.dns_answer.slice(0, 64) : [first.dns_answer]
    const answers = given.filter(isObject).map((answer) =>
      defined({
        rdata: typeof answer.answer === 'string' ? answer.answer : '',
        type: typeof answer.answer_type === 'string' ? answer.answer_type : undefined,
        ttl: Number.isInteger(answer.ttl) ? (answer.ttl as number) : undefined,
      }),
    )
    if (responses.length > 1) args.keep('dns_response')
    return { activity_id: 2, ...defined({ query, answers: answers.length === 0 ? undefined : answers }) }
  }
  args.keep('dns_questions')
  args.keep('dns_response')
  return undefined
}

function queryOf({ query, query_type, query_class }: JsonRecord): JsonRecord | undefined {
  if (typeof query !== 'string' || query === '') return undefined
  return defined({
    hostname: query,
    type: typeof query_type === 'string' ? query_type : undefined,
    class: typeof query_class === 'string' ? query_class : undefined,
  })
}

const METHODS: { readonly [method: string]: number } = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
  TRACE: 8,
  PATCH: 9,
}

function httpOf(
  args: Fields,
): { activity_id: number; http_request?: JsonRecord; http_response?: JsonRecord } | undefined {
  const request = args.object('http_request')
  if (request !== undefined) {
    const method = request.text('method')
    const hostname = request.text('host')
    const path = request.text('uri_path')
    const headers = request.any('headers')
    const agent = firstOf(isObject(headers) ? headers['User-Agent'] : undefined)
    request.keep('headers')
    return {
      activity_id: METHODS[method ?? ''] ?? 99,
      http_request: defined({
        http_method: method,
        version: request.text('protocol'),
        user_agent: typeof agent === 'string' ? agent : undefined,
        url: path === undefined && hostname === undefined ? undefined : defined({ hostname, path: path ?? '/' }),
      }),
    }
  }
  const response = args.object('http_response')
  if (response === undefined) return undefined
  const code = response.number('status_code')
  return {
    activity_id: 0,
    ...(code === undefined || !Number.isInteger(code)
      ? {}
      : { http_response: defined({ code, status: response.text('status') }) }),
  }
}
