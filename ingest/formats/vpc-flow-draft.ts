import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Workload } from '../../ocsf/event.js'
import { isIp } from '../../ocsf/text-formats.js'
import {
  type AwsPlace,
  arnWorkload,
  awsAccount,
  awsCloud,
  awsContainer,
  awsTimeOf,
  badTime,
  instanceWorkload,
  isInstanceId,
  lambdaWorkload,
  namesInstance,
} from './aws.js'
import { defined, type Fields, type JsonRecord } from './fields.js'
import { ipProtocolName, isPrivateAddress } from './ip-protocols.js'
import { nameOf } from './vpc-flow-fields.js'

const INBOUND = 1
const OUTBOUND = 2
const DIRECTIONS: { readonly [word: string]: number } = { ingress: INBOUND, egress: OUTBOUND }
/** OCSF boundaries by traffic-path. */
const BOUNDARIES = [0, 4, 5, 6, 7, 8, 9, 10, 11]
const VERSIONS: { readonly [type: string]: number } = { IPv4: 4, IPv6: 6 }

/** The event of one flow record whose keys are those of `keyOf`. */
export function flowDraft(row: Fields, enis: { readonly [id: string]: string }): Outcome<EventDraft> {
  const place = { account: idText(row, 'accountid'), region: row.text('region') }
  const times = { start: awsTimeOf(row, 'start'), end: awsTimeOf(row, 'end') }
  const status = row.text('logstatus')
  const sides = { src: sideOf(row, 'src'), dst: sideOf(row, 'dst') }
  const container = containerOf(row, place)
  const interface_uid = row.text('interfaceid')
  const instance = row.text('instanceid')
  const workload =
    configured(interface_uid, enis, place) ??
    container?.workload ??
    (namesInstance(instance) ? instanceWorkload(instance, place) : undefined) ??
    lambdaOf(row, place)
  const version = row.number('version')
  const metadata = {
    product: {
      name: 'VPC Flow Logs',
      vendor_name: 'AWS',
      ...(version === undefined ? {} : { version: String(version) }),
    },
    profiles: ['cloud', 'security_control'],
    log_name: 'vpc_flow',
  }
  const time = times.start ?? times.end
  const refusal = badTime(row, 'start', time)
  if (refusal) return refusal
  const cloud = awsCloud(place, { zone: row.text('azid') })
  if (status === 'NODATA' || status === 'SKIPDATA') {
    const coverage = gap(status, interface_uid, times)
    return ok({ ...defined({ time, cloud, workload }), ...coverage, metadata: { ...metadata, profiles: ['cloud'] } })
  }
  if (sides.src === undefined && sides.dst === undefined) {
    return reject('not_vpc_flow', 'srcaddr, dstaddr: required, not found')
  }
  const direction = directionOf(row, sides)
  const own = defined({
    interface_uid,
    vpc_uid: row.text('vpcid'),
    subnet_uid: row.text('subnetid'),
    instance_uid: instance,
    uid: row.text('resourceid'),
    container: container?.object,
  })
  const transit = row.text('tgwid')
  if (direction === 0 && transit !== undefined) own.uid = transit
  if (direction === OUTBOUND && sides.src) Object.assign(sides.src, own)
  if (direction === INBOUND && sides.dst) Object.assign(sides.dst, own)
  const verdict = verdictOf(row)
  // One literal: most records of the largest logs there are pass here.
  const draft: EventDraft = {
    class_uid: CLASS.network_activity,
    activity_id: 6,
    severity_id: 1,
    connection_info: connectionOf(row, direction, sides),
    cloud,
    metadata,
  }
  if (time !== undefined) draft.time = time
  if (verdict !== undefined) Object.assign(draft, verdict)
  if (status !== undefined) draft.status_code = status
  const detail = row.text('rejectreason')
  if (detail !== undefined) draft.status_detail = detail
  if (times.start !== undefined) draft.start_time = times.start
  if (times.end !== undefined) draft.end_time = times.end
  if (sides.src !== undefined) draft.src_endpoint = sides.src
  if (sides.dst !== undefined) draft.dst_endpoint = sides.dst
  if (direction !== 0) draft.observation_point_id = direction === OUTBOUND ? 1 : 2
  else if (isIdentified(own)) draft.network_observation_point = own
  const traffic = trafficOf(row)
  if (traffic !== undefined) draft.traffic = traffic
  if (workload !== undefined) draft.workload = workload
  return ok(draft)
}

/** No traffic, or traffic that AWS could not record: what is known about the source, not about the network. */
function gap(
  status: string,
  eni: string | undefined,
  { start, end }: { start: number | undefined; end: number | undefined },
) {
  const lost = status === 'SKIPDATA'
  return {
    class_uid: CLASS.coverage,
    activity_id: 1,
    severity_id: lost ? 2 : 1,
    status_id: lost ? 3 : 1,
    message: lost ? 'flow records were skipped: AWS could not keep up or failed' : 'no traffic in the interval',
    status_code: status,
    source: { name: eni === undefined ? 'vpc_flow' : `vpc_flow/${eni}`, format: 'vpc_flow' },
    ...defined({ start_time: start, end_time: end }),
  }
}

/** Account ids are digits: some exports make numbers of them, without their leading zeros. */
function idText(row: Fields, key: string): string | undefined {
  const value = row.any(key)
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value).padStart(12, '0')
  return row.text(key)
}

type Side = JsonRecord & { ip?: string }

