import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { isIp } from '../../ocsf/text-formats.js'
import { defineFormat } from '../contract.js'
import { httpEvent, urlOf } from './app-events.js'
import { arnOf, awsCloud, awsTimeOf, badTime } from './aws.js'
import { wordOf } from './aws-access-row.js'
import { delivered } from './aws-delivery.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'

const MAPPING = `
Full logs of AWS WAF (v2 and classic).
# HTTP Activity 4002
timestamp | time
action | action_id, disposition_id, status_id, is_alert | ALLOW: Allowed. BLOCK: Denied, Blocked. COUNT: Observed, Count. CAPTCHA, CHALLENGE: Denied, Captcha or Challenge.
terminatingRuleId, terminatingRuleType | firewall_rule.uid, firewall_rule.type
ruleGroupList[].terminatingRule.ruleId | firewall_rule.name
terminatingRuleMatchDetails | firewall_rule.condition, firewall_rule.match_location, firewall_rule.match_details, firewall_rule.sensitivity
rateBasedRuleList[].maxRateAllowed | firewall_rule.rate_limit
nonTerminatingMatchingRules, ruleGroupList[] | authorizations[].decision, authorizations[].policy | Every other rule that matched.
webaclId | policy.uid, policy.name, cloud.account.uid, cloud.region, metadata.product.feature.uid
httpSourceName, httpSourceId | dst_endpoint.svc_name, dst_endpoint.uid
httpRequest.clientIp, httpRequest.country, clientAsn | src_endpoint.ip, src_endpoint.location.country, src_endpoint.autonomous_system.number
httpRequest.uri, httpRequest.args, httpRequest.scheme, httpRequest.host | http_request.url, http_request.args
httpRequest.httpMethod, httpRequest.httpVersion, httpRequest.requestId | http_request.http_method, http_request.version, http_request.uid | Activity by the method.
httpRequest.headers | http_request.http_headers, http_request.user_agent, http_request.referrer, http_request.x_forwarded_for
requestBodySize | http_request.body_length
responseCodeSent | http_response.code, status_code
labels | metadata.labels
ja3Fingerprint, ja4Fingerprint | src_endpoint.fingerprints, ja4_fingerprint_list[]
formatVersion | metadata.log_version
`

const VERDICTS: { readonly [action: string]: JsonRecord } = {
  ALLOW: { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed', status_id: 1 },
  BLOCK: { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked', status_id: 2, is_alert: true },
  COUNT: { action_id: 3, action: 'Observed', disposition_id: 20, disposition: 'Count' },
  CAPTCHA: { action_id: 2, action: 'Denied', disposition_id: 22, disposition: 'Captcha', status_id: 2 },
  CHALLENGE: { action_id: 2, action: 'Denied', disposition_id: 23, disposition: 'Challenge', status_id: 2 },
}

/** AWS WAF logs. */
export const waf = defineFormat({
  name: 'waf',
  summary: 'AWS WAF logs as HTTP activity with the rule that decided',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const [inner] = delivered(record, isWaf) ?? [record]
    return isObject(inner) && isWaf(inner) ? 0.95 : 0
  },
  split: (record) => delivered(record, isWaf),
  create: () => (record) => {
    if (!isObject(record)) return reject('not_waf', `expected an object with httpRequest, found ${kindOf(record)}`)
    const fields = new Fields(record, '')
    const outcome = draftOf(fields)
    if (outcome.kind !== 'ok') return outcome
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) outcome.value.unmapped = unmapped
    return ok([outcome.value])
  },
})

function isWaf(record: JsonRecord): boolean {
  return isObject(record.httpRequest) && (typeof record.webaclId === 'string' || 'terminatingRuleId' in record)
}

