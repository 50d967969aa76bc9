import { z } from 'zod'
import { drop, type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { delivered, jsonIn } from './aws-delivery.js'
import { Fields, isObject, type JsonRecord, kindOf, setOwn } from './fields.js'
import { flowDraft } from './vpc-flow-draft.js'
import { DEFAULT_FIELDS, isField, keyOf, nameOf } from './vpc-flow-fields.js'

const config = z.strictObject({
  fields: z
    .string()
    .default(DEFAULT_FIELDS.join(' '))
    .describe(
      'Fields of the lines in their order, as in the flow log: `version vpc-id srcaddr` or `${version} ${vpc-id} ${srcaddr}`. Files in S3 begin with a line that names them, which goes before this.',
    ),
  enis: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe(
      'Which workload a network interface belongs to where the flow log does not say: interface id to instance id, function ARN or container id. Functions with the same subnets and security groups may share one interface: name a function only for an interface that it has to itself.',
    ),
})

const MAPPING = `
Text lines and header lines (with blanks or commas), JSON and Parquet rows turned into JSON; names may be written \`pkt-srcaddr\`, \`pkt_srcaddr\` or \`pktSrcAddr\`.
# Network Activity 4001
start | time, start_time | Activity is Traffic.
end | end_time
action | action_id, disposition_id, status_id | ACCEPT: Allowed, Allowed, Success. REJECT: Denied, Blocked, Failure.
log-status | status_code
reject-reason | status_detail
srcaddr, pkt-srcaddr | src_endpoint.ip, src_endpoint.intermediate_ips | The packet's own address; the other one is intermediate.
dstaddr, pkt-dstaddr | dst_endpoint.ip, dst_endpoint.intermediate_ips
srcport | src_endpoint.port
dstport | dst_endpoint.port
pkt-src-aws-service | src_endpoint.svc_name
pkt-dst-aws-service | dst_endpoint.svc_name
interface-id, vpc-id, subnet-id, instance-id, resource-id | src_endpoint.interface_uid, src_endpoint.vpc_uid, src_endpoint.subnet_uid, src_endpoint.instance_uid, src_endpoint.uid | Of the destination if the flow is inbound; network_observation_point where the direction is not known.
flow-direction | connection_info.direction_id, observation_point_id | Where absent: outwards from the private address to the public one.
protocol | connection_info.protocol_num, connection_info.protocol_name
tcp-flags | connection_info.tcp_flags
type | connection_info.protocol_ver_id
traffic-path | connection_info.boundary_id
packets, bytes | traffic.packets, traffic.bytes
account-id, region, az-id | cloud.account.uid, cloud.region, cloud.zone
version | metadata.product.version
ecs-container-id, ecs-service-name | src_endpoint.container.uid, src_endpoint.container.name | The other ecs- fields: src_endpoint.container.tags.
tgw-src-eni, tgw-src-vpc-id, tgw-src-subnet-id, tgw-src-az-id, tgw-src-vpc-account-id | src_endpoint.interface_uid, src_endpoint.vpc_uid, src_endpoint.subnet_uid, src_endpoint.zone, src_endpoint.owner.account.uid | tgw-dst- likewise.
tgw-id | network_observation_point.uid
instance-id, ecs-container-id, interface-id | workload | By \`enis\` first; a Lambda interface also by its description where there is one.
# Coverage 99906002
log-status | status_id | NODATA: Ok, there was no traffic. SKIPDATA: Degraded, records were lost.
interface-id | source.name
`

/** VPC flow logs of every version and field list. */
export const vpcFlow = defineFormat({
  name: 'vpc_flow',
  summary: 'AWS VPC and transit gateway flow logs, any version and field list, as network activity',
  config,
  example: { enis: { 'eni-0a1b2c3d4e5f60718': 'arn:aws:lambda:eu-central-1:123456789012:function:orders' } },
  input: 'text',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    if (typeof record === 'string') return detectLine(record)
    const [inner] = delivered(record, isFlow) ?? [record]
    if (!isObject(inner)) return typeof inner === 'string' ? detectLine(inner) : 0
    if (typeof inner.message === 'string') return detectLine(inner.message)
    return detectObject(inner)
  },
  isHeader,
  split(record) {
    if (typeof record !== 'string') return delivered(record, isFlow)
    const json = jsonIn(record)
    if (typeof json !== 'string') return delivered(json, isFlow) ?? [json]
    return linesOf(record)
  },
  create({ fields, enis }) {
    const configured = keysOf(fields)
    const headers = new Map<string, readonly string[]>()
    const columnsOf = (header: string) => {
      const known = headers.get(header)
      if (known !== undefined) return known
      const keys = keysOf(header)
      if (headers.size < 64) headers.set(header, keys)
      return keys
    }
    return (record) => {
      const row = rowOf(record, configured, columnsOf)
      if (row.kind !== 'ok') return row
      const source = new Fields(row.value, '')
      const draft = flowDraft(source, enis)
      return finishRow(draft, source)
    }
  },
})

