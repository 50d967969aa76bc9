import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import type { EventDraft } from '../../ocsf/event.js'
import { defineFormat } from '../contract.js'
import { awsTime } from './aws.js'
import { delivered, jsonIn, unzipped } from './aws-delivery.js'
import { isObject, type JsonRecord, kindOf } from './fields.js'
import { logDrafts } from './lambda-log.js'
import type { FunctionFacts } from './lambda-source.js'
import { isEventTime } from './time.js'

const config = z.strictObject({
  account: z.string().optional().describe('Account of the functions where the delivery does not name it.'),
  region: z
    .string()
    .optional()
    .describe('Region of the functions: CloudWatch Logs does not say it. Needed for the identity of a function.'),
})

const MAPPING = `
What a CloudWatch Logs subscription delivers (base64 and gzip, or decoded), and single lines of a log group. Lambda's own lines and records mean what they mean in [lambda_telemetry](lambda_telemetry.md).
# Application Lifecycle 6002
timestamp | time | The log event's; a structured log's own time goes before.
message | message | Without the time, request id and level that runtimes write before it.
level | severity_id, metadata.log_level | Error and above: Application Error.
requestId, START RequestId | metadata.correlation_uid
id | metadata.uid
logGroup, logStream, owner | workload, app.name, app.version, cloud.account.uid, metadata.log_source | \`/aws/lambda/NAME\`, \`2026/01/12/[7]...\`
errorType, errorMessage | status_code, status_detail
xRayTraceId | metadata.tags
REPORT line: Duration | duration | And a Workload Metric with all its numbers.
`

/** Logs of Lambda functions from CloudWatch Logs. */
export const lambdaLogs = defineFormat({
  name: 'lambda_logs',
  summary:
    'Logs of AWS Lambda functions from CloudWatch Logs: subscriptions, START, END and REPORT lines, structured logs',
  config,
  example: { account: '123456789012', region: 'eu-central-1' },
  input: 'text',
  keeps_raw: false,
  mapping: MAPPING,
  detect(record) {
    const value = typeof record === 'string' ? jsonIn(record) : record
    if (typeof value === 'string') return detectLine(value)
    const [inner] = split(value) ?? [value]
    if (!isObject(inner)) return typeof inner === 'string' ? detectLine(inner) : 0
    const group = groupOf(inner)
    if (group?.startsWith('/aws/lambda/')) return 0.95
    if (typeof inner.message === 'string' && detectLine(inner.message) > 0) return 0.8
    if (typeof inner.message === 'string' && /"type":\s*"platform\./.test(inner.message.slice(0, 400))) return 0.8
    return typeof inner.function_request_id === 'string' || typeof inner.function_arn === 'string' ? 0.6 : 0
  },
  split,
  create: (options) => (record) => {
    const value = typeof record === 'string' ? jsonIn(record) : record
    return normalise(value, options)
  },
})

/** A subscription's payload, also as the bare base64 text that Kinesis carries. */
function split(record: unknown): readonly unknown[] | undefined {
  const value = typeof record === 'string' ? (unzipped(record) ?? jsonIn(record)) : record
  if (typeof value === 'string') return undefined
  return delivered(value, isLogEvent) ?? (value === record ? undefined : [value])
}

function isLogEvent(record: JsonRecord): boolean {
  return typeof record.message === 'string' || (typeof record.type === 'string' && 'record' in record)
}

function groupOf(record: JsonRecord): string | undefined {
  const { envelope } = record
  const group = isObject(envelope) ? envelope.logGroup : record.logGroup
  return typeof group === 'string' ? group : undefined
}

function detectLine(line: string): number {
  if (/^(START|END|REPORT) RequestId: [0-9a-f-]{36}\b/.test(line.slice(0, 80))) return 0.95
  if (line.startsWith('INIT_START Runtime Version:')) return 0.95
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z\t[0-9a-f-]{36}\t/.test(line.slice(0, 80)) ? 0.7 : 0
}

type Options = { account?: string | undefined; region?: string | undefined }

function normalise(value: unknown, options: Options): Outcome<EventDraft[]> {
  const base = { log_name: 'lambda_logs', facts: options }
  if (typeof value === 'string') return ok(logDrafts(value, { ...base, time: undefined }))
  if (!isObject(value)) return reject('not_lambda_logs', `expected a log event or a line, found ${kindOf(value)}`)
  // A structured log by itself, or Lambda's own JSON record.
  if (typeof value.message !== 'string' || value.timestamp === undefined || typeof value.timestamp === 'string') {
    return ok(logDrafts(value, { ...base, time: undefined }))
  }
  const { message, timestamp, id, envelope, logGroup, logStream, owner, ...rest } = value
  const time = awsTime(timestamp)
  if (time === undefined || !isEventTime(time)) {
    return reject('wrong_type', `timestamp: expected ms since 1970, found ${kindOf(timestamp)}`)
  }
  const around: JsonRecord = isObject(envelope) ? envelope : { logGroup, logStream, owner }
  const facts = functionOf(around, options)
  const uid = typeof id === 'string' && id !== '' ? id : undefined
  const drafts = logDrafts(jsonIn(message.trim()), { ...base, facts, time, uid })
  // One log event may become several events, whose uids must differ.
  for (const [n, draft] of drafts.entries())
    if (n > 0 && uid) draft.metadata = { ...draft.metadata, uid: `${uid}-${n}` }
  const filters = isObject(envelope) ? envelope.subscriptionFilters : undefined
  const [first] = drafts
  const more = { ...rest, ...(filters === undefined ? {} : { subscriptionFilters: filters }) }
  if (first && Object.keys(more).length > 0) first.unmapped = { ...first.unmapped, ...more }
  return ok(drafts)
}

/** `/aws/lambda/NAME` and `2026/01/12/[7]0a1b...`; with a log group of its own choice, `2026/01/12/NAME[7]0a1b...`. */
function functionOf(around: JsonRecord, { account, region }: Options): FunctionFacts {
  const group = typeof around.logGroup === 'string' ? around.logGroup : ''
  const stream = typeof around.logStream === 'string' ? around.logStream : undefined
  const owner = typeof around.owner === 'string' ? around.owner : undefined
  const match = /^\d{4}\/\d\d\/\d\d\/([A-Za-z0-9_-]{0,140})\[([^\]]{1,128})\]/.exec(stream ?? '')
  const named = group.startsWith('/aws/lambda/') ? group.slice('/aws/lambda/'.length) : match?.[1] || undefined
  return { name: named, version: match?.[2], account: owner ?? account, region, instance: stream }
}