function draftOf(record: Fields): Outcome<EventDraft> {
  const request = record.object('httpRequest')
  const action = record.text('action')
  if (request === undefined || action === undefined) {
    return reject('not_waf', request === undefined ? record.lacks('httpRequest', 'an object') : record.lacks('action'))
  }
  const time = awsTimeOf(record, 'timestamp')
  const refusal = badTime(record, 'timestamp', time)
  if (refusal) return refusal
  const acl = record.text('webaclId')
  const arn = arnOf(acl)
  const place = { account: arn?.account, region: arn?.region }
  const code = record.number('responseCodeSent')
  const http = requestOf(record, request)
  const draft = httpEvent(
    { time, metadata: metadataOf(record, acl), cloud: awsCloud(place) },
    {
      method: request.text('httpMethod'),
      url: undefined,
      code,
      request: http,
      src_endpoint: sourceOf(record, request),
      dst_endpoint: destinationOf(record, http),
    },
  )
  const ja4 = record.text('ja4Fingerprint')
  const others = record.has('nonTerminatingMatchingRules') || record.has('ruleGroupList') ? otherRules(record) : NONE
  const known = Object.hasOwn(VERDICTS, action) ? VERDICTS[action] : { action_id: 99, action }
  const rule = ruleOf(record)
  // One by one: a literal that begins with a spread is several times slower.
  Object.assign(draft, known)
  if (rule !== undefined) draft.firewall_rule = rule
  if (others.length > 0) draft.authorizations = others
  if (acl !== undefined) {
    draft.policy = defined({ uid: acl, name: arn?.resource.split('/', 3)[2], type: 'web ACL' })
  }
  if (ja4 !== undefined) draft.ja4_fingerprint_list = [{ type_id: 1, type: 'JA4', value: ja4 }]
  return ok(draft)
}

function requestOf(record: Fields, request: Fields): JsonRecord {
  const headers: { name: string; value: string }[] = []
  for (const [n, entry] of (request.list('headers') ?? []).slice(0, 256).entries()) {
    if (!isObject(entry)) continue
    const header = request.element('headers', n, entry)
    const name = header.text('name')
    if (name !== undefined) headers.push({ name, value: header.text('value') ?? '' })
  }
  const header = (name: string) => headers.find((entry) => entry.name.toLowerCase() === name)?.value
  const path = request.text('uri')
  const args = request.text('args')
  const hostname = request.text('host') ?? header('host')
  const scheme = request.text('scheme') ?? header('x-forwarded-proto')
  const forwarded = header('x-forwarded-for')
    ?.split(',', 32)
    .map((text) => text.trim())
    .filter(isIp)
  const size = record.number('requestBodySize')
  const url = path === undefined ? undefined : urlOf(path)
  if (url !== undefined) {
    if (scheme !== undefined) url.scheme = scheme
    if (hostname !== undefined) url.hostname = hostname
    if (args !== undefined) url.query_string = args
  }
  return defined({
    url,
    args,
    version: request.text('httpVersion'),
    uid: request.text('requestId'),
    user_agent: header('user-agent') || undefined,
    referrer: header('referer') || undefined,
    http_headers: headers.length === 0 ? undefined : headers,
    x_forwarded_for: forwarded === undefined || forwarded.length === 0 ? undefined : forwarded,
    body_length: size !== undefined && Number.isInteger(size) && size >= 0 ? size : undefined,
  })
}

function sourceOf(record: Fields, request: Fields): JsonRecord | undefined {
  const ip = request.text('clientIp')
  if (ip !== undefined && !isIp(ip)) request.keep('clientIp')
  const country = request.text('country')
  const asn = record.number('clientAsn')
  const ja3 = record.text('ja3Fingerprint')
  if (ip === undefined || !isIp(ip)) return undefined
  return defined({
    ip,
    fingerprints: ja3 === undefined ? undefined : [{ algorithm_id: 1, algorithm: 'MD5', value: ja3 }],
    location: country === undefined || country === '-' ? undefined : { country },
    autonomous_system: asn === undefined ? undefined : { number: asn },
  })
}

