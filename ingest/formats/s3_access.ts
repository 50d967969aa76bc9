import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { httpCode, urlOf } from './app-events.js'
import { arnOf, awsAccount, awsCloud, awsTime, badTime, instanceWorkload, isInstanceId } from './aws.js'
import { accessWords, ipField, plainRow, type RowNames, requestLine, wordRow } from './aws-access-row.js'
import { delivered, jsonIn } from './aws-delivery.js'
import { defined, Fields, isObject, type JsonRecord, kindOf, lastPart } from './fields.js'
import { isEventTime } from './time.js'

const COLUMNS =
  'bucketowner bucket time remoteip requester requestid operation key requesturi httpstatus errorcode bytessent objectsize totaltime turnaroundtime referrer useragent versionid hostid signatureversion ciphersuite authenticationtype hostheader tlsversion accesspointarn aclrequired'.split(
    ' ',
  )

const NAMES: RowNames = {
  known: new Set(COLUMNS),
  aliases: {
    bucketname: 'bucket',
    requestdatetime: 'time',
    timestamp: 'time',
    requesturioperation: 'requesturi',
    referer: 'referrer',
    sigv: 'signatureversion',
    authtype: 'authenticationtype',
    endpoint: 'hostheader',
    turnaround: 'turnaroundtime',
    httpstatuscode: 'httpstatus',
  },
}

const MAPPING = `
Server access logs of Amazon S3: lines, and rows of Athena or log shippers as JSON.
# Datastore Activity 6005
time | time
bucket, bucketowner | databucket.name, databucket.owner.uid
key, objectsize, versionid | databucket.file.name, databucket.file.path, databucket.file.size, databucket.file.version
operation | api.operation, activity_id | GET, HEAD: Read. PUT, POST, COPY: Write. DELETE: Delete. Of a bucket: List, Create.
requestid, hostid | api.request.uid, metadata.correlation_uid
requester | actor.user | An ARN with its role and session; - is anonymous.
remoteip | src_endpoint.ip | S3 itself (lifecycle) where there is none.
requesturi, useragent, referrer | http_request.http_method, http_request.url, http_request.version, http_request.user_agent, http_request.referrer
httpstatus | http_response.code, status_id
errorcode | status_code, api.response.error
bytessent, totaltime, turnaroundtime | http_response.length, duration, http_response.latency
hostheader | dst_endpoint.hostname
accesspointarn | dst_endpoint.uid
requester's role session of an instance | workload
`

/** Amazon S3 server access logs. */
export const s3Access = defineFormat({
  name: 's3_access',
  summary: 'Amazon S3 server access logs (lines, Athena rows) as datastore activity',
  config: z.strictObject({}),
  example: {},
  input: 'text',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    if (typeof value === 'string') return LINE.test(value.slice(0, 400)) ? 0.9 : 0
    const [inner] = delivered(value, isRow) ?? [value]
    return isObject(inner) ? sureness(inner) : 0
  },
  split(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    return typeof value === 'string' ? undefined : delivered(value, isRow)
  },
  create: () => (record) => {
    const value = typeof record === 'string' ? jsonIn(record) : record
    const row = typeof value === 'string' ? lineRow(value) : objectRow(value)
    if (row.kind !== 'ok') return row
    const fields = new Fields(row.value, '')
    const draft = draftOf(fields)
    const refusal = badTime(fields, 'time', draft.time)
    if (refusal) return refusal
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) draft.unmapped = unmapped
    return ok([draft])
  },
})

const LINE = /^[0-9a-f]{64} \S+ \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] /
const SURE = ['bucketowner', 'remoteip', 'requesturi', 'requester', 'operation', 'httpstatus', 'hostheader']

function sureness(record: JsonRecord): number {
  const row = plainRow(record, NAMES)
  if (typeof row.bucket !== 'string') return 0
  const known = SURE.filter((key) => key in row).length
  return known >= 3 ? 0.9 : known >= 1 ? 0.5 : Object.keys(record).length <= 3 ? 0.3 : 0
}

function isRow(record: JsonRecord): boolean {
  return sureness(record) > 0
}

function lineRow(line: string): Outcome<JsonRecord> {
  const words = accessWords(line.trim())
  if (words.length >= 8) return ok(wordRow(words, COLUMNS))
  return reject('not_s3_access', `expected at least 8 fields, found ${words.length}`)
}

function objectRow(value: unknown): Outcome<JsonRecord> {
  if (!isObject(value)) return reject('not_s3_access', `expected a line or an object, found ${kindOf(value)}`)
  const row = plainRow(value, NAMES)
  return typeof row.bucket === 'string' ? ok(row) : reject('not_s3_access', 'bucket: required, not found')
}

