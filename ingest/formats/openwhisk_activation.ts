import { z } from 'zod'
import { type Outcome, ok, reject } from '../../core/outcome.js'
import { CLASS, type EventDraft, type Workload } from '../../ocsf/event.js'
import { functionWorkload } from '../../ocsf/workload.js'
import { defineFormat } from '../contract.js'
import { metricEvent, whole } from './app-events.js'
import { defined, Fields, isObject, type JsonRecord, kindOf } from './fields.js'
import { sourceTime } from './source-time.js'

/** What statusCode of an activation means. */
const OUTCOMES = ['success', 'application error', 'action developer error', 'whisk internal error']

/** Activations of Apache OpenWhisk: records of the API and the store, and messages of its `events` topic. */
export const openwhiskActivation = defineFormat({
  name: 'openwhisk_activation',
  summary:
    'Apache OpenWhisk activations (API, store, user events on Kafka) as invocations, its metrics as measurements',
  config: z.strictObject({}),
  example: {},
  input: 'json',
  keeps_raw: false,
  mapping: `
    Log lines of an activation stay in unmapped.logs.
    # API Activity 6003
    start, timestamp, end | time, start_time, end_time
    duration | duration
    namespace, name, annotations.path, version | workload.uid, workload.version, resources.name, api.operation
    activationId | api.request.uid, metadata.uid
    subject, userId | actor.user.name, actor.user.uid
    cause, annotations.causedBy | metadata.correlation_uid, actor.invoked_by
    response.statusCode, response.status | status_id, status_code, api.response.code
    response.result | api.response.data, api.response.error_message
    annotations.kind | resources.labels
    # Workload Metric 99905001
    body.metricName, body.metricValue | metrics.name, metrics.value
  `,
  detect(record) {
    if (!isObject(record)) return 0
    if (isObject(record.body) && (record.eventType === 'Activation' || record.eventType === 'Metric')) return 0.9
    return typeof record.activationId === 'string' && ('namespace' in record || 'response' in record) ? 0.95 : 0
  },
  split: (value) => (isObject(value) && Array.isArray(value.activations) ? value.activations : undefined),
  create: () => (record) => {
    if (!isObject(record)) {
      return reject('not_activation', `expected an object with activationId, found ${kindOf(record)}`)
    }
    const fields = new Fields(record, '')
    const body = fields.object('body')
    const outcome = body === undefined ? activation(fields) : userEvent(fields, body)
    if (outcome.kind !== 'ok') return outcome
    const unmapped = fields.rest()
    if (Object.keys(unmapped).length > 0) outcome.value.unmapped = unmapped
    return ok([outcome.value])
  },
})

/** A message of the `events` topic. */
function userEvent(fields: Fields, body: Fields): Outcome<EventDraft> {
  const metric = body.text('metricName')
  const value = body.number('metricValue')
  const when = sourceTime('timestamp', [fields.any('timestamp')])
  if (when.kind !== 'ok') return when
  if (metric !== undefined && value !== undefined) {
    const product = {
      name: 'OpenWhisk',
      vendor_name: 'Apache',
      feature: { name: fields.text('eventType') ?? 'Metric' },
    }
    return ok(metricEvent({ time: when.value.time, metadata: { product } }, [{ name: metric, value }]))
  }
  const path = body.text('name')
  const id = body.text('activationId')
  if (path === undefined || id === undefined) {
    return reject('not_activation', 'body: expected name and activationId, or metricName and metricValue')
  }
  const duration = whole(body.number('duration'))
  return ok(
    invocation({
      path,
      id,
      namespace: fields.text('namespace'),
      version: undefined,
      start: when.value.time,
      end: undefined,
      duration,
      code: body.number('statusCode'),
      result: undefined,
      subject: fields.text('subject'),
      uid: fields.text('userId'),
      cause: body.text('causedBy'),
      kind: body.text('kind'),
      reporter: fields.text('source'),
    }),
  )
}