function finishRow(draft: Outcome<EventDraft>, source: Fields): Outcome<EventDraft[]> {
  if (draft.kind !== 'ok') return draft
  const rest = source.rest()
  const unmapped: JsonRecord = {}
  for (const key of Object.keys(rest)) setOwn(unmapped, nameOf(key), rest[key])
  if (Object.keys(unmapped).length > 0) draft.value.unmapped = unmapped
  return ok([draft.value])
}

/** A record as an object whose keys are those of `keyOf`; `-` and `null` are no value. */
function rowOf(
  record: unknown,
  configured: readonly string[],
  columnsOf: (header: string) => readonly string[],
): Outcome<JsonRecord> {
  const value = typeof record === 'string' ? jsonIn(record) : record
  if (typeof value === 'string') return lineRow(value, configured, columnsOf)
  if (!isObject(value)) return reject('not_vpc_flow', `expected a line or an object, found ${kindOf(value)}`)
  if (typeof value.message === 'string' && !Object.keys(value).some(isField)) {
    return lineRow(value.message, configured, columnsOf)
  }
  const row: JsonRecord = {}
  let known = 0
  for (const name of Object.keys(value)) {
    const key = keyOf(name)
    const found = value[name]
    const target = isField(key) && !Object.hasOwn(row, key) ? key : name
    if (target === key && isField(key)) known++
    if (found !== '-' && found !== 'null' && found !== '') setOwn(row, target, found)
  }
  if (known === 0) return reject('not_vpc_flow', 'none of the fields is one of a flow log')
  return ok(row)
}

function lineRow(
  text: string,
  configured: readonly string[],
  columnsOf: (header: string) => readonly string[],
): Outcome<JsonRecord> {
  const cut = text.indexOf('\n')
  const header = cut < 0 ? undefined : text.slice(0, cut)
  const line = cut < 0 ? text : text.slice(cut + 1)
  if (cut < 0 && isHeader(line)) return drop('header_line')
  const columns = header === undefined ? configured : columnsOf(header)
  // A line of a few hundred fields is none.
  const cells = line.trim().split(separatorOf(header ?? line), 512)
  // What CloudWatch Logs exports to S3 has the time of the log event before the line.
  if (cells.length === columns.length + 1 && /^\d{4}-\d\d-\d\dT/.test(cells[0] as string)) cells.shift()
  if (cells.length !== columns.length) {
    return reject(
      'wrong_field_count',
      `expected ${columns.length} fields (${columns.slice(0, 4).join(' ')} ...), found ${cells.length}; the option fields of the format vpc_flow names those of this flow log`,
    )
  }
  const row: JsonRecord = {}
  for (let n = 0; n < cells.length; n++) {
    const cell = cells[n]
    if (cell !== '-' && cell !== '') row[columns[n] as string] = cell
  }
  return ok(row)
}

/** AWS writes blanks; tables that were exported have commas, which no value of a flow has. */
function separatorOf(line: string): string {
  return line.includes(',') && !line.trim().includes(' ') ? ',' : ' '
}

function keysOf(fields: string): string[] {
  const names = fields.trim().split(/[\s,]+/)
  return names.map((name) => (name === '__proto__' ? 'proto' : keyOf(name)))
}

/** A file as one text: its lines, each behind the file's header where it has one. */
function linesOf(text: string): readonly string[] | undefined {
  const first = text.indexOf('\n')
  if (first < 0) return undefined
  const head = text.slice(0, first).trimEnd()
  const header = isHeader(head) ? head : undefined
  // A line behind its header is a record.
  if (header !== undefined && first !== text.length - 1 && text.indexOf('\n', first + 1) < 0) return undefined
  const lines = text.split('\n').map((line) => line.trimEnd())
  const records = lines.filter((line, n) => line !== '' && (header === undefined || n > 0))
  return header === undefined ? records : records.map((line) => `${header}\n${line}`)
}

/** The line that names the fields: every word is one, and none a value. */
function isHeader(line: string): boolean {
  if (line.length > 4_096 || /\d{3}/.test(line)) return false
  const words = line.trim().split(/[\s,]+/)
  return words.length > 1 && words.every(isField)
}

function detectLine(text: string): number {
  const line = text.slice(0, 4_096)
  if (isHeader(line.split('\n', 1)[0] as string)) return 1
  if (/\b(NODATA|SKIPDATA)$/.test(line.trim()) && /\beni-/.test(line)) return 0.9
  return /\beni-[0-9a-f]+ /.test(line) && / (ACCEPT|REJECT)( |$)/.test(line) ? 0.9 : 0
}

function detectObject(record: JsonRecord): number {
  if (typeof record.class_uid === 'number') return 0
  let known = 0
  let sure = 0
  for (const name of Object.keys(record).slice(0, 64)) {
    const key = keyOf(name)
    if (isField(key)) known++
    if (isField(name) && ['srcaddr', 'dstaddr', 'interfaceid', 'logstatus', 'pktsrcaddr'].includes(key)) sure++
  }
  // A resolver's query has a source address as well.
  if (Object.hasOwn(record, 'query_name')) return 0
  if (record.status === 'SKIPDATA' || record.status === 'NODATA') return 0.7
  if (sure === 0) return 0
  return known >= 5 ? 0.9 : known >= 3 ? 0.7 : 0.4
}

function isFlow(record: JsonRecord): boolean {
  return detectObject(record) > 0
}