function draftOf(row: Fields): EventDraft {
  const operation = row.text('operation')
  const requester = requesterOf(row.text('requester'))
  const ip = ipField(row, 'remoteip')
  const request = requestLine(row.text('requesturi'))
  const status = row.number('httpstatus')
  const code = httpCode(status)
  if (status !== undefined && code === undefined) row.keep('httpstatus')
  const error = row.text('errorcode')
  const host = row.text('hostheader')
  const access_point = row.text('accesspointarn')
  const region =
    arnOf(access_point)?.region ?? /\.s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws/.exec(host?.slice(0, 512) ?? '')?.[1]
  const uid = row.text('requestid')
  const http = defined({
    http_method: request.method,
    url: request.target === undefined ? undefined : urlOf(request.target),
    version: request.version,
    user_agent: row.text('useragent'),
    referrer: row.text('referrer'),
  })
  const [sent, latency] = [row.whole('bytessent'), row.whole('turnaroundtime', 2_147_483_647)]
  const response = code === undefined ? undefined : defined({ code, length: sent, latency })
  const place = { account: requester.account, region }
  return defined({
    class_uid: CLASS.datastore_activity,
    activity_id: operation === undefined ? 0 : activityOf(operation),
    activity_name: operation !== undefined && activityOf(operation) === 99 ? operation : undefined,
    severity_id: 1,
    time: timeOf(row),
    status_id: error !== undefined || (code !== undefined && code >= 400) ? 2 : code === undefined ? undefined : 1,
    status_code: error ?? (code === undefined ? undefined : String(code)),
    duration: row.whole('totaltime', 4_000_000_000),
    type_id: 2,
    databucket: bucketOf(row),
    actor: { user: requester.user },
    api:
      operation === undefined
        ? undefined
        : defined({
            operation,
            service: { name: 's3.amazonaws.com' },
            request: uid === undefined ? undefined : { uid },
            response: code === undefined ? undefined : defined({ code, error }),
          }),
    http_request: Object.keys(http).length === 0 ? undefined : http,
    http_response: response,
    // Lifecycle rules and replication have no address: S3 itself is the source.
    src_endpoint: ip === undefined ? { svc_name: 's3.amazonaws.com' } : { ip },
    dst_endpoint: defined({ svc_name: 's3.amazonaws.com', hostname: host, uid: access_point }),
    cloud: awsCloud({ account: undefined, region }),
    workload:
      requester.session !== undefined && isInstanceId(requester.session)
        ? instanceWorkload(requester.session, place, { role: requester.role })
        : undefined,
    metadata: defined({
      product: { name: 'Amazon S3', vendor_name: 'AWS', feature: { name: 'Server access logs' } },
      profiles: ['cloud'],
      log_name: 's3_access',
      event_code: operation,
      correlation_uid: row.text('hostid'),
    }),
  })
}

/** `06/Feb/2026:00:00:38 +0000`, or a date of ISO 8601. */
function timeOf(row: Fields): number | undefined {
  const value = row.any('time')
  if (value === undefined) return undefined
  const match =
    typeof value === 'string'
      ? /^\[?(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})\]?$/.exec(value)
      : null
  const ms = match === null ? awsTime(value) : Date.parse(`${match[1]} ${match[2]} ${match[3]} ${match[4]} ${match[5]}`)
  return ms === undefined || Number.isNaN(ms) || !isEventTime(ms) ? undefined : ms
}

/** OCSF activities: 1 Read, 5 Write, 6 Create, 7 Delete, 8 List, 2 Update; `REST.GET.OBJECT`, `S3.EXPIRE.OBJECT`. */
function activityOf(operation: string): number {
  const [, verb = '', what = ''] = operation.slice(0, 128).toUpperCase().split('.', 4)
  const isBucket = what.startsWith('BUCKET') || what === 'SERVICE'
  if (verb === 'GET' || verb === 'HEAD')
    return isBucket && verb === 'GET' && (what === 'BUCKET' || what === 'SERVICE') ? 8 : 1
  if (verb === 'PUT' || verb === 'POST' || verb === 'COPY' || verb === 'CREATE') {
    if (what === 'BUCKET' && verb === 'PUT') return 6
    if (what.includes('MULTI_OBJECT_DELETE')) return 7
    return what === 'OBJECT' || what === 'PART' || what === 'UPLOAD' || what === 'UPLOADS' ? 5 : 2
  }
  if (verb === 'DELETE' || verb === 'EXPIRE' || what === 'EXPIRED') return 7
  if (verb === 'BATCH') return 7
  if (verb === 'SELECT') return 4
  return verb.startsWith('TRANSITION') || verb === 'RESTORE' ? 2 : 99
}

function bucketOf(row: Fields): JsonRecord {
  const name = row.text('bucket') ?? 'unknown'
  const owner = row.text('bucketowner')
  const key = row.text('key')
  const size = row.whole('objectsize')
  return defined({
    name,
    uid: `arn:aws:s3:::${name}`,
    type_id: 1,
    type: 'S3',
    owner: owner === undefined ? undefined : { uid: owner },
    file:
      key === undefined
        ? undefined
        : defined({
            name: key.slice(key.lastIndexOf('/') + 1) || key,
            path: key,
            type_id: key.endsWith('/') ? 2 : 1,
            size,
            version: row.text('versionid'),
          }),
  })
}

/** An ARN, the canonical id of an account, or nobody. */
function requesterOf(text: string | undefined) {
  if (text === undefined) return { user: { name: 'anonymous', type_id: 0 } }
  const arn = arnOf(text)
  if (arn === undefined) return { user: { uid: text, type_id: 0 } }
  const [kind = '', name = '', session] = arn.resource.split('/', 3)
  const isRole = kind === 'assumed-role'
  const user = defined({
    name: isRole ? name : lastPart(arn.resource),
    uid: text,
    type: isRole ? 'AssumedRole' : kind === 'user' ? 'IAMUser' : kind,
    type_id: isRole ? 99 : kind === 'user' ? 1 : kind === 'root' ? 2 : 99,
    account: awsAccount(arn.account),
  })
  return { user, account: arn.account, session: isRole ? session : undefined, role: isRole ? name : undefined }
}
