import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { awsCloud, awsTimeOf, badTime, instanceWorkload, namesInstance } from './aws.js'
import { ipField, plainRow, type RowNames, wordRow } from './aws-access-row.js'
import { delivered, jsonIn } from './aws-delivery.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'

const MAPPING = `
Resolver query logs, DNS Firewall events of EventBridge, and the query logs of public hosted zones (text).
# DNS Activity 4003
query_timestamp, last-observed-at | time, query_time
query_name, query_type, query_class | query.hostname, query.type, query.class
answers | answers[].rdata, answers[].type, answers[].class | Activity: Traffic where there is an answer or response code, else Query.
rcode | rcode_id, rcode, status_id
srcaddr, srcport | src_endpoint.ip, src_endpoint.port
srcids.instance, srcids.resolver_endpoint, srcids.resolver_network_interface | src_endpoint.instance_uid, src_endpoint.uid, src_endpoint.interface_uid
srcids.instance | workload
vpc_id | src_endpoint.vpc_uid
transport | connection_info.protocol_name
account_id, region | cloud.account.uid, cloud.region
firewall_rule_action | action_id, disposition_id | ALLOW: Allowed. BLOCK: Denied, Blocked. ALERT: Observed, Alert.
firewall_rule_group_id, firewall_domain_list_id | firewall_rule.uid, firewall_rule.category
firewall_protection | firewall_rule.type
version | metadata.log_version
edge location, zone id of a hosted zone | dst_endpoint.zone, dst_endpoint.uid
`

const NAMES: RowNames = {
  known: new Set(
    'version accountid region vpcid querytimestamp queryname querytype queryclass rcode answers srcaddr srcport transport srcids firewallruleaction firewallrulegroupid firewalldomainlistid firewallprotection edge zoneid ednsclientsubnet resources'.split(
      ' ',
    ),
  ),
  aliases: { lastobservedat: 'querytimestamp', hostedzoneid: 'zoneid', edgelocation: 'edge', protocol: 'transport' },
}

const RCODES: { readonly [code: string]: number } = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
}

const VERDICTS: { readonly [action: string]: JsonRecord } = {
  ALLOW: { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' },
  BLOCK: { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' },
  ALERT: { action_id: 3, action: 'Observed', disposition_id: 19, disposition: 'Alert', is_alert: true },
}

/** DNS queries that Route 53 answered. */
export const route53Resolver = defineFormat({
  name: 'route53_resolver',
  summary: 'Amazon Route 53 DNS queries: Resolver query logs, DNS Firewall events, public hosted zones',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    if (typeof value === 'string') return HOSTED.test(value.slice(0, 400)) ? 0.8 : 0
    const [inner] = delivered(value, isQuery) ?? [value]
    if (typeof inner === 'string') return HOSTED.test(inner.slice(0, 400)) ? 0.8 : 0
    if (!isObject(inner)) return 0
    if (isQuery(inner)) return 0.9
    return typeof inner.message === 'string' && inner.message.includes('"query_name"') ? 0.8 : 0
  },
  split(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    if (typeof value === 'string') return undefined
    return delivered(value, isQuery)
  },
  create: () => (record) => {
    const row = rowOf(record)
    if (row.kind !== 'ok') return row
    const fields = new Fields(row.value, '')
    const outcome = draftOf(fields)
    if (outcome.kind !== 'ok') return outcome
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) outcome.value.unmapped = unmapped
    return ok([outcome.value])
  },
})

/** `1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.0.2.1 -` */
const HOSTED = /^\d\.\d \d{4}-\d\d-\d\dT\S{8,20} Z[A-Z0-9]{6,32} \S{1,255} [A-Z0-9]{1,10} [A-Z]{2,10} (UDP|TCP) \S+ \S+/
const HOSTED_COLUMNS =
  'version querytimestamp zoneid queryname querytype rcode transport edge srcaddr ednsclientsubnet'.split(' ')

function isQuery(record: JsonRecord): boolean {
  return (
    typeof record.query_name === 'string' ||
    typeof record['query-name'] === 'string' ||
    typeof record.queryName === 'string'
  )
}

function rowOf(record: unknown): Outcome<JsonRecord> {
  const value = typeof record === 'string' ? jsonIn(record) : record
  const inner = isObject(value) && !isQuery(value) && typeof value.message === 'string' ? jsonIn(value.message) : value
  if (typeof inner === 'string') {
    const words = inner.trim().split(' ', 16)
    return words.length >= 9 && words.length <= 12
      ? ok(wordRow(words, HOSTED_COLUMNS))
      : reject('not_route53', `expected a query log's line of 10 words, found ${words.length}`)
  }
  return isObject(inner)
    ? ok(plainRow(inner, NAMES))
    : reject('not_route53', `expected an object with query_name, found ${kindOf(inner)}`)
}

/** More than any name of a response code has; what is longer is none. */
const LONGEST_RCODE = 32