function sideOf(row: Fields, side: 'src' | 'dst'): Side | undefined {
  const address = addressOf(row, `${side}addr`)
  const packet = addressOf(row, `pkt${side}addr`)
  const port = row.whole(`${side}port`, 65_535)
  const account = row.text(`tgw${side}vpcaccountid`)
  const ip = packet ?? address
  const endpoint = defined({
    ip,
    port,
    intermediate_ips: address !== undefined && packet !== undefined && address !== packet ? [address] : undefined,
    svc_name: row.text(`pkt${side}awsservice`),
    interface_uid: row.text(`tgw${side}eni`),
    vpc_uid: row.text(`tgw${side}vpcid`),
    subnet_uid: row.text(`tgw${side}subnetid`),
    zone: row.text(`tgw${side}azid`),
    owner: account === undefined ? undefined : { account: awsAccount(account) },
  })
  return isIdentified(endpoint) ? endpoint : undefined
}

function isIdentified(endpoint: JsonRecord): boolean {
  const { ip, uid, svc_name, instance_uid, interface_uid } = endpoint
  return (ip ?? uid ?? svc_name ?? instance_uid ?? interface_uid) !== undefined
}

function addressOf(row: Fields, key: string): string | undefined {
  const text = row.text(key)
  if (text === undefined || isIp(text)) return text
  row.keep(key)
  return undefined
}

/** Inbound or outbound of the interface; between a private and a public address the private one is ours. */
function directionOf(row: Fields, { src, dst }: { src: Side | undefined; dst: Side | undefined }): number {
  const word = row.text('flowdirection')?.toLowerCase()
  const said = word !== undefined && Object.hasOwn(DIRECTIONS, word) ? DIRECTIONS[word] : undefined
  if (word !== undefined && said === undefined) row.keep('flowdirection')
  if (said !== undefined) return said
  if (src?.ip === undefined || dst?.ip === undefined) return 0
  const [from, to] = [isPrivateAddress(src.ip), isPrivateAddress(dst.ip)]
  return from === to ? 0 : from ? OUTBOUND : INBOUND
}

const ACCEPTED = { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed', status_id: 1 }
const REJECTED = { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked', status_id: 2 }

function verdictOf(row: Fields): JsonRecord | undefined {
  const action = row.text('action')
  if (action === undefined) return undefined
  const word = action.toUpperCase()
  if (word === 'ACCEPT') return ACCEPTED
  if (word === 'REJECT') return REJECTED
  row.keep('action')
  return undefined
}

function connectionOf(row: Fields, direction: number, { src, dst }: { src: Side | undefined; dst: Side | undefined }) {
  const number = row.whole('protocol', 255)
  const type = row.text('type')
  const path = row.whole('trafficpath', 255)
  const ip = src?.ip ?? dst?.ip
  const family = ip === undefined ? undefined : ip.includes(':') ? 6 : 4
  const version = type !== undefined && Object.hasOwn(VERSIONS, type) ? VERSIONS[type] : undefined
  if (type !== undefined && version === undefined) row.keep('type')
  const boundary = path === undefined ? undefined : (BOUNDARIES[path] ?? 99)
  if (boundary === 99) row.keep('trafficpath')
  return defined({
    direction_id: direction,
    direction: ['Unknown', 'Inbound', 'Outbound'][direction],
    protocol_num: number,
    protocol_name: number === undefined ? undefined : ipProtocolName(number),
    protocol_ver_id: version ?? family,
    tcp_flags: row.whole('tcpflags', 255),
    boundary_id: boundary,
  })
}

function trafficOf(row: Fields): JsonRecord | undefined {
  const packets = row.whole('packets')
  const bytes = row.whole('bytes')
  return packets === undefined && bytes === undefined ? undefined : defined({ packets, bytes })
}

/** What the operator says the interface belongs to. */
function configured(eni: string | undefined, enis: { readonly [id: string]: string }, place: AwsPlace) {
  const owner = eni !== undefined && Object.hasOwn(enis, eni) ? enis[eni] : undefined
  if (owner === undefined) return undefined
  if (isInstanceId(owner)) return instanceWorkload(owner, place)
  return arnWorkload(owner, place) ?? awsContainer(owner, undefined, place)
}

/** `AWS Lambda VPC ENI-orders-0a1b...`: how Lambda describes the interfaces of a function. */
function lambdaOf(row: Fields, place: AwsPlace): Workload | undefined {
  const text = row.text('description')
  if (text === undefined) return undefined
  const rest = text.startsWith('AWS Lambda VPC ENI-') ? text.slice('AWS Lambda VPC ENI-'.length) : undefined
  if (rest === undefined) row.keep('description')
  const name = rest?.replace(/-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, '')
  return name ? lambdaWorkload(name, place) : undefined
}

const TASK_FACTS = [
  'ecsclusterarn',
  'ecscontainerinstancearn',
  'ecscontainerinstanceid',
  'ecssecondcontainerid',
  'ecstaskdefinitionarn',
  'ecstaskarn',
  'ecstaskid',
]

function containerOf(row: Fields, place: AwsPlace): { object: JsonRecord; workload: Workload } | undefined {
  const uid = row.text('ecscontainerid')
  if (uid === undefined) return undefined
  const name = row.text('ecsservicename')
  const cluster = row.text('ecsclustername')
  const tags: JsonRecord[] = []
  for (const key of TASK_FACTS) {
    const value = row.text(key)
    if (value !== undefined) tags.push({ name: nameOf(key), value })
  }
  if (cluster !== undefined) tags.push({ name: 'ecs-cluster-name', value: cluster })
  const object = defined({ uid, name, orchestrator: 'ecs', tags: tags.length === 0 ? undefined : tags })
  return { object, workload: awsContainer(uid, name, place, { cluster }) }
}