/** What WAF protects: the load balancer, API or distribution. */
function destinationOf(record: Fields, http: JsonRecord): JsonRecord | undefined {
  const svc_name = record.text('httpSourceName')
  const uid = record.text('httpSourceId')
  const url = isObject(http.url) ? http.url : {}
  if (svc_name === undefined && uid === undefined) return undefined
  return defined({ svc_name, uid, hostname: url.hostname })
}

function ruleOf(record: Fields): JsonRecord | undefined {
  const uid = record.text('terminatingRuleId')
  if (uid === undefined) return undefined
  const [match] = record.list('terminatingRuleMatchDetails') ?? []
  const details = isObject(match) ? record.element('terminatingRuleMatchDetails', 0, match) : undefined
  const data = (details?.list('matchedData') ?? []).filter((text): text is string => typeof text === 'string')
  const group = first(record, 'ruleGroupList', (entry) => {
    return isObject(entry.terminatingRule) && typeof entry.terminatingRule.ruleId === 'string'
      ? entry.terminatingRule.ruleId
      : undefined
  })
  const rate = first(record, 'rateBasedRuleList', (entry) => {
    return Number.isInteger(entry.maxRateAllowed) ? (entry.maxRateAllowed as number) : undefined
  })
  return defined({
    uid,
    name: group,
    type: record.text('terminatingRuleType'),
    condition: details?.text('conditionType'),
    match_location: details?.text('location'),
    sensitivity: details?.text('sensitivityLevel'),
    match_details: data.length === 0 ? undefined : data,
    rate_limit: rate,
  })
}

/** Looks into a list that is kept as a whole: it has more than its one fact that has a home. */
function first<T>(record: Fields, key: string, find: (entry: JsonRecord) => T | undefined): T | undefined {
  const list = record.list(key) ?? []
  record.keep(key)
  for (const entry of list.slice(0, 64)) {
    const found = isObject(entry) ? find(entry) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Every rule that matched besides the one that decided, with what it did: `COUNT`, `BLOCK` in a group that only counts. */
function otherRules(record: Fields): JsonRecord[] {
  const found: JsonRecord[] = []
  const add = (entry: unknown, group: unknown) => {
    if (!isObject(entry) || typeof entry.ruleId !== 'string' || found.length >= MAX_RULES) return
    const decision = typeof entry.action === 'string' ? entry.action : undefined
    const policy = defined({ name: entry.ruleId, uid: typeof group === 'string' ? group : undefined, type: 'WAF rule' })
    found.push(defined({ decision, policy }))
  }
  for (const entry of (record.list('nonTerminatingMatchingRules') ?? []).slice(0, MAX_RULES)) add(entry, undefined)
  record.keep('nonTerminatingMatchingRules')
  for (const group of (record.list('ruleGroupList') ?? []).slice(0, MAX_RULES)) {
    if (!isObject(group)) continue
    add(group.terminatingRule, group.ruleGroupId)
    const matching = group.nonTerminatingMatchingRules
    for (const entry of Array.isArray(matching) ? matching.slice(0, MAX_RULES) : []) add(entry, group.ruleGroupId)
  }
  record.keep('ruleGroupList')
  return found
}

/** Rules named of one request. */
const MAX_RULES = 64

const NONE: readonly JsonRecord[] = []

function metadataOf(record: Fields, acl: string | undefined) {
  const version = wordOf(record.any('formatVersion'))
  const labels: string[] = []
  for (const entry of (record.list('labels') ?? []).slice(0, 64)) {
    if (isObject(entry) && typeof entry.name === 'string') labels.push(entry.name)
  }
  return defined({
    product: {
      name: 'AWS WAF',
      vendor_name: 'AWS',
      ...(acl === undefined ? {} : { feature: { uid: acl } as { name?: string } }),
    },
    profiles: ['cloud', 'security_control'],
    log_name: 'waf',
    log_version: version,
    labels: labels.length === 0 ? undefined : labels,
  })
}