function draftOf(row: Fields): Outcome<EventDraft> {
  const name = row.text('queryname')
  if (name === undefined) return reject('not_route53', row.lacks('queryname'))
  const time = awsTimeOf(row, 'querytimestamp')
  const refusal = badTime(row, 'querytimestamp', time)
  if (refusal) return refusal
  const place = { account: row.text('accountid'), region: row.text('region') }
  const rcode = row.text('rcode')
  const code = rcode?.slice(0, LONGEST_RCODE).toUpperCase()
  const answers = answersOf(row)
  const ids = idsOf(row)
  const version = row.text('version')
  const verdict = verdictOf(row)
  const source = defined({
    ip: ipField(row, 'srcaddr'),
    port: row.whole('srcport', 65_535),
    vpc_uid: row.text('vpcid'),
    instance_uid: ids.instance,
    uid: ids.endpoint,
    interface_uid: ids.nic,
  })
  const hasSource = (source.ip ?? source.instance_uid ?? source.uid ?? source.interface_uid) !== undefined
  const transport = row.text('transport')
  const zone = row.text('zoneid')
  return ok(
    defined({
      class_uid: CLASS.dns_activity,
      activity_id: rcode !== undefined || answers !== undefined ? 6 : 1,
      severity_id: 1,
      time,
      query_time: time,
      status_id: code === undefined ? undefined : code === 'NOERROR' ? 1 : 2,
      rcode,
      rcode_id: code === undefined ? undefined : (RCODES[code] ?? 99),
      ...verdict.draft,
      query: defined({
        hostname: name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name,
        type: row.text('querytype'),
        class: row.text('queryclass'),
      }),
      answers,
      // Where a query names nobody, the resolver is the one who asked.
      src_endpoint: hasSource ? source : { svc_name: 'route53resolver', ...source },
      dst_endpoint:
        zone === undefined ? undefined : defined({ uid: zone, svc_name: 'route53', zone: row.text('edge') }),
      connection_info:
        transport === undefined
          ? undefined
          : { direction_id: zone === undefined ? 2 : 1, protocol_name: transport.toLowerCase() },
      cloud: awsCloud(place),
      workload: namesInstance(ids.instance) ? instanceWorkload(ids.instance, place) : undefined,
      metadata: defined({
        product: {
          name: 'Route 53',
          vendor_name: 'AWS',
          feature: { name: zone === undefined ? 'Resolver query logs' : 'Query logs' },
        },
        profiles: verdict.hasRule ? ['cloud', 'security_control'] : ['cloud'],
        log_name: 'route53_resolver',
        log_version: version,
        original_time: row.text('querytimestamp'),
      }),
    }),
  )
}

function verdictOf(row: Fields): { draft: JsonRecord; hasRule: boolean } {
  const action = row.text('firewallruleaction')
  const uid = row.text('firewallrulegroupid')
  const category = row.text('firewalldomainlistid')
  const type = row.text('firewallprotection')
  const known = action !== undefined && Object.hasOwn(VERDICTS, action) ? VERDICTS[action] : undefined
  const hasRule = action !== undefined || uid !== undefined
  return {
    hasRule,
    draft: {
      ...(known ?? (action === undefined ? {} : { action_id: 99, action })),
      ...(uid === undefined ? {} : { firewall_rule: defined({ uid, category, type }) }),
    },
  }
}

/** A list, or one answer that is not in a list. */
function answersOf(row: Fields): JsonRecord[] | undefined {
  const value = row.any('answers')
  const list = Array.isArray(value) ? value : isObject(value) ? [value] : undefined
  if (list === undefined) {
    if (value !== undefined) row.keep('answers')
    return undefined
  }
  const answers = list.slice(0, 256).flatMap((entry) => {
    if (!isObject(entry)) return []
    const rdata = entry.Rdata ?? entry.rdata
    if (typeof rdata !== 'string') return []
    const [type, kind] = [entry.Type ?? entry.type, entry.Class ?? entry.class]
    return [
      defined({
        rdata,
        type: typeof type === 'string' ? type : undefined,
        class: typeof kind === 'string' ? kind : undefined,
      }),
    ]
  })
  if (answers.length < list.length) row.keep('answers')
  return answers.length === 0 ? undefined : answers
}

/** Who asked: `srcids` of a log, `resources` of a DNS Firewall event. */
function idsOf(row: Fields): { instance: string | undefined; endpoint: string | undefined; nic: string | undefined } {
  const ids = row.object('srcids')
  const found = {
    instance: ids?.text('instance'),
    endpoint: ids?.text('resolver_endpoint'),
    nic: ids?.text('resolver_network_interface'),
  }
  for (const [n, entry] of (row.list('resources') ?? []).slice(0, 16).entries()) {
    if (!isObject(entry)) continue
    const resource = row.element('resources', n, entry)
    resource.text('resource-type')
    found.instance ??= resource.object('instance-details')?.text('id')
    found.endpoint ??= resource.object('resolver-endpoint-details')?.text('id')
    found.nic ??= resource.object('resolver-network-interface-details')?.text('id')
  }
  return found
}
