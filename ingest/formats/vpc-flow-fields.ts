/** The fields of VPC flow logs by version, in the order of the AWS console; a log's own list may have any of them. */
const BY_VERSION: readonly string[] = [
  // 2, the default list
  'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
  // 3
  'vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr',
  // 4
  'region az-id sublocation-type sublocation-id',
  // 5
  'pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path',
  // 6, transit gateways
  'resource-type tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired',
  // 7, ECS
  'ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id',
  // 8 to 10
  'reject-reason resource-id encryption-status',
]

/** Names that other tools give to fields, in the spelling of `keyOf`. */
const ALIASES: { readonly [key: string]: string } = {
  account: 'accountid',
  sourceaddress: 'srcaddr',
  sourceip: 'srcaddr',
  srcip: 'srcaddr',
  destinationaddress: 'dstaddr',
  destinationip: 'dstaddr',
  destaddr: 'dstaddr',
  dstip: 'dstaddr',
  sourceport: 'srcport',
  destinationport: 'dstport',
  destport: 'dstport',
  starttime: 'start',
  endtime: 'end',
  eniid: 'interfaceid',
  networkinterfaceid: 'interfaceid',
  status: 'logstatus',
  traffictype: 'type',
  packetsrcaddr: 'pktsrcaddr',
  packetdstaddr: 'pktdstaddr',
  packetsrcawsservice: 'pktsrcawsservice',
  packetdstawsservice: 'pktdstawsservice',
  direction: 'flowdirection',
  numpackets: 'packets',
  numbytes: 'bytes',
  interfacedescription: 'description',
  enidescription: 'description',
}

/** The default list, that of version 2. */
export const DEFAULT_FIELDS: readonly string[] = (BY_VERSION[0] as string).split(' ')

const KNOWN = new Set([...BY_VERSION.flatMap((list) => list.split(' ')).map(plain), 'description'])
const keys = new Map<string, string>()

/** One name for a field however it is written: `pkt-srcaddr`, `pkt_srcaddr` (Parquet), `pktSrcAddr`, `${pkt-srcaddr}`. */
export function keyOf(name: string): string {
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = plain(name)
  const result = KNOWN.has(key) ? key : Object.hasOwn(ALIASES, key) ? (ALIASES[key] as string) : key
  // Names come from a record's keys: only so many are remembered.
  if (keys.size < 1_000) keys.set(name, result)
  return result
}

/** True if the name is that of a flow log's field. */
export function isField(name: string): boolean {
  return KNOWN.has(plain(name))
}

function plain(name: string): string {
  return name.length > 64 ? name : name.replace(/[-_${}\s]/g, '').toLowerCase()
}

const names = new Map(BY_VERSION.flatMap((list) => list.split(' ')).map((name) => [plain(name), name] as const))

/** A field's name as AWS writes it in lines, from `keyOf`; other names stay. */
export function nameOf(key: string): string {
  return names.get(key) ?? key
}