function activation(fields: Fields): Outcome<EventDraft> {
  const id = fields.text('activationId')
  const name = fields.text('name')
  if (id === undefined || name === undefined) {
    return reject('not_activation', `${id === undefined ? 'activationId' : 'name'}: required, not found`)
  }
  const started = sourceTime('start', [fields.any('start'), fields.any('date')])
  if (started.kind !== 'ok') return started
  const ended = sourceTime('end', [fields.number('end') || undefined])
  const notes = annotationsOf(fields)
  const namespace = fields.text('namespace')
  const response = fields.object('response')
  const status = response?.text('status')
  const code = fields.number('statusCode') ?? response?.number('statusCode')
  const path = typeof notes.path === 'string' ? notes.path : `${namespace ?? '_'}/${name}`
  response?.boolean('success')
  return ok(
    invocation({
      path,
      id,
      namespace,
      version: fields.text('version'),
      start: started.value.time,
      end: ended.kind === 'ok' ? ended.value.time : undefined,
      duration: whole(fields.number('duration')),
      code: code ?? (status === undefined ? undefined : OUTCOMES.indexOf(status)),
      result: response?.any('result'),
      subject: fields.text('subject'),
      uid: undefined,
      cause: fields.text('cause'),
      kind: typeof notes.kind === 'string' ? notes.kind : undefined,
      reporter: undefined,
    }),
  )
}

/** `[{ key, value }]` as an object; what has no home stays with the unmapped fields. */
function annotationsOf(fields: Fields): JsonRecord {
  const notes: JsonRecord = Object.create(null)
  for (const entry of (fields.list('annotations') ?? []).slice(0, 64)) {
    if (isObject(entry) && typeof entry.key === 'string') notes[entry.key] = entry.value
  }
  fields.keep('annotations')
  return notes
}

type Invocation = {
  path: string
  id: string
  namespace: string | undefined
  version: string | undefined
  start: number | undefined
  end: number | undefined
  duration: number | undefined
  code: number | undefined
  result: unknown
  subject: string | undefined
  uid: string | undefined
  cause: string | undefined
  kind: string | undefined
  reporter: string | undefined
}

function invocation(call: Invocation): EventDraft {
  const { code, result, version } = call
  const known = code !== undefined && Number.isInteger(code) && code >= 0 && code < OUTCOMES.length
  const failed = known ? code > 0 : undefined
  const error = failed && isObject(result) ? result.error : undefined
  const workload = workloadOf(call.path, call.namespace, version)
  const response = defined({
    code: known ? code : undefined,
    error: failed ? OUTCOMES[code as number] : undefined,
    error_message: typeof error === 'string' ? error : undefined,
    data: result,
  })
  return defined({
    class_uid: CLASS.api_activity,
    activity_id: 99,
    activity_name: 'Invoke',
    severity_id: 1,
    time: call.start,
    start_time: call.start,
    end_time: call.end,
    duration: call.duration,
    status_id: failed === undefined ? undefined : failed ? 2 : 1,
    status_code: known ? OUTCOMES[code as number] : undefined,
    status_detail: typeof error === 'string' ? error : undefined,
    actor: defined({
      user: defined({ name: call.subject ?? call.uid ?? 'Unknown', uid: call.uid, type_id: 0 }),
      invoked_by: call.cause,
    }),
    api: defined({
      operation: 'invoke',
      service: { name: 'OpenWhisk' },
      request: { uid: call.id },
      response: Object.keys(response).length === 0 ? undefined : response,
    }),
    resources: [
      defined({
        name: workload.name,
        namespace: workload.account,
        type: 'function',
        version,
        labels: call.kind === undefined ? undefined : [`kind: ${call.kind}`],
        role_id: 1,
        role: 'Target',
      }),
    ],
    src_endpoint: { svc_name: call.reporter ?? 'openwhisk' },
    metadata: defined({
      product: { name: 'OpenWhisk', vendor_name: 'Apache', feature: { name: 'activation' } },
      uid: call.id.length <= 128 ? call.id : undefined,
      correlation_uid: call.cause,
    }),
    workload,
  })
}

/** `namespace/package/name`; the region is no part of a deployment of OpenWhisk. */
function workloadOf(path: string, namespace: string | undefined, version: string | undefined): Workload {
  const at = path.indexOf('/')
  const name = at < 0 ? path : path.slice(at + 1)
  const account = namespace ?? (at > 0 ? path.slice(0, at) : 'unknown')
  const { region: _, ...workload } = functionWorkload(
    'openwhisk',
    account,
    'global',
    name || 'unknown',
    defined({ version }),
  )
  return workload
}
