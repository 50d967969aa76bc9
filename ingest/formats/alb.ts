import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { httpEvent } from './app-events.js'
import { arnOf, arnWorkload, awsCloud, awsTimeOf, badTime } from './aws.js'
import {
  accessWords,
  addressAndPort,
  ipField,
  plainRow,
  type RowNames,
  requestLine,
  wordOf,
  wordRow,
} from './aws-access-row.js'
import { delivered, jsonIn } from './aws-delivery.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'

const config = z.strictObject({
  targets: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe(
      'Which workload answers for a target group where it is a function: ARN of the target group to ARN of the function.',
    ),
})

const COLUMNS =
  'type time elb client target requestprocessingtime targetprocessingtime responseprocessingtime elbstatuscode targetstatuscode receivedbytes sentbytes request useragent sslcipher sslprotocol targetgrouparn traceid domainname chosencertarn matchedrulepriority requestcreationtime actionsexecuted redirecturl errorreason targetportlist targetstatuscodelist classification classificationreason conntraceid'.split(
    ' ',
  )

const NAMES: RowNames = {
  known: new Set([
    ...COLUMNS,
    'clientip',
    'clientport',
    'targetip',
    'targetport',
    'requesthttpmethod',
    'requesturl',
    'requesthttpversion',
  ]),
  aliases: {
    timestamp: 'time',
    requestverb: 'requesthttpmethod',
    requestproto: 'requesthttpversion',
    loadbalancer: 'elb',
    clientporttext: 'client',
    lambdaerrorreason: 'errorreason',
  },
}

const MAPPING = `
Access logs of Application Load Balancers: lines, and rows of Athena or log shippers as JSON.
# HTTP Activity 4002
time | time, end_time
request_creation_time | start_time
type | app_protocol_name
client:port | src_endpoint.ip, src_endpoint.port
target:port | dst_endpoint.ip, dst_endpoint.port
elb, target_group_arn | load_balancer.name, load_balancer.uid, load_balancer.dst_endpoint
request | http_request.http_method, http_request.url, http_request.version | Activity by the method.
user_agent, trace_id, domain_name | http_request.user_agent, http_request.uid, tls.sni
elb_status_code | http_response.code, status_code, status_id
target_status_code | load_balancer.code
received_bytes, sent_bytes | traffic.bytes_in, traffic.bytes_out, traffic.bytes
request_processing_time, target_processing_time, response_processing_time | duration, http_response.latency | The sum, and the target's share.
ssl_cipher, ssl_protocol | tls.cipher, tls.version
error_reason, classification_reason | status_detail
actions_executed, matched_rule_priority | firewall_rule.type, firewall_rule.uid | Action \`waf-failed\`, \`waf\` or \`authenticate\` of the listener's rule.
target_group_arn, target | workload | A function by the option \`targets\`.
target_group_arn | cloud.account.uid, cloud.region
`

/** Application Load Balancer access logs. */
export const alb = defineFormat({
  name: 'alb',
  summary: 'AWS Application Load Balancer access logs (lines, Athena rows) as HTTP activity',
  config,
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    if (typeof value === 'string') return LINE.test(value.slice(0, 300)) ? 0.9 : 0
    const [inner] = delivered(value, isRow) ?? [value]
    return isObject(inner) && isRow(inner) ? 0.9 : 0
  },
  split(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    return typeof value === 'string' ? undefined : delivered(value, isRow)
  },
  create({ targets }) {
    return (record) => {
      const value = typeof record === 'string' ? jsonIn(record) : record
      const row = typeof value === 'string' ? lineRow(value) : objectRow(value)
      if (row.kind !== 'ok') return row
      const fields = new Fields(row.value, '')
      const draft = draftOf(fields, targets)
      const refusal = badTime(fields, 'time', draft.time)
      if (refusal) return refusal
      const unmapped = fields.rest()
      if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
      return ok([draft])
    }
  },
})

const LINE = /^(https?|h2|grpcs|wss?) \d{4}-\d\d-\d\dT\S+Z (app|net)\/\S+ \S+:\d+ /

function isRow(record: JsonRecord): boolean {
  const row = plainRow(record, NAMES)
  return typeof row.elb === 'string' && ('elbstatuscode' in row || 'targetgrouparn' in row || 'clientip' in row)
}

function lineRow(line: string): Outcome<JsonRecord> {
  const words = accessWords(line.trim())
  if (words.length >= 12) return ok(wordRow(words, COLUMNS))
  return reject('not_alb', `expected at least 12 fields, found ${words.length}`)
}

function objectRow(value: unknown): Outcome<JsonRecord> {
  if (!isObject(value)) return reject('not_alb', `expected a line or an object, found ${kindOf(value)}`)
  const row = plainRow(value, NAMES)
  return typeof row.elb === 'string' ? ok(row) : reject('not_alb', 'elb: required, not found')
}

function draftOf(row: Fields, targets: { readonly [group: string]: string }): EventDraft {
  const time = awsTimeOf(row, 'time')
  const group = row.text('targetgrouparn')
  const arn = arnOf(group)
  const place = { account: arn?.account, region: arn?.region }
  const quoted = requestLine(row.text('request'))
  const method = row.text('requesthttpmethod') ?? quoted.method
  const source = addressAndPort(row, 'client') ?? endpoint(ipField(row, 'clientip'), row.whole('clientport', 65_535))
  const target = addressAndPort(row, 'target') ?? endpoint(ipField(row, 'targetip'), row.whole('targetport', 65_535))
  const processing = processingOf(row)
  const received = row.whole('receivedbytes')
  const sent = row.whole('sentbytes')
  const code = row.number('elbstatuscode')
  const protocol = row.text('type')
  const owner = group !== undefined && Object.hasOwn(targets, group) ? targets[group] : undefined
  const domain = row.text('domainname')
  const draft = httpEvent(
    { time, metadata: METADATA(), cloud: awsCloud(place), workload: arnWorkload(owner, place) },
    {
      method,
      url: row.text('requesturl') ?? quoted.target,
      code,
      request: defined({
        version: row.text('requesthttpversion') ?? quoted.version,
        user_agent: row.text('useragent'),
        uid: row.text('traceid'),
        length: received,
      }),
      response: defined({ length: sent, latency: processing.target }),
      src_endpoint: source,
      dst_endpoint: target,
      duration: processing.sum,
    },
  )
  const start_time = awsTimeOf(row, 'requestcreationtime')
  const balancer = balancerOf(row, group, target)
  const tls = tlsOf(row, domain)
  const reason = row.text('errorreason') ?? row.text('classificationreason')
  const rule = ruleOf(row)
  // One by one: a literal that begins with a spread is several times slower.
  if (start_time !== undefined) draft.start_time = start_time
  if (time !== undefined) draft.end_time = time
  if (protocol !== undefined) draft.app_protocol_name = protocol
  if (balancer !== undefined) draft.load_balancer = balancer
  if (tls !== undefined) draft.tls = tls
  if (received !== undefined || sent !== undefined) {
    draft.traffic = defined({ bytes_in: received, bytes_out: sent, bytes: (received ?? 0) + (sent ?? 0) })
  }
  if (reason !== undefined) draft.status_detail = reason
  if (rule !== undefined) draft.firewall_rule = rule
  return draft
}

const METADATA = () => ({
  product: { name: 'Elastic Load Balancing', vendor_name: 'AWS', feature: { name: 'Application Load Balancer' } },
  profiles: ['cloud', 'load_balancer', 'security_control'],
  log_name: 'alb',
})

function endpoint(ip: string | undefined, port: number | undefined): { ip: string; port?: number } | undefined {
  return ip === undefined ? undefined : defined({ ip, port })
}

/** Seconds with fractions; -1 where the target never answered. */
function processingOf(row: Fields): { sum: number | undefined; target: number | undefined } {
  const parts = ['requestprocessingtime', 'targetprocessingtime', 'responseprocessingtime'].map((key) =>
    row.number(key),
  )
  const valid = parts.filter((part): part is number => part !== undefined && part >= 0 && part < 1e6)
  const target = parts[1]
  return {
    sum: valid.length === 0 ? undefined : valid.reduce((sum, part) => sum + part, 0) * 1_000,
    target: target !== undefined && target >= 0 && target < 1e6 ? Math.round(target * 1_000) : undefined,
  }
}

function balancerOf(row: Fields, group: string | undefined, target: JsonRecord | undefined): JsonRecord | undefined {
  const name = row.text('elb')
  const code = row.number('targetstatuscode')
  if (name === undefined) return undefined
  return defined({
    name,
    uid: group,
    code: code !== undefined && Number.isInteger(code) ? code : undefined,
    dst_endpoint: target,
    classification: row.text('classification'),
  })
}

function tlsOf(row: Fields, sni: string | undefined): JsonRecord | undefined {
  const version = row.text('sslprotocol')
  const cipher = row.text('sslcipher')
  if (version === undefined) {
    if (cipher !== undefined) row.keep('sslcipher')
    if (sni !== undefined) row.keep('domainname')
    return undefined
  }
  return defined({ version, cipher, sni })
}

/** What the rule of the listener did; the rule is named by its priority. */
function ruleOf(row: Fields): JsonRecord | undefined {
  const uid = wordOf(row.any('matchedrulepriority'))
  const type = row.text('actionsexecuted')
  if (uid === undefined) {
    if (type !== undefined) row.keep('actionsexecuted')
    return undefined
  }
  return defined({ uid: uid.slice(0, 64), type })
}
